//! Slows down whoever fails again and again to prove something: a password, a code, a secret.
//!
//! Failures are counted for each pair of account and address, for each address alone, and, where it can be guessed at
//! from many places, for each account alone. An account as such is never locked: a stranger who fails keeps nobody out
//! who comes from where they came from before, and whoever comes from somewhere new waits for a short while at most.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::actor::Origin;
use crate::domain::email::Email;
use crate::error::{Error, Result};

/// The most counters; beyond that, those that were quiet longest are forgotten.
const MOST: usize = 65_536;

/// How many more failures an address may have than a pair, since many people may share it.
const ADDRESS_ALLOWANCE: u32 = 10;

/// How many more failures an account may have than a pair, wherever they come from.
const ACCOUNT_ALLOWANCE: u32 = 20;

/// What failures of an account from everywhere let an unknown address wait at most.
const ACCOUNT_WAIT: Duration = Duration::from_secs(30);

/// What somebody fails to prove. Each is counted apart, so that one does not slow down another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Realm {
    /// A password; the account is the user name.
    Password,
    /// A code of a second factor; the account is the user's UUID.
    SecondFactor,
    /// A link; there is no account.
    Link,
    /// The code that a person types to let a device in; there is no account, so that all of them are one.
    UserCode,
    /// A client's secret; the account is the client's id.
    Client,
}

impl Realm {
    /// Whether it is short enough to be guessed at from many places at once.
    const fn is_guessable(self) -> bool {
        match self {
            Self::Password | Self::SecondFactor | Self::UserCode => true,
            Self::Link | Self::Client => false,
        }
    }

    /// Whether a success is the account's own, and not one that anybody may have who knows another's.
    const fn is_proof(self) -> bool {
        match self {
            Self::Password | Self::SecondFactor | Self::Client => true,
            Self::Link | Self::UserCode => false,
        }
    }
}

/// The account of a realm that has none.
pub const NOBODY: &str = "";

/// Slows down whoever fails again and again.
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
    Address(Realm, IpAddr),
    Pair(Realm, IpAddr, u64),
    Account(Realm, u64),
    /// An account that somebody proved to be theirs from this address.
    Known(Realm, IpAddr, u64),
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    failures: u32,
    last: Instant,
    until: Instant,
}

/// An attempt that was let through, with what was owed by then.
#[derive(Clone, Debug)]
pub struct Admitted(Vec<(Subject, u32)>);

impl Throttle {
    /// A throttle that lets `free` failures pass and never makes anybody wait longer than `longest`.
    pub fn new(free: u32, longest: Duration) -> Self {
        Self { free, longest, names: RandomState::new(), counters: Mutex::default() }
    }

