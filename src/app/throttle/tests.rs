//! Guessing from one address and from many, by the clock of the test.

use super::counters::MAX_COUNTERS;
use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const PASSWORD: Realm = Realm::Password;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// A throttle as it is configured by default, and a clock.
struct Stage {
    throttle: Throttle,
    start: Instant,
    now: Instant,
}

impl Stage {
    fn new() -> Self {
        let now = Instant::now();
        Self { throttle: Throttle::new(5, Duration::from_mins(15)), start: now, now }
    }

    /// How long an account would have to wait.
    fn wait(&self, account: &str, from: IpAddr) -> Duration {
        self.throttle.admit_at(PASSWORD, account, from, self.now).err().unwrap_or_default()
    }

    /// Tries a wrong password; tells whether it was judged.
    fn guess(&self, account: &str, from: IpAddr) -> bool {
        let admitted = self.throttle.admit_at(PASSWORD, account, from, self.now).is_ok();
        if admitted {
            self.throttle.failed_at(PASSWORD, account, from, self.now);
        }
        admitted
    }

    fn succeed(&self, account: &str, from: IpAddr) {
        self.throttle.succeeded_at(PASSWORD, account, from, self.now);
    }

    /// Polls each second until an attempt is admitted; tells how long that took.
    fn come_in(&mut self, account: &str, from: IpAddr, mut meanwhile: impl FnMut(&Self)) -> Duration {
        let begun = self.now;
        let mut next = self.now;
        loop {
            meanwhile(self);
            if self.now >= next {
                match self.wait(account, from) {
                    Duration::ZERO => return self.now - begun,
                    wait => next = self.now + wait,
                }
            }
            self.now += SECOND;
            assert!(self.now - begun < DAY, "starved");
        }
    }
}

fn there(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n))
}

#[test]
fn a_few_failures_are_free_and_then_the_wait_doubles_up_to_the_longest() {
    let mut stage = Stage::new();
    let mut waits = Vec::new();
    for _ in 0..18 {
        stage.now += stage.wait("ada", HERE);
        assert!(stage.guess("ADA", HERE));
        waits.push(stage.wait("ada", HERE).as_secs());
    }
    assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
}

#[test]
fn the_figures_of_the_document_hold() {
    let document = include_str!("../../../docs/explanation/guessing.md");
    // One address, one account, a day, as fast as it may.
    let mut stage = Stage::new();
    let mut guesses = 0;
    while stage.now - stage.start < DAY {
        match stage.wait("ada", THERE) {
            Duration::ZERO => {
                stage.throttle.failed_at(PASSWORD, "ada", THERE, stage.now);
                guesses += 1;
            }
            wait => stage.now += wait,
        }
    }
    assert!(document.contains(&format!("{guesses} guesses")), "one address: {guesses} guesses");
    // One address that tries one password on as many accounts as it may in a day.
    let mut stage = Stage::new();
    let (mut sprayed, mut account) = (0_u32, 0_u32);
    while stage.now - stage.start < DAY {
        let mut progress = false;
        for _ in 0..200 {
            account += 1;
            if stage.guess(&format!("user{account}"), THERE) {
                (sprayed, progress) = (sprayed + 1, true);
            }
        }
        if !progress {
            // It comes back for those that were told to wait.
            stage.now += FIRST_WAIT;
            for waiting in account.saturating_sub(400)..=account {
                sprayed += u32::from(stage.guess(&format!("user{waiting}"), THERE));
            }
        }
    }
    assert!(sprayed < 20_000, "{sprayed}");
    assert!(document.contains("fewer than 20,000 accounts"));
    assert!(document.contains(&format!("{} accounts", 5 * NETWORK_ALLOWANCE)));
    assert!(document.contains(&format!("{} failures", 5 * ACCOUNT_ALLOWANCE)));
    assert!(document.contains(&format!("{} seconds", FIRST_WAIT.as_secs())));
}

