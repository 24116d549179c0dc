//! Signing in at the pages: step by step, and what a cookie is worth.

use super::sign_in::{Gate, PASSWORD, gate, gate_where, unproved};
use super::*;
use crate::app::identity::sign_in::{self as verbs, BrowserSignIn, HalfSignIn, Login, Progress, Step};
use crate::app::users;
use crate::domain::field::Field;
use crate::domain::half_sign_in::Half;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::error::AuthError;

impl Gate {
    pub(super) fn come(&self, name: &str, password: &str, replacing: Option<&str>) -> Result<Progress> {
        let login = Login { username: name.to_owned(), password: Secret::new(password) };
        self.runtime.block_on(verbs::at_pages(&self.desk, &origin(), login, replacing))
    }

    pub(super) fn come_in(&self, name: &str) -> BrowserSignIn {
        self.keep_secret(inside(self.come(name, PASSWORD, None)))
    }

    fn keep_secret(&self, sign_in: BrowserSignIn) -> BrowserSignIn {
        self.office.secrets.lock().unwrap().push(sign_in.cookie.expose().to_owned());
        sign_in
    }

    pub(super) fn show(&self, cookie: &Secret) -> Result<(Actor, Session)> {
        verbs::with_cookie(&self.desk, origin(), cookie.expose())
    }

    pub(super) fn count(&self, table: &str) -> usize {
        probe::rows(&self.office.file, &format!("SELECT 1 FROM {table}")).len()
    }

    fn choose(&self, half: &HalfSignIn, password: &str) -> Result<Progress> {
        let chosen = Password::parse(password).unwrap();
        self.runtime.block_on(verbs::choose_password(&self.desk, &origin(), half.cookie.expose(), chosen, false))
    }

    fn demand_password(&self) {
        let bob = named(&self.office.bob);
        self.office.change(&self.office.ada, "users.demand_password_change", move |tx, actor| {
            users::demand_password_change(tx, actor, &bob)
        });
    }
}

