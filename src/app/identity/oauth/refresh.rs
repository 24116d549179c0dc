//! Going on with a session by its refresh token (RFC 6749, section 6).
//!
//! A client's policy says what becomes of the token. Either it stays good, as the Wallaroo SDK needs, which sends the
//! same one twice. Or it is exchanged for its successor (RFC 9700, section 4.14.2): then, for a short grace, it leads to
//! the same successor again, because an answer can get lost; after that, whoever presents it has a token that was
//! stolen, or stole it, and the session ends for both.

use std::time::Duration;

use serde_json::json;

use crate::app::audit;
use crate::app::identity::oauth::authorizations;
use crate::app::identity::sessions;
use crate::app::runtime::refusals;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Credential, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::client::{Client, Scopes};
use crate::domain::field::Field;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx};
use crate::tokens::refresh::{self, RefreshToken, Salt};

/// For how long a token that was exchanged leads to the same successor.
pub const GRACE: Duration = Duration::from_secs(30);

/// How many tokens whose grace is over each refresh sweeps out, of whatever session.
const SWEEP: u32 = 8;

/// A session that goes on.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// Whose it is.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What the new access token is good for.
    pub scopes: Scopes,
    /// The refresh token from now on.
    pub refresh_token: RefreshToken,
}

/// What became of a refresh.
#[derive(Debug)]
pub(in crate::app) enum Turn {
    /// The session goes on.
    GoesOn(Box<Refreshed>),
    /// The token had been exchanged; the session has ended.
    Replayed,
}

/// Goes on with the session of a refresh token.
///
/// Refused when the token is unknown or another client's, the session is over, its user may not come in, or more is
/// asked for than was granted. A token that was exchanged is refused, and its session ends. It is refused in the words
/// for a session that is over, so that a second worker with an older token signs in again.
pub async fn refresh(
    desk: &AppState,
    origin: &Origin,
    client: &Client,
    presented: &str,
    asked: Option<&str>,
) -> Result<Refreshed> {
    let refreshed = turn(desk, origin, client, presented, asked).await;
    if let Err(Error::Unauthenticated(why)) = &refreshed {
        let reason = if *why == AuthError::Disabled { "disabled" } else { "wrong" };
        desk.refusals().of_token(origin, refusals::Kind::RefreshToken, client, reason);
    }
    match refreshed? {
        Turn::GoesOn(refreshed) => Ok(*refreshed),
        Turn::Replayed => {
            desk.refusals().of_token(origin, refusals::Kind::RefreshToken, client, "reused");
            Err(AuthError::DeadRefreshToken.into())
        }
    }
}

async fn turn(desk: &AppState, origin: &Origin, client: &Client, presented: &str, asked: Option<&str>) -> Result<Turn> {
    let token = RefreshToken::parse(presented).ok_or(AuthError::BadRefreshToken)?;
    let asked = asked.map(Scopes::known).filter(|scopes| !scopes.is_empty());
    let (actor, client, lifetimes) = (Actor::nobody(origin.clone()), client.clone(), desk.lifetimes);
    let salt = refresh::salt();
    desk.write(move |tx| take_turn(tx, &actor, &token, &client, asked.as_ref(), (&lifetimes, &salt))).await
}

/// The same in a write under way. A replay is no error here: its end of the session is to be kept.
pub(in crate::app) fn take_turn(
    tx: &Tx,
    actor: &Actor,
    token: &RefreshToken,
    client: &Client,
    asked: Option<&Scopes>,
    (lifetimes, salt): (&Lifetimes, &Salt),
) -> Result<Turn> {
    let kept = store::refresh_tokens::find(tx, &token.fingerprint)?;
    let id = match &token.family {
        Some(family) => store::refresh_tokens::session_of_family(tx, family)?,
        None => kept.as_ref().map(|kept| kept.session),
    };
    let session = id.map(|id| store::sessions::find(tx, id)).transpose()?.flatten();
    // Of a session that has ended nothing is kept, so a token that is well formed and unknown is taken for one of those.
    let session = session.ok_or(AuthError::DeadRefreshToken)?;
    let mut session = Some(session)
        .filter(|session| session.client.as_ref() == Some(&client.id))
        .ok_or(AuthError::BadRefreshToken)?;
    if !session.is_live(tx.now) {
        return Err(AuthError::DeadRefreshToken.into());
    }
    let Some(kept) = kept.filter(|kept| kept.session == session.id) else {
        return replayed(tx, actor, &session);
    };
    let over = tx.now.before(GRACE);
    if kept.exchanged.is_some_and(|(at, _)| at <= over) {
        return replayed(tx, actor, &session);
    }
    let user = store::users::find(tx, session.user)?.ok_or(AuthError::Disabled)?;
    authorizations::enters(&user)?;
    let granted = Scopes::known(&session.scope);
    if asked.is_some_and(|asked| !asked.are_within(&granted)) {
        return Err(Error::invalid(Field::Scope, "must not request more than was granted"));
    }
    let scopes = match asked {
        Some(asked) => asked.and(&client.implied().within(&granted)),
        None => granted.clone(),
    };
    let refresh_token = match kept.exchanged {
        Some((_, salt)) => token.successor(&salt),
        None => token.successor(salt),
    };
    if let (None, Some(successor)) = (kept.exchanged, &refresh_token) {
        store::refresh_tokens::delete_exchanged_of(tx, session.id, over)?;
        store::refresh_tokens::delete_exchanged(tx, over, SWEEP)?;
        store::refresh_tokens::exchange(tx, &token.fingerprint, salt)?;
        store::refresh_tokens::insert(tx, session.id, &successor.fingerprint)?;
    }
    let before = session.idle_until;
    session.idle_until = tx.now.after(lifetimes.of(client, &granted).session_idle).min(session.ends_at);
    session.last_used_at = tx.now;
    store::sessions::update_idle(tx, session.id, session.idle_until)?;
    let mut actor = sessions::acting(actor, &user);
    actor.credential = Credential::Session(session.id);
    let change = (json!({ "idle_until": before.to_string() }), json!({ "idle_until": session.idle_until.to_string() }));
    audit::record(tx, &actor, "sessions.refresh", (ObjectKind::Session, session.uuid), change)?;
    let refresh_token = refresh_token.unwrap_or_else(|| token.clone());
    Ok(Turn::GoesOn(Box::new(Refreshed { user, session, scopes, refresh_token })))
}

fn replayed(tx: &Tx, actor: &Actor, session: &Session) -> Result<Turn> {
    log::warn!("refresh token reuse detected, session {} revoked", session.uuid);
    sessions::cut(tx, actor, "sessions.end_replayed", session)?;
    Ok(Turn::Replayed)
}
