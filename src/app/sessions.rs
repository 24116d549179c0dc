//! Sign-in sessions: begin, go on, end.

use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, Lifetimes};
use super::{audit, users};
use crate::domain::actor::{Actor, Credential, Person, Who};
use crate::domain::audit::ObjectKind;
use crate::domain::client::ClientId;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User};
use crate::error::{Error, Result, Unproved};
use crate::policy::Action;
use crate::store::sessions::Hold;
use crate::store::{self, Tx, View};
use crate::tokens::claims::{AccessClaims, Facts};
use crate::tokens::opaque::Fingerprint;

/// How many dead sessions each new one sweeps out, so that they never pile up.
const SWEEP: u32 = 8;

/// A session to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The name that tokens will know it by.
    pub uuid: Uuid,
    /// The OAuth client that it is made through.
    pub client: ClientId,
    /// The scope that is granted.
    pub scope: String,
    /// Whether the user has proved more than a password.
    pub second_factor: bool,
    /// The fingerprint of its refresh token.
    pub refresh_token: Fingerprint,
    /// How long it may last.
    pub lifetimes: Lifetimes,
}

/// Begins a session of a user who has proved who they are.
pub(super) fn begin(tx: &Tx, actor: &Actor, user: &User, new: &NewSession) -> Result<Session> {
    store::sessions::delete_dead(tx, SWEEP)?;
    let mut session = Session {
        id: SessionId(0),
        uuid: new.uuid,
        user: user.id,
        client: Some(new.client.clone()),
        scope: new.scope.clone(),
        nonce: None,
        address: actor.origin.address,
        user_agent: actor.origin.agent.clone(),
        authenticated_at: tx.now,
        second_factor: new.second_factor,
        created_at: tx.now,
        last_used_at: tx.now,
        idle_until: tx.now.after(new.lifetimes.session_idle),
        ends_at: tx.now.after(new.lifetimes.session_life),
    };
    session.idle_until = session.idle_until.min(session.ends_at);
    session.id = store::sessions::insert(tx, &session, Hold::Nothing)?;
    store::sessions::insert_refresh_token(tx, session.id, &new.refresh_token)?;
    store::users::update_last_sign_in(tx, user.id, tx.now)?;
    let after = json!({ "client": new.client.as_str(), "scope": session.scope });
    audit::record(
        tx,
        &acting(actor, user),
        "sessions.begin",
        (ObjectKind::Session, session.uuid),
        (Value::Null, after),
    )?;
    Ok(session)
}

/// Goes on with the session of a refresh token, which stays good, as the Wallaroo SDK sends it twice.
///
/// Refused when the token is unknown or another client's, the session is over, or its user is disabled.
pub fn refresh(
    tx: &Tx,
    actor: &Actor,
    token: &Fingerprint,
    client: &ClientId,
    lifetimes: &Lifetimes,
) -> Result<(User, Session)> {
    let mut session = store::sessions::find_by_refresh_token(tx, token)?
        .filter(|session| session.client.as_ref() == Some(client))
        .ok_or(Unproved::BadRefreshToken)?;
    if !session.is_live(tx.now) {
        return Err(Unproved::DeadRefreshToken.into());
    }
    let user = store::users::find(tx, session.user)?.filter(User::may_enter).ok_or(Unproved::Disabled)?;
    let before = session.idle_until;
    session.idle_until = tx.now.after(lifetimes.session_idle).min(session.ends_at);
    store::sessions::update_idle(tx, session.id, session.idle_until)?;
    let mut actor = acting(actor, &user);
    actor.credential = Credential::Session(session.id);
    let change = (json!({ "idle_until": before.to_string() }), json!({ "idle_until": session.idle_until.to_string() }));
    audit::record(tx, &actor, "sessions.refresh", (ObjectKind::Session, session.uuid), change)?;
    Ok((user, session))
}

/// An access token, and when it ends.
#[derive(Debug)]
pub struct AccessToken {
    /// The token.
    pub text: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Mints an access token of a session, which never outlives it.
pub fn access_token(desk: &Desk, issuer: &str, user: &User, session: &Session, now: Timestamp) -> Result<AccessToken> {
    let expires_at = now.after(desk.lifetimes.access_token).min(session.ends_at);
    let claims = AccessClaims::new(&Facts {
        user: user.uuid,
        email: user.email.as_str(),
        email_verified: true,
        first_name: user.first_name.as_str(),
        last_name: user.last_name.as_str(),
        administrator: user.role == AccountRole::Administrator,
        client: session.client.as_ref().map_or("", ClientId::as_str),
        scope: &session.scope,
        session: session.uuid,
        issuer,
        now: now.seconds(),
        lifetime: expires_at.seconds() - now.seconds(),
    });
    let text = desk.keyring.mint(&claims).map_err(Error::internal)?;
    Ok(AccessToken { text, expires_at })
}

/// The person whom a session lets in.
///
/// Refused when the session is over or is not this user's, or the user is disabled.
pub(super) fn let_in(view: &View, session: Uuid, user: Uuid) -> Result<(User, Session)> {
    let session = store::sessions::find_by_uuid(view, session)?.ok_or(Unproved::SessionOver)?;
    let found = of_live(view, &session)?;
    if found.uuid == user { Ok((found, session)) } else { Err(Unproved::SessionOver.into()) }
}

/// The person whom a session that let them in lets in still.
pub(super) fn still(view: &View, id: SessionId) -> Result<User> {
    of_live(view, &store::sessions::find(view, id)?.ok_or(Unproved::SessionOver)?)
}

fn of_live(view: &View, session: &Session) -> Result<User> {
    if !session.is_live(view.now) {
        return Err(Unproved::SessionOver.into());
    }
    let user = store::users::find(view, session.user)?.ok_or(Unproved::SessionOver)?;
    if user.may_enter() { Ok(user) } else { Err(Unproved::Disabled.into()) }
}

/// The same origin, with the user as the one who acts.
pub(super) fn acting(actor: &Actor, user: &User) -> Actor {
    Actor { who: Who::Person(person(user)), ..actor.clone() }
}

/// As much of a user as judgement and the audit need.
pub(super) fn person(user: &User) -> Person {
    Person { id: user.id, uuid: user.uuid, email: user.email.clone(), role: user.role }
}

/// Ends every session of a user; tells how many.
///
/// The user may, and administrators.
pub fn end_all(tx: &Tx, actor: &Actor, user: UserId) -> Result<usize> {
    let user = store::users::find(tx, user)?.ok_or_else(|| Error::not_found("user", user))?;
    users::require(tx, actor, user.id, Action::EndSession, user.id)?;
    let ended = store::sessions::delete_of(tx, user.id)?;
    if ended > 0 {
        let before = json!({ "sessions": ended });
        audit::record(tx, actor, "sessions.end_all", (ObjectKind::User, user.uuid), (before, Value::Null))?;
    }
    Ok(ended)
}
