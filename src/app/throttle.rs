//! Slows down guessing at passwords, codes, links and secrets.
//!
//! An account at a network where it succeeded before is judged by its own failures there and nothing else, so nobody
//! elsewhere, and nobody beside it, keeps its owner out. Everybody else is judged by three counts: the failures of this
//! account from this network, the failures of the account from everywhere, and the number of accounts that failed from
//! this network. The last two never refuse an attempt for good: they ask for one wait, after which the attempt is judged,
//! whatever others do meanwhile. `docs/explanation/guessing.md` has the figures.

mod counters;

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::actor::Origin;
use crate::domain::email::Email;
use crate::error::{Error, Result};
use counters::{Counter, Counters, Pair, make_room};

/// How many accounts may fail from one network before the others there wait, for each free failure of an account.
const NETWORK_ALLOWANCE: u32 = 10;

/// How often an account may fail from everywhere before unknown networks wait, for each free failure.
const ACCOUNT_ALLOWANCE: u32 = 20;

/// How long an unknown network waits for an account that fails everywhere, and where many accounts fail.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// How many accounts may wait for their first attempt at a time in a network where many accounts fail.
const MAX_WAITING: usize = 10;

/// How long failures count. It starts anew with each failure of an account at a network.
const MEMORY: Duration = Duration::from_hours(24);

/// How long attempts wait for each other that are not told apart, because all counters are waited for.
const OVERFLOW_WAIT: Duration = Duration::from_secs(1);

/// What somebody fails to prove. Each is counted apart, so that one does not slow down another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Realm {
    /// A password; the account is the user name.
    Password,
    /// A link; there is no account.
    Link,
    /// The code that a person types to authorize a device; there is no account, so that all of them are one.
    UserCode,
    /// A client's secret; the account is the client's id.
    Client,
}

impl Realm {
    /// How many there are.
    const COUNT: usize = 4;

    /// Whether it is short enough to be guessed at from many places at once.
    const fn is_guessable(self) -> bool {
        match self {
            Self::Password | Self::UserCode => true,
            Self::Link | Self::Client => false,
        }
    }

    /// Whether a success is the account's own, and not one that anybody may have who knows another's.
    const fn is_proof(self) -> bool {
        match self {
            Self::Password | Self::Client => true,
            Self::Link | Self::UserCode => false,
        }
    }
}

/// The account of a realm that has none.
pub const NOBODY: &str = "";

/// Slows down guessing.
#[derive(Debug)]
pub struct Throttle {
    free: u32,
    longest: Duration,
    /// Names are kept as hashes under a random key: a counter has one size, however long a name is.
    names: RandomState,
    realms: [Mutex<Counters>; Realm::COUNT],
}

/// An attempt that may be judged, with the failures that were counted by then.
#[derive(Clone, Debug)]
pub struct Admitted {
    realm: Realm,
    pair: Pair,
    network: Pair,
    failures: u32,
    waited: bool,
}

impl Throttle {
    /// A throttle that allows `free` failures and never makes anybody wait longer than `longest`.
    pub fn new(free: u32, longest: Duration) -> Self {
        Self { free, longest, names: RandomState::new(), realms: Default::default() }
    }

    /// Admits an attempt, or tells when to come back. An attempt that is refused counts for nothing. Beyond the free
    /// failures of an account, one attempt is admitted at a time.
    pub fn admit(&self, realm: Realm, account: &str, from: IpAddr) -> Result<Admitted> {
        self.admit_at(realm, account, from, Instant::now()).map_err(|retry_after| Error::Throttled { retry_after })
    }

    /// Whether an attempt that takes its time may still be judged. Of many at once that were admitted before the first
    /// of them failed, those are refused, right or wrong, that would have to wait by now.
    pub fn admits_still(&self, attempt: &Admitted) -> Result<()> {
        self.admits_still_at(attempt, Instant::now()).map_err(|retry_after| Error::Throttled { retry_after })
    }

