//! API keys: making, listing, renewing, revoking.

use super::*;
use crate::app::keys::{self, NewKey, Renewal};
use crate::domain::key::{Grace, Key, KeyKind, KeyName, KeyRules, KeySearch};
use crate::domain::page::Page;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::error::AuthError;
use crate::store::keys::StoredSecret;

/// A new secret, which must never be in the audit.
pub(super) fn secret(office: &Office) -> StoredSecret {
    let (secret, fingerprint) = opaque::mint(Kind::Key);
    office.secrets.lock().unwrap().push(secret.expose().to_owned());
    StoredSecret { fingerprint, redacted: opaque::redacted(secret.expose()) }
}

/// A key to be, and whose.
#[derive(Clone)]
struct Asked(Named, NewKey);

pub(super) fn plain(office: &Office) -> NewKey {
    NewKey {
        name: KeyName::parse("laptop").unwrap(),
        description: Description::parse("at home").unwrap(),
        secret: secret(office),
        expires_at: None,
    }
}

fn new_key(office: &Office, whose: &Actor) -> Asked {
    Asked(named(whose), plain(office))
}

fn create(asked: Asked) -> impl Fn(&Tx, &Actor) -> Result<Key> + Send + 'static {
    create_under(KeyRules::LOOSE, asked)
}

fn create_under(rules: KeyRules, Asked(whose, new): Asked) -> impl Fn(&Tx, &Actor) -> Result<Key> + Send + 'static {
    move |tx, actor| keys::create(tx, actor, &rules, &whose, &new)
}

fn until(office: &Office, whose: &Actor, end: Timestamp) -> Asked {
    let Asked(whose, new) = new_key(office, whose);
    Asked(whose, NewKey { expires_at: Some(end), ..new })
}

fn in_minutes(minutes: u64) -> Timestamp {
    Timestamp::now().after(Duration::from_mins(minutes))
}

fn renewal(office: &Office) -> Renewal {
    Renewal { secret: secret(office), expires_at: None, grace: Grace::default() }
}

pub(super) fn refresh(
    rules: KeyRules,
    id: KeyId,
    how: Renewal,
) -> impl Fn(&Tx, &Actor) -> Result<Key> + Send + 'static {
    move |tx, actor| keys::refresh(tx, actor, &rules, id, &how)
}

/// The same person, let in by this key.
fn with_key(who: &Actor, key: &Key) -> Actor {
    Actor { credential: Credential::Key(key.id), ..who.clone() }
}