#[test]
fn a_known_account_is_not_delayed_by_others() {
    let stage = Stage::new();
    stage.succeed("ada", HERE);
    for n in 0..5000 {
        stage.guess("ada", there(n));
        stage.guess(&format!("invented-{n}"), HERE);
        assert_eq!(stage.wait("ada", HERE), Duration::ZERO, "{n}");
    }
    // Its own failures there count all the same.
    for _ in 0..6 {
        stage.guess("ada", HERE);
    }
    assert!(stage.wait("ada", HERE) > Duration::ZERO);
}

#[test]
fn invented_names_from_an_address_delay_the_accounts_there_that_are_new_to_it_once() {
    let mut stage = Stage::new();
    for n in 0..58 {
        stage.guess(&format!("invented-{n}"), HERE);
    }
    assert_eq!(stage.come_in("ada", HERE, |_| {}), FIRST_WAIT);
    // Tries at one account are no reason to delay the others there.
    let stage = Stage::new();
    for _ in 0..500 {
        stage.throttle.failed_at(PASSWORD, "eve", HERE, stage.now);
    }
    assert_eq!(stage.wait("ada", HERE), Duration::ZERO);
}

#[test]
fn who_waits_is_judged_however_fast_others_poll() {
    let mut stage = Stage::new();
    for n in 0..200 {
        stage.guess("ada", there(n));
    }
    let mut n = 0;
    let took = stage.come_in("ada", HERE, |stage| {
        for _ in 0..50 {
            n += 1;
            stage.guess("ada", there(n % 5000));
            stage.guess("ada", THERE);
        }
    });
    assert_eq!(took, FIRST_WAIT);
}

#[test]
fn of_many_at_once_no_more_are_judged_than_one_after_another() {
    let stage = Stage::new();
    let admit = |account| stage.throttle.admit_at(PASSWORD, account, HERE, stage.now).unwrap();
    let at_once: Vec<_> = (0..20).map(|_| admit("ada")).collect();
    let mut judged = 0;
    for attempt in &at_once {
        if stage.throttle.admits_still_at(attempt, stage.now).is_ok() {
            judged += 1;
            stage.throttle.failed_at(PASSWORD, "ada", HERE, stage.now);
        }
    }
    assert_eq!(judged, 6, "the free ones, and the one that has to be waited for from then on");
    assert!(stage.throttle.admits_still_at(&admit("bob"), stage.now).is_ok(), "nobody else");
    // The same from many addresses.
    let stage = Stage::new();
    let at_once: Vec<_> =
        (0..500).map(|n| stage.throttle.admit_at(PASSWORD, "ada", there(n), stage.now).unwrap()).collect();
    let mut judged = 0;
    for (n, attempt) in (0..).zip(&at_once) {
        if stage.throttle.admits_still_at(attempt, stage.now).is_ok() {
            judged += 1;
            stage.throttle.failed_at(PASSWORD, "ada", there(n), stage.now);
        }
    }
    assert_eq!(judged, 100);
}

#[test]
fn beyond_the_free_failures_one_attempt_is_admitted_at_a_time() {
    let mut stage = Stage::new();
    for _ in 0..6 {
        stage.guess("ada", HERE);
    }
    stage.now += stage.wait("ada", HERE);
    assert_eq!(stage.wait("ada", HERE), Duration::ZERO);
    assert!(stage.wait("ada", HERE) > Duration::ZERO, "the first one is not done yet");
    stage.succeed("ada", HERE);
    assert_eq!(stage.wait("ada", HERE), Duration::ZERO);
}

#[test]
fn what_waits_is_never_forgotten_for_others() {
    let stage = Stage::new();
    for _ in 0..20 {
        stage.throttle.failed_at(PASSWORD, "ada", THERE, stage.now);
    }
    let wait = stage.wait("ada", THERE);
    assert_eq!(wait, Duration::from_mins(15));
    for n in 0..100_000 {
        stage.throttle.failed_at(PASSWORD, &format!("user{n}"), there(n), stage.now);
    }
    assert_eq!(stage.wait("ada", THERE), wait);
    let counters = stage.throttle.counters(PASSWORD);
    assert!(counters.unknown.len() <= MAX_COUNTERS && counters.accounts.len() <= MAX_COUNTERS);
    assert!(counters.networks.len() <= MAX_COUNTERS);
}

