//! Codes, device codes and families of refresh tokens: what each is good for, and how often.

use proptest::prelude::*;

use super::sign_in::Gate;
use super::*;
use crate::app::identity::oauth::authorization_codes::{self as codes, Presented};
use crate::app::identity::oauth::authorizations::{self, Authorization, Fault, Needed, Request};
use crate::app::identity::oauth::devices::{self, Polled};
use crate::app::identity::oauth::grants::Granted;
use crate::app::identity::oauth::refresh::{self, GRACE};
use crate::app::identity::oauth::{client_authentication, consents, logout, service_accounts, token_status, tokens};
use crate::app::identity::session_list;
use crate::domain::authorization_code::AuthorizationCode;
use crate::domain::client::{ClientName, Grant, PkcePolicy, RedirectUri, RefreshPolicy, Scope, Scopes};
use crate::domain::group::GroupNames;
use crate::domain::ids::SessionId;
use crate::domain::secret::Secret;
use crate::domain::session::{BrowserId, Session};
use crate::domain::timestamp::Timestamp;
use crate::error::AuthError;
use crate::tokens::pkce;

const ISSUER: &str = "http://localhost:8787/auth/realms/master";
pub(super) const BACK: &str = "https://app.example/cb?x=1";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const BROWSER: BrowserId = BrowserId([7; 32]);

