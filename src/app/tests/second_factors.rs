//! Second factors: set up, proved, used up, lost.

use super::pages::{half, inside};
use super::sign_in::{Gate, PASSWORD, gate, unproved};
use super::*;
use crate::app::identity::links::{self, Choice};
use crate::app::identity::second_factors as verbs;
use crate::app::identity::sign_in::{self, Attempt, Progress, SignedIn, Step};
use crate::app::people;
use crate::domain::client::{Scope, Scopes};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::error::AuthError;
use crate::tokens::totp::TotpKey;

/// The secret that a person's app has.
pub(super) fn key_of(gate: &Gate, who: &Actor) -> TotpKey {
    let kept = gate.office.read(|view| store::second_factors::find(view, who.user().unwrap())).unwrap().unwrap();
    let context = format!("second-factor/{}", uuid(who));
    let key = TotpKey::from_slice(&gate.state.master_key.open(&context, &kept.sealed).unwrap()).unwrap();
    gate.office.secrets.lock().unwrap().push(key.base32().expose().to_owned());
    key
}

/// The code that the app shows so many steps from now.
pub(super) fn code(key: &TotpKey, steps: i64) -> String {
    key.code_at(Timestamp::now().seconds() + steps * 30)
}

impl Gate {
    /// Gives bob a second factor; tells his app's secret and his recovery codes.
    fn enrol(&self) -> (TotpKey, Vec<Secret>) {
        let bob = &self.bob_at_the_pages();
        self.runtime.block_on(verbs::begin(&self.state, bob)).unwrap();
        let key = key_of(self, bob);
        let codes = self.runtime.block_on(verbs::confirm(&self.state, bob, Secret::new(code(&key, -1)))).unwrap();
        self.office.secrets.lock().unwrap().extend(codes.iter().map(|code| code.expose().to_owned()));
        (key, codes)
    }

    /// Bob, who has just signed in, without a code.
    fn bob_at_the_pages(&self) -> Actor {
        self.show(&self.come_in("bob@example.com").cookie).unwrap().0
    }

    fn half(&self) -> String {
        half(self.come("bob@example.com", PASSWORD, None), Step::SecondFactor).cookie.expose().to_owned()
    }

    fn prove(&self, half: &str, code: &str) -> Result<Progress> {
        self.runtime.block_on(sign_in::second_factor(&self.state, &origin(), half, Secret::new(code)))
    }

    fn by_client(&self, password: &str, totp: Option<&str>) -> Result<SignedIn> {
        let attempt = Attempt {
            username: "bob@example.com".to_owned(),
            password: Secret::new(password),
            totp: totp.map(Secret::new),
            client: self.office.client("sdk-client"),
            scopes: Scopes::of([Scope::OpenId, Scope::Api]),
        };
        self.runtime.block_on(sign_in::with_password(&self.state, &origin(), attempt))
    }
}

impl Office {
    /// Bob with a credential that lasts.
    fn bob_in(&self, gate: &Gate) -> Actor {
        gate.enter(&gate.key(&self.bob).1).unwrap()
    }
}