#[test]
fn where_all_counters_are_waited_for_the_others_share_one() {
    let mut stage = Stage::new();
    for _ in 0..100 {
        stage.throttle.failed_at(PASSWORD, "ada", THERE, stage.now);
    }
    {
        let (until, mut counters) = (stage.now + DAY, stage.throttle.counters(PASSWORD));
        for n in 0..u32::try_from(MAX_COUNTERS).unwrap() {
            counters.unknown.insert((there(n), 7), Counter { until, waits: true, ..Counter::new(stage.now) });
        }
    }
    let mut passed = 0;
    for _ in 0..600 {
        passed += u32::from(stage.wait("ada", HERE).is_zero());
        stage.now += SECOND / 10;
    }
    assert!((59..=61).contains(&passed), "one each second: {passed}");
}

#[test]
fn each_realm_counts_apart_and_no_success_clears_what_is_nobodys() {
    let stage = Stage::new();
    let admit = |realm, account, from| stage.throttle.admit_at(realm, account, from, stage.now);
    for _ in 0..6 {
        stage.throttle.failed_at(Realm::UserCode, NOBODY, HERE, stage.now);
        stage.throttle.succeeded_at(Realm::UserCode, NOBODY, HERE, stage.now);
    }
    assert!(admit(Realm::UserCode, NOBODY, HERE).is_err());
    assert!(admit(Realm::UserCode, NOBODY, THERE).is_ok() && admit(Realm::Link, NOBODY, HERE).is_ok());
    for n in 0..200 {
        stage.throttle.failed_at(Realm::Client, "ci", there(n), stage.now);
    }
    assert!(admit(Realm::Client, "ci", there(300)).is_ok(), "nobody guesses a client's secret");
}

#[test]
fn an_ipv6_customer_is_one_network() {
    let stage = Stage::new();
    for n in 0..20_u16 {
        let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, n, 0, 0, 0, n));
        stage.guess("ada", address);
    }
    assert!(stage.wait("ada", "2001:db8:1:9999::1".parse().unwrap()) > Duration::ZERO);
    assert_eq!(stage.wait("ada", "2001:db8:2::1".parse().unwrap()), Duration::ZERO);
    assert_eq!(neighbourhood("::ffff:192.0.2.7".parse().unwrap()), THERE);
}

#[test]
fn failures_are_forgotten_after_a_day_of_quiet() {
    let mut stage = Stage::new();
    for _ in 0..30 {
        stage.throttle.failed_at(PASSWORD, "ada", HERE, stage.now);
    }
    stage.now += DAY + Duration::from_mins(16);
    for _ in 0..5 {
        assert!(stage.guess("ada", HERE));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    /// Whatever strangers do, the owner is not delayed at a known network, and waits at most twice the first wait from a
    /// new one.
    #[test]
    fn an_owner_always_comes_in(attacks in proptest::collection::vec((0..40_u32, 0..4_u8, 0..90_u64), 0..400)) {
        let mut stage = Stage::new();
        stage.succeed("ada", HERE);
        for (from, account, pause) in attacks {
            let account = if account == 0 { "ada".to_owned() } else { format!("other-{from}-{account}") };
            stage.guess(&account, there(from));
            stage.now += Duration::from_millis(pause * 100);
            proptest::prop_assert_eq!(stage.wait("ada", HERE), Duration::ZERO);
        }
        let took = stage.come_in("ada", THERE, |stage| { stage.guess("ada", there(1)); });
        proptest::prop_assert!(took <= FIRST_WAIT * 2, "{:?}", took);
    }
}
