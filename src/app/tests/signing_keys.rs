//! Signing keys: which there are, which sign, and when they go.

use super::*;
use crate::app::identity::signing_keys::{self, Plan, Rotated, keep_up, list};
use crate::app::runtime::key_ring::LiveRing;
use crate::domain::timestamp::Timestamp;
use crate::store::signing_keys::{Record, State};
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::Algorithm;

fn rotate(store: &Store, master: &MasterKey, rsa_bits: u32) -> Result<Rotated> {
    signing_keys::rotate(store, master, &Actor::operator(), rsa_bits)
}

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// A plan whose keys are quickly made.
pub(super) const PLAN: Plan = Plan {
    algorithm: Algorithm::EdDsa,
    rsa_bits: 2048,
    life: Duration::from_hours(90 * 24),
    token_life: LIFETIMES.access_token,
};

fn master() -> MasterKey {
    MasterKey::parse(&crate::domain::secret::Secret::new("A".repeat(43) + "=")).unwrap()
}

fn other_master() -> MasterKey {
    MasterKey::parse(&crate::domain::secret::Secret::new("B".repeat(42) + "A=")).unwrap()
}

fn keys(office: &Office) -> Vec<Record> {
    office.read(list).unwrap()
}

fn of(keys: &[Record], state: State) -> Vec<String> {
    keys.iter().filter(|key| key.state == state).map(|key| key.kid.clone()).collect()
}

/// The active, the next and the retired keys.
pub(super) fn standing(office: &Office) -> (String, String, Vec<String>) {
    let keys = keys(office);
    let only = |state| <[String; 1]>::try_from(of(&keys, state)).map(|[kid]| kid).unwrap();
    (only(State::Active), only(State::Next), of(&keys, State::Retired))
}

/// Lets time pass for every key, as another process would.
fn wait(office: &Office, time: Duration) {
    let micros = time.as_micros();
    let sql =
        format!("UPDATE signing_keys SET activated_at = activated_at - {micros}, retired_at = retired_at - {micros}");
    probe::execute(&office.file, &sql);
}

fn verbs(office: &Office, from: usize) -> Vec<String> {
    office.audit().split_off(from).into_iter().map(|row| row.verb).collect()
}

#[test]
fn a_new_file_gets_an_active_and_a_next_key() {
    let office = office();
    let before = office.audit().len();
    let due = keep_up(&office.store, &master(), PLAN).unwrap();
    let (active, next, retired) = standing(&office);
    assert!(active != next && retired.is_empty());
    let left = Timestamp::now().until(due);
    assert!(left + MINUTE > PLAN.life && left <= PLAN.life, "{left:?}");
    assert_eq!(verbs(&office, before), ["signing_keys.create", "signing_keys.create"]);
    let seen = probe::everything(&office.file);
    keep_up(&office.store, &master(), PLAN).unwrap();
    assert_eq!(probe::everything(&office.file), seen, "all is as it should be");
}

#[test]
fn a_rotation_activates_the_next_key() {
    let office = office();
    assert!(
        matches!(rotate(&office.store, &master(), 2048).unwrap_err(), Error::Refused { .. }),
        "no administrator exists yet"
    );
    keep_up(&office.store, &master(), PLAN).unwrap();
    let (first, second, _) = standing(&office);
    let before = office.audit().len();
    let rotated = rotate(&office.store, &master(), 2048).unwrap();
    let (active, third, retired) = standing(&office);
    assert_eq!((&active, &retired), (&second, &vec![first.clone()]));
    assert_eq!((rotated.active, rotated.next, rotated.retired), (active, third.clone(), Some(first.clone())));
    let traces = office.audit().split_off(before);
    assert_eq!((traces[0].verb.as_str(), &traces[0].object), ("signing_keys.rotate", &second));
    assert_eq!(traces[0].before, Some(serde_json::json!({ "active": first })));
    assert_eq!(traces[0].after, Some(serde_json::json!({ "active": second })));
    assert_eq!((traces[1].verb.as_str(), &traces[1].object, traces.len()), ("signing_keys.create", &third, 2));
}

#[test]
fn an_old_active_key_is_replaced_exactly_once() {
    let office = office();
    keep_up(&office.store, &master(), PLAN).unwrap();
    let (first, second, _) = standing(&office);
    wait(&office, PLAN.life.saturating_sub(MINUTE));
    keep_up(&office.store, &master(), PLAN).unwrap();
    assert_eq!(standing(&office).0, first, "not yet");
    wait(&office, MINUTE);
    let barrier = Barrier::new(8);
    let stores: Vec<_> = (0..8).map(|_| probe::open(&office.file, Sizes::default())).collect();
    thread::scope(|scope| {
        for store in &stores {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                keep_up(store, &master(), PLAN).unwrap();
            });
        }
    });
    let (active, _, retired) = standing(&office);
    assert_eq!((active, retired), (second, vec![first]));
    let rotations = office.audit().iter().filter(|row| row.verb == "signing_keys.rotate").count();
    assert_eq!(rotations, 1);
}