#[test]
fn a_confirmed_second_factor_counts_and_ends_other_sessions() {
    let gate = gate();
    let bob = gate.bob_at_the_pages();
    let (token, cookie) =
        (gate.token(&gate.sign_in("bob@example.com", PASSWORD).unwrap()), gate.come_in("bob@example.com"));
    let state = || gate.office.read(|view| verbs::state(view, &bob)).unwrap();
    let first = gate.runtime.block_on(verbs::begin(&gate.state, &bob)).unwrap();
    let second = gate.runtime.block_on(verbs::begin(&gate.state, &bob)).unwrap();
    assert_ne!(first.secret, second.secret);
    assert!(second.uri.expose().contains(second.secret.expose()));
    assert_eq!(verbs::enrolment(&gate.state, &bob).unwrap().unwrap().secret, second.secret);
    assert!(state().is_none() && gate.sign_in("bob@example.com", PASSWORD).is_ok(), "nothing is confirmed");

    let key = key_of(&gate, &bob);
    let confirm = |code: String| gate.runtime.block_on(verbs::confirm(&gate.state, &bob, Secret::new(code)));
    unproved(&confirm(code(&key, 9)), AuthError::WrongCode);
    let codes = confirm(code(&key, 0)).unwrap();
    assert_eq!((codes.len(), state().unwrap().recovery_codes), (10, 10));
    refused(&confirm(code(&key, 1)).unwrap_err(), "two-factor authentication is already on");
    refused(
        &gate.runtime.block_on(verbs::begin(&gate.state, &bob)).unwrap_err(),
        "two-factor authentication is already on",
    );
    assert!(verbs::enrolment(&gate.state, &bob).unwrap().is_none(), "the secret is shown no more");
    unproved(&gate.enter(&token), AuthError::SessionOver);
    unproved(&gate.show(&cookie.cookie), AuthError::SessionOver);
    assert_eq!(gate.count("sessions"), 1, "bob's own stays");
    for secret in codes.iter().chain([&first.secret, &second.secret]) {
        gate.office.secrets.lock().unwrap().push(secret.expose().to_owned());
    }
    let verbs: Vec<_> = gate.office.audit().into_iter().rev().take(4).map(|trace| trace.verb).collect();
    assert!(verbs.contains(&"second_factors.confirm".to_owned()), "{verbs:?}");
}

#[test]
fn a_client_sign_in_requires_a_code_and_no_code_works_twice() {
    let gate = gate();
    let (key, recovery) = gate.enrol();
    let now = code(&key, 0);
    for (password, totp) in [(PASSWORD, None), (PASSWORD, Some("000000x")), ("wrong", Some(now.as_str()))] {
        let before = (gate.state.password_pool.taken(), probe::everything(&gate.office.file));
        let refused = gate.by_client(password, totp);
        unproved(&refused, AuthError::WrongPassword);
        assert_eq!(gate.state.password_pool.taken() - before.0, 1, "as long as a wrong password takes");
        let judged = password == PASSWORD && totp.is_some();
        assert_eq!(probe::everything(&gate.office.file) == before.1, !judged, "a wrong code is counted, nothing else");
    }
    assert_eq!(gate.count("wrong_codes"), 1);
    let gate_codes = recovery[0].expose();
    let signed_in = gate.by_client(PASSWORD, Some(&now)).unwrap();
    assert!(signed_in.session.second_factor);
    unproved(&gate.by_client(PASSWORD, Some(&now)), AuthError::WrongPassword);
    unproved(&gate.by_client(PASSWORD, Some(gate_codes)), AuthError::WrongPassword);
    let throttled = (0..9).any(|_| matches!(gate.by_client(PASSWORD, None), Err(Error::Throttled { .. })));
    assert!(throttled, "a missing code is a failure");
}

#[test]
fn only_password_and_code_reveal_that_a_user_is_disabled() {
    let gate = gate();
    let (key, _) = gate.enrol();
    gate.set_enabled(false);
    unproved(&gate.by_client(PASSWORD, None), AuthError::WrongPassword);
    unproved(&gate.by_client(PASSWORD, Some(&code(&key, 0))), AuthError::Disabled);
}

#[test]
fn a_code_or_a_recovery_code_works_once_at_the_pages() {
    let gate = gate();
    let (key, recovery) = gate.enrol();
    let now = code(&key, 0);
    let sign_in = inside(gate.prove(&gate.half(), &now));
    assert!(sign_in.session.second_factor && gate.show(&sign_in.cookie).is_ok());
    let next = gate.half();
    unproved(&gate.prove(&next, &now), AuthError::WrongCode);
    for typed in [recovery[0].expose().to_owned(), recovery[1].expose().to_uppercase().replace('-', " ")] {
        inside(gate.prove(&gate.half(), &typed));
        unproved(&gate.prove(&gate.half(), &typed), AuthError::WrongCode);
    }
    let state = gate.office.read(|view| verbs::state(view, &gate.office.bob)).unwrap().unwrap();
    assert_eq!(state.recovery_codes, 8);
    let used = gate.office.audit().into_iter().filter(|trace| trace.verb == "second_factors.use_recovery_code");
    assert_eq!(used.count(), 2);
}

