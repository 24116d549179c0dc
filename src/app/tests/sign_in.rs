//! Signing in with a password, and being let in with a token or a key.

use std::net::IpAddr;
use std::num::NonZeroUsize;

use super::*;
use crate::app::identity::oauth::tokens;
use crate::app::identity::passwords;
use crate::app::identity::sign_in::{self, Attempt, SignedIn};
use crate::app::identity::signing_keys as verbs;
use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::installation::Installation;
use crate::app::runtime::issuers::{Issuers, Target};
use crate::app::runtime::pool::{Pool, PoolKind};
use crate::app::runtime::state::{AppState, Fields};
use crate::app::runtime::throttle::Throttle;
use crate::app::runtime::unsent_memory::UnsentMemory;
use crate::app::{keys, users, workspaces};
use crate::domain::client::{Scope, Scopes};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::user::UserChange;
use crate::error::AuthError;
use crate::tokens::password;
use crate::tokens::seal::MasterKey;

pub(super) const PASSWORD: &str = "bob builds engines";

/// The same under weaker parameters, as an older release or another program kept it.
const OLD_HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$p/8Draig7IXJzn35U9N/aA$1wx/Fy0f9wN2SlPMmFbTV7mNrLGSgMxzZt68Gx1GPkM";

pub(super) struct Gate {
    pub(super) office: Office,
    pub(super) state: AppState,
    pub(super) runtime: tokio::runtime::Runtime,
}

/// An office whose bob has a password.
pub(super) fn gate() -> Gate {
    gate_where(false)
}

