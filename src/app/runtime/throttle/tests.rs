use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::MutexGuard;

use proptest::prelude::*;

use super::rules::QUIET;
use super::{
    ACCOUNT, Duration, Instant, IpAddr, LocalMemory, MAX_COUNTS, Memory, NETWORK, OVERFLOW, Pair, Rules, Subject,
    Threshold, ThrottleScope, network, place,
};
use std::net::Ipv6Addr;

const FREE: u32 = 5;
const LONGEST: Duration = Duration::from_mins(15);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const SECOND: Duration = Duration::from_secs(1);

/// How many failures of one account at one address are judged in a quarter of an hour, as `docs/explanation/guessing.md`
/// says it.
const PAIR_BOUND: usize = 15;

/// The same in an hour.
const PAIR_BOUND_IN_AN_HOUR: usize = 18;

/// The rules on counts in memory.
struct Throttle {
    rules: Rules,
    counts: LocalMemory,
}

impl Throttle {
    fn new(free: u32, longest: Duration) -> Self {
        Self::with_memory(free, longest, MAX_COUNTS)
    }

    fn with_memory(free: u32, longest: Duration, most: usize) -> Self {
        Self { rules: Rules { free, longest }, counts: LocalMemory::new(most) }
    }

    fn subject(&self, realm: ThrottleScope, account: &str, from: IpAddr, known: bool) -> Subject {
        let pair = Pair { account: self.counts.name(account), place: place(from) };
        Subject { realm, pair, network: network(from), known }
    }

    fn memory(&self, realm: ThrottleScope) -> MutexGuard<'_, Memory> {
        self.counts.memory(realm)
    }

    fn admit(&self, subject: &Subject, now: Instant) -> Result<(), Duration> {
        self.rules.admit(&mut self.memory(subject.realm), subject, now)
    }

    fn judge(&self, subject: &Subject, right: bool, now: Instant) -> Result<Vec<Threshold>, Duration> {
        self.rules.judge(&mut self.memory(subject.realm), subject, right, now)
    }

    fn succeeded(&self, subject: &Subject) {
        self.memory(subject.realm).succeeded(subject);
    }
}

/// A throttle at a moment.
struct Bench {
    throttle: Throttle,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { throttle: Throttle::new(FREE, LONGEST), now: Instant::now() }
    }

    fn subject(&self, account: &str, from: IpAddr, known: bool) -> Subject {
        self.throttle.subject(ThrottleScope::Password, account, from, known)
    }

    /// Somebody who never signed in from there tries a wrong password. Tells how long they have to wait if it is not judged.
    fn guess(&self, account: &str, from: IpAddr) -> Result<Vec<Threshold>, Duration> {
        let subject = self.subject(account, from, false);
        self.throttle.admit(&subject, self.now)?;
        self.throttle.judge(&subject, false, self.now)
    }

    fn wait(&self, account: &str, from: IpAddr, known: bool) -> Duration {
        self.throttle.admit(&self.subject(account, from, known), self.now).err().unwrap_or_default()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

fn address(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n))
}

#[test]
fn a_few_failures_are_free_and_then_the_wait_doubles() {
    let mut bench = Bench::new();
    let mut waits = Vec::new();
    for _ in 0..12 {
        bench.guess("ada", HERE).unwrap();
        let wait = bench.wait("ada", HERE, false);
        waits.push(wait.as_secs());
        bench.pass(wait);
    }
    assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64]);
    for _ in 0..9 {
        bench.guess("ada", HERE).unwrap();
        bench.pass(bench.wait("ada", HERE, false));
    }
    bench.guess("ada", HERE).unwrap();
    assert_eq!(bench.wait("ada", HERE, false), LONGEST, "it has an end");
    bench.pass((1 + QUIET) * LONGEST);
    assert_eq!(bench.guess("ada", HERE), Ok(vec![]), "after a quiet time it begins anew");
}

#[test]
fn a_success_clears_what_failed_at_its_address_and_nothing_else() {
    let bench = Bench::new();
    for from in [HERE, THERE] {
        (0..=FREE).for_each(|_| drop(bench.guess("ada", from)));
    }
    bench.throttle.succeeded(&bench.subject("ada", HERE, false));
    assert_eq!(bench.wait("ada", HERE, false), Duration::ZERO);
    assert!(bench.wait("ada", THERE, false) > Duration::ZERO);
}

