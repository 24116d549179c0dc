//! Slows down whoever fails to sign in again and again.
//!
//! Failures are counted for each pair of account and address, and for each address alone. An account as such
//! is never locked: a stranger who fails from one address keeps nobody out who comes from another.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::email::Email;
use crate::error::{Error, Result};

/// The most counters; beyond that, those that were quiet longest are forgotten.
const MOST: usize = 65_536;

/// How many more failures an address may have than a pair, since many people may share it.
const ADDRESS_ALLOWANCE: u32 = 10;

/// Slows down whoever fails to sign in again and again.
#[derive(Debug)]
pub struct Throttle {
    free: u32,
    longest: Duration,
    /// Names are kept as hashes under a random key: a counter has one size, however long a name is.
    names: RandomState,
    counters: Mutex<HashMap<Subject, Counter>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    Pair(IpAddr, u64),
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    failures: u32,
    last: Instant,
    until: Instant,
}

impl Throttle {
    /// A throttle that lets `free` failures pass and never makes anybody wait longer than `longest`.
    pub fn new(free: u32, longest: Duration) -> Self {
        Self { free, longest, names: RandomState::new(), counters: Mutex::default() }
    }

    /// Lets an attempt through, or tells when to come back. An attempt that is turned away counts for nothing.
    pub fn admit(&self, account: &str, from: IpAddr) -> Result<()> {
        let now = Instant::now();
        let counters = self.counters();
        let wait = self
            .subjects(account, from)
            .iter()
            .filter_map(|subject| counters.get(subject))
            .map(|counter| counter.until.saturating_duration_since(now))
            .max()
            .unwrap_or_default();
        if wait.is_zero() { Ok(()) } else { Err(Error::Throttled { retry_after: wait }) }
    }

    /// Notes a failure: the next attempt has to wait, twice as long each time.
    pub fn failed(&self, account: &str, from: IpAddr) {
        let now = Instant::now();
        let mut counters = self.counters();
        for subject in self.subjects(account, from) {
            let free = match subject {
                Subject::Pair(..) => self.free,
                Subject::Address(_) => self.free.saturating_mul(ADDRESS_ALLOWANCE),
            };
            let counter = counters.entry(subject).or_insert(Counter { failures: 0, last: now, until: now });
            // Whoever kept quiet for as long as the longest wait begins anew.
            if now.saturating_duration_since(counter.last.max(counter.until)) >= self.longest {
                counter.failures = 0;
            }
            counter.failures = counter.failures.saturating_add(1);
            counter.last = now;
            counter.until = now + self.wait(counter.failures.saturating_sub(free));
        }
        if counters.len() > MOST {
            forget_the_quiet(&mut counters);
        }
    }

    /// Notes a success, which clears what this account owes at this address.
    pub fn succeeded(&self, account: &str, from: IpAddr) {
        let [pair, _] = self.subjects(account, from);
        self.counters().remove(&pair);
    }

    fn subjects(&self, account: &str, from: IpAddr) -> [Subject; 2] {
        let place = neighbourhood(from);
        [Subject::Pair(place, self.names.hash_one(Email::fold(account))), Subject::Address(place)]
    }

    fn wait(&self, beyond: u32) -> Duration {
        match beyond {
            0 => Duration::ZERO,
            n => Duration::from_secs(1).saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(self.longest),
        }
    }

    fn counters(&self) -> MutexGuard<'_, HashMap<Subject, Counter>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An IPv6 customer has a whole /64; an IPv4-mapped address is the IPv4 address.
pub(super) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn forget_the_quiet(counters: &mut HashMap<Subject, Counter>) {
    let mut times: Vec<Instant> = counters.values().map(|counter| counter.last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    counters.retain(|_, counter| counter.last > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn throttle() -> Throttle {
        Throttle::new(3, Duration::from_mins(15))
    }

    fn wait(throttle: &Throttle, account: &str, from: IpAddr) -> Duration {
        match throttle.admit(account, from) {
            Ok(()) => Duration::ZERO,
            Err(Error::Throttled { retry_after }) => retry_after,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_few_failures_are_free_and_then_the_wait_doubles() {
        let throttle = throttle();
        let mut waits = Vec::new();
        for _ in 0..7 {
            throttle.failed("ada", HERE);
            waits.push(wait(&throttle, "ADA", HERE).as_secs_f64().ceil());
        }
        assert_eq!(waits, [0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0]);
    }

    #[test]
    fn the_wait_has_an_end() {
        let throttle = throttle();
        for _ in 0..100 {
            throttle.failed("ada", HERE);
        }
        assert!(wait(&throttle, "ada", HERE) <= Duration::from_mins(15));
    }

    #[test]
    fn a_stranger_locks_nobody_out_who_is_elsewhere() {
        let throttle = throttle();
        for _ in 0..1000 {
            throttle.failed("ada", THERE);
        }
        assert!(wait(&throttle, "ada", THERE) > Duration::ZERO);
        assert_eq!(wait(&throttle, "ada", HERE), Duration::ZERO);
    }

    #[test]
    fn guessing_at_many_accounts_from_one_address_is_slowed_too() {
        let throttle = throttle();
        for n in 0..60 {
            throttle.failed(&format!("user{n}"), THERE);
        }
        assert!(wait(&throttle, "somebody-else", THERE) > Duration::ZERO);
        assert_eq!(wait(&throttle, "somebody-else", HERE), Duration::ZERO);
    }

    #[test]
    fn a_success_clears_the_pair_but_not_the_address() {
        let throttle = throttle();
        for _ in 0..40 {
            throttle.failed("ada", HERE);
        }
        throttle.succeeded("ada", HERE);
        assert!(wait(&throttle, "ada", HERE) > Duration::ZERO, "the address still owes");
        let throttle = self::throttle();
        for _ in 0..5 {
            throttle.failed("ada", HERE);
        }
        throttle.succeeded("ada", HERE);
        assert_eq!(wait(&throttle, "ada", HERE), Duration::ZERO);
    }

    #[test]
    fn a_customer_with_a_whole_network_is_one_address() {
        let throttle = throttle();
        for n in 0..20_u16 {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n));
            throttle.failed("ada", address);
        }
        let another = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        assert!(wait(&throttle, "ada", another) > Duration::ZERO);
    }

    #[test]
    fn the_counters_are_bounded() {
        let throttle = throttle();
        for n in 0..40_000 {
            throttle.failed(&format!("user{n}"), IpAddr::V4(std::net::Ipv4Addr::from_bits(n)));
        }
        assert!(throttle.counters().len() <= MOST + 2);
    }
}