    /// Counts a failure: the next attempt has to wait, twice as long each time. Tells whether a limit was reached just now.
    pub fn failed(&self, realm: Realm, account: &str, from: IpAddr) -> bool {
        self.failed_at(realm, account, from, Instant::now())
    }

    /// Notes a success, which clears the failures of this account at this network, and makes the network known to it.
    pub fn succeeded(&self, realm: Realm, account: &str, from: IpAddr) {
        self.succeeded_at(realm, account, from, Instant::now());
    }

    fn admit_at(&self, realm: Realm, account: &str, from: IpAddr, now: Instant) -> Result<Admitted, Duration> {
        let (pair, network) = self.pairs(account, from);
        let mut counters = self.counters(realm);
        let mut admitted = Admitted { realm, pair, network, failures: 0, waited: true };
        if let Some(counter) = counters.known.get_mut(&pair) {
            counter.forget(now, self.memory());
            counter.pass(now, self.wait(counter.failures))?;
            admitted.failures = counter.failures;
            return Ok(admitted);
        }
        let delay = self.delay(&counters, realm, network, now);
        if let Some(counter) = counters.unknown.get_mut(&network) {
            counter.forget(now, self.memory());
            if counter.waits || delay.is_zero() {
                counter.pass(now, self.wait(counter.failures).max(delay))?;
                (admitted.failures, admitted.waited) = (counter.failures, counter.waits);
                return Ok(admitted);
            }
        }
        if delay.is_zero() {
            admitted.waited = false;
            return Ok(admitted);
        }
        self.ask_to_wait(&mut counters, network, delay, now).map(|()| admitted)
    }

    fn admits_still_at(&self, attempt: &Admitted, now: Instant) -> Result<(), Duration> {
        let mut counters = self.counters(attempt.realm);
        let is_known = counters.known.contains_key(&attempt.pair);
        let counter = if is_known { counters.known.get(&attempt.pair) } else { counters.unknown.get(&attempt.network) };
        if let Some(counter) = counter.filter(|counter| counter.failures > attempt.failures) {
            counter.is_over(now)?;
        }
        let delay = self.delay(&counters, attempt.realm, attempt.network, now);
        if is_known || attempt.waited || delay.is_zero() {
            return Ok(());
        }
        self.ask_to_wait(&mut counters, attempt.network, delay, now)
    }

    fn failed_at(&self, realm: Realm, account: &str, from: IpAddr, now: Instant) -> bool {
        let (pair, network) = self.pairs(account, from);
        let mut counters = self.counters(realm);
        if let Some(counter) = counters.known.get_mut(&pair) {
            counter.forget(now, self.memory());
            counter.fail(now, |failures| self.wait(failures));
            return counter.failures == self.free + 1;
        }
        let before = self.delay(&counters, realm, network, now);
        let is_first = counters.unknown.get(&network).is_none_or(|counter| counter.failures == 0);
        if is_first {
            counters.network(network.0, now).accounts += 1;
        }
        if realm.is_guessable()
            && make_room(&mut counters.accounts, &network.1, now, |counter| self.is_failing(counter))
        {
            let counter = counters.accounts.entry(network.1).or_insert(Counter::new(now));
            counter.forget(now, self.memory());
            counter.fail(now, |_| Duration::ZERO);
        }
        let delay = self.delay(&counters, realm, network, now);
        let mut reached = before.is_zero() && !delay.is_zero();
        if make_room(&mut counters.unknown, &network, now, |counter| counter.until > now) {
            let counter = counters.unknown.entry(network).or_insert(Counter::new(now));
            counter.forget(now, self.memory());
            counter.fail(now, |failures| self.wait(failures).max(delay));
            counter.waits |= !delay.is_zero();
            reached |= counter.failures == self.free + 1;
        }
        reached
    }

