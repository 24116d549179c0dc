//! API keys: making, listing, revoking.

use super::*;
use crate::app::keys::{self, NewKey};
use crate::domain::key::{Key, KeyName};
use crate::domain::timestamp::Timestamp;

fn new_key(office: &Office, whose: &Actor) -> NewKey {
    let (secret, fingerprint) = opaque::mint(Kind::Key);
    let redacted = opaque::redacted(secret.expose());
    office.secrets.lock().unwrap().push(secret.expose().to_owned());
    NewKey { user: named(whose), name: KeyName::parse("laptop").unwrap(), fingerprint, redacted, expires_at: None }
}

fn create(new: NewKey) -> impl Fn(&Tx, &Actor) -> Result<Key> + Send + 'static {
    move |tx, actor| keys::create(tx, actor, &new)
}

fn revoke(id: KeyId) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| keys::revoke(tx, actor, id)
}

/// Makes a key of this person.
pub(super) fn make(office: &Office, maker: &Actor, whose: &Actor) -> Key {
    office.by(maker, create(new_key(office, whose))).unwrap()
}

#[test]
fn every_change_of_a_key_leaves_one_row_without_its_secret() {
    let office = office();
    let (key, made) = office.change(&office.bob, "keys.create", create(new_key(&office, &office.bob)));
    assert_eq!((made.kind.as_str(), made.object, made.before), ("key", key.id.to_string(), None));
    let after = made.after.unwrap();
    assert_eq!((&after["user"], &after["name"]), (&"bob@example.com".into(), &"laptop".into()));
    assert_eq!(after["key"], key.redacted);

    let ((), gone) = office.change(&office.bob, "keys.revoke", revoke(key.id));
    assert_eq!((gone.before, gone.after), (Some(after), None));
    office.nothing(&office.bob, revoke(key.id));
}

#[test]
fn a_key_is_made_by_whom_it_acts_as_and_by_the_operator() {
    let office = office();
    let key = |whose| create(new_key(&office, whose));
    office.change(&Actor::operator(), "keys.create", key(&office.bob));
    office.change(&office.stranger, "keys.create", key(&office.stranger));
    forbidden(&office.refusal(&office.ada, key(&office.bob)), Action::CreateKey);
    forbidden(&office.refusal(&office.carol, key(&office.bob)), Action::CreateKey);
    hidden(&office.refusal(&office.stranger, key(&office.bob)));
    hidden(&office.refusal(&Actor::nobody(origin()), key(&office.bob)));
}

#[test]
fn a_key_ends_in_the_future_or_not_at_all() {
    let office = office();
    let until = |end: Timestamp| NewKey { expires_at: Some(end), ..new_key(&office, &office.bob) };
    let error = office.refusal(&office.bob, create(until(Timestamp::from_micros(1))));
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    office.change(&office.bob, "keys.create", create(until(Timestamp::now().after(Duration::from_mins(1)))));
    let (key, _) = office.change(&office.bob, "keys.create", create(until(Timestamp::from_micros(i64::MAX))));
    assert_eq!(key.expires_at, Some(Timestamp::LATEST));
}

#[test]
fn the_keys_of_others_are_seen_and_revoked_by_administrators_only() {
    let office = office();
    let key = make(&office, &office.bob, &office.bob);
    let list = |actor: &Actor, of: Option<Named>| office.read(|view| keys::list(view, actor, of.as_ref()));
    for who in [&office.bob, &office.ada, &Actor::operator()] {
        assert_eq!(list(who, Some(named(&office.bob))).unwrap().len(), 1);
    }
    assert_eq!(list(&office.ada, None).unwrap().len(), 1);
    forbidden(&list(&office.carol, Some(named(&office.bob))).unwrap_err(), Action::ReadKeys);
    hidden(&list(&office.stranger, Some(named(&office.bob))).unwrap_err());
    for who in [&office.bob, &office.stranger] {
        hidden(&list(who, None).unwrap_err());
    }
    for who in [&office.carol, &office.stranger, &Actor::nobody(origin())] {
        let unseen = office.refusal(who, revoke(key.id));
        hidden(&unseen);
        let absent = office.refusal(who, revoke(KeyId(4711)));
        assert_eq!(unseen.to_string().replace(&key.id.to_string(), "N"), absent.to_string().replace("4711", "N"));
    }
    office.change(&office.ada, "keys.revoke", revoke(key.id));
}

#[test]
fn a_disabled_person_gets_no_key() {
    let office = office();
    let (bob, off) =
        (named(&office.bob), crate::domain::user::UserChange { enabled: Some(false), ..Default::default() });
    office.by(&office.ada, move |tx, actor| crate::app::users::change(tx, actor, &bob, &off)).unwrap();
    refused(&office.refusal(&Actor::operator(), create(new_key(&office, &office.bob))), "the person is disabled");
}

#[test]
fn a_key_lets_in_until_it_is_revoked_runs_out_or_its_person_is_disabled() {
    use crate::error::Unproved;
    let office = office();
    let new = new_key(&office, &office.bob);
    let fingerprint = new.fingerprint;
    let (key, _) = office.change(&office.bob, "keys.create", create(new));
    let enter = || office.read(|view| keys::let_in(view, &fingerprint));
    let refusal = || match enter() {
        Err(Error::Unauthenticated(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(enter().unwrap().0.uuid, uuid(&office.bob));

    probe::execute(&office.file, "UPDATE users SET enabled = 0 WHERE email_key = 'bob@example.com'");
    assert_eq!(refusal(), Unproved::Disabled);
    probe::execute(&office.file, "UPDATE users SET enabled = 1; UPDATE keys SET expires_at = 1");
    assert_eq!(refusal(), Unproved::DeadKey);
    probe::execute(&office.file, "UPDATE keys SET expires_at = NULL");
    assert!(enter().is_ok());
    office.change(&office.bob, "keys.revoke", revoke(key.id));
    assert_eq!(refusal(), Unproved::DeadKey);
    probe::execute(&office.file, "DELETE FROM keys");
    assert_eq!(refusal(), Unproved::UnknownKey);
}

#[test]
fn only_developers_make_keys_for_themselves() {
    let office = office();
    let bob = office.bob.user().unwrap();
    for off in ["developer = 0", "developer = 1, role = 'ui_only'"] {
        crate::store::probe::execute(&office.file, &format!("UPDATE users SET {off} WHERE id = {bob}"));
        forbidden(&office.refusal(&office.bob, create(new_key(&office, &office.bob))), Action::CreateKey);
    }
    office.change(&Actor::operator(), "keys.create", create(new_key(&office, &office.bob)));
}
