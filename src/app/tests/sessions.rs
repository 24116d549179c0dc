//! Sessions: going on with a refresh token, and the ends that they come to.

use super::*;
use crate::app::identity::oauth::refresh::{self as turns, Turn};
use crate::app::identity::sessions;
use crate::domain::client::ClientId;
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::error::AuthError;

fn refresh(
    token: &RefreshToken,
    client: &str,
    lifetimes: Lifetimes,
) -> impl Fn(&Tx, &Actor) -> Result<(User, Session)> + Send + 'static {
    let (token, client) = (token.clone(), ClientId::parse(client).unwrap());
    let salt = crate::tokens::refresh::salt();
    move |tx, actor| {
        let client = store::clients::find(tx, &client)?.unwrap();
        match turns::take_turn(tx, actor, &token, &client, None, (&lifetimes, &salt))? {
            Turn::GoesOn(refreshed) => Ok((refreshed.user, refreshed.session)),
            Turn::Replayed => panic!("one that stays good"),
        }
    }
}

#[track_caller]
fn unproved(error: &Error, why: AuthError) {
    assert!(matches!(error, Error::Unauthenticated(told) if *told == why), "{error:?}");
}

fn nobody() -> Actor {
    Actor::nobody(origin())
}

/// Lets time pass for every session.
fn wait(office: &Office, time: Duration) {
    let micros = time.as_micros();
    let sql = format!("UPDATE sessions SET idle_until = idle_until - {micros}, ends_at = ends_at - {micros}");
    probe::execute(&office.file, &sql);
}

#[test]
fn a_reusable_refresh_token_works_again_and_again_without_an_audit_row() {
    let office = office();
    let (session, token) = office.sign_in(&office.bob);
    for _ in 0..3 {
        let token = token.clone();
        let (user, found) = office.nothing(&nobody(), refresh(&token, "sdk-client", LIFETIMES));
        assert_eq!((user.uuid, found.uuid), (uuid(&office.bob), session));
    }
}

#[test]
fn the_last_use_is_stored_once_an_hour_without_an_audit_row() {
    let office = office();
    let lifetimes = Lifetimes { session_idle: Duration::from_hours(24), ..LIFETIMES };
    let (session, token) = office.sign_in_for(&office.bob, lifetimes);
    let before = office.audit().len();
    let used = || probe::rows(&office.file, &format!("SELECT last_used_at FROM sessions WHERE uuid = '{session}'"));
    for (minutes, stored) in [(0, false), (59, false), (2, true), (1, false)] {
        let ago = Duration::from_mins(minutes).as_micros();
        probe::execute(&office.file, &format!("UPDATE sessions SET last_used_at = last_used_at - {ago}"));
        let last = used();
        office.by(&nobody(), refresh(&token, "sdk-client", lifetimes)).unwrap();
        assert_eq!(used() != last, stored, "{minutes} minutes later");
    }
    assert_eq!(office.audit().len(), before);
}

#[test]
fn the_first_refresh_from_an_address_is_audited() {
    let office = office();
    let (session, token) = office.sign_in(&office.bob);
    let from = |address: &str| {
        let actor = Actor::nobody(Origin { address: address.parse().ok(), ..origin() });
        let before = office.audit().len();
        office.by(&actor, refresh(&token, "sdk-client", LIFETIMES)).unwrap();
        office.audit().split_off(before)
    };
    assert!(from("192.0.2.1").is_empty(), "it began there");
    let traces = from("2001:db8::1");
    assert_eq!(traces.len(), 1, "{traces:?}");
    assert_eq!((traces[0].actor.as_str(), traces[0].verb.as_str()), ("bob@example.com", "sessions.refresh"));
    assert_eq!(traces[0].object, session.to_string());
    assert_eq!(traces[0].before, Some(serde_json::json!({ "address": "192.0.2.1" })));
    assert_eq!(traces[0].after, Some(serde_json::json!({ "address": "2001:db8::" })));
    for known in ["2001:db8::2", "192.0.2.1", "::ffff:192.0.2.1"] {
        assert!(from(known).is_empty(), "{known}");
    }
    // 32 further addresses are remembered, the newest.
    for last in 2..34 {
        assert_eq!(from(&format!("192.0.2.{last}")).len(), 1);
    }
    assert!(from("192.0.2.2").is_empty() && from("192.0.2.1").is_empty());
    assert_eq!(from("2001:db8::1").len(), 1, "the oldest was forgotten");
}

#[test]
fn the_refresh_token_of_another_client_is_refused() {
    let office = office();
    let (_, token) = office.sign_in(&office.bob);
    unproved(&office.refusal(&nobody(), refresh(&token, "admin-cli", LIFETIMES)), AuthError::BadRefreshToken);
    let unknown = RefreshToken::reusable();
    unproved(&office.refusal(&nobody(), refresh(&unknown, "sdk-client", LIFETIMES)), AuthError::DeadRefreshToken);
}