#[test]
fn invented_names_delay_nobody_who_signed_in_from_there_before_and_newcomers_for_a_while() {
    let bench = Bench::new();
    for n in 0..58 {
        bench.guess(&format!("invented{n}"), HERE).unwrap();
    }
    assert_eq!(bench.wait("new", HERE, false), Duration::ZERO, "an office goes on working");
    for n in 58..10_000 {
        let _ = bench.guess(&format!("invented{n}"), HERE);
    }
    assert_eq!(bench.wait("ada", HERE, true), Duration::ZERO);
    assert_eq!(bench.wait("new", HERE, false), LONGEST);
    assert_eq!(bench.wait("new", THERE, false), Duration::ZERO);
    let memory = bench.throttle.memory(ThrottleScope::Password);
    let room = u64::from(NETWORK.burst) + LONGEST.as_secs() / NETWORK.gap.as_secs();
    assert!(memory.strangers.len() as u64 <= room, "{} are remembered", memory.strangers.len());
}

#[test]
fn many_tries_at_one_account_are_one_account_of_the_network() {
    let mut bench = Bench::new();
    for _ in 0..10_000 {
        let _ = bench.guess("ada", HERE);
        bench.pass(SECOND / 100);
    }
    assert_eq!(bench.wait("bob", HERE, false), Duration::ZERO);
}

#[test]
fn spraying_from_one_network_is_slowed_whatever_addresses_it_has() {
    let spray = |from: &dyn Fn(u16) -> IpAddr| {
        let bench = Bench::new();
        (0..1000).filter(|n| bench.guess(&format!("user{n}"), from(*n)).is_ok()).count()
    };
    assert_eq!(spray(&|_| THERE), NETWORK.burst as usize);
    let of_48 = |n| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 7, n, 0, 0, 0, n));
    assert_eq!(spray(&of_48), NETWORK.burst as usize);
    assert_eq!(spray(&|n| address(n.into())), 1000, "different networks are different people");
}

#[test]
fn a_customer_with_a_whole_network_is_one_address() {
    let bench = Bench::new();
    let of_64 = |n| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n));
    let judged = (0..20).filter(|n| bench.guess("ada", of_64(*n)).is_ok()).count();
    assert_eq!(judged, FREE as usize + 1);
    let next_door = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));
    assert_eq!(bench.wait("ada", next_door, false), Duration::ZERO);
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    assert_eq!(place(mapped), THERE);
}

#[test]
fn each_kind_of_secret_has_a_memory_of_its_own() {
    let bench = Bench::new();
    (0..=FREE).for_each(|_| drop(bench.guess("ada", HERE)));
    let other = bench.throttle.subject(ThrottleScope::UserCode, "ada", HERE, false);
    assert!(bench.wait("ada", HERE, false) > Duration::ZERO);
    assert_eq!(bench.throttle.admit(&other, bench.now), Ok(()));
}

#[test]
fn of_many_at_once_no_more_are_judged_than_one_after_another() {
    let bench = Bench::new();
    let ada = bench.subject("ada", HERE, false);
    for _ in 0..50 {
        bench.throttle.admit(&ada, bench.now).unwrap();
    }
    let judged = (0..50).filter(|_| bench.throttle.judge(&ada, false, bench.now).is_ok()).count();
    assert_eq!(judged, FREE as usize + 1);
    assert!(bench.throttle.judge(&ada, true, bench.now).is_err(), "the right one among them tells nothing");
    // From many addresses at once it is the same: the account's budget is looked at again when they are judged.
    let all: Vec<_> = (0..500).map(|n| bench.subject("bob", address(n), false)).collect();
    assert!(all.iter().all(|subject| bench.throttle.admit(subject, bench.now).is_ok()));
    let judged = all.iter().filter(|subject| bench.throttle.judge(subject, false, bench.now).is_ok()).count();
    assert_eq!(judged, ACCOUNT.burst as usize);
}

#[test]
fn many_right_ones_at_once_are_all_taken() {
    let bench = Bench::new();
    let ada = bench.subject("ada", HERE, false);
    for _ in 0..500 {
        bench.throttle.admit(&ada, bench.now).unwrap();
    }
    for _ in 0..500 {
        bench.throttle.judge(&ada, true, bench.now).unwrap();
        bench.throttle.succeeded(&ada);
    }
}

#[test]
fn each_threshold_is_told_once() {
    let mut bench = Bench::new();
    let told: Vec<_> = (0..=FREE).flat_map(|_| bench.guess("ada", HERE).unwrap()).collect();
    assert_eq!(told, [Threshold::AccountAtAddress]);
    bench.pass(SECOND);
    assert_eq!(bench.guess("ada", HERE), Ok(vec![]), "the next wait of the same kind is no news");
    let told: Vec<_> = (0..200).filter_map(|n| bench.guess("bob", address(n)).ok()).flatten().collect();
    assert_eq!(told, [Threshold::Account]);
    let told: Vec<_> = (0..200).filter_map(|n| bench.guess(&format!("name{n}"), THERE).ok()).flatten().collect();
    assert_eq!(told, [Threshold::Network]);
    // While it goes on, it is no news either, though one is judged now and then.
    let mut told = 0;
    for n in 200..2000 {
        bench.pass(SECOND);
        told += bench.guess("bob", address(n)).map_or(0, |reached| reached.len());
    }
    assert_eq!(told, 0);
}

