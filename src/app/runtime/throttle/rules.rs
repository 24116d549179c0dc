//! The rules of the throttle, on the counts of one kind of secret.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::app::runtime::budget::{Budget, Rate};

/// How many failures of one account, from addresses that it never signed in from, are judged at once, and the time
/// until one more is.
pub const ACCOUNT: Rate = Rate { burst: 100, gap: Duration::from_secs(6) };

/// How many accounts may fail from one network that they never signed in from, and the time until one more may.
pub const NETWORK: Rate = Rate { burst: 64, gap: Duration::from_secs(10) };

/// The rate for everything that does not fit into the memory of one kind of secret.
pub const OVERFLOW: Rate = Rate { burst: 100, gap: Duration::from_secs(1) };

/// The maximum number of counts of each sort for each kind of secret.
pub const MAX_COUNTS: usize = 262_144;

/// How many failures a failed attempt in a reserved turn counts for, beyond the free ones: the next wait is two
/// minutes.
const TURN_PENALTY: u32 = 7;

/// Failures expire after this many maximum waits without another failure: an hour.
pub(super) const QUIET: u32 = 4;

/// How often a full memory is searched for expired counts.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What is to be proved. Each kind has a memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThrottleScope {
    /// A password; the account is the user.
    Password,
    /// A link; it has no account.
    Link,
    /// The user code of a device, which a person types; it has no account, so all of them count as one.
    UserCode,
    /// A client secret; the account is the client id.
    Client,
}

impl ThrottleScope {
    pub(super) const COUNT: usize = Self::ALL.len();

    pub const ALL: [Self; 4] = [Self::Password, Self::Link, Self::UserCode, Self::Client];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::UserCode => "user_code",
            Self::Client => "client_secret",
        }
    }
}

/// Who tries to prove something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    pub(super) realm: ThrottleScope,
    pub(super) pair: Pair,
    pub(super) network: IpAddr,
    pub(super) known: bool,
}

/// An account at an address. The account is a hash under a random key, so its size does not depend on the length of the
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) account: u64,
    pub(super) place: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) failures: u32,
    /// The next attempt is not judged before this time.
    pub(super) until: Instant,
    /// Whether the attempt after that is already paid for.
    pub(super) turn: bool,
}

impl Count {
    /// Whether the count has expired.
    fn is_over(&self, longest: Duration, now: Instant) -> bool {
        self.until + longest * QUIET <= now
    }
}

/// A bound that was just reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// The account has to wait at this address.
    AccountAtAddress,
    /// The account has to wait at every address that it never signed in from.
    Account,
    /// Accounts that never signed in from this network have to wait there.
    Network,
}

impl Threshold {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountAtAddress => "account_at_address",
            Self::Account => "account",
            Self::Network => "network",
        }
    }
}

/// How often an account may fail at an address before it waits, and the maximum wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) free: u32,
    pub(super) longest: Duration,
}

/// The counts of one kind of secret.
#[derive(Debug)]
pub(super) struct Memory {
    /// Accounts at addresses that they signed in from before. Strangers add nothing to it.
    pub(super) known: HashMap<Pair, Count>,
    pub(super) strangers: HashMap<Pair, Count>,
    pub(super) accounts: HashMap<u64, Budget>,
    pub(super) networks: HashMap<IpAddr, Budget>,
    pub(super) overflow: Budget,
    /// The maximum number of known accounts, and that of each other sort.
    pub(super) most: (usize, usize),
    swept_at: Instant,
}

impl Rules {
    /// Admits an attempt, or returns how long it has to wait. A refused attempt does not count: retrying too early
    /// makes nobody wait longer. Where too many try one account, the wait is a turn of the caller's own that nobody
    /// else can take.
    pub(super) fn admit(&self, memory: &mut Memory, subject: &Subject, now: Instant) -> Result<(), Duration> {
        self.check(memory, subject, now)
    }

    /// Decides whether an attempt whose check took time is still judged, right or wrong, and counts it if it was wrong.
    /// Of many parallel attempts no more are judged than of sequential ones.
    pub(super) fn judge(
        &self,
        memory: &mut Memory,
        subject: &Subject,
        right: bool,
        now: Instant,
    ) -> Result<Vec<Threshold>, Duration> {
        self.check(memory, subject, now)?;
        Ok(if right { Vec::new() } else { self.failed(memory, subject, now) })
    }

    fn check(&self, memory: &mut Memory, subject: &Subject, now: Instant) -> Result<(), Duration> {
        if subject.known {
            return match memory.known.get(&subject.pair).copied() {
                Some(count) => Self::after(count.until.saturating_duration_since(now)),
                None if memory.known_has_room(self.longest, now) => Ok(()),
                None => Self::after(memory.overflow.wait(OVERFLOW, now)),
            };
        }
        let count = memory.strangers.get(&subject.pair).copied().filter(|count| !count.is_over(self.longest, now));
        if let Some(count) = count {
            Self::after(count.until.saturating_duration_since(now))?;
            if count.turn {
                return Ok(());
            }
        }
        let budget = memory.accounts.get(&subject.pair.account);
        let of_account = budget.map_or(Duration::ZERO, |budget| budget.wait(ACCOUNT, now));
        let is_low = budget.is_some_and(|budget| budget.is_low(ACCOUNT, now));
        let of_network = match (count, memory.networks.get(&subject.network)) {
            (None, Some(budget)) => budget.wait(NETWORK, now),
            (Some(_), _) | (None, None) => Duration::ZERO,
        };
        let has_room = count.is_some() || memory.has_room(self.longest, now);
        let wait = of_account.max(of_network);
        if !has_room {
            return Self::after(wait.max(memory.overflow.wait(OVERFLOW, now)));
        }
        if wait.is_zero() && !is_low {
            return Ok(());
        }
        if of_network >= self.longest {
            // Whatever names are invented, one network takes no more memory than this.
            return Err(self.longest);
        }
        // While an account is being guessed at, an attempt holds a turn from its first moment on, so nobody takes it
        // meanwhile.
        let wait = wait.min(self.longest);
        memory.pay(subject, count.is_none(), of_account < self.longest, now);
        let failures = count.map_or(0, |count| count.failures);
        memory.strangers.insert(subject.pair, Count { failures, until: now + wait, turn: true });
        Self::after(wait)
    }