#[test]
fn each_recovery_code_works_once_in_any_order() {
    let gate = gate();
    let (_, recovery) = gate.enrol();
    let bob = gate.office.read(|view| store::users::find(view, gate.office.bob.user().unwrap())).unwrap().unwrap();
    let (master_key, actor) = (gate.state.master_key.clone(), gate.office.bob.clone());
    let order = [3, 3, 0, 9, 0, 5, 3, 9, 1, 2, 4, 6, 7, 8, 5, 1];
    let mut used = std::collections::HashSet::new();
    for at in order {
        let (master_key, actor, bob, code) = (master_key.clone(), actor.clone(), bob.clone(), recovery[at].clone());
        let good = gate.office.write(move |tx| verbs::use_code(&master_key, tx, &actor, &bob, &code)).unwrap();
        assert_eq!(good, used.insert(at), "code {at}");
    }
    assert_eq!(used.len(), 10);
}

#[test]
fn wrong_codes_throttle_the_person_and_end_the_pending_sign_in() {
    let gate = gate();
    let (key, recovery) = gate.enrol();
    let (one, other) = (gate.half(), gate.half());
    for half in [&one, &other, &one, &other, &one] {
        unproved(&gate.prove(half, "nonsense"), AuthError::WrongCode);
    }
    for right in [code(&key, 0).as_str(), recovery[0].expose()] {
        assert!(matches!(gate.prove(&other, right), Err(Error::Throttled { .. })), "a right one waits too");
        assert!(matches!(gate.by_client(PASSWORD, Some(right)), Err(Error::Throttled { .. })), "for clients too");
    }
    let told: Vec<_> = gate.office.audit().into_iter().map(|trace| trace.verb).collect();
    assert_eq!(told.iter().filter(|verb| *verb == "half_sign_ins.wrong_code").count(), 5);
    assert_eq!(told.iter().filter(|verb| *verb == "second_factors.wait").count(), 1);
    // One more wait is over, one more code is judged.
    let over = format!("UPDATE wrong_codes SET last_at = last_at - {}", 60_000_000);
    probe::execute(&gate.office.file, &over);
    unproved(&gate.prove(&other, "nonsense"), AuthError::WrongCode);
    probe::execute(&gate.office.file, &over);
    assert!(matches!(gate.prove(&other, &code(&key, 0)), Err(Error::Throttled { .. })), "the second wait is longer");
    probe::execute(&gate.office.file, &over);
    inside(gate.prove(&other, &code(&key, 0)));
    assert_eq!(gate.count("wrong_codes"), 0, "a right one clears it");
    let half = gate.half();
    probe::execute(&gate.office.file, "UPDATE pending_sign_ins SET failures = 5");
    unproved(&gate.prove(&half, &code(&key, 1)), AuthError::HalfOver);
}

#[test]
fn only_a_reset_of_the_second_factor_clears_wrong_codes() {
    let gate = gate();
    let (key, _) = gate.enrol();
    let half = gate.half();
    for _ in 0..5 {
        unproved(&gate.prove(&half, "nonsense"), AuthError::WrongCode);
    }
    let new = gate.half();
    assert!(matches!(gate.prove(&new, &code(&key, 0)), Err(Error::Throttled { .. })));
    let bob = named(&gate.office.bob);
    gate.office.by(&gate.office.ada, move |tx, ada| verbs::reset(tx, ada, &bob)).unwrap();
    assert_eq!(gate.count("wrong_codes"), 0);
}

#[test]
fn a_password_alone_does_not_clear_the_throttle_of_wrong_codes() {
    let gate = gate();
    let (key, _) = gate.enrol();
    let mut turned_away = false;
    for _ in 0..8 {
        match gate.come("bob@example.com", PASSWORD, None) {
            Ok(progress) => drop(half(Ok(progress), Step::SecondFactor)),
            Err(error) => turned_away |= matches!(error, Error::Throttled { .. }),
        }
        let guess = gate.by_client(PASSWORD, Some("000000"));
        turned_away |= matches!(guess, Err(Error::Throttled { .. }));
    }
    assert!(turned_away, "the pages are no way to guess for ever at the token endpoint");
    assert!(matches!(gate.by_client(PASSWORD, Some(&code(&key, 0))), Err(Error::Throttled { .. })));
}