#[test]
fn whoever_polls_faster_takes_nobodys_turn() {
    let mut bench = Bench::new();
    let spent = |bench: &Bench| (0..100).for_each(|n| drop(bench.guess("ada", address(n))));
    spent(&bench);
    // As it was seen: fifteen requests in a hundred seconds, each from an address of its own.
    for n in 100..115 {
        bench.pass(Duration::from_millis(6667));
        let _ = bench.guess("ada", address(n));
    }
    let ada = bench.subject("ada", THERE, false);
    let wait = bench.throttle.admit(&ada, bench.now).err().unwrap_or_default();
    assert!(wait <= Duration::from_secs(12), "{wait:?}");
    // While ada waits, a new address tries ten times a second, and she asks too early now and then.
    let due = bench.now + wait;
    let mut n = 1000;
    while bench.now + SECOND / 10 < due {
        bench.pass(SECOND / 10);
        let _ = bench.guess("ada", address(n));
        n += 1;
        assert_eq!(bench.throttle.admit(&ada, bench.now), Err(due - bench.now), "it does not grow");
    }
    bench.now = due;
    bench.throttle.admit(&ada, bench.now).unwrap();
    // Nor while her password is looked at.
    for n in n..n + 50 {
        let _ = bench.guess("ada", address(n));
        bench.pass(SECOND / 10);
    }
    bench.throttle.judge(&ada, true, bench.now).unwrap();
}

#[test]
fn what_waits_is_never_forgotten_and_strangers_who_find_no_room_share_one_bound() {
    let mut bench = Bench { throttle: Throttle::with_memory(FREE, LONGEST, 1000), now: Instant::now() };
    (0..=FREE + 3).for_each(|_| {
        bench.pass(bench.wait("ada", HERE, false));
        bench.guess("ada", HERE).unwrap();
    });
    let (locked, until) = (bench.wait("ada", HERE, false), bench.now);
    assert!(locked >= Duration::from_secs(4));
    // 34,000 failures, from as many addresses.
    let judged = (0..34_000).filter(|n| bench.guess(&format!("name{n}"), address(*n)).is_ok()).count();
    assert!(judged < 1000 + OVERFLOW.burst as usize, "{judged}");
    assert_eq!(bench.wait("ada", HERE, false), locked.saturating_sub(bench.now - until));
    assert_eq!(bench.wait("bob", THERE, true), Duration::ZERO, "who is known there is not delayed");
    let memory = bench.throttle.memory(ThrottleScope::Password);
    assert!(memory.strangers.len() <= 1000 && memory.accounts.len() <= 1000 && memory.networks.len() <= 1000);
    assert!(memory.known.is_empty());
    drop(memory);
    bench.pass(SECOND);
    assert!(bench.guess("late", address(90_000)).is_ok(), "one each second");
    assert!(bench.guess("later", address(90_001)).is_err());
    bench.pass((1 + QUIET) * LONGEST);
    let judged = (0..500).filter(|n| bench.guess(&format!("name{n}"), address(*n)).is_ok()).count();
    assert_eq!(judged, 500, "what has expired makes room");
}

/// The most failures within any stretch of time as long as this.
fn most_within(times: &[Duration], stretch: Duration) -> usize {
    let mut window = VecDeque::new();
    let mut most = 0;
    for time in times {
        window.push_back(*time);
        while window.front().is_some_and(|first| *first + stretch <= *time) {
            window.pop_front();
        }
        most = most.max(window.len());
    }
    most
}