/// Whether a secret lets in, or why not.
pub(super) fn works(office: &Office, fingerprint: &Fingerprint) -> std::result::Result<Actor, AuthError> {
    match office.read(|view| keys::authenticate(view, fingerprint)) {
        Ok((user, key, _)) => Ok(with_key(&acting(&user), &key)),
        Err(Error::Unauthenticated(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn invalid(error: &Error, told: &str) {
    assert!(matches!(error, Error::Invalid { .. }) && error.to_string().contains(told), "{error:?}");
}

pub(super) fn revoke(id: KeyId) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| keys::revoke(tx, actor, id)
}

/// Makes a key of this person.
pub(super) fn make(office: &Office, maker: &Actor, whose: &Actor) -> Key {
    office.by(maker, create(new_key(office, whose))).unwrap()
}

#[test]
fn every_change_of_a_key_writes_one_audit_row_without_the_secret() {
    let office = office();
    let (key, made) = office.change(&office.bob, "keys.create", create(new_key(&office, &office.bob)));
    assert_eq!((made.kind.as_str(), made.object, made.before), ("key", key.id.to_string(), None));
    let after = made.after.unwrap();
    assert_eq!((&after["type"], &after["description"]), (&"user".into(), &"at home".into()));
    assert_eq!((&after["user"], &after["name"]), (&"bob@example.com".into(), &"laptop".into()));
    assert_eq!(after["key"], key.redacted);

    let ((), gone) = office.change(&office.bob, "keys.revoke", revoke(key.id));
    assert_eq!((gone.before, gone.after), (Some(after), None));
    office.nothing(&office.bob, revoke(key.id));
}

#[test]
fn only_its_person_and_the_operator_create_a_key() {
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
fn a_key_expires_in_the_future_or_never() {
    let office = office();
    let until = |end: Timestamp| create(until(&office, &office.bob, end));
    invalid(&office.refusal(&office.bob, until(Timestamp::from_micros(1))), "must be in the future");
    office.change(&office.bob, "keys.create", until(in_minutes(1)));
    let (key, _) = office.change(&office.bob, "keys.create", until(Timestamp::from_micros(i64::MAX)));
    assert_eq!(key.expires_at, Some(Timestamp::LATEST));
}

#[test]
fn only_administrators_see_and_revoke_keys_of_others() {
    let office = office();
    let key = make(&office, &office.bob, &office.bob);
    let page = Page { after: None, limit: 10 };
    let list = |actor: &Actor, of: Option<Named>| {
        let read = office.read(|view| match &of {
            Some(who) => keys::page_of(view, actor, who, page),
            None => keys::page_of_all(view, actor, page),
        });
        read.map(|found| found.items)
    };
    for who in [&office.bob, &office.ada, &Actor::operator()] {
        assert_eq!(list(who, Some(named(&office.bob))).unwrap().len(), 1);
    }
    assert_eq!(list(&office.ada, None).unwrap().len(), 1);
    forbidden(&list(&office.carol, Some(named(&office.bob))).unwrap_err(), Action::ReadKeys);
    hidden(&list(&office.stranger, Some(named(&office.bob))).unwrap_err());
    for who in [&office.bob, &office.stranger] {
        forbidden(&list(who, None).unwrap_err(), Action::ReadEverything);
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
    refused(&office.refusal(&Actor::operator(), create(new_key(&office, &office.bob))), "the user is disabled");
    for state in ["invited', invited_until = 9000000000000000, email = 'bob@example.com", "blocked"] {
        probe::execute(
            &office.file,
            &format!("UPDATE users SET enabled = 1, state = '{state}' WHERE email_key = 'bob@example.com'"),
        );
        refused(&office.refusal(&Actor::operator(), create(new_key(&office, &office.bob))), "is not active");
    }
}

#[test]
fn a_key_works_until_it_is_revoked_expires_or_its_person_is_disabled() {
    let office = office();
    let new = new_key(&office, &office.bob);
    let fingerprint = new.1.secret.fingerprint;
    let (key, _) = office.change(&office.bob, "keys.create", create(new));
    let enter = || office.read(|view| keys::authenticate(view, &fingerprint));
    let refusal = || match enter() {
        Err(Error::Unauthenticated(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(enter().unwrap().0.uuid, uuid(&office.bob));

    probe::execute(&office.file, "UPDATE users SET enabled = 0 WHERE email_key = 'bob@example.com'");
    assert_eq!(refusal(), AuthError::Disabled);
    probe::execute(&office.file, "UPDATE users SET enabled = 1; UPDATE keys SET expires_at = 1");
    assert_eq!(refusal(), AuthError::DeadKey);
    probe::execute(&office.file, "UPDATE keys SET expires_at = NULL");
    assert!(enter().is_ok());
    office.change(&office.bob, "keys.revoke", revoke(key.id));
    assert_eq!(refusal(), AuthError::DeadKey);
    probe::execute(&office.file, "DELETE FROM keys");
    assert_eq!(refusal(), AuthError::UnknownKey);
}

#[test]
fn a_key_never_outlasts_the_key_that_creates_it() {
    let office = office();
    let day = office.by(&office.bob, create(until(&office, &office.bob, in_minutes(60)))).unwrap();
    let bob = with_key(&office.bob, &day);
    let (omitted, _) = office.change(&bob, "keys.create", create(new_key(&office, &bob)));
    assert_eq!(omitted.expires_at, day.expires_at, "no end is the end of that key");
    office.change(&bob, "keys.create", create(until(&office, &bob, in_minutes(30))));
    let error = office.refusal(&bob, create(until(&office, &bob, in_minutes(90))));
    invalid(&error, "expires_at: must not be later than the expiry of the key that creates it");

    let endless = make(&office, &office.bob, &office.bob);
    let (narrowed, _) = office.change(&bob, "keys.refresh", refresh(KeyRules::LOOSE, endless.id, renewal(&office)));
    assert_eq!(narrowed.expires_at, day.expires_at, "nor does a refresh get around it");
}

#[test]
fn the_account_limits_key_lifetimes_and_can_disable_keys() {
    let office = office();
    let capped = KeyRules { allowed: true, max_life: Some(Duration::from_hours(1)) };
    let operator = Actor::operator();
    for who in [&office.bob, &operator] {
        let (key, _) = office.change(who, "keys.create", create_under(capped, new_key(&office, &office.bob)));
        let life = key.expires_at.unwrap().micros() - key.created_at.micros();
        assert_eq!(life, 3_600_000_000, "no end is the latest there is");
        office.change(who, "keys.create", create_under(capped, until(&office, &office.bob, in_minutes(59))));
        let error = office.refusal(who, create_under(capped, until(&office, &office.bob, in_minutes(61))));
        invalid(&error, "expires_at: must not be later than key_longest_life allows");
    }
    let endless = make(&office, &office.bob, &office.bob);
    let (renewed, _) = office.change(&office.bob, "keys.refresh", refresh(capped, endless.id, renewal(&office)));
    assert!(renewed.expires_at.is_some_and(|end| end <= in_minutes(60)), "a renewed key is as bound as a new one");

    let off = KeyRules { allowed: false, max_life: None };
    for who in [&office.bob, &office.ada] {
        forbidden(&office.refusal(who, create_under(off, new_key(&office, who))), Action::HoldKeys);
    }
    office.change(&operator, "keys.create", create_under(off, new_key(&office, &office.bob)));
    office.change(&office.bob, "keys.refresh", refresh(off, endless.id, renewal(&office)));
    probe::execute(&office.file, "UPDATE users SET developer = 0 WHERE email_key = 'bob@example.com'");
    forbidden(&office.refusal(&office.bob, create(new_key(&office, &office.bob))), Action::HoldKeys);
}

#[test]
fn a_refresh_keeps_the_key_and_changes_its_secret_at_once() {
    let office = office();
    let asked = new_key(&office, &office.bob);
    let old = asked.1.secret.fingerprint;
    let (before, _) = office.change(&office.bob, "keys.create", create(asked));
    let how = renewal(&office);
    let new = how.secret.fingerprint;
    let (after, trace) = office.change(&office.bob, "keys.refresh", refresh(KeyRules::LOOSE, before.id, how));
    assert_eq!((after.id, &after.name, after.user, after.expires_at), (before.id, &before.name, before.user, None));
    assert_ne!(after.redacted, before.redacted);
    assert_eq!(
        (&trace.before.unwrap()["key"], &trace.after.unwrap()["key"]),
        (&before.redacted.into(), &after.redacted.into())
    );
    assert_eq!(works(&office, &old).unwrap_err(), AuthError::UnknownKey);
    assert_eq!(uuid(&works(&office, &new).unwrap()), uuid(&office.bob));
}

#[test]
fn a_refresh_never_extends() {
    let office = office();
    let end = in_minutes(60);
    let key = office.by(&office.bob, create(until(&office, &office.bob, end))).unwrap();
    let to = |end| refresh(KeyRules::LOOSE, key.id, Renewal { expires_at: end, ..renewal(&office) });
    invalid(&office.refusal(&office.bob, to(Some(in_minutes(61)))), "a refresh does not extend it");
    invalid(&office.refusal(&office.bob, to(Some(Timestamp::from_micros(1)))), "must be in the future");
    let (same, _) = office.change(&office.bob, "keys.refresh", to(None));
    assert_eq!(same.expires_at, Some(end), "no end is the end before");
    let sooner = in_minutes(30);
    let (narrowed, _) = office.change(&office.bob, "keys.refresh", to(Some(sooner)));
    assert_eq!(narrowed.expires_at, Some(sooner));
    invalid(&office.refusal(&office.bob, to(Some(end))), "a refresh does not extend it");
}

#[test]
fn the_old_secret_works_only_during_the_grace_period() {
    let office = office();
    let asked = new_key(&office, &office.bob);
    let first = asked.1.secret.fingerprint;
    let key = office.by(&office.bob, create(asked)).unwrap();
    let gracious = || Renewal { grace: Grace::parse(3600).unwrap(), ..renewal(&office) };
    let (how, next) = (gracious(), gracious());
    let (second, third) = (how.secret.fingerprint, next.secret.fingerprint);
    office.change(&office.bob, "keys.refresh", refresh(KeyRules::LOOSE, key.id, how));
    assert!(works(&office, &first).is_ok() && works(&office, &second).is_ok());

    office.change(&office.bob, "keys.refresh", refresh(KeyRules::LOOSE, key.id, next));
    assert_eq!(
        works(&office, &first).unwrap_err(),
        AuthError::UnknownKey,
        "another refresh ends the grace of the first"
    );
    assert!(works(&office, &second).is_ok() && works(&office, &third).is_ok());

    probe::execute(&office.file, "UPDATE keys SET previous_expires_at = 1");
    assert_eq!(works(&office, &second).unwrap_err(), AuthError::UnknownKey);
    assert!(works(&office, &third).is_ok());

    probe::execute(&office.file, "UPDATE keys SET previous_expires_at = 9000000000000000");
    assert!(works(&office, &second).is_ok());
    office.change(&office.bob, "keys.revoke", revoke(key.id));
    for secret in [second, third] {
        assert_eq!(works(&office, &secret).unwrap_err(), AuthError::DeadKey, "revocation ends both");
    }
}

#[test]
fn the_grace_period_ends_with_the_old_expiry() {
    let office = office();
    let end = in_minutes(1);
    let key = office.by(&office.bob, create(until(&office, &office.bob, end))).unwrap();
    let how = Renewal { grace: Grace::parse(86_400).unwrap(), ..renewal(&office) };
    let (_, trace) = office.change(&office.bob, "keys.refresh", refresh(KeyRules::LOOSE, key.id, how));
    assert_eq!(trace.after.unwrap()["old_secret_until"], end.to_string());
    let kept = probe::rows(&office.file, "SELECT previous_expires_at FROM keys");
    assert_eq!(kept, [[Value::from(end.micros())]]);
}

#[test]
fn a_revoked_or_expired_key_is_not_renewed() {
    let office = office();
    let [revoked, expired] = [(); 2].map(|()| make(&office, &office.bob, &office.bob));
    office.change(&office.bob, "keys.revoke", revoke(revoked.id));
    probe::execute(&office.file, &format!("UPDATE keys SET expires_at = 1 WHERE id = {}", expired.id));
    for id in [revoked.id, expired.id] {
        let error = office.refusal(&office.bob, refresh(KeyRules::LOOSE, id, renewal(&office)));
        invalid(&error, "belongs to a key that has been revoked or has expired");
        hidden(&office.refusal(&office.carol, refresh(KeyRules::LOOSE, id, renewal(&office))));
    }
    hidden(&office.refusal(&office.bob, refresh(KeyRules::LOOSE, KeyId(4711), renewal(&office))));
}

#[test]
fn pages_of_keys_are_complete_and_filter_live_keys() {
    let office = office();
    let mine: Vec<KeyId> = (0..5).map(|_| make(&office, &office.bob, &office.bob).id).collect();
    make(&office, &office.carol, &office.carol);
    office.change(&office.bob, "keys.revoke", revoke(mine[1]));
    probe::execute(&office.file, &format!("UPDATE keys SET expires_at = 1 WHERE id = {}", mine[3]));
    let everything = |who: &Actor, live, user: Option<&Actor>| {
        let user = user.and_then(Actor::user);
        let search = KeySearch { kind: Some(KeyKind::User), live, workspace: None, user };
        let (mut seen, mut page) = (Vec::new(), Page { after: None, limit: 1 });
        loop {
            let slice = office.read(|view| keys::page(view, who, &search, page))?;
            seen.extend(slice.items.iter().map(|(key, _)| key.id));
            page.after = slice.next;
            if page.after.is_none() {
                return Ok::<_, Error>(seen);
            }
        }
    };
    assert_eq!(everything(&office.bob, true, None).unwrap(), [mine[0], mine[2], mine[4]]);
    assert_eq!(everything(&office.bob, false, None).unwrap(), [mine[1], mine[3]], "what has expired is over, too");
    assert_eq!(everything(&office.ada, false, Some(&office.bob)).unwrap(), [mine[1], mine[3]]);
    assert_eq!(everything(&Actor::operator(), true, None).unwrap(), []);
    for whose in [&office.bob, &office.carol] {
        forbidden(&everything(&office.bob, true, Some(whose)).unwrap_err(), Action::ReadKeys);
    }
}