/// The same, where administrators may need a second factor.
pub(super) fn gate_where(administrators_need_second_factor: bool) -> Gate {
    let office = office();
    let master = MasterKey::create(&office.file.with_file_name("master.key")).unwrap();
    let before = office.audit().len();
    let key_plan = super::signing_keys::PLAN;
    verbs::keep_up(&office.store, &master, key_plan).unwrap();
    let made = office.audit().split_off(before);
    let verbs: Vec<_> = made.iter().map(|row| row.verb.as_str()).collect();
    assert_eq!(verbs, ["signing_keys.create", "signing_keys.create"]);
    let one = NonZeroUsize::MIN;
    let state = AppState::new(Fields {
        store: office.store.clone(),
        installation: Installation::local(office.file.parent().unwrap()),
        master_key: std::sync::Arc::new(master),
        key_plan,
        password_pool: Pool::start(PoolKind::Hashing, one, one.saturating_add(63)).unwrap(),
        signing_pool: Pool::start(PoolKind::Signing, one, one.saturating_add(63)).unwrap(),
        read_pool: Pool::start(PoolKind::Reading, one, one.saturating_add(63)).unwrap(),
        list_pool: Pool::start(PoolKind::Reading, one, one).unwrap(),
        unsent_memory: UnsentMemory::new(1 << 20),
        files: FileStorage::local(office.file.parent().unwrap()).into(),
        file_pool: Pool::start(PoolKind::Files, one, one.saturating_add(63)).unwrap(),
        place_pool: Pool::start(PoolKind::Placing, one, one.saturating_add(63)).unwrap(),
        tags: crate::tokens::tags::TagKey::new(&[0; 32]),
        throttle: Throttle::new(3, Duration::from_mins(15)),
        issuers: Issuers::new(None, vec!["localhost:8787".to_owned()], &[]),
        lifetimes: LIFETIMES,
        key_rules: crate::domain::key::KeyRules::LOOSE,
        retention: crate::domain::retention::Retention::default(),
        password_grant: true,
        administrators_need_second_factor,
        response_cache_size: 1 << 20,
    });
    let hash = password::hash(&Password::parse(PASSWORD).unwrap()).unwrap();
    office.secrets.lock().unwrap().extend([PASSWORD.to_owned(), hash.as_str().to_owned()]);
    let bob = named(&office.bob);
    let new = users::NewPassword { hash, revoke_keys: false };
    office.by(&office.ada, move |tx, actor| users::set_password(tx, actor, &bob, &new)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    Gate { office, state, runtime }
}

impl Gate {
    fn try_from(&self, from: IpAddr, name: &str, password: &str) -> Result<SignedIn> {
        let attempt = Attempt {
            username: name.to_owned(),
            password: Secret::new(password),
            totp: None,
            client: self.office.client("sdk-client"),
            scopes: Scopes::of([Scope::OpenId, Scope::Api]),
        };
        let origin = Origin { address: Some(from), ..origin() };
        self.runtime.block_on(sign_in::with_password(&self.state, &origin, attempt))
    }

    pub(super) fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn> {
        self.try_from([192, 0, 2, 1].into(), name, password)
    }

    pub(super) fn token(&self, signed_in: &SignedIn) -> String {
        let issuer = self.state.issuers.issuer(&Target::default());
        self.minted(&issuer, signed_in).access_token.expose().to_owned()
    }

    fn minted(&self, issuer: &str, signed_in: &SignedIn) -> tokens::Minted {
        let SignedIn { user, session, .. } = signed_in;
        let client = self.office.client("sdk-client");
        tokens::mint(&self.state, issuer, &client, (user, session), &Scopes::parse_known(&session.scope)).unwrap()
    }

    pub(super) fn enter(&self, bearer: &str) -> Result<Actor> {
        sign_in::with_bearer(&self.state, None, origin(), bearer).map(|proved| proved.actor)
    }

    fn refusal(&self, bearer: &str) -> AuthError {
        match self.enter(bearer) {
            Err(Error::Unauthenticated(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn key(&self, whose: &Actor) -> (KeyId, String) {
        let (secret, fingerprint) = opaque::mint(Kind::Key);
        let new = keys::NewKey {
            name: crate::domain::key::KeyName::parse("laptop").unwrap(),
            description: crate::domain::text::Description::default(),
            secret: store::keys::StoredSecret { fingerprint, redacted: opaque::redacted(secret.expose()) },
            expires_at: None,
        };
        let user = named(whose);
        let create =
            move |tx: &Tx, actor: &Actor| keys::create(tx, actor, &crate::domain::key::KeyRules::LOOSE, &user, &new);
        let key = self.office.by(whose, create).unwrap();
        (key.id, secret.expose().to_owned())
    }

    pub(super) fn set_enabled(&self, enabled: bool) {
        let (bob, change) = (named(&self.office.bob), UserChange { enabled: Some(enabled), ..UserChange::default() });
        self.office.by(&self.office.ada, move |tx, actor| users::change(tx, actor, &bob, &change)).unwrap();
    }
}

#[track_caller]
pub(super) fn unproved<T: std::fmt::Debug>(answer: &Result<T>, why: AuthError) {
    assert!(matches!(answer, Err(Error::Unauthenticated(told)) if *told == why), "{answer:?}");
}

#[test]
fn the_right_password_begins_a_session_and_writes_one_audit_row() {
    let gate = gate();
    let before = gate.office.audit().len();
    let signed_in = gate.sign_in("BOB@example.com", PASSWORD).unwrap();
    gate.office.secrets.lock().unwrap().push(signed_in.refresh_token.as_ref().unwrap().expose().to_owned());
    let traces = gate.office.audit().split_off(before);
    assert_eq!(traces.len(), 1);
    assert_eq!((traces[0].actor.as_str(), traces[0].verb.as_str()), ("bob@example.com", "sessions.begin"));
    assert_eq!(traces[0].object, signed_in.session.uuid.to_string());
    let actor = gate.enter(&gate.token(&signed_in)).unwrap();
    assert_eq!(actor.user(), gate.office.bob.user());
    assert_eq!(actor.credential, Credential::Session(signed_in.session.id));
}

#[test]
fn an_unknown_name_and_a_wrong_password_are_refused_alike_and_write_nothing() {
    let gate = gate();
    let before = probe::everything(&gate.office.file);
    let wrong = gate.sign_in("bob@example.com", "bob breaks engines");
    let unknown = gate.sign_in("dora@example.com", PASSWORD);
    unproved(&wrong, AuthError::WrongPassword);
    unproved(&unknown, AuthError::WrongPassword);
    assert_eq!(wrong.unwrap_err().to_string(), unknown.unwrap_err().to_string());
    assert_eq!(probe::everything(&gate.office.file), before);
}

#[test]
fn repeated_failures_throttle_only_their_own_account() {
    let gate = gate();
    for _ in 0..4 {
        unproved(&gate.sign_in("bob@example.com", "guess"), AuthError::WrongPassword);
    }
    assert!(matches!(gate.sign_in("bob@example.com", PASSWORD), Err(Error::Throttled { .. })));
    assert!(gate.try_from([192, 0, 2, 99].into(), "bob@example.com", PASSWORD).is_ok(), "from elsewhere");
}

#[test]
fn only_the_right_password_reveals_that_a_user_is_disabled() {
    let gate = gate();
    gate.set_enabled(false);
    unproved(&gate.sign_in("bob@example.com", "wrong password"), AuthError::WrongPassword);
    unproved(&gate.sign_in("bob@example.com", PASSWORD), AuthError::Disabled);
}

#[test]
fn a_disabled_users_session_and_key_are_refused_at_once() {
    let gate = gate();
    let token = gate.token(&gate.sign_in("bob@example.com", PASSWORD).unwrap());
    let (_, key) = gate.key(&gate.office.bob);
    assert!(gate.enter(&token).is_ok() && gate.enter(&key).is_ok());
    gate.set_enabled(false);
    assert_eq!(gate.refusal(&token), AuthError::SessionOver);
    assert_eq!(gate.refusal(&key), AuthError::DeadKey);
    gate.set_enabled(true);
    assert_eq!(gate.refusal(&token), AuthError::SessionOver, "the session is over for good");
    assert_eq!(gate.refusal(&key), AuthError::DeadKey, "and the key is");
}

#[test]
fn a_new_password_ends_sessions_and_revokes_keys_on_request() {
    let gate = gate();
    let token = gate.token(&gate.sign_in("bob@example.com", PASSWORD).unwrap());
    let (_, key) = gate.key(&gate.office.bob);
    for revoke_keys in [false, true] {
        let bob = named(&gate.office.bob);
        let set = move |tx: &Tx, actor: &Actor| users::set_password(tx, actor, &bob, &another(revoke_keys));
        gate.office.by(&gate.office.ada, set).unwrap();
        assert_eq!(gate.refusal(&token), AuthError::SessionOver);
        assert_eq!(gate.enter(&key).is_ok(), !revoke_keys);
    }
    assert_eq!(gate.refusal(&key), AuthError::DeadKey);
    unproved(&gate.sign_in("bob@example.com", PASSWORD), AuthError::WrongPassword);
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let gate = gate();
    let (id, key) = gate.key(&gate.office.bob);
    assert_eq!(gate.enter(&key).unwrap().credential, Credential::Key(id));
    gate.office.by(&gate.office.bob, move |tx, actor| keys::revoke(tx, actor, id)).unwrap();
    assert_eq!(gate.refusal(&key), AuthError::DeadKey);
}

#[test]
fn the_use_of_a_key_is_stored_without_an_audit_row() {
    let gate = gate();
    let (id, key) = gate.key(&gate.office.bob);
    let before = gate.office.audit().len();
    gate.enter(&key).unwrap();
    gate.office.write(|_| Ok(())).unwrap();
    let noted = || gate.office.read(|view| store::keys::find(view, id)).unwrap().unwrap().last_used_at;
    let first = noted();
    assert!(first.is_some());
    gate.enter(&key).unwrap();
    gate.office.write(|_| Ok(())).unwrap();
    assert_eq!(noted(), first, "not more often than every minute");
    assert_eq!(gate.office.audit().len(), before);
}

#[test]
fn malformed_credentials_are_refused() {
    let gate = gate();
    let signed_in = gate.sign_in("bob@example.com", PASSWORD).unwrap();
    let token = gate.token(&signed_in);
    let refresh_token = signed_in.refresh_token.as_ref().unwrap();
    assert_eq!(gate.refusal(refresh_token.expose()), AuthError::UnknownKey, "a refresh token opens nothing");
    assert_eq!(gate.refusal(opaque::mint(Kind::Key).0.expose()), AuthError::UnknownKey);
    assert_eq!(gate.refusal(&format!("{token}x")), AuthError::BadToken);
    assert_eq!(gate.refusal(""), AuthError::BadToken);
    let elsewhere = gate.minted("http://evil.example/auth/realms/master", &signed_in);
    assert_eq!(gate.refusal(elsewhere.access_token.expose()), AuthError::BadToken);
}

#[test]
fn an_access_token_never_outlives_its_session() {
    let gate = gate();
    let mut signed_in = gate.sign_in("bob@example.com", PASSWORD).unwrap();
    let now = crate::domain::timestamp::Timestamp::now();
    signed_in.session.ends_at = now.after(Duration::from_secs(7));
    let issuer = gate.state.issuers.issuer(&Target::default());
    let token = gate.minted(&issuer, &signed_in);
    assert_eq!(token.expires_at, signed_in.session.ends_at);
}

#[test]
fn concurrent_sign_ins_with_an_outdated_hash_all_succeed() {
    let gate = gate();
    gate.office.secrets.lock().unwrap().push(OLD_HASH.to_owned());
    probe::execute(
        &gate.office.file,
        &format!("UPDATE users SET password_hash = '{OLD_HASH}' WHERE email_key = 'bob@example.com'"),
    );
    let attempts = (0..6).map(|_| {
        let attempt = Attempt {
            username: "bob@example.com".to_owned(),
            password: Secret::new(PASSWORD),
            totp: None,
            client: gate.office.client("sdk-client"),
            scopes: Scopes::of([Scope::OpenId, Scope::Api]),
        };
        let state = gate.state.clone();
        async move { sign_in::with_password(&state, &origin(), attempt).await }
    });
    let answers = gate.runtime.block_on(async {
        let tasks: Vec<_> = attempts.map(tokio::spawn).collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    });
    for answer in answers {
        answer.unwrap();
    }
    let sql = "SELECT password_hash FROM users WHERE email_key = 'bob@example.com'";
    let kept = probe::rows(&gate.office.file, sql)[0][0].as_str().unwrap().to_owned();
    assert!(kept != OLD_HASH, "the hash is renewed");
    assert!(gate.sign_in("bob@example.com", PASSWORD).is_ok());
}

#[test]
fn an_unknown_name_costs_as_much_as_some_account() {
    const FOREIGN: &str = "$pbkdf2-sha256$i=27500$c2FsdFNBTFRzYWx0U0FMVA$TC+pxKT0EhlEbJYovmAjXy9jX13MZCRnQF3OxVSI/AI";
    let gate = gate();
    gate.office.secrets.lock().unwrap().push(FOREIGN.to_owned());
    let set = format!("UPDATE users SET password_hash = '{FOREIGN}' WHERE email_key = 'bob@example.com'");
    probe::execute(&gate.office.file, &set);
    let cost = |name: &str| {
        let decoy = gate.state.read_inline(|view| passwords::decoy(&gate.state, view, name)).unwrap();
        decoy.as_str().rsplitn(3, '$').last().unwrap().to_owned()
    };
    let names: Vec<String> = (0..40).map(|n| format!("nobody{n}@example.com")).collect();
    let costs: Vec<String> = names.iter().map(|name| cost(name)).collect();
    assert!(costs.iter().any(|cost| cost == "$pbkdf2-sha256$i=27500"), "{costs:?}");
    assert!(costs.iter().any(|cost| cost.starts_with("$argon2id$v=19$m=19456,t=2,p=1")), "{costs:?}");
    let again: Vec<String> = names.iter().map(|name| cost(&name.to_uppercase())).collect();
    assert_eq!(costs, again, "the same name always costs the same");
}

#[test]
fn few_of_many_concurrent_guesses_are_judged() {
    let gate = gate();
    let client = gate.office.client("sdk-client");
    let attempts = (0..12).map(|at| {
        let attempt = Attempt {
            username: "bob@example.com".to_owned(),
            password: Secret::new(if at == 11 { PASSWORD } else { "a wrong guess" }),
            totp: None,
            client: client.clone(),
            scopes: Scopes::of([Scope::OpenId, Scope::Api]),
        };
        let state = gate.state.clone();
        async move { sign_in::with_password(&state, &origin(), attempt).await }
    });
    let answers = gate.runtime.block_on(async {
        let tasks: Vec<_> = attempts.map(tokio::spawn).collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    });
    let wrong = |answer: &&Result<SignedIn>| matches!(answer, Err(Error::Unauthenticated(AuthError::WrongPassword)));
    let judged = answers.iter().filter(wrong).count();
    assert!((4..8).contains(&judged), "{judged} of 11");
    assert!(matches!(answers.last(), Some(Err(Error::Throttled { .. }))), "the right one among them tells nothing");
}

#[test]
fn a_credential_that_ends_during_a_request_writes_nothing() {
    let gate = gate();
    let attempt = |who: &Actor, name: &'static str| {
        let write = gate.state.write_as(who, move |tx, actor| workspaces::create(tx, actor, &called(name)).map(drop));
        gate.runtime.block_on(write)
    };
    let (id, key) = gate.key(&gate.office.bob);
    let by_key = gate.enter(&key).unwrap();
    let signed_in = gate.sign_in("bob@example.com", PASSWORD).unwrap();
    let by_token = gate.enter(&gate.token(&signed_in)).unwrap();
    attempt(&by_key, "engines").unwrap();
    attempt(&by_token, "valves").unwrap();

    gate.office.by(&gate.office.bob, move |tx, actor| keys::revoke(tx, actor, id)).unwrap();
    unproved(&attempt(&by_key, "late"), AuthError::DeadKey);
    gate.set_enabled(false);
    unproved(&attempt(&by_token, "late"), AuthError::SessionOver);
}

#[test]
fn a_late_read_uses_the_current_permissions() {
    let gate = gate();
    let signed_in = gate.sign_in("bob@example.com", PASSWORD).unwrap();
    let bob = gate.enter(&gate.token(&signed_in)).unwrap();
    let role = || {
        let read = gate.state.read_as(&bob, |_, actor| Ok(actor.person().unwrap().role));
        gate.runtime.block_on(read)
    };
    assert_eq!(role().unwrap(), AccountRole::Member);
    let (who, change) = (named(&gate.office.bob), UserChange { administrator: Some(true), ..UserChange::default() });
    gate.office.by(&gate.office.ada, move |tx, actor| users::change(tx, actor, &who, &change)).unwrap();
    assert_eq!(role().unwrap(), AccountRole::Administrator);
    gate.set_enabled(false);
    unproved(&role(), AuthError::SessionOver);
}

#[test]
fn a_write_uses_the_role_at_its_turn() {
    let gate = gate();
    let promote = |administrator| {
        let change = UserChange { administrator: Some(administrator), ..UserChange::default() };
        let bob = named(&gate.office.bob);
        gate.office.by(&gate.office.ada, move |tx, actor| users::change(tx, actor, &bob, &change)).unwrap();
    };
    promote(true);
    let signed_in = gate.sign_in("bob@example.com", PASSWORD).unwrap();
    let bob = gate.enter(&gate.token(&signed_in)).unwrap();
    promote(false);
    let mallory = new_user("mallory", AccountRole::Administrator);
    let create = move |tx: &Tx, actor: &Actor| users::create(tx, actor, &mallory, Uuid::new_v4(), None).map(drop);
    forbidden(&gate.runtime.block_on(gate.state.write_as(&bob, create)).unwrap_err(), Action::CreateUser);
}