#[test]
fn the_figures_of_the_documentation() {
    // One address at one account, trying once a second for a day, or quiet whenever it would wait for longer than this.
    let hour = Duration::from_hours(1);
    for patience in [1, 4, 16, 64, 256, 900] {
        let mut bench = Bench::new();
        let start = bench.now;
        let mut judged = Vec::new();
        while bench.now - start < 24 * hour {
            match bench.guess("ada", HERE) {
                Ok(_) => judged.push(bench.now - start),
                Err(wait) if wait.as_secs() > patience => bench.pass(wait + QUIET * LONGEST),
                Err(_) => bench.pass(SECOND),
            }
        }
        let (quarter, hourly) = (most_within(&judged, LONGEST), most_within(&judged, hour));
        assert!(quarter <= PAIR_BOUND && hourly <= PAIR_BOUND_IN_AN_HOUR, "{quarter} {hourly}");
        assert!(patience < 900 || (quarter, hourly) == (PAIR_BOUND, PAIR_BOUND_IN_AN_HOUR), "{quarter} {hourly}");
    }
    // Ten thousand addresses at one account, one after another.
    let mut bench = Bench::new();
    let mut judged = 0;
    for n in 0..9000 {
        judged += usize::from(bench.guess("ada", address(n)).is_ok());
        bench.pass(SECOND / 10);
    }
    assert!((100..=250).contains(&judged), "{judged} of 9000 within a quarter of an hour");
    let text = include_str!("../../../../docs/explanation/guessing.md");
    for figure in [
        format!("{PAIR_BOUND} in any quarter of an hour and {PAIR_BOUND_IN_AN_HOUR} in any hour"),
        format!("at most {} a day", 24 * PAIR_BOUND_IN_AN_HOUR),
        format!("{} accounts at once, and then one more each {} s", NETWORK.burst, NETWORK.gap.as_secs()),
        format!("{} at once, and then one each {} s", ACCOUNT.burst, ACCOUNT.gap.as_secs()),
        format!("{} a day", u64::from(ACCOUNT.burst) + 86_400 / ACCOUNT.gap.as_secs()),
        format!("more than {} addresses", LONGEST.as_secs() / ACCOUNT.gap.as_secs()),
        format!("{MAX_COUNTS} counts"),
        format!("{} at once and then one each second", OVERFLOW.burst),
    ] {
        assert!(text.replace('\n', " ").contains(&figure), "the documentation says: {figure}");
    }
}

#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    Guess { account: u8, address: u8 },
    Owner,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => (0_u64..20_000).prop_map(Move::Pass),
        1 => (0_u64..2_000_000).prop_map(Move::Pass),
        12 => (0_u8..3, 0_u8..200).prop_map(|(account, address)| Move::Guess { account, address }),
        2 => (0_u8..1, 0_u8..2).prop_map(|(account, address)| Move::Guess { account, address }),
        1 => Just(Move::Owner),
    ];
    proptest::collection::vec(one, 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a model that only writes down when failures were judged.
    #[test]
    fn whatever_is_tried_in_whatever_order_every_bound_holds(moves in moves()) {
        let mut bench = Bench::new();
        let start = bench.now;
        let mut by_pair: HashMap<(u8, u8), Vec<Duration>> = HashMap::new();
        let mut by_account: HashMap<u8, Vec<Duration>> = HashMap::new();
        let owner_at = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
        let mut owner_due: Option<Instant> = None;
        for step in moves {
            match step {
                Move::Pass(milliseconds) => {
                    // Time does not pass the moment at which the owner comes back.
                    let next = bench.now + Duration::from_millis(milliseconds);
                    bench.now = owner_due.map_or(next, |due| next.min(due.max(bench.now)));
                }
                Move::Guess { account, address: n } => {
                    let at = bench.now - start;
                    if bench.guess(&format!("account{account}"), address(n.into())).is_ok() {
                        by_pair.entry((account, n)).or_default().push(at);
                        by_account.entry(account).or_default().push(at);
                    }
                }
                Move::Owner => {
                    prop_assert_eq!(bench.wait("account0", HERE, true), Duration::ZERO, "known here");
                    let owner = bench.subject("account0", owner_at, false);
                    match (bench.throttle.admit(&owner, bench.now), owner_due) {
                        (Ok(()), _) => {
                            prop_assert!(bench.throttle.judge(&owner, true, bench.now).is_ok());
                            bench.throttle.succeeded(&owner);
                            owner_due = None;
                        }
                        (Err(wait), None) => {
                            prop_assert!(wait <= LONGEST);
                            owner_due = Some(bench.now + wait);
                        }
                        (Err(wait), Some(due)) => prop_assert_eq!(bench.now + wait, due, "the wait is not made longer"),
                    }
                }
            }
            if owner_due == Some(bench.now) {
                let owner = bench.subject("account0", owner_at, false);
                prop_assert_eq!(bench.throttle.judge(&owner, true, bench.now), Ok(vec![]), "the wait is over");
                bench.throttle.succeeded(&owner);
                owner_due = None;
            }
        }
        for times in by_pair.values() {
            prop_assert!(most_within(times, LONGEST) <= PAIR_BOUND);
            prop_assert!(most_within(times, 4 * LONGEST) <= PAIR_BOUND_IN_AN_HOUR);
        }
        for times in by_account.values() {
            // In a quarter of an hour: what is free at once, what grows meanwhile, what was paid for before and waits.
            prop_assert!(most_within(times, LONGEST) <= 100 + 150 + 150);
            let seconds = usize::try_from(times.last().map_or(0, Duration::as_secs)).unwrap();
            prop_assert!(times.len() <= 101 + seconds / 6 + 200 * (seconds / 900));
        }
    }
}
