//! The counts of this process, in memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::rules::{Memory, ThrottleScope};
use crate::app::runtime::places::{network, place};

#[derive(Debug)]
pub(super) struct LocalMemory {
    names: RandomState,
    memories: [Mutex<Memory>; ThrottleScope::COUNT],
}

impl LocalMemory {
    /// `most` is the maximum number of counts of each sort for each kind of secret.
    pub(super) fn new(most: usize) -> Self {
        let now = Instant::now();
        let memory = || Mutex::new(Memory::new((most, most), now));
        Self { names: RandomState::new(), memories: std::array::from_fn(|_| memory()) }
    }

    pub(super) fn name(&self, account: impl Hash) -> u64 {
        self.names.hash_one(account)
    }

    pub(super) fn memory(&self, realm: ThrottleScope) -> MutexGuard<'_, Memory> {
        self.memories[realm as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forgive_account(&self, realm: ThrottleScope, account: u64) {
        let memory = &mut self.memory(realm);
        memory.known.retain(|pair, _| pair.account != account);
        memory.strangers.retain(|pair, _| pair.account != account);
        memory.accounts.remove(&account);
    }

    pub(super) fn forgive_network(&self, realm: ThrottleScope, from: IpAddr) {
        let (network, place) = (network(from), place(from));
        let memory = &mut self.memory(realm);
        memory.known.retain(|pair, _| pair.place != place);
        memory.strangers.retain(|pair, _| pair.place != place);
        memory.networks.remove(&network);
    }
}
