//! The counts of several servers, in their database.
//!
//! Each attempt loads the few counts that concern it, and the rules run on these. If they change something, they run again
//! while no other server changes counts of this kind of secret.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::rules::{Count, MAX_COUNTS, Memory, QUIET, Subject, ThrottleScope};
use crate::app::runtime::budget::Budget;
use crate::app::runtime::places::{network, place};
use crate::error::Result;
use crate::store::{FailureCount, FailureRow, Failures, FoundFailures};
use crate::tokens::tags::TagKey;

#[derive(Debug)]
pub(super) struct SharedMemory {
    failures: Failures,
    key: TagKey,
}

/// A count as it is stored: failures, the end of a wait, and a mark.
type Stored = (u32, Instant, bool);

/// The counts that concern an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counts {
    known: Option<Stored>,
    stranger: Option<Stored>,
    account: Option<Stored>,
    network: Option<Stored>,
    overflow: Option<Stored>,
}

impl SharedMemory {
    pub(super) const fn new(failures: Failures, key: TagKey) -> Self {
        Self { failures, key }
    }

    /// The hash of an account.
    pub(super) fn name(&self, account: &impl Hash) -> u64 {
        let mut bytes = Bytes(Vec::new());
        account.hash(&mut bytes);
        self.number("account", &bytes.0)
    }

    pub(super) fn with<T>(
        &self,
        subject: &Subject,
        longest: Duration,
        now: Instant,
        work: impl Fn(&mut Memory) -> T,
    ) -> Result<T> {
        let rows = self.rows(subject);
        let subjects = rows.map(|row| row.subject);
        let run = |found: &FoundFailures| {
            let mut memory = loaded(&rows, subject, found, now);
            let before = counts(&memory, subject);
            let done = work(&mut memory);
            (done, before, counts(&memory, subject))
        };
        let (done, before, after) = run(&self.failures.find(&subjects)?);
        if before == after {
            return Ok(done);
        }
        self.failures.change(subject.realm as u8, &subjects, |found| {
            let (done, before, after) = run(found);
            let stored = |count: Stored, quiet: Duration| {
                let (failures, until, flag) = count;
                let ends = micros(until, found.now, now);
                let quiet = i64::try_from(quiet.as_micros()).unwrap_or(i64::MAX);
                FailureCount { failures, until: ends, flag, expires_at: ends.saturating_add(quiet) }
            };
            let changes = rows.iter().zip(before.all()).zip(after.all()).enumerate();
            let changes = changes.filter(|(_, ((_, before), after))| before != after);
            let changes = changes.map(|(at, ((row, _), after))| {
                // A budget has expired when it is full.
                let quiet = if at < PAIRS { longest * QUIET } else { Duration::ZERO };
                (*row, after.map(|count| stored(count, quiet)))
            });
            (done, changes.collect())
        })
    }

    pub(super) fn forgive_account(&self, realm: ThrottleScope, account: u64) -> Result<()> {
        self.failures.remove_account(self.account(realm, account))
    }

    pub(super) fn forgive_network(&self, realm: ThrottleScope, from: IpAddr) -> Result<()> {
        self.failures.remove_places(self.place(realm, place(from)), self.network(realm, network(from)))
    }

    /// The keys of the counts that concern an attempt, in the order of [`Counts`].
    fn rows(&self, subject: &Subject) -> [FailureRow; 5] {
        let Subject { realm, pair, .. } = *subject;
        let (account, place) = (self.account(realm, pair.account), self.place(realm, pair.place));
        let network = self.network(realm, subject.network);
        let row = |sort: &str, account: Option<i64>, place: Option<i64>| {
            let name = format!("{} {sort} {account:?} {place:?}", realm.as_str());
            FailureRow { subject: self.key.hash("failures", name.as_bytes()), account, place }
        };
        [
            row("known", Some(account), Some(place)),
            row("stranger", Some(account), Some(place)),
            row("account", Some(account), None),
            row("network", None, Some(network)),
            row("overflow", None, None),
        ]
    }

    fn account(&self, realm: ThrottleScope, account: u64) -> i64 {
        self.number("failures of an account", format!("{} {account}", realm.as_str()).as_bytes()).cast_signed()
    }

    fn place(&self, realm: ThrottleScope, place: IpAddr) -> i64 {
        self.number("failures at a place", format!("{} {place}", realm.as_str()).as_bytes()).cast_signed()
    }

    fn network(&self, realm: ThrottleScope, network: IpAddr) -> i64 {
        self.number("failures in a network", format!("{} {network}", realm.as_str()).as_bytes()).cast_signed()
    }

    fn number(&self, purpose: &str, bytes: &[u8]) -> u64 {
        let hash = self.key.hash(purpose, bytes);
        hash.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

/// The number of counts of an account at an address. The others are budgets.
const PAIRS: usize = 2;

impl Counts {
    const fn all(self) -> [Option<Stored>; 5] {
        [self.known, self.stranger, self.account, self.network, self.overflow]
    }
}

/// The memory of an attempt: only what concerns it. Those who are known have room always, because strangers add nothing.
fn loaded(rows: &[FailureRow; 5], subject: &Subject, found: &FoundFailures, now: Instant) -> Memory {
    let stored = rows.map(|row| {
        let count = found.counts.iter().find(|(subject, _)| *subject == row.subject).map(|(_, count)| count);
        count.map(|count| (count.failures, instant(count.until, found.now, now), count.flag))
    });
    let [known, stranger, account, network, overflow] = stored;
    let mut memory = Memory::new((MAX_COUNTS, if found.is_full { 0 } else { MAX_COUNTS }), now);
    let count = |(failures, until, turn): Stored| Count { failures, until, turn };
    let budget = |(_, full_at, told): Stored| Budget::stored(full_at, told);
    memory.known.extend(known.map(|stored| (subject.pair, count(stored))));
    memory.strangers.extend(stranger.map(|stored| (subject.pair, count(stored))));
    memory.accounts.extend(account.map(|stored| (subject.pair.account, budget(stored))));
    memory.networks.extend(network.map(|stored| (subject.network, budget(stored))));
    memory.overflow = overflow.map_or(memory.overflow, budget);
    memory
}

fn counts(memory: &Memory, subject: &Subject) -> Counts {
    let count = |count: &Count| (count.failures, count.until, count.turn);
    let budget = |budget: &Budget| {
        let (full_at, told) = budget.to_store();
        (0, full_at, told)
    };
    Counts {
        known: memory.known.get(&subject.pair).map(count),
        stranger: memory.strangers.get(&subject.pair).map(count),
        account: memory.accounts.get(&subject.pair.account).map(budget),
        network: memory.networks.get(&subject.network).map(budget),
        overflow: Some(budget(&memory.overflow)),
    }
}

/// A time of the database on the clock of this process.
fn instant(at: i64, then: i64, now: Instant) -> Instant {
    let distance = Duration::from_micros(at.abs_diff(then));
    let moved = if at >= then { now.checked_add(distance) } else { now.checked_sub(distance) };
    moved.unwrap_or(now)
}

/// A time of this process on the clock of the database.
fn micros(at: Instant, then: i64, now: Instant) -> i64 {
    let micros = |distance: Duration| i64::try_from(distance.as_micros()).unwrap_or(i64::MAX);
    match at.checked_duration_since(now) {
        Some(later) => then.saturating_add(micros(later)),
        None => then.saturating_sub(micros(now.saturating_duration_since(at))),
    }
}

/// Collects what a value hashes.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