    fn after(wait: Duration) -> Result<(), Duration> {
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Counts a failure.
    pub(super) fn failed(&self, memory: &mut Memory, subject: &Subject, now: Instant) -> Vec<Threshold> {
        let counts = if subject.known { &memory.known } else { &memory.strangers };
        let before = counts.get(&subject.pair).copied().filter(|count| !count.is_over(self.longest, now));
        let has_room = before.is_some()
            || if subject.known {
                memory.known_has_room(self.longest, now)
            } else {
                memory.has_room(self.longest, now)
            };
        if !has_room {
            memory.overflow.take(OVERFLOW, now);
            return Vec::new();
        }
        let in_turn = before.is_some_and(|count| count.turn);
        if !subject.known && !in_turn {
            memory.pay(subject, before.is_none(), true, now);
        }
        let mut reached = if subject.known { Vec::new() } else { memory.reached(subject, now) };
        let past = before.map_or(0, |count| count.failures);
        let failures = if in_turn { past.max(self.free.saturating_add(TURN_PENALTY)) } else { past }.saturating_add(1);
        if !in_turn && past <= self.free && failures > self.free {
            reached.push(Threshold::AccountAtAddress);
        }
        let count = Count { failures, until: now + self.wait(failures), turn: false };
        let counts = if subject.known { &mut memory.known } else { &mut memory.strangers };
        counts.insert(subject.pair, count);
        reached
    }

    /// How long an account waits at an address after this many failures: nothing at first, then twice as long each
    /// time.
    fn wait(&self, failures: u32) -> Duration {
        match failures.saturating_sub(self.free) {
            0 => Duration::ZERO,
            n => Duration::from_secs(1).saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(self.longest),
        }
    }
}

impl Memory {
    pub(super) fn new(most: (usize, usize), now: Instant) -> Self {
        Self {
            known: HashMap::new(),
            strangers: HashMap::new(),
            accounts: HashMap::new(),
            networks: HashMap::new(),
            overflow: Budget::new(now),
            most,
            swept_at: now,
        }
    }

    /// Clears the failures of this account at this address.
    pub(super) fn succeeded(&mut self, subject: &Subject) {
        self.known.remove(&subject.pair);
        let Some(count) = self.strangers.remove(&subject.pair) else { return };
        if let Some(network) = self.networks.get_mut(&subject.network) {
            network.give_back(NETWORK);
        }
        if count.turn
            && let Some(account) = self.accounts.get_mut(&subject.pair.account)
        {
            account.give_back(ACCOUNT);
        }
    }

    /// Pays for one attempt: from the account's budget, and from the network's if it is the first of this account
    /// there.
    fn pay(&mut self, subject: &Subject, is_first: bool, account_too: bool, now: Instant) {
        if account_too {
            let budget = self.accounts.entry(subject.pair.account).or_insert_with(|| Budget::new(now));
            budget.take(ACCOUNT, now);
        }
        if is_first {
            let budget = self.networks.entry(subject.network).or_insert_with(|| Budget::new(now));
            budget.take(NETWORK, now);
        }
    }

    /// The bounds that strangers have reached since the last call.
    fn reached(&mut self, subject: &Subject, now: Instant) -> Vec<Threshold> {
        let account = self.accounts.get_mut(&subject.pair.account).is_some_and(|budget| budget.tells(ACCOUNT, now));
        let network = self.networks.get_mut(&subject.network).is_some_and(|budget| budget.tells(NETWORK, now));
        let all = [(account, Threshold::Account), (network, Threshold::Network)];
        all.into_iter().filter_map(|(is_reached, threshold)| is_reached.then_some(threshold)).collect()
    }

    /// Whether one more stranger fits in. Only expired counts are ever removed.
    fn has_room(&mut self, longest: Duration, now: Instant) -> bool {
        let fits = |memory: &Self| {
            let (_, most) = memory.most;
            memory.strangers.len() < most && memory.accounts.len() < most && memory.networks.len() < most
        };
        fits(self) || self.sweep(longest, now) && fits(self)
    }

    fn known_has_room(&mut self, longest: Duration, now: Instant) -> bool {
        let (most, _) = self.most;
        self.known.len() < most || self.sweep(longest, now) && self.known.len() < most
    }

    /// Removes expired counts; returns whether it did, or had done so just before.
    fn sweep(&mut self, longest: Duration, now: Instant) -> bool {
        if now.saturating_duration_since(self.swept_at) < SWEEP_EVERY {
            return false;
        }
        self.swept_at = now;
        self.known.retain(|_, count| !count.is_over(longest, now));
        self.strangers.retain(|_, count| !count.is_over(longest, now));
        self.accounts.retain(|_, budget| !budget.is_full(now));
        self.networks.retain(|_, budget| !budget.is_full(now));
        true
    }
}