#[test]
fn an_unused_session_expires() {
    let office = office();
    let (session, token) = office.sign_in(&office.bob);
    wait(&office, Duration::from_mins(29));
    office.by(&nobody(), refresh(&token, "sdk-client", LIFETIMES)).unwrap();
    wait(&office, Duration::from_mins(29));
    office.by(&nobody(), refresh(&token, "sdk-client", LIFETIMES)).unwrap();
    wait(&office, LIFETIMES.session_idle);
    unproved(&office.refusal(&nobody(), refresh(&token, "sdk-client", LIFETIMES)), AuthError::DeadRefreshToken);
    let enter = office.read(|view| sessions::authenticate(view, session, uuid(&office.bob)));
    unproved(&enter.unwrap_err(), AuthError::SessionOver);
}

#[test]
fn a_used_session_expires_at_its_maximum_lifetime() {
    let office = office();
    let (_, token) = office.sign_in(&office.bob);
    let mut refreshes = 0;
    loop {
        wait(&office, Duration::from_mins(20));
        match office.by(&nobody(), refresh(&token, "sdk-client", LIFETIMES)) {
            Ok((_, session)) => assert!(session.idle_until <= session.ends_at),
            Err(error) => break unproved(&error, AuthError::DeadRefreshToken),
        }
        refreshes += 1;
        assert!(refreshes < 40, "it never ends");
    }
    assert_eq!(refreshes, 29, "20 minutes each, of 10 hours");
}

#[test]
fn the_idle_timeout_is_limited_by_the_session_lifetime() {
    let office = office();
    let lifetimes = Lifetimes { session_idle: Duration::from_secs(99_999), ..LIFETIMES };
    let (session, token) = office.sign_in_for(&office.bob, lifetimes);
    let (_, found) = office.by(&nobody(), refresh(&token, "sdk-client", lifetimes)).unwrap();
    assert_eq!((found.uuid, found.idle_until), (session, found.ends_at));
}

#[test]
fn a_session_authenticates_only_its_own_user() {
    let office = office();
    let (session, _) = office.sign_in(&office.bob);
    let enter = |session, who: &Actor| office.read(|view| sessions::authenticate(view, session, uuid(who)));
    assert_eq!(enter(session, &office.bob).unwrap().person.uuid, uuid(&office.bob));
    unproved(&enter(session, &office.carol).unwrap_err(), AuthError::SessionOver);
    unproved(&enter(Uuid::new_v4(), &office.bob).unwrap_err(), AuthError::SessionOver);
    probe::execute(&office.file, "UPDATE users SET enabled = 0");
    unproved(&enter(session, &office.bob).unwrap_err(), AuthError::Disabled);
}

#[test]
fn the_refresh_token_of_a_disabled_user_is_refused() {
    let office = office();
    let (_, token) = office.sign_in(&office.bob);
    probe::execute(&office.file, "UPDATE users SET enabled = 0 WHERE email_key = 'bob@example.com'");
    unproved(&office.refusal(&nobody(), refresh(&token, "sdk-client", LIFETIMES)), AuthError::Disabled);
}

#[test]
fn a_person_or_an_administrator_ends_all_sessions_of_the_person() {
    let office = office();
    let bob = office.bob.user().unwrap();
    let end = move |tx: &Tx, actor: &Actor| sessions::end_all(tx, actor, bob);
    office.sign_in(&office.bob);
    let (_, token) = office.sign_in(&office.bob);
    forbidden(&office.refusal(&office.carol, end), Action::EndSession);
    hidden(&office.refusal(&office.stranger, end));
    hidden(&office.refusal(&nobody(), end));
    let confirm = AuthError::NotConfirmed;
    unproved(&office.refusal(&office.bob, end), confirm);
    let with = |id| Actor { credential: Credential::Session(SessionId(id)), ..office.bob.clone() };
    let ago = |seconds: i64| {
        let sql = format!("UPDATE sessions SET authenticated_at = created_at - {} WHERE id = 1", seconds * 1_000_000);
        probe::execute(&office.file, &sql);
    };
    for (seconds, why) in [(301, "too long ago"), (-600, "in the future, so that the clock was set back")] {
        ago(seconds);
        let refused = office.refusal(&with(1), end);
        assert!(matches!(refused, Error::Unauthenticated(told) if told == confirm), "{why}: {refused:?}");
    }
    ago(200);
    let (ended, trace) = office.change(&with(1), "sessions.end_all", end);
    assert_eq!(ended, 2);
    assert_eq!((trace.kind.as_str(), trace.object), ("user", uuid(&office.bob).to_string()));
    unproved(&office.refusal(&nobody(), refresh(&token, "sdk-client", LIFETIMES)), AuthError::DeadRefreshToken);
    office.sign_in(&office.bob);
    office.change(&office.ada, "sessions.end_all", end);
}

#[test]
fn new_sessions_delete_dead_ones() {
    let office = office();
    for _ in 0..20 {
        office.sign_in(&office.bob);
    }
    wait(&office, LIFETIMES.session_life);
    for _ in 0..4 {
        office.sign_in(&office.carol);
    }
    let left =
        probe::rows(&office.file, "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM refresh_tokens)");
    assert_eq!(left, [[4, 4]]);
}
