//! What the throttle counts, within bounds.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The maximum number of counters of each sort and realm.
pub(super) const MAX_COUNTERS: usize = 65_536;

/// For how long the accounts are counted that fail from one network.
const NETWORK_WINDOW: Duration = Duration::from_hours(1);

/// An account at a network.
pub(super) type Pair = (IpAddr, u64);

/// The counters of one realm.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Accounts at networks where they have succeeded.
    pub(super) known: HashMap<Pair, Counter>,
    /// Accounts at networks where they have failed or wait.
    pub(super) unknown: HashMap<Pair, Counter>,
    /// Accounts, over all unknown networks.
    pub(super) accounts: HashMap<u64, Counter>,
    pub(super) networks: HashMap<IpAddr, Network>,
    /// When the next attempt passes of those that have no counter.
    pub(super) overflow: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    pub(super) failures: u32,
    /// When it last failed.
    pub(super) last: Instant,
    /// When its next attempt is judged.
    pub(super) until: Instant,
    /// Whether it has been told to wait, so that it is judged after that.
    pub(super) waits: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) since: Instant,
    /// How many accounts have failed since.
    pub(super) accounts: u32,
    /// Until when those wait that were told to.
    pub(super) waiting: Vec<Instant>,
}

impl Counters {
    /// The counter of a network, which begins anew after its window. Those whose window is over give way when there are
    /// too many.
    pub(super) fn network(&mut self, place: IpAddr, now: Instant) -> &mut Network {
        if self.networks.len() >= MAX_COUNTERS && !self.networks.contains_key(&place) {
            self.networks.retain(|_, network| network.counts(now) && network.accounts > 1);
            if self.networks.len() >= MAX_COUNTERS {
                self.networks.clear();
            }
        }
        let network = self.networks.entry(place).or_insert(Network { since: now, accounts: 0, waiting: Vec::new() });
        if !network.counts(now) {
            (network.since, network.accounts) = (now, 0);
        }
        network
    }
}

impl Network {
    pub(super) fn counts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < NETWORK_WINDOW
    }
}

impl Counter {
    pub(super) fn new(now: Instant) -> Self {
        Self { failures: 0, last: now, until: now, waits: false }
    }

    /// Whether its failures still count.
    pub(super) fn counts(&self, now: Instant, memory: Duration) -> bool {
        now.saturating_duration_since(self.last.max(self.until)) < memory
    }

    pub(super) fn forget(&mut self, now: Instant, memory: Duration) {
        if !self.counts(now, memory) {
            *self = Self::new(now);
        }
    }

    pub(super) fn is_over(&self, now: Instant) -> Result<(), Duration> {
        match self.until.saturating_duration_since(now) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }

    /// Lets one attempt pass after the wait, and has the next one wait for this long, unless a success comes first.
    pub(super) fn pass(&mut self, now: Instant, wait: Duration) -> Result<(), Duration> {
        self.is_over(now)?;
        self.until = now + wait;
        Ok(())
    }

    pub(super) fn fail(&mut self, now: Instant, wait: impl FnOnce(u32) -> Duration) {
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        self.until = now + wait(self.failures);
    }
}

/// Makes room for a key where there are too many: counters that nobody waits for give way, the oldest half of them
/// first. Tells whether there is room.
pub(super) fn make_room<K: Eq + Hash>(
    counters: &mut HashMap<K, Counter>,
    key: &K,
    now: Instant,
    must_stay: impl Fn(&Counter) -> bool,
) -> bool {
    if counters.len() < MAX_COUNTERS || counters.contains_key(key) {
        return true;
    }
    let ages = counters.values().filter(|counter| !must_stay(counter));
    let mut ages: Vec<Duration> = ages.map(|counter| now.saturating_duration_since(counter.last)).collect();
    if ages.is_empty() {
        return false;
    }
    let middle = ages.len() / 2;
    let median = *ages.select_nth_unstable(middle).1;
    counters.retain(|_, counter| must_stay(counter) || now.saturating_duration_since(counter.last) < median);
    // All are of one age.
    if counters.len() >= MAX_COUNTERS {
        counters.retain(|_, counter| must_stay(counter));
    }
    counters.len() < MAX_COUNTERS
}
