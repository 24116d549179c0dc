//! Sign-in sessions: how they begin, authenticate a caller and end.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::{attempts, reauthentication};
use crate::app::{audit, expiry, lookup, standing};
use crate::domain::actor::{Actor, Person, Who};
use crate::domain::audit::ObjectKind;
use crate::domain::client::{Client, ClientId, Grant, RefreshPolicy, Scopes};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::lifetimes::Lifetimes;
use crate::domain::noun::Noun;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::error::{AuthError, Error, Result};
use crate::policy::Action;
use crate::store::sessions::{SessionCredential, SessionPrincipal};
use crate::store::{self, Tx, View};
use crate::tokens::refresh::RefreshToken;

#[derive(Clone, Debug)]
pub struct NewSession {
    /// The UUID that tokens contain.
    pub uuid: Uuid,
    /// The OAuth client of the session.
    pub client: ClientId,
    pub scope: String,
    /// Whether the user has also passed a second factor.
    pub second_factor: bool,
    /// When the user authenticated. The default is now.
    pub authenticated_at: Option<Timestamp>,
    /// The client's nonce, to be returned in the ID token.
    pub nonce: Option<String>,
    /// The refresh token. `None` for a session that ends with its access token.
    pub refresh_token: Option<RefreshToken>,
    pub lifetimes: Lifetimes,
}

impl NewSession {
    /// A session of this client, with a refresh token if the client may use one.
    pub fn through(client: &Client, scopes: &Scopes, lifetimes: &Lifetimes) -> Self {
        let refresh_token = client.may(Grant::RefreshToken).then(|| match client.refresh {
            RefreshPolicy::Reusable => RefreshToken::reusable(),
            RefreshPolicy::Rotating => RefreshToken::new_family(),
        });
        let session = Self {
            uuid: Uuid::new_v4(),
            client: client.id.clone(),
            scope: scopes.to_string(),
            second_factor: false,
            authenticated_at: None,
            nonce: None,
            refresh_token,
            lifetimes: lifetimes.of(client, scopes),
        };
        if session.refresh_token.is_some() { session } else { session.short() }
    }

    /// The same without a refresh token: the session ends with its access token.
    #[must_use]
    pub fn short(self) -> Self {
        let life = self.lifetimes.access_token;
        let lifetimes = Lifetimes { session_idle: life, session_life: life, ..self.lifetimes };
        Self { refresh_token: None, lifetimes, ..self }
    }
}

/// Begins a session of an authenticated user.
pub(in crate::app) fn begin(tx: &Tx, actor: &Actor, user: &User, new: &NewSession) -> Result<Session> {
    let session = insert(tx, actor, user, new)?;
    audit_begin(tx, actor, user, &session)?;
    Ok(session)
}

/// Begins a session of a bot, whose program requests a token whenever the last one expires. The audit records one
/// session a day from each address, because the others are no change that a person made.
pub(in crate::app) fn begin_of_bot(tx: &Tx, actor: &Actor, bot: &User, new: &NewSession) -> Result<Session> {
    let session = insert(tx, actor, bot, new)?;
    if attempts::remember_place(tx, &actor.origin, bot.id)? {
        audit_begin(tx, actor, bot, &session)?;
    }
    Ok(session)
}

fn insert(tx: &Tx, actor: &Actor, user: &User, new: &NewSession) -> Result<Session> {
    expiry::sweep(tx)?;
    let mut session = Session {
        id: SessionId(0),
        uuid: new.uuid,
        user: user.id,
        client: Some(new.client.clone()),
        scope: new.scope.clone(),
        nonce: new.nonce.clone(),
        address: actor.origin.address,
        user_agent: actor.origin.agent.clone(),
        authenticated_at: new.authenticated_at.unwrap_or(tx.now),
        second_factor: new.second_factor,
        created_at: tx.now,
        last_used_at: tx.now,
        idle_until: tx.now.after(new.lifetimes.session_idle),
        ends_at: tx.now.after(new.lifetimes.session_life),
    };
    session.idle_until = session.idle_until.min(session.ends_at);
    let family = new.refresh_token.as_ref().and_then(|token| token.family.as_ref());
    session.id =
        store::sessions::insert(tx, &session, family.map_or(SessionCredential::Nothing, SessionCredential::Family))?;
    if let Some(token) = &new.refresh_token {
        store::refresh_tokens::insert(tx, session.id, &token.fingerprint)?;
    }
    store::users::update_last_sign_in(tx, user.id, tx.now)?;
    Ok(session)
}

