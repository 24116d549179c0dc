//! Limits failed attempts to prove something: a password, a code, a secret.
//!
//! It counts three things, each with its own bound: one account at one address, one account over all addresses, and the
//! accounts that failed from one network. Where an account has signed in from an address before, only the first count
//! applies to it there. `docs/explanation/guessing.md` says in figures what that means for an attacker. The counts are in
//! the memory of the process, or in a database that several servers share; the rules are the same. The throttle knows
//! no clock and no log: `crate::app::identity::attempts` does.

mod local;
mod rules;
mod shared;

use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

pub use rules::{ACCOUNT, MAX_COUNTS, NETWORK, OVERFLOW, Subject, Threshold, ThrottleScope};

use local::LocalMemory;
use rules::{Memory, Pair, Rules};
use shared::SharedMemory;

use crate::app::runtime::places::{network, place};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::tokens::tags::TagKey;

/// The throttle.
#[derive(Debug)]
pub struct Throttle {
    rules: Rules,
    counts: Counts,
}

/// Where the counts are.
#[derive(Debug)]
enum Counts {
    Local(LocalMemory),
    Shared(SharedMemory),
}

impl Throttle {
    /// Counts in memory. `free` is how often an account may fail at an address before it waits, `longest` the maximum
    /// wait.
    pub fn new(free: u32, longest: Duration) -> Self {
        Self { rules: Rules { free, longest }, counts: Counts::Local(LocalMemory::new(MAX_COUNTS)) }
    }

    /// Counts in the database if several servers may share it, in memory otherwise.
    pub fn of(free: u32, longest: Duration, store: &Store, key: &TagKey) -> Self {
        match store.failures() {
            Some(failures) => {
                let counts = Counts::Shared(SharedMemory::new(failures, key.clone()));
                Self { rules: Rules { free, longest }, counts }
            }
            None => Self::new(free, longest),
        }
    }

    /// `known`: the account has signed in from this address before.
    pub fn subject(&self, realm: ThrottleScope, account: impl Hash, from: IpAddr, known: bool) -> Subject {
        let pair = Pair { account: self.name(account), place: place(from) };
        Subject { realm, pair, network: network(from), known }
    }

    /// Admits an attempt. Refused as throttled while it has to wait.
    pub fn admit(&self, subject: &Subject, now: Instant) -> Result<()> {
        self.with(subject, now, |rules, memory| rules.admit(memory, subject, now))?.map_err(throttled)
    }

    /// Decides whether an attempt whose check took time is still judged, right or wrong, and counts it if it was wrong.
    pub fn judge(&self, subject: &Subject, right: bool, now: Instant) -> Result<Vec<Threshold>> {
        self.with(subject, now, |rules, memory| rules.judge(memory, subject, right, now))?.map_err(throttled)
    }

    pub fn failed(&self, subject: &Subject, now: Instant) -> Result<Vec<Threshold>> {
        self.with(subject, now, |rules, memory| rules.failed(memory, subject, now))
    }

    /// Clears the failures of this account at this address.
    pub fn succeeded(&self, subject: &Subject, now: Instant) -> Result<()> {
        self.with(subject, now, |_, memory| memory.succeeded(subject))
    }

    /// Forgets the failures of an account everywhere, as it is given to [`Throttle::subject`].
    pub fn forgive_account(&self, realm: ThrottleScope, account: impl Hash) -> Result<()> {
        let account = self.name(account);
        match &self.counts {
            Counts::Local(memory) => memory.forgive_account(realm, account),
            Counts::Shared(memory) => memory.forgive_account(realm, account)?,
        }
        Ok(())
    }

    /// Forgets all failures from the network of an address.
    pub fn forgive_network(&self, realm: ThrottleScope, from: IpAddr) -> Result<()> {
        match &self.counts {
            Counts::Local(memory) => memory.forgive_network(realm, from),
            Counts::Shared(memory) => memory.forgive_network(realm, from)?,
        }
        Ok(())
    }

    fn name(&self, account: impl Hash) -> u64 {
        match &self.counts {
            Counts::Local(memory) => memory.name(account),
            Counts::Shared(memory) => memory.name(&account),
        }
    }

    fn with<T>(&self, subject: &Subject, now: Instant, work: impl Fn(&Rules, &mut Memory) -> T) -> Result<T> {
        match &self.counts {
            Counts::Local(memory) => Ok(work(&self.rules, &mut memory.memory(subject.realm))),
            Counts::Shared(memory) => memory.with(subject, self.rules.longest, now, |memory| work(&self.rules, memory)),
        }
    }
}

const fn throttled(retry_after: Duration) -> Error {
    Error::Throttled { retry_after }
}

#[cfg(test)]
mod tests;