#[test]
fn concurrent_rotations_keep_one_key_in_each_state() {
    let office = office();
    keep_up(&office.store, &master(), PLAN).unwrap();
    let barrier = Barrier::new(6);
    let done = thread::scope(|scope| {
        let work = |_| {
            scope.spawn(|| {
                let store = probe::open(&office.file, Sizes::default());
                barrier.wait();
                rotate(&store, &master(), 2048).is_ok()
            })
        };
        let threads: Vec<_> = (0..6).map(work).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|done| *done).count()
    });
    let (_, _, retired) = standing(&office);
    assert!(done >= 1);
    assert_eq!(retired.len(), done, "each that was done has retired a key");
}

#[test]
fn the_old_key_still_verifies_after_a_change_of_the_algorithm() {
    let office = office();
    keep_up(&office.store, &master(), PLAN).unwrap();
    let (first, unused, _) = standing(&office);
    keep_up(&office.store, &master(), Plan { algorithm: Algorithm::Es256, ..PLAN }).unwrap();
    let (_, _, retired) = standing(&office);
    assert_eq!(retired, [first]);
    let keys = keys(&office);
    assert!(keys.iter().all(|key| key.kid != unused), "a key of the old algorithm will not sign");
    assert!(keys[..2].iter().all(|key| key.algorithm == Algorithm::Es256), "{keys:?}");
    // A rotation stays with the algorithm, which is the server's to choose.
    rotate(&office.store, &master(), 2048).unwrap();
    assert!(self::keys(&office)[..2].iter().all(|key| key.algorithm == Algorithm::Es256));
}

#[test]
fn a_retired_key_is_deleted_after_its_last_token_expires() {
    let office = office();
    keep_up(&office.store, &master(), PLAN).unwrap();
    // A client whose tokens live longer counts as soon as anybody looks, and for as long as its tokens may live.
    let life = |life: &str| probe::execute(&office.file, &format!("UPDATE clients SET access_token_life = {life}"));
    life("86400");
    keep_up(&office.store, &master(), PLAN).unwrap();
    life("NULL");
    keep_up(&office.store, &master(), Plan { token_life: Duration::from_secs(1), ..PLAN }).unwrap();
    let (first, ..) = standing(&office);
    rotate(&office.store, &master(), 2048).unwrap();
    wait(&office, DAY);
    let due = keep_up(&office.store, &master(), PLAN).unwrap();
    assert_eq!(standing(&office).2, std::slice::from_ref(&first), "a last token was signed a moment later");
    assert!(Timestamp::now().until(due) < Duration::from_secs(10), "and that is when to look again");
    wait(&office, Duration::from_secs(10));
    let before = office.audit().len();
    keep_up(&office.store, &master(), PLAN).unwrap();
    assert!(standing(&office).2.is_empty());
    let traces = office.audit().split_off(before);
    assert_eq!((traces.len(), traces[0].verb.as_str(), &traces[0].object), (1, "signing_keys.delete", &first));
}

#[test]
fn a_rotation_respects_long_token_lifetimes_of_clients() {
    let office = office();
    keep_up(&office.store, &master(), PLAN).unwrap();
    probe::execute(&office.file, "UPDATE clients SET access_token_life = 86400 WHERE id = 'sdk-client'");
    rotate(&office.store, &master(), 2048).unwrap();
    let retired = keys(&office).pop().unwrap();
    assert_eq!((retired.state, retired.token_life), (State::Retired, DAY));
}

#[test]
fn the_key_ring_follows_every_rotation() {
    let office = office();
    let (ring, master) = (LiveRing::default(), master());
    let live = || ring.current(&office.store, office.store.data_version().unwrap(), &master);
    assert!(live().is_err(), "there is no key");
    keep_up(&office.store, &master, PLAN).unwrap();
    let first = live().unwrap();
    office.workspace(&office.ada, "other");
    let again = live().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first.ring, &again.ring), "another commit makes no other ring");
    assert_eq!(first.edition, again.edition);

    let beside = probe::open(&office.file, Sizes::default());
    let rotated = rotate(&beside, &master, 2048).unwrap();
    let second = live().unwrap();
    assert_eq!(second.ring.active().kid(), rotated.active);
    assert_ne!(first.edition, second.edition);
    let names = |ring: &crate::tokens::keyring::KeyRing| {
        let set = serde_json::to_value(ring.jwks()).unwrap();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&second.ring), [rotated.active.clone(), rotated.next.clone(), rotated.retired.unwrap()]);

    // A key drops out by the clock alone, though its row is still there and no commit says so.
    wait(&office, PLAN.token_life + Duration::from_secs(4));
    assert_eq!(names(&live().unwrap().ring).len(), 3);
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(names(&live().unwrap().ring), [rotated.active, rotated.next]);
    assert_eq!(keys(&office).len(), 3);
}

#[test]
fn a_wrong_master_key_is_refused_and_changes_nothing() {
    let office = office();
    keep_up(&office.store, &master(), PLAN).unwrap();
    wait(&office, PLAN.life);
    let seen = probe::everything(&office.file);
    for refused in [
        keep_up(&office.store, &other_master(), PLAN).map(drop),
        rotate(&office.store, &other_master(), 2048).map(drop),
        LiveRing::default().current(&office.store, office.store.data_version().unwrap(), &other_master()).map(drop),
    ] {
        let words = refused.unwrap_err().chain();
        assert!(words.contains("sealed under the master key"), "{words}");
    }
    assert_eq!(probe::everything(&office.file), seen);
}