#[track_caller]
pub(super) fn inside(progress: Result<Progress>) -> BrowserSignIn {
    match progress {
        Ok(Progress::In(sign_in)) => sign_in,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn half(progress: Result<Progress>, step: Step) -> HalfSignIn {
    match progress {
        Ok(Progress::Half(half)) if half.step == step => half,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_right_password_gives_a_cookie_that_acts_as_its_person() {
    let gate = gate();
    let before = gate.office.audit().len();
    let sign_in = gate.come_in("BOB@example.com");
    let traces = gate.office.audit().split_off(before);
    assert_eq!(traces.len(), 1);
    assert_eq!((traces[0].actor.as_str(), traces[0].verb.as_str()), ("bob@example.com", "sessions.begin"));
    let (actor, session) = gate.show(&sign_in.cookie).unwrap();
    assert_eq!(actor.user(), gate.office.bob.user());
    assert_eq!(actor.credential, Credential::Session(session.id));
    assert_eq!((session.uuid, session.client, session.second_factor), (sign_in.session.uuid, None, false));
    assert!(gate.enter(sign_in.cookie.expose()).is_err(), "a cookie is no bearer token");
    let wrong = Secret::new(opaque::mint(Kind::Session).0.expose());
    unproved(&gate.show(&wrong), AuthError::SessionOver);
    unproved(&gate.show(&Secret::new("")), AuthError::SessionOver);
}

#[test]
fn what_is_refused_at_the_pages_is_refused_as_everywhere() {
    let gate = gate();
    let before = probe::everything(&gate.office.file);
    let wrong = gate.come("bob@example.com", "bob breaks engines", None);
    let unknown = gate.come("dora@example.com", PASSWORD, None);
    unproved(&wrong, AuthError::WrongPassword);
    unproved(&unknown, AuthError::WrongPassword);
    assert_eq!(wrong.unwrap_err().to_string(), unknown.unwrap_err().to_string());
    assert_eq!(probe::everything(&gate.office.file), before);
    gate.set_enabled(false);
    unproved(&gate.come("bob@example.com", "wrong password", None), AuthError::WrongPassword);
    unproved(&gate.come("bob@example.com", PASSWORD, None), AuthError::Disabled);
    for _ in 0..2 {
        let _ = gate.come("bob@example.com", "wrong password", None);
    }
    assert!(matches!(gate.come("bob@example.com", PASSWORD, None), Err(Error::Throttled { .. })));
    assert!(matches!(gate.sign_in("bob@example.com", PASSWORD), Err(Error::Throttled { .. })), "for clients too");
}

#[test]
fn every_refusal_takes_one_hash() {
    let gate = gate();
    probe::execute(&gate.office.file, "UPDATE users SET password_hash = NULL WHERE email_key = 'carol@example.com'");
    for name in ["bob", "carol", "nobody"] {
        let before = gate.desk.hashery.taken();
        unproved(&gate.come(&format!("{name}@example.com"), "not that one", None), AuthError::WrongPassword);
        assert_eq!(gate.desk.hashery.taken() - before, 1, "{name} at the pages");
        unproved(&gate.sign_in(&format!("{name}@example.com"), "not that one"), AuthError::WrongPassword);
        assert_eq!(gate.desk.hashery.taken() - before, 2, "{name} for a client");
    }
}

#[test]
fn a_new_sign_in_ends_the_session_whose_cookie_came_along() {
    let gate = gate();
    let (first, other) = (gate.come_in("bob@example.com"), gate.come_in("bob@example.com"));
    unproved(&gate.come("bob@example.com", "wrong password", Some(first.cookie.expose())), AuthError::WrongPassword);
    assert!(gate.show(&first.cookie).is_ok(), "nothing ends by a wrong password");
    let second = inside(gate.come("bob@example.com", PASSWORD, Some(first.cookie.expose())));
    assert_ne!(second.cookie, first.cookie);
    unproved(&gate.show(&first.cookie), AuthError::SessionOver);
    assert!(gate.show(&second.cookie).is_ok() && gate.show(&other.cookie).is_ok());
}

#[test]
fn signing_out_ends_this_session_alone() {
    let gate = gate();
    let (first, other) = (gate.come_in("bob@example.com"), gate.come_in("bob@example.com"));
    let (actor, _) = gate.show(&first.cookie).unwrap();
    let before = gate.office.audit().len();
    for _ in 0..2 {
        let actor = actor.clone();
        gate.office.write(move |tx| verbs::sign_out(tx, &actor)).unwrap();
    }
    let traces = gate.office.audit().split_off(before);
    assert_eq!(traces.iter().map(|trace| trace.verb.as_str()).collect::<Vec<_>>(), ["sessions.end"]);
    unproved(&gate.show(&first.cookie), AuthError::SessionOver);
    assert!(gate.show(&other.cookie).is_ok());
}

#[test]
fn a_browsers_session_ends_when_idle_and_in_any_case() {
    let gate = gate();
    let sign_in = gate.come_in("bob@example.com");
    let pass = |time: Duration| {
        let micros = time.as_micros();
        let earlier = format!(
            "UPDATE sessions SET idle_until = idle_until - {micros}, ends_at = ends_at - {micros},
                 last_used_at = last_used_at - {micros}"
        );
        probe::execute(&gate.office.file, &earlier);
    };
    for _ in 0..15 {
        pass(Duration::from_mins(19));
        gate.show(&sign_in.cookie).unwrap();
        gate.office.write(|_| Ok(())).unwrap();
    }
    pass(Duration::from_mins(19));
    unproved(&gate.show(&sign_in.cookie), AuthError::SessionOver);

    let idle = gate.come_in("bob@example.com");
    pass(LIFETIMES.browser_idle);
    unproved(&gate.show(&idle.cookie), AuthError::SessionOver);
}

#[test]
fn the_use_of_a_cookie_is_noted_once_a_minute() {
    let gate = gate();
    let sign_in = gate.come_in("bob@example.com");
    let pulse = || gate.office.store.data_version().unwrap();
    let before = pulse();
    gate.show(&sign_in.cookie).unwrap();
    gate.office.write(|_| Ok(())).unwrap();
    assert_eq!(pulse(), before);
}

#[test]
fn whatever_ends_access_ends_cookies_halves_and_codes() {
    let gate = gate();
    for end in ["disable", "password", "demand"] {
        gate.set_enabled(true);
        let bob = gate.office.bob.user().unwrap();
        let (actor, hash) =
            (named(&gate.office.bob), crate::tokens::password::hash(&Password::parse(PASSWORD).unwrap()));
        let new = users::NewPassword { hash: hash.unwrap(), revoke_keys: false };
        gate.office.by(&gate.office.ada, move |tx, ada| users::set_password(tx, ada, &actor, &new)).unwrap();
        let sign_in = gate.come_in("bob@example.com");
        for (table, code) in [("authorization_codes", 1), ("device_codes", 2), ("half_sign_ins", 3)] {
            let text = |n: u8| format!("x'{}'", format!("{n:02x}").repeat(32));
            let values = match table {
                "authorization_codes" => {
                    "client, user_id, redirect_uri, scope, code_challenge, authenticated_at, \
                    second_factor, expires_at) VALUES ('sdk-client', $u, '', '', '', 0, 0, 9000000000000000, $f)"
                }
                "device_codes" => {
                    "user_code, client, scope, state, user_id, authenticated_at, second_factor, pause, \
                    created_at, expires_at) VALUES ($f, 'sdk-client', '', 'approved', $u, 0, 0, 5, 0, 9, $f)"
                }
                _ => "user_id, step, second_factor, failures, expires_at) VALUES ($u, 'password', 0, 0, 9, $f)",
            };
            let values = values.replace(") VALUES", ", fingerprint) VALUES");
            let values = values.replace("$u", &bob.to_string()).replace("$f", &text(code));
            probe::execute(&gate.office.file, &format!("INSERT INTO {table} ({values}"));
            assert_eq!(gate.count(table), 1);
        }
        let who = named(&gate.office.bob);
        match end {
            "disable" => gate.set_enabled(false),
            "password" => {
                gate.office
                    .by(&gate.office.ada, move |tx, ada| users::set_password(tx, ada, &who, &another(false)))
                    .unwrap();
            }
            _ => gate.demand_password(),
        }
        unproved(&gate.show(&sign_in.cookie), AuthError::SessionOver);
        for table in ["sessions", "authorization_codes", "device_codes", "half_sign_ins"] {
            assert_eq!(gate.count(table), 0, "{end}: {table}");
        }
    }
}

#[test]
fn who_must_choose_another_password_gets_no_tokens_and_is_led_to_it() {
    let gate = gate();
    gate.demand_password();
    let bob = named(&gate.office.bob);
    gate.office.nothing(&gate.office.ada, move |tx, actor| users::demand_password_change(tx, actor, &bob));
    unproved(&gate.sign_in("bob@example.com", PASSWORD), AuthError::NotSetUp);
    let on_the_way = half(gate.come("bob@example.com", PASSWORD, None), Step::Password);
    let (user, step) = verbs::half(&gate.desk, on_the_way.cookie.expose()).unwrap();
    assert_eq!((user.uuid, step), (uuid(&gate.office.bob), Step::Password));
    assert!(
        matches!(gate.choose(&on_the_way, PASSWORD), Err(Error::Invalid { field, .. }) if field == Field::Password)
    );
    let code = Secret::new("123456");
    let from = origin();
    let other = verbs::second_factor(&gate.desk, &from, on_the_way.cookie.expose(), code);
    unproved(&gate.runtime.block_on(other), AuthError::HalfOver);
    let sign_in = inside(gate.choose(&on_the_way, "bob builds boats"));
    assert!(gate.show(&sign_in.cookie).is_ok());
    unproved(&gate.choose(&on_the_way, "bob builds barns"), AuthError::HalfOver);
    assert!(gate.sign_in("bob@example.com", "bob builds boats").is_ok());
    unproved(&gate.sign_in("bob@example.com", PASSWORD), AuthError::WrongPassword);
}

#[test]
fn somebody_invited_comes_in_by_a_temporary_password_and_another_one() {
    let gate = gate();
    let state = |until: &str| {
        let sql = "UPDATE users SET state = 'invited', must_change_password = 1";
        probe::execute(
            &gate.office.file,
            &format!("{sql}, invited_until = {until} WHERE email_key = 'bob@example.com'"),
        );
    };
    state("9000000000000000");
    let on_the_way = half(gate.come("bob@example.com", PASSWORD, None), Step::Password);
    let sign_in = inside(gate.choose(&on_the_way, "bob builds boats"));
    assert!(sign_in.user.may_enter() && gate.show(&sign_in.cookie).is_ok());
    state("1");
    unproved(&gate.come("bob@example.com", "bob builds boats", None), AuthError::WrongPassword);
}

#[test]
fn a_half_sign_in_ends_with_its_time() {
    let gate = gate();
    gate.demand_password();
    let on_the_way = half(gate.come("bob@example.com", PASSWORD, None), Step::Password);
    let micros = Half::LIFE.as_micros();
    probe::execute(&gate.office.file, &format!("UPDATE half_sign_ins SET expires_at = expires_at - {micros}"));
    unproved(&gate.choose(&on_the_way, "bob builds boats"), AuthError::HalfOver);
    unproved(&verbs::half(&gate.desk, "atlh_nothing"), AuthError::HalfOver);
    half(gate.come("bob@example.com", PASSWORD, None), Step::Password);
    assert_eq!(gate.count("half_sign_ins"), 1, "the dead one is swept out");
}

#[test]
fn an_administrator_who_needs_a_second_factor_sets_one_up_at_the_next_sign_in() {
    let gate = gate_where(true);
    let bob = named(&gate.office.bob);
    let change = crate::domain::user::UserChange { administrator: Some(true), ..Default::default() };
    gate.office.by(&gate.office.ada, move |tx, actor| users::change(tx, actor, &bob, &change)).unwrap();
    unproved(&gate.sign_in("bob@example.com", PASSWORD), AuthError::NotSetUp);
    let on_the_way = half(gate.come("bob@example.com", PASSWORD, None), Step::EnrolSecondFactor);
    let cookie = on_the_way.cookie.expose();
    let enrolment = gate.runtime.block_on(verbs::begin_enrolment(&gate.desk, &origin(), cookie)).unwrap();
    let again = verbs::enrolment(&gate.desk, cookie).unwrap().unwrap();
    assert_eq!(again.secret, enrolment.secret);
    let finish =
        |code: String| gate.runtime.block_on(verbs::finish_enrolment(&gate.desk, &origin(), cookie, Secret::new(code)));
    unproved(&finish("000000x".to_owned()), AuthError::WrongCode);
    let key = super::second_factors::key_of(&gate, &gate.office.bob);
    let (progress, codes) = finish(super::second_factors::code(&key, 0)).unwrap();
    assert_eq!(codes.len(), 10);
    let sign_in = inside(Ok(progress));
    assert!(sign_in.session.second_factor && gate.show(&sign_in.cookie).is_ok());
    half(gate.come("bob@example.com", PASSWORD, None), Step::SecondFactor);
}