#[test]
fn a_completed_sign_in_clears_the_throttle_of_wrong_passwords() {
    let gate = gate();
    let (key, _) = gate.enrol();
    for _ in 0..3 {
        unproved(&gate.come("bob@example.com", "wrong", None), AuthError::WrongPassword);
    }
    inside(gate.prove(&gate.half(), &code(&key, 0)));
    for _ in 0..3 {
        unproved(&gate.come("bob@example.com", "wrong", None), AuthError::WrongPassword);
    }
}

#[test]
fn a_temporary_password_is_not_replaced_without_the_code() {
    let gate = gate();
    let (key, _) = gate.enrol();
    let (bob, hash) =
        (uuid(&gate.office.bob), crate::tokens::password::hash(&Password::parse("temporary one").unwrap()));
    let hash = hash.unwrap();
    gate.office.by(&gate.office.ada, move |tx, ada| people::reset_password(tx, ada, bob, &hash, true)).unwrap();
    let replace = |temporary: &str| {
        let choice = Choice {
            username: "bob@example.com".to_owned(),
            temporary: Secret::new(temporary),
            chosen: Password::parse("bob builds boats").unwrap(),
            revoke_keys: false,
        };
        gate.runtime.block_on(links::replace_temporary(&gate.state, origin(), choice))
    };
    refused(&replace("temporary one").unwrap_err(), "this account has two-factor authentication");
    unproved(&replace("wrong"), AuthError::WrongPassword);
    let first = half(gate.come("bob@example.com", "temporary one", None), Step::SecondFactor);
    half(gate.prove(first.cookie.expose(), &code(&key, 0)), Step::Password);
}

#[test]
fn renewal_and_removal_require_a_code() {
    let gate = gate();
    let (key, recovery) = gate.enrol();
    let bob = gate.office.bob_in(&gate);
    let renew = |code: &str| gate.runtime.block_on(verbs::renew_recovery_codes(&gate.state, &bob, Secret::new(code)));
    let remove = |code: &str| gate.runtime.block_on(verbs::remove(&gate.state, &bob, Secret::new(code)));
    unproved(&renew("000000x"), AuthError::WrongCode);
    let renewed = renew(&code(&key, 0)).unwrap();
    gate.office.secrets.lock().unwrap().extend(renewed.iter().map(|code| code.expose().to_owned()));
    unproved(&remove(recovery[0].expose()), AuthError::WrongCode);
    remove(renewed[0].expose()).unwrap();
    assert_eq!((gate.count("second_factors"), gate.count("recovery_codes")), (0, 0));
    refused(&remove(renewed[1].expose()).unwrap_err(), "two-factor authentication is off");
    assert!(gate.by_client(PASSWORD, None).is_ok());
    gate.office.audit();
}

#[test]
fn a_reset_removes_the_second_factor_and_ends_every_session() {
    let gate = gate();
    gate.enrol();
    let half = gate.half();
    probe::execute(&gate.office.file, "UPDATE second_factors SET confirmed_at = NULL");
    let cookie = gate.come_in("bob@example.com");
    probe::execute(&gate.office.file, "UPDATE second_factors SET confirmed_at = 1");
    let (me, bob) = (named(&gate.office.bob), named(&gate.office.bob));
    forbidden(
        &gate.office.refusal(&gate.office.carol, move |tx, actor| verbs::reset(tx, actor, &me).map(drop)),
        Action::SetPassword,
    );
    let ((_, had_one), _) =
        gate.office.change(&gate.office.ada, "second_factors.reset", move |tx, actor| verbs::reset(tx, actor, &bob));
    assert!(had_one);
    unproved(&gate.show(&cookie.cookie), AuthError::SessionOver);
    unproved(&gate.prove(&half, "123456"), AuthError::HalfOver);
    let bob = named(&gate.office.bob);
    assert!(!gate.office.nothing(&gate.office.ada, move |tx, actor| verbs::reset(tx, actor, &bob)).1);
    assert!(gate.by_client(PASSWORD, None).is_ok());
}