    /// Lets an attempt through, or tells when to come back. An attempt that is turned away counts for nothing. Beyond
    /// the free failures of an account, one attempt is let through at a time.
    pub fn admit(&self, realm: Realm, account: &str, from: IpAddr) -> Result<Admitted> {
        let now = Instant::now();
        let mut counters = self.counters();
        let subjects = self.subjects(&counters, realm, account, from);
        let wait = subjects
            .iter()
            .filter_map(|subject| counters.get(subject))
            .map(|counter| counter.until.saturating_duration_since(now))
            .max()
            .unwrap_or_default();
        if !wait.is_zero() {
            return Err(Error::Throttled { retry_after: wait });
        }
        let mut owed = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let wait = |failures| self.wait(subject, failures);
            owed.push((subject, counters.get(&subject).map_or(0, |counter| counter.failures)));
            match (subject, counters.get_mut(&subject)) {
                (Subject::Pair(..) | Subject::Account(..), Some(counter)) => {
                    counter.until = now + wait(counter.failures);
                }
                (Subject::Pair(..) | Subject::Account(..) | Subject::Address(..) | Subject::Known(..), _) => {}
            }
        }
        Ok(Admitted(owed))
    }

    /// Whether an attempt that takes its time may still be judged. Of many at once that were let through before the first
    /// of them failed, those are turned away, right or wrong, that would have to wait by now.
    pub fn admits_still(&self, attempt: &Admitted) -> Result<()> {
        let now = Instant::now();
        let counters = self.counters();
        let wait = |(subject, owed): &(Subject, u32)| {
            let counter = counters.get(subject).filter(|counter| counter.failures > *owed)?;
            Some(counter.until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
        };
        match attempt.0.iter().filter_map(wait).max() {
            Some(retry_after) => Err(Error::Throttled { retry_after }),
            None => Ok(()),
        }
    }

    /// Notes a failure: the next attempt has to wait, twice as long each time.
    pub fn failed(&self, realm: Realm, account: &str, from: IpAddr) {
        let now = Instant::now();
        let mut counters = self.counters();
        for subject in self.subjects(&counters, realm, account, from) {
            let counter = counters.entry(subject).or_insert(Counter { failures: 0, last: now, until: now });
            // Whoever kept quiet for as long as the longest wait begins anew.
            if now.saturating_duration_since(counter.last.max(counter.until)) >= self.longest {
                counter.failures = 0;
            }
            counter.failures = counter.failures.saturating_add(1);
            counter.last = now;
            counter.until = now + self.wait(subject, counter.failures);
        }
        forget_the_quiet(&mut counters);
    }

    /// Notes a success, which clears what this account owes at this address, and makes the address known to it.
    pub fn succeeded(&self, realm: Realm, account: &str, from: IpAddr) {
        if !realm.is_proof() {
            return;
        }
        let (place, name) = (neighbourhood(from), self.name(account));
        let mut counters = self.counters();
        counters.remove(&Subject::Pair(realm, place, name));
        if realm.is_guessable() {
            let now = Instant::now();
            counters.insert(Subject::Known(realm, place, name), Counter { failures: 0, last: now, until: now });
            forget_the_quiet(&mut counters);
        }
    }

    /// What an attempt counts for.
    fn subjects(
        &self,
        counters: &HashMap<Subject, Counter>,
        realm: Realm,
        account: &str,
        from: IpAddr,
    ) -> Vec<Subject> {
        let (place, name) = (neighbourhood(from), self.name(account));
        let mut subjects = vec![Subject::Pair(realm, place, name), Subject::Address(realm, place)];
        if realm.is_guessable() && !counters.contains_key(&Subject::Known(realm, place, name)) {
            subjects.push(Subject::Account(realm, name));
        }
        subjects
    }

    fn name(&self, account: &str) -> u64 {
        self.names.hash_one(Email::fold(account))
    }

    /// How long somebody waits after this many failures.
    fn wait(&self, subject: Subject, failures: u32) -> Duration {
        let (allowance, longest) = match subject {
            Subject::Pair(..) | Subject::Known(..) => (1, self.longest),
            Subject::Address(..) => (ADDRESS_ALLOWANCE, self.longest),
            Subject::Account(..) => (ACCOUNT_ALLOWANCE, self.longest.min(ACCOUNT_WAIT)),
        };
        match failures.saturating_sub(self.free.saturating_mul(allowance)) {
            0 => Duration::ZERO,
            n => Duration::from_secs(1).saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(longest),
        }
    }

    fn counters(&self) -> MutexGuard<'_, HashMap<Subject, Counter>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that an attempt counts for; the machine itself where there is none.
pub fn place(origin: &Origin) -> IpAddr {
    origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
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
    if counters.len() <= MOST {
        return;
    }
    let mut times: Vec<Instant> = counters.values().map(|counter| counter.last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    counters.retain(|_, counter| counter.last > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn throttle() -> Throttle {
        Throttle::new(3, Duration::from_mins(15))
    }

    fn wait(throttle: &Throttle, account: &str, from: IpAddr) -> Duration {
        match throttle.admit(Realm::Password, account, from) {
            Ok(_) => Duration::ZERO,
            Err(Error::Throttled { retry_after }) => retry_after,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_few_failures_are_free_and_then_the_wait_doubles() {
        let throttle = throttle();
        let mut waits = Vec::new();
        for _ in 0..7 {
            throttle.failed(Realm::Password, "ada", HERE);
            waits.push(wait(&throttle, "ADA", HERE).as_secs_f64().ceil());
        }
        assert_eq!(waits, [0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0]);
    }

    #[test]
    fn the_wait_has_an_end() {
        let throttle = throttle();
        for _ in 0..100 {
            throttle.failed(Realm::Password, "ada", HERE);
        }
        assert!(wait(&throttle, "ada", HERE) <= Duration::from_mins(15));
    }

    #[test]
    fn a_stranger_locks_nobody_out_who_is_elsewhere() {
        let throttle = throttle();
        for _ in 0..1000 {
            throttle.failed(Realm::Password, "ada", THERE);
        }
        assert!(wait(&throttle, "ada", THERE) > Duration::ZERO);
        assert!(wait(&throttle, "ada", HERE) <= ACCOUNT_WAIT, "from somewhere new, for a short while");
        throttle.succeeded(Realm::Password, "ada", HERE);
        throttle.failed(Realm::Password, "ada", THERE);
        assert_eq!(wait(&throttle, "ada", HERE), Duration::ZERO, "from where she came before");
    }

    #[test]
    fn guessing_at_one_account_from_many_addresses_is_slowed() {
        let throttle = throttle();
        let there = |n| IpAddr::V4(Ipv4Addr::from_bits(n));
        for n in 0..60 {
            assert_eq!(wait(&throttle, "ada", there(n)), Duration::ZERO, "{n}");
            throttle.failed(Realm::Password, "ada", there(n));
        }
        throttle.failed(Realm::Password, "ada", there(60));
        assert!(wait(&throttle, "ada", there(61)) > Duration::ZERO);
        assert_eq!(wait(&throttle, "bob", there(61)), Duration::ZERO);
        for n in 0..60 {
            throttle.failed(Realm::Client, "ci", there(n));
        }
        assert!(throttle.admit(Realm::Client, "ci", there(61)).is_ok(), "nobody guesses a client's secret");
    }

    #[test]
    fn what_is_no_account_is_one_for_all_and_no_success_clears_it() {
        let throttle = throttle();
        for _ in 0..3 {
            throttle.failed(Realm::UserCode, NOBODY, HERE);
            throttle.succeeded(Realm::UserCode, NOBODY, HERE);
        }
        throttle.failed(Realm::UserCode, NOBODY, HERE);
        assert!(throttle.admit(Realm::UserCode, NOBODY, HERE).is_err());
        assert!(throttle.admit(Realm::UserCode, NOBODY, THERE).is_ok());
        assert!(throttle.admit(Realm::Link, NOBODY, HERE).is_ok(), "each realm counts apart");
        for n in 0..60 {
            throttle.failed(Realm::UserCode, NOBODY, IpAddr::V4(Ipv4Addr::from_bits(n)));
        }
        assert!(throttle.admit(Realm::UserCode, NOBODY, THERE).is_err(), "guesses from everywhere add up");
    }

    #[test]
    fn beyond_the_free_failures_one_attempt_is_let_through_at_a_time() {
        let throttle = Throttle::new(3, Duration::from_millis(30));
        for _ in 0..4 {
            throttle.failed(Realm::Password, "ada", HERE);
        }
        std::thread::sleep(Duration::from_millis(35));
        assert!(throttle.admit(Realm::Password, "ada", HERE).is_ok());
        assert!(throttle.admit(Realm::Password, "ada", HERE).is_err(), "the first one is not done yet");
        throttle.succeeded(Realm::Password, "ada", HERE);
        assert!(throttle.admit(Realm::Password, "ada", HERE).is_ok());
    }

    #[test]
    fn of_many_at_once_no_more_are_judged_than_one_after_another() {
        let throttle = throttle();
        let admit = |account| throttle.admit(Realm::Password, account, HERE).unwrap();
        let at_once: Vec<_> = (0..20).map(|_| admit("ada")).collect();
        let mut judged = 0;
        for attempt in &at_once {
            if throttle.admits_still(attempt).is_ok() {
                judged += 1;
                throttle.failed(Realm::Password, "ada", HERE);
            }
        }
        assert_eq!(judged, 4, "the free ones, and the one that has to be waited for from then on");
        assert!(throttle.admits_still(&admit("bob")).is_ok(), "nobody else");
        let mut counters = throttle.counters();
        counters.values_mut().for_each(|counter| counter.until = Instant::now());
        drop(counters);
        assert!(throttle.admits_still(&admit("ada")).is_ok(), "the one that is let through later is judged");
    }

    #[test]
    fn guessing_at_many_accounts_from_one_address_is_slowed_too() {
        let throttle = throttle();
        for n in 0..60 {
            throttle.failed(Realm::Password, &format!("user{n}"), THERE);
        }
        assert!(wait(&throttle, "somebody-else", THERE) > Duration::ZERO);
        assert_eq!(wait(&throttle, "somebody-else", HERE), Duration::ZERO);
    }

    #[test]
    fn a_success_clears_the_pair_but_not_the_address() {
        let throttle = throttle();
        for _ in 0..40 {
            throttle.failed(Realm::Password, "ada", HERE);
        }
        throttle.succeeded(Realm::Password, "ada", HERE);
        assert!(wait(&throttle, "ada", HERE) > Duration::ZERO, "the address still owes");
        let throttle = self::throttle();
        for _ in 0..5 {
            throttle.failed(Realm::Password, "ada", HERE);
        }
        throttle.succeeded(Realm::Password, "ada", HERE);
        assert_eq!(wait(&throttle, "ada", HERE), Duration::ZERO);
    }

    #[test]
    fn a_customer_with_a_whole_network_is_one_address() {
        let throttle = throttle();
        for n in 0..20_u16 {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n));
            throttle.failed(Realm::Password, "ada", address);
        }
        let another = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        assert!(wait(&throttle, "ada", another) > Duration::ZERO);
    }

    #[test]
    fn the_counters_are_bounded() {
        let throttle = throttle();
        for n in 0..40_000 {
            throttle.failed(Realm::Password, &format!("user{n}"), IpAddr::V4(Ipv4Addr::from_bits(n)));
        }
        assert!(throttle.counters().len() <= MOST + 2);
    }
}