/// A registered client, not built in.
fn app_client(confidential: bool) -> Client {
    Client {
        id: ClientId::parse("app").unwrap(),
        name: ClientName::parse("The App").unwrap(),
        built_in: false,
        confidential,
        grants: Grant::ALL.into_iter().collect(),
        scopes: Scopes::of(Scope::ALL),
        redirect_uris: vec![RedirectUri::parse(BACK).unwrap()],
        post_logout_redirect_uris: vec![RedirectUri::parse("https://app.example/bye").unwrap()],
        refresh: RefreshPolicy::Rotating,
        pkce: PkcePolicy::Required,
        groups: GroupNames::default(),
        access_token_life: None,
        session_idle: None,
        session_life: None,
        service_user: None,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

/// An office with bob, signed in at the pages, and a client.
pub(super) struct Front {
    pub(super) gate: Gate,
    pub(super) client: Client,
    pub(super) session: Session,
    bob: Actor,
}

pub(super) fn front() -> Front {
    let gate = super::sign_in::gate();
    let client = app_client(false);
    let new = client.clone();
    gate.office.write(move |tx| store::clients::insert(tx, &new, None)).unwrap();
    let id = gate.office.bob.user().unwrap();
    let (_, cookie) = opaque::mint(Kind::Session);
    let session = gate.office.write(move |tx| {
        let mut session = Session {
            id: SessionId(0),
            uuid: Uuid::new_v4(),
            user: id,
            client: None,
            scope: String::new(),
            nonce: None,
            address: None,
            user_agent: None,
            authenticated_at: tx.now.before(Duration::from_mins(3)),
            second_factor: true,
            created_at: tx.now,
            last_used_at: tx.now,
            idle_until: tx.now.after(Duration::from_hours(1)),
            ends_at: tx.now.after(Duration::from_hours(2)),
        };
        session.id = store::sessions::insert(tx, &session, store::sessions::SessionCredential::Cookie(&cookie))?;
        Ok(session)
    });
    let session = session.unwrap();
    let bob = Actor { credential: Credential::Session(session.id), ..gate.office.bob.clone() };
    Front { gate, client, session, bob }
}

fn asked() -> Request {
    let text = |text: &str| Some(text.to_owned());
    Request {
        client_id: text("app"),
        redirect_uri: text(BACK),
        response_type: text("code"),
        scope: text("openid email api unknown"),
        state: text("a b&c"),
        nonce: text("n1"),
        code_challenge: Some(pkce::challenge(VERIFIER)),
        code_challenge_method: text("S256"),
        ..Request::default()
    }
}

fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?').unwrap();
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

#[expect(clippy::needless_pass_by_value, reason = "an answer is looked at once")]
#[track_caller]
pub(super) fn unproved<T: std::fmt::Debug>(answer: Result<T>, why: AuthError) {
    assert!(matches!(&answer, Err(Error::Unauthenticated(told)) if *told == why), "{answer:?}");
}

impl Front {
    fn check(&self, request: &Request) -> std::result::Result<Authorization, Fault> {
        self.gate.office.read(|view| authorizations::check(view, ISSUER, request)).unwrap()
    }

    pub(super) fn code(&self) -> String {
        let authorization = self.check(&asked()).unwrap();
        let (session, asked) = (self.session.clone(), authorization.clone());
        self.gate.office.by(&self.bob, move |tx, actor| authorizations::approve(tx, actor, &session, &asked)).unwrap();
        let to = authorizations::grant(&self.gate.state, &self.bob, (&self.session, BROWSER), &authorization, ISSUER);
        let to = self.gate.runtime.block_on(to).unwrap();
        assert!(to.starts_with("https://app.example/cb?x=1&code=atlg_"), "{to}");
        assert_eq!(parameter(&to, "state").as_deref(), Some("a b&c"));
        assert_eq!(parameter(&to, "iss").as_deref(), Some(ISSUER));
        let code = parameter(&to, "code").unwrap();
        self.gate.office.secrets.lock().unwrap().push(code.clone());
        code
    }

    pub(super) fn trade(&self, client: &Client, code: &str, redirect_uri: &str, verifier: &str) -> Result<Granted> {
        let presented = Presented {
            code: Secret::new(code),
            redirect_uri: redirect_uri.to_owned(),
            verifier: Some(Secret::new(verifier)),
        };
        self.gate.runtime.block_on(codes::trade(&self.gate.state, &origin(), client, presented))
    }

    pub(super) fn refresh(&self, token: &str) -> Result<Granted> {
        let origin = origin();
        let refreshed = refresh::refresh(&self.gate.state, &origin, &self.client, token, None);
        self.gate.runtime.block_on(refreshed).map(Granted::from)
    }

    fn access(&self, granted: &Granted) -> String {
        let Granted { user, session, scopes, .. } = granted;
        let minted = tokens::mint(&self.gate.state, ISSUER, &self.client, (user, session), scopes).unwrap();
        minted.access_token.expose().to_owned()
    }

    fn age(&self, by: Duration) {
        let micros = by.as_micros();
        for sql in [
            format!("UPDATE refresh_tokens SET exchanged_at = exchanged_at - {micros}"),
            format!("UPDATE authorization_codes SET expires_at = expires_at - {micros}"),
            format!(
                "UPDATE device_codes SET expires_at = expires_at - {micros}, polled_at = polled_at - {micros},
                     created_at = created_at - {micros}"
            ),
        ] {
            probe::execute(&self.gate.office.file, &sql);
        }
    }
}

pub(super) fn token(granted: &Granted) -> String {
    granted.refresh_token.as_ref().unwrap().expose().to_owned()
}

#[test]
fn a_reused_code_ends_the_session_that_it_led_to() {
    let front = front();
    let code = front.code();
    let granted = front.trade(&front.client, &code, BACK, VERIFIER).unwrap();
    assert_eq!((granted.session.nonce.as_deref(), granted.session.second_factor), (Some("n1"), true));
    assert_eq!(granted.session.authenticated_at, front.session.authenticated_at);
    assert_eq!(granted.scopes.to_string(), "openid email api");
    let access = front.access(&granted);
    front.gate.enter(&access).unwrap();
    unproved(front.trade(&front.client, &code, BACK, VERIFIER), AuthError::BadCode);
    unproved(front.gate.enter(&access), AuthError::SessionOver);
    unproved(front.refresh(&token(&granted)), AuthError::DeadRefreshToken);
    assert!(front.gate.office.audit().iter().any(|row| row.verb == "sessions.end_replayed"));
    unproved(front.trade(&front.client, &code, BACK, VERIFIER), AuthError::BadCode);
}

#[test]
fn a_code_is_bound_to_client_redirect_uri_and_verifier_and_expires() {
    let front = front();
    let code = front.code();
    let other = front.gate.office.client("arize-cli");
    unproved(front.trade(&other, &code, BACK, VERIFIER), AuthError::BadCode);
    for address in ["https://app.example/cb", "https://app.example/cb?x=2", "https://app.example/cb?x=1&", ""] {
        unproved(front.trade(&front.client, &code, address, VERIFIER), AuthError::BadCode);
    }
    for verifier in ["", &pkce::challenge(VERIFIER), &VERIFIER.to_uppercase()] {
        unproved(front.trade(&front.client, &code, BACK, verifier), AuthError::BadCode);
    }
    unproved(front.trade(&front.client, &code[..code.len() - 1], BACK, VERIFIER), AuthError::BadCode);
    front.age(AuthorizationCode::LIFE);
    unproved(front.trade(&front.client, &code, BACK, VERIFIER), AuthError::BadCode);
}

#[test]
fn no_grant_signs_in_a_user_who_may_not_sign_in() {
    let states = [
        ("enabled = 0", AuthError::Disabled),
        ("state = 'blocked'", AuthError::Disabled),
        ("must_change_password = 1", AuthError::NotSetUp),
    ];
    for (state, why) in states {
        let front = front();
        let (code, other) = (front.code(), front.code());
        let granted = front.trade(&front.client, &other, BACK, VERIFIER).unwrap();
        let begun = front.gate.runtime.block_on(devices::begin(
            &front.gate.state,
            &origin(),
            &front.client,
            &front.client.scopes,
        ));
        let begun = begun.unwrap();
        let typed = begun.user_code.expose();
        let decided = devices::decide(&front.gate.state, &front.bob, &front.session, typed, true);
        front.gate.runtime.block_on(decided).unwrap();
        let sql = format!("UPDATE users SET {state} WHERE email_key = 'bob@example.com'");
        probe::execute(&front.gate.office.file, &sql);
        unproved(front.trade(&front.client, &code, BACK, VERIFIER), why);
        unproved(front.refresh(&token(&granted)), why);
        let here = origin();
        let poll = devices::poll(&front.gate.state, &here, &front.client, begun.device_code.expose());
        unproved(front.gate.runtime.block_on(poll), why);
        let again = front.check(&asked()).unwrap();
        let grant = authorizations::grant(&front.gate.state, &front.bob, (&front.session, BROWSER), &again, ISSUER);
        unproved(front.gate.runtime.block_on(grant), why);
    }
}

#[test]
fn an_authorization_error_is_shown_or_returned_to_the_client() {
    let front = front();
    let with = |change: &dyn Fn(&mut Request)| {
        let mut request = asked();
        change(&mut request);
        front.check(&request)
    };
    let text = |text: &str| Some(text.to_owned());
    for fault in [
        with(&|r| r.client_id = None),
        with(&|r| r.client_id = text("nobody")),
        with(&|r| r.redirect_uri = None),
        with(&|r| r.redirect_uri = text("https://app.example/cb?x=2")),
        with(&|r| r.redirect_uri = text("https://evil.example/")),
        with(&|r| r.client_id = text("sdk-client")),
    ] {
        assert!(matches!(fault, Err(Fault::Shown { .. })), "{fault:?}");
    }
    let told = |answer: std::result::Result<Authorization, Fault>| {
        let Err(Fault::Returned { to }) = answer else { panic!("{answer:?}") };
        assert!(to.starts_with("https://app.example/cb?x=1&error="), "{to}");
        assert_eq!(parameter(&to, "iss").as_deref(), Some(ISSUER));
        parameter(&to, "error").unwrap()
    };
    for (error, answer) in [
        ("request_not_supported", with(&|r| r.request = text("x"))),
        ("request_uri_not_supported", with(&|r| r.request_uri = text("x"))),
        ("unsupported_response_type", with(&|r| r.response_type = text("token"))),
        ("invalid_request", with(&|r| r.response_type = None)),
        ("invalid_request", with(&|r| r.response_mode = text("fragment"))),
        ("invalid_request", with(&|r| r.code_challenge = None)),
        ("invalid_request", with(&|r| r.code_challenge = text("short"))),
        ("invalid_request", with(&|r| r.code_challenge_method = text("plain"))),
        ("invalid_request", with(&|r| r.code_challenge_method = None)),
        ("invalid_request", with(&|r| r.prompt = text("none login"))),
        ("invalid_request", with(&|r| r.prompt = text("create"))),
        ("invalid_request", with(&|r| r.max_age = text("-1"))),
        ("invalid_request", with(&|r| r.nonce = Some("n".repeat(3000)))),
        ("invalid_request", with(&|r| r.nonce = text("n\0"))),
        ("invalid_scope", with(&|r| r.scope = text("unknown"))),
    ] {
        assert_eq!(told(answer), error);
    }
    let plain = with(&|r| r.scope = None).unwrap();
    assert_eq!(plain.scopes.to_string(), "email profile");
    let now = Timestamp::now();
    let answered = |asked: &Authorization, since| asked.is_answered_by(&front.session, since, now);
    let (before, after) = (front.session.authenticated_at.before(Duration::from_secs(1)), now);
    assert!(answered(&plain, None));
    for (asked, at_once) in [
        (with(&|r| r.max_age = text("0")).unwrap(), false),
        (with(&|r| r.max_age = text("60")).unwrap(), false),
        (with(&|r| r.max_age = text("600")).unwrap(), true),
        (with(&|r| r.prompt = text("login")).unwrap(), false),
        (with(&|r| r.prompt = text("select_account")).unwrap(), false),
    ] {
        assert_eq!(answered(&asked, None), at_once, "{asked:?}");
        assert!(answered(&asked, Some(before)), "signed in since: {asked:?}");
        assert_eq!(answered(&asked, Some(after)), at_once, "not signed in since: {asked:?}");
    }
    assert!(with(&|r| r.prompt = text("login consent")).unwrap().prompt.consent);
    let denied = plain.refused(ISSUER, "access_denied", "no");
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
}

#[test]
fn a_client_that_is_not_built_in_needs_consent_which_can_be_withdrawn() {
    let front = front();
    let office = &front.gate.office;
    let authorization = front.check(&asked()).unwrap();
    let needs = |of: &Authorization| {
        let needed = office.read(|view| authorizations::needed(view, &front.bob, &front.session, of)).unwrap();
        assert_ne!(needed, Some(Needed::Approval), "the address is protected by https");
        needed.is_some()
    };
    assert!(needs(&authorization));
    let grant = authorizations::grant(&front.gate.state, &front.bob, (&front.session, BROWSER), &authorization, ISSUER);
    refused(&front.gate.runtime.block_on(grant).unwrap_err(), "has not authorized the client");
    let granted = front.trade(&front.client, &front.code(), BACK, VERIFIER).unwrap();
    assert!(!needs(&authorization));
    assert!(needs(&front.check(&Request { prompt: Some("consent".to_owned()), ..asked() }).unwrap()));
    assert!(needs(&front.check(&Request { scope: Some("offline_access".to_owned()), ..asked() }).unwrap()));
    let given = office.read(|view| consents::page(view, &front.bob, None, 10)).unwrap();
    assert_eq!((given.len(), given[0].scopes.to_string()), (1, "openid email api".to_owned()));
    let id = front.client.id.clone();
    office.change(&front.bob, "consents.withdraw", move |tx, actor| consents::withdraw(tx, actor, &id));
    unproved(front.refresh(&token(&granted)), AuthError::DeadRefreshToken);
    let id = front.client.id.clone();
    hidden(&office.refusal(&front.bob, move |tx, actor| consents::withdraw(tx, actor, &id)));
    hidden(&office.refusal(&front.bob, {
        let id = front.client.id.clone();
        move |tx, actor| consents::withdraw(tx, actor, &id)
    }));
}

#[test]
fn a_device_gets_tokens_once_and_only_after_approval() {
    let front = front();
    let (state, runtime) = (&front.gate.state, &front.gate.runtime);
    let begin = || runtime.block_on(devices::begin(state, &origin(), &front.client, &front.client.scopes)).unwrap();
    let poll = |code: &str| runtime.block_on(devices::poll(state, &origin(), &front.client, code));
    let decide = |typed: &str, yes| runtime.block_on(devices::decide(state, &front.bob, &front.session, typed, yes));
    let asked = begin();
    let (code, typed) = (asked.device_code.expose(), asked.user_code.expose().to_lowercase().replace('-', " "));
    assert!(matches!(poll(code), Ok(Polled::Pending)));
    assert!(matches!(poll(code), Ok(Polled::SlowDown)));
    front.age(Duration::from_secs(5));
    assert!(matches!(poll(code), Ok(Polled::SlowDown)), "the pause has grown to 10 s");
    assert_eq!(devices::find(state, &origin(), &typed).unwrap().user_code, asked.user_code.expose());
    decide(&typed, true).unwrap();
    unproved(devices::find(state, &origin(), &typed).map(drop), AuthError::DeadUserCode);
    unproved(decide(&typed, false).map(drop), AuthError::DeadUserCode);
    let other = front.gate.office.client("sdk-client");
    unproved(runtime.block_on(devices::poll(state, &origin(), &other, code)), AuthError::BadDeviceCode);
    let Ok(Polled::Granted(granted)) = poll(code) else { panic!("tokens at once") };
    assert_eq!(granted.user.uuid, uuid(&front.bob));
    unproved(poll(code), AuthError::BadDeviceCode);
    let denied = begin();
    decide(denied.user_code.expose(), false).unwrap();
    assert!(matches!(poll(denied.device_code.expose()), Ok(Polled::Denied)));
    let late = begin();
    front.age(Duration::from_mins(10));
    assert!(matches!(poll(late.device_code.expose()), Ok(Polled::Expired)));
    unproved(decide(late.user_code.expose(), true).map(drop), AuthError::DeadUserCode);
}

#[test]
fn an_approved_client_without_tokens_can_be_stopped() {
    let front = front();
    let (state, runtime, office) = (&front.gate.state, &front.gate.runtime, &front.gate.office);
    let approved = || {
        let asked = runtime.block_on(devices::begin(state, &origin(), &front.client, &front.client.scopes)).unwrap();
        let decided = devices::decide(state, &front.bob, &front.session, asked.user_code.expose(), true);
        runtime.block_on(decided).unwrap();
        asked.device_code
    };
    let poll = |code: &Secret| runtime.block_on(devices::poll(state, &origin(), &front.client, code.expose()));
    let device = approved();
    let id = front.client.id.clone();
    office.change(&front.bob, "consents.withdraw", move |tx, actor| consents::withdraw(tx, actor, &id));
    assert!(matches!(poll(&device), Ok(Polled::Denied)), "consent was withdrawn");

    let used = front.code();
    let granted = front.trade(&front.client, &used, BACK, VERIFIER).unwrap();
    let (device, code) = (approved(), front.code());
    let (whose, other) = (front.session.user, front.session.uuid);
    office.by(&front.bob, move |tx, actor| session_list::end_others(tx, actor, whose, other)).unwrap();
    unproved(poll(&device), AuthError::BadDeviceCode);
    unproved(front.trade(&front.client, &code, BACK, VERIFIER), AuthError::BadCode);
    unproved(front.refresh(&token(&granted)), AuthError::DeadRefreshToken);
    let row = office.audit().into_iter().rfind(|trace| trace.verb == "sessions.end_others");
    assert!(row.is_some(), "and the audit knows");

    let used = front.code();
    let granted = front.trade(&front.client, &used, BACK, VERIFIER).unwrap();
    let (device, code) = (approved(), front.code());
    office.by(&front.bob, move |tx, actor| session_list::end(tx, actor, other)).unwrap();
    unproved(poll(&device), AuthError::BadDeviceCode);
    unproved(front.trade(&front.client, &code, BACK, VERIFIER), AuthError::BadCode);
    let next = front.refresh(&token(&granted)).unwrap();
    unproved(front.trade(&front.client, &used, BACK, VERIFIER), AuthError::BadCode);
    unproved(front.refresh(&token(&next)), AuthError::DeadRefreshToken);
}

#[test]
fn guesses_of_user_codes_and_requests_for_codes_are_limited() {
    let front = front();
    let (state, runtime) = (&front.gate.state, &front.gate.runtime);
    let mut turned_away = false;
    for _ in 0..20 {
        turned_away |= matches!(devices::find(state, &origin(), "BCDF-GHJK"), Err(Error::Throttled { .. }));
    }
    assert!(turned_away, "from one address");
    let mut asked = 0;
    let full = loop {
        match runtime.block_on(devices::begin(state, &origin(), &front.client, &front.client.scopes)) {
            Ok(_) => asked += 1,
            Err(error) => break error,
        }
    };
    assert!(asked >= 60 && matches!(full, Error::TooMany { .. }), "{asked} {full:?}");
}

#[test]
fn a_client_authenticates_by_its_secret_and_acts_as_its_bot() {
    let front = front();
    let state = &front.gate.state;
    let (secret, kept) = opaque::mint(Kind::ClientSecret);
    let bot = Uuid::new_v4();
    let new = Client { id: ClientId::parse("ci").unwrap(), ..app_client(true) };
    front
        .gate
        .office
        .write(move |tx| {
            let user = store::bots::insert(tx, bot, "ci", AccountRole::Member)?;
            store::clients::insert(tx, &Client { service_user: Some(user), ..new.clone() }, Some(&kept))
        })
        .unwrap();
    let prove = |id: &str, secret: Option<&Secret>| client_authentication::authenticate(state, &origin(), id, secret);
    let ci = prove("ci", Some(&secret)).unwrap();
    unproved(prove("ci", None), AuthError::BadClient);
    unproved(prove("app", Some(&secret)), AuthError::BadClient);
    unproved(prove("api-client", Some(&secret)), AuthError::BadClient);
    unproved(prove("nobody", None), AuthError::BadClient);
    let (wrong, _) = opaque::mint(Kind::ClientSecret);
    unproved(prove("ci", Some(&wrong)), AuthError::BadClient);
    let begin = |client: &Client, scopes: &Scopes| {
        front.gate.runtime.block_on(service_accounts::begin(state, &origin(), client, scopes))
    };
    let granted = begin(&ci, &Scopes::of([Scope::Api, Scope::OfflineAccess])).unwrap();
    assert!(granted.refresh_token.is_none());
    let rows = || front.gate.office.audit().iter().filter(|row| row.verb == "sessions.begin").count();
    let once = rows();
    begin(&ci, &Scopes::of([Scope::Api])).unwrap();
    assert_eq!(rows(), once, "the audit has one session of a bot a day and address");
    let day = Duration::from_hours(24).as_micros();
    probe::execute(&front.gate.office.file, &format!("UPDATE known_places SET seen_at = seen_at - {day}"));
    begin(&ci, &Scopes::of([Scope::Api])).unwrap();
    assert_eq!(rows(), once + 1);
    assert_eq!(granted.session.ends_at, granted.session.created_at.after(LIFETIMES.access_token));
    let minted = tokens::mint(state, ISSUER, &ci, (&granted.user, &granted.session), &granted.scopes).unwrap();
    assert!(minted.id_token.is_none());
    assert_eq!(front.gate.enter(minted.access_token.expose()).unwrap().person().unwrap().uuid, bot);
    probe::execute(&front.gate.office.file, &format!("UPDATE users SET enabled = 0 WHERE uuid = '{bot}'"));
    unproved(front.gate.enter(minted.access_token.expose()), AuthError::Disabled);
    unproved(begin(&ci, &Scopes::default()), AuthError::Disabled);
    probe::execute(&front.gate.office.file, &format!("UPDATE users SET enabled = 1 WHERE uuid = '{bot}'"));
    assert!(front.gate.enter(minted.access_token.expose()).is_ok());
    probe::execute(&front.gate.office.file, "DELETE FROM clients WHERE id = 'ci'");
    unproved(front.gate.enter(minted.access_token.expose()), AuthError::SessionOver);
    let orphan = front.gate.office.client("api-client");
    refused(&begin(&orphan, &Scopes::default()).unwrap_err(), "no service account");
}

#[test]
fn an_expired_id_token_is_a_logout_hint_but_no_access_token() {
    let front = front();
    let state = &front.gate.state;
    let granted = front.trade(&front.client, &front.code(), BACK, VERIFIER).unwrap();
    let Granted { user, session, scopes, .. } = &granted;
    let minted = tokens::mint(state, ISSUER, &front.client, (user, session), scopes).unwrap();
    let id_token = minted.id_token.unwrap().expose().to_owned();
    unproved(front.gate.enter(&id_token), AuthError::BadToken);
    let ask = |hint: &str, to: &str| {
        logout::check(
            state,
            &logout::Request {
                id_token_hint: Some(hint.to_owned()),
                client_id: Some("app".to_owned()),
                post_logout_redirect_uri: Some(to.to_owned()),
                state: Some("s t".to_owned()),
            },
        )
    };
    let asked = ask(&id_token, "https://app.example/bye").unwrap();
    assert_eq!((asked.session, asked.to.as_deref()), (Some(session.uuid), Some("https://app.example/bye?state=s+t")));
    for (hint, to) in
        [(&*id_token, "https://app.example/bye2"), (minted.access_token.expose(), "https://app.example/bye")]
    {
        assert!(matches!(ask(hint, to), Err(Error::Invalid { .. })), "{to}");
    }
    front.gate.runtime.block_on(logout::end(state, &origin(), &asked)).unwrap();
    assert!(token_status::judge(state, minted.access_token.expose()).unwrap().is_none());
    front.gate.runtime.block_on(logout::end(state, &origin(), &asked)).unwrap();
}

#[test]
fn a_client_may_have_its_own_lifetimes_and_longer_offline_sessions() {
    let own = |change: &dyn Fn(&mut Client), scopes: Scopes| {
        let mut client = app_client(false);
        change(&mut client);
        let found = LIFETIMES.of(&client, &scopes);
        (found.access_token, found.session_idle, found.session_life)
    };
    let offline = Scopes::of([Scope::OfflineAccess]);
    let minutes = Duration::from_mins;
    assert_eq!(own(&|_| {}, Scopes::default()), (minutes(5), minutes(30), minutes(600)));
    assert_eq!(own(&|_| {}, offline.clone()), (minutes(5), minutes(1200), minutes(2400)));
    let change = |client: &mut Client| {
        client.access_token_life = Some(minutes(1));
        client.session_idle = Some(minutes(2));
        client.session_life = Some(minutes(3));
    };
    assert_eq!(own(&change, offline), (minutes(1), minutes(2), minutes(3)));
}

#[derive(Clone, Debug)]
enum Step {
    Present(usize),
    Wait(u64),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A family against a model that keeps only who followed whom and when.
    #[test]
    fn a_token_family_has_one_live_token_and_ends_after_a_replay(steps in proptest::collection::vec(
        prop_oneof![3 => (0_usize..6).prop_map(Step::Present), 1 => (1_u64..40).prop_map(Step::Wait)], 1..25)) {
        let front = front();
        let first = token(&front.trade(&front.client, &front.code(), BACK, VERIFIER).unwrap());
        // Each token, and when it was exchanged; the one after it in the list is its successor.
        let (mut chain, mut now, mut dead) = (vec![(first, None::<u64>)], 0_u64, false);
        for step in steps {
            match step {
                Step::Wait(seconds) => {
                    now += seconds;
                    front.age(Duration::from_secs(seconds));
                }
                Step::Present(back) => {
                    let place = chain.len() - 1 - back.min(chain.len() - 1);
                    let answer = front.refresh(&chain[place].0);
                    let (_, exchanged) = chain[place];
                    let in_time = exchanged.is_none_or(|at| now - at < GRACE.as_secs());
                    if dead || !in_time {
                        unproved(answer, AuthError::DeadRefreshToken);
                        dead = true;
                        continue;
                    }
                    let next = token(&answer.unwrap());
                    if exchanged.is_none() {
                        chain[place].1 = Some(now);
                        prop_assert!(chain.iter().all(|(known, _)| *known != next));
                        chain.push((next, None));
                    } else {
                        prop_assert_eq!(&chain[place + 1].0, &next, "the same successor");
                    }
                }
            }
            let live = probe::rows(&front.gate.office.file,
                "SELECT count(*) FROM refresh_tokens WHERE exchanged_at IS NULL");
            prop_assert_eq!(&live[0][0], &Value::from(i32::from(!dead)), "one end at most");
        }
        if dead {
            for (token, _) in &chain {
                unproved(front.refresh(token), AuthError::DeadRefreshToken);
            }
        }
    }
}