fn audit_begin(tx: &Tx, actor: &Actor, user: &User, session: &Session) -> Result<()> {
    let after = json!({ "client": session.client.as_ref().map(ClientId::as_str), "scope": session.scope });
    let object = (ObjectKind::Session, session.uuid);
    audit::record(tx, &acting(actor, user), "sessions.begin", object, (Value::Null, after))
}

/// The person or bot of a session.
///
/// Refused when the session has ended or belongs to another user, and when the user is disabled.
pub(in crate::app) fn authenticate(view: &View, session: Uuid, user: Uuid) -> Result<SessionPrincipal> {
    let principal = live(view, store::sessions::find_principal(view, session)?)?;
    if principal.person.uuid == user { Ok(principal) } else { Err(AuthError::SessionOver.into()) }
}

/// Authenticates the person or bot of a session again.
pub(in crate::app) fn recheck_person(view: &View, id: SessionId) -> Result<Person> {
    live(view, store::sessions::find_principal_by_id(view, id)?).map(|principal| principal.person)
}

fn live(view: &View, found: Option<SessionPrincipal>) -> Result<SessionPrincipal> {
    let principal = found.filter(|principal| view.now < principal.until).ok_or(AuthError::SessionOver)?;
    if principal.may_authenticate { Ok(principal) } else { Err(AuthError::Disabled.into()) }
}

/// Like [`recheck_person`], but returns the whole user.
pub(in crate::app) fn recheck(view: &View, id: SessionId) -> Result<User> {
    of_live(view, &store::sessions::find(view, id)?.ok_or(AuthError::SessionOver)?)
}

fn of_live(view: &View, session: &Session) -> Result<User> {
    if !session.is_live(view.now) {
        return Err(AuthError::SessionOver.into());
    }
    let user = store::users::find_principal(view, session.user)?.ok_or(AuthError::SessionOver)?;
    if user.may_authenticate() { Ok(user) } else { Err(AuthError::Disabled.into()) }
}

/// The same origin with this user as the actor.
pub(in crate::app) fn acting(actor: &Actor, user: &User) -> Actor {
    acting_person(actor, person(user))
}

/// The same origin with this person as the actor.
pub(in crate::app) fn acting_person(actor: &Actor, person: Person) -> Actor {
    Actor { who: Who::Person(person), ..actor.clone() }
}

/// The part of a user that the policy and the audit need.
pub(in crate::app) fn person(user: &User) -> Person {
    Person { id: user.id, uuid: user.uuid, email: user.email.clone(), kind: user.kind, role: user.role }
}

/// Ends one session, with everything that depends on it. It checks no permission; the audit verb names the reason.
pub(in crate::app) fn end(tx: &Tx, actor: &Actor, verb: &'static str, session: &Session) -> Result<()> {
    store::sessions::delete(tx, session.id)?;
    let before = json!({
        "client": session.client.as_ref().map(ClientId::as_str),
        "scope": session.scope,
        "user": store::users::find_principal(tx, session.user)?.map(|user| user.email.to_string()),
    });
    audit::record(tx, actor, verb, (ObjectKind::Session, session.uuid), (before, Value::Null))
}

/// Ends every session of all users, and everything that could still become a session. Returns the number of sessions.
///
/// Requires an administrator and a recent sign-in.
pub fn end_everybodys(tx: &Tx, actor: &Actor) -> Result<usize> {
    standing::require(&standing::in_account(actor), Action::EndSession, Noun::Session, "of everybody")?;
    reauthentication::require(tx, actor)?;
    let ended = store::sessions::delete_everybodys(tx)?;
    let before = json!({ "sessions": ended });
    audit::record(tx, actor, "sessions.end_everybodys", (ObjectKind::Session, "all"), (before, Value::Null))?;
    Ok(ended)
}

/// Ends every session of a user. Returns the number of sessions.
///
/// Requires the user, after a recent sign-in, or an administrator.
pub fn end_all(tx: &Tx, actor: &Actor, user: UserId) -> Result<usize> {
    let user = store::users::find(tx, user)?.ok_or_else(|| Error::not_found(Noun::User, user))?;
    lookup::require_user(tx, actor, user.id, Action::EndSession, user.id)?;
    reauthentication::require_of_oneself(tx, actor, user.id)?;
    let ended = store::sessions::delete_of(tx, user.id)?;
    if ended > 0 {
        let before = json!({ "sessions": ended });
        audit::record(tx, actor, "sessions.end_all", (ObjectKind::User, user.uuid), (before, Value::Null))?;
    }
    Ok(ended)
}