    fn succeeded_at(&self, realm: Realm, account: &str, from: IpAddr, now: Instant) {
        if !realm.is_proof() {
            return;
        }
        let (pair, network) = self.pairs(account, from);
        let mut counters = self.counters(realm);
        counters.unknown.remove(&network);
        if make_room(&mut counters.known, &pair, now, |counter| counter.until > now) {
            counters.known.insert(pair, Counter::new(now));
        }
    }

    /// How long an attempt from an unknown network waits once, because the account fails everywhere or many accounts
    /// fail there.
    fn delay(&self, counters: &Counters, realm: Realm, (place, account): Pair, now: Instant) -> Duration {
        let account = counters.accounts.get(&account);
        let fails = account.is_some_and(|counter| {
            realm.is_guessable() && self.is_failing(counter) && counter.counts(now, self.memory())
        });
        let of_account = if fails { FIRST_WAIT } else { Duration::ZERO };
        let network = counters.networks.get(&place).filter(|network| network.counts(now));
        let allowed = self.free.saturating_mul(NETWORK_ALLOWANCE).max(1);
        let of_network = FIRST_WAIT.saturating_mul(network.map_or(0, |network| network.accounts / allowed));
        of_account.max(of_network).min(self.longest)
    }

    fn is_failing(&self, account: &Counter) -> bool {
        account.failures >= self.free.saturating_mul(ACCOUNT_ALLOWANCE)
    }

    /// Has an account at an unknown network wait once. Refused in any case; what is remembered is that it waits.
    fn ask_to_wait(&self, counters: &mut Counters, pair: Pair, delay: Duration, now: Instant) -> Result<(), Duration> {
        let many_fail = self.delay(counters, Realm::Link, (pair.0, 0), now) > Duration::ZERO;
        let network = counters.network(pair.0, now);
        network.waiting.retain(|until| *until > now);
        if many_fail && network.waiting.len() >= MAX_WAITING {
            return Err(network.waiting.iter().map(|until| *until - now).min().unwrap_or(delay));
        }
        if !make_room(&mut counters.unknown, &pair, now, |counter| counter.until > now) {
            let next = counters.overflow.replace(now + OVERFLOW_WAIT).filter(|next| *next > now);
            return next.map_or(Ok(()), |next| {
                counters.overflow = Some(next);
                Err(next - now)
            });
        }
        if many_fail {
            counters.network(pair.0, now).waiting.push(now + delay);
        }
        let counter = counters.unknown.entry(pair).or_insert(Counter::new(now));
        counter.until = counter.until.max(now + delay);
        counter.waits = true;
        Err(counter.until - now)
    }

    /// How long somebody waits after this many failures.
    fn wait(&self, failures: u32) -> Duration {
        match failures.saturating_sub(self.free) {
            0 => Duration::ZERO,
            n => Duration::from_secs(1).saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(self.longest),
        }
    }

    /// How long a failure counts.
    fn memory(&self) -> Duration {
        MEMORY.max(self.longest)
    }

    /// The account at the networks that it is known and unknown by.
    fn pairs(&self, account: &str, from: IpAddr) -> (Pair, Pair) {
        let account = self.names.hash_one(Email::fold(account));
        ((neighbourhood(from), account), (site(from), account))
    }

    fn counters(&self, realm: Realm) -> MutexGuard<'_, Counters> {
        self.realms[realm as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that an attempt counts for; the machine itself where there is none.
pub fn place(origin: &Origin) -> IpAddr {
    origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The network of one home: an IPv6 address counts as its /64, an IPv4-mapped one as the IPv4 address.
pub(super) fn neighbourhood(address: IpAddr) -> IpAddr {
    masked(address, 64)
}

/// The network of one customer: an IPv6 address counts as its /48, of which an attacker has every /64.
fn site(address: IpAddr) -> IpAddr {
    masked(address, 48)
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - prefix)))),
    }
}

#[cfg(test)]
mod tests;
