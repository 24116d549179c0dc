//! Clears the failures of an account or a network, on an administrator's behalf.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use super::{Throttle, ThrottleScope};
use crate::app::runtime::places::{network, place};

impl Throttle {
    /// Forgets the failures of an account everywhere, as it is given to [`Throttle::subject`].
    pub fn forgive_account(&self, realm: ThrottleScope, account: impl Hash) {
        let account = self.names.hash_one(account);
        let memory = &mut self.memory(realm);
        memory.known.retain(|pair, _| pair.account != account);
        memory.strangers.retain(|pair, _| pair.account != account);
        memory.accounts.remove(&account);
    }

    /// Forgets all failures from the network of an address.
    pub fn forgive_network(&self, realm: ThrottleScope, from: IpAddr) {
        let (network, place) = (network(from), place(from));
        let memory = &mut self.memory(realm);
        memory.known.retain(|pair, _| pair.place != place);
        memory.strangers.retain(|pair, _| pair.place != place);
        memory.networks.remove(&network);
    }
}
