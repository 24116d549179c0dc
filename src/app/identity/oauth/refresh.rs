//! Continues a session by its refresh token (RFC 6749, section 6).
//!
//! The client's policy decides about the token. A reusable token stays valid, as the Wallaroo SDK needs, which sends
//! the same one twice. A rotating token is exchanged for its successor (RFC 9700, section 4.14.2). During a short grace
//! period the exchanged token leads to the same successor again, because an answer can get lost. After that period,
//! either the caller or the owner has a stolen token, and the session ends for both.

use std::time::Duration;

use serde_json::json;

use crate::app::audit;
use crate::app::identity::oauth::authorizations;
use crate::app::identity::sessions;
use crate::app::runtime::places::place;
use crate::app::runtime::refusals;
use crate::app::runtime::sign_in_counts::SignInKind;
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

/// How long an exchanged token leads to the same successor.
pub const GRACE: Duration = Duration::from_secs(30);

/// The maximum number of further addresses that are remembered for each session, the newest.
const MAX_PLACES: usize = 32;

/// The maximum number of tokens past their grace period, of any session, that each refresh deletes.
const SWEEP: u32 = 8;

#[derive(Clone, Debug)]
pub struct Refreshed {
    pub user: User,
    pub session: Session,
    /// The scopes of the new access token.
    pub scopes: Scopes,
    pub refresh_token: RefreshToken,
}

/// The outcome of a refresh.
#[derive(Debug)]
pub(in crate::app) enum Turn {
    GoesOn(Box<Refreshed>),
    /// The token had been exchanged before. The session has ended.
    Replayed,
}

/// Continues the session of a refresh token.
///
/// Refused when the token is unknown or another client's, the session has ended, its user may not sign in, or more
/// scopes are requested than were granted. An exchanged token is refused and its session ends. The error is that of an
/// ended session, so that a second worker with an older token signs in again.
pub async fn refresh(
    state: &AppState,
    origin: &Origin,
    client: &Client,
    presented: &str,
    requested: Option<&str>,
) -> Result<Refreshed> {
    let refreshed = turn(state, origin, client, presented, requested).await;
    if let Err(Error::Unauthenticated(why)) = &refreshed {
        let reason = if *why == AuthError::Disabled { "disabled" } else { "wrong" };
        state.refusals().of_token(origin, refusals::Kind::RefreshToken, client, reason);
    }
    match refreshed? {
        Turn::GoesOn(refreshed) => {
            state.sign_in_counts().count(SignInKind::RefreshToken);
            Ok(*refreshed)
        }
        Turn::Replayed => {
            state.refusals().of_token(origin, refusals::Kind::RefreshToken, client, "reused");
            Err(AuthError::DeadRefreshToken.into())
        }
    }
}

async fn turn(
    state: &AppState,
    origin: &Origin,
    client: &Client,
    presented: &str,
    requested: Option<&str>,
) -> Result<Turn> {
    let token = RefreshToken::parse(presented).ok_or(AuthError::BadRefreshToken)?;
    let requested = requested.map(Scopes::parse_known).filter(|scopes| !scopes.is_empty());
    let (actor, client, lifetimes) = (Actor::nobody(origin.clone()), client.clone(), state.lifetimes);
    let salt = refresh::salt();
    state.write(move |tx| take_turn(tx, &actor, &token, &client, requested.as_ref(), (&lifetimes, &salt))).await
}

/// Like `turn`, within a write. A replay is no error here, because the end of the session has to be committed.
pub(in crate::app) fn take_turn(
    tx: &Tx,
    actor: &Actor,
    token: &RefreshToken,
    client: &Client,
    requested: Option<&Scopes>,
    (lifetimes, salt): (&Lifetimes, &Salt),
) -> Result<Turn> {
    let stored = store::refresh_tokens::find(tx, &token.fingerprint)?;
    let id = match &token.family {
        Some(family) => store::refresh_tokens::session_of_family(tx, family)?,
        None => stored.as_ref().map(|stored| stored.session),
    };
    let session = id.map(|id| store::sessions::find(tx, id)).transpose()?.flatten();
    // Nothing is stored of an ended session. A well-formed unknown token therefore counts as one of an ended session.
    let session = session.ok_or(AuthError::DeadRefreshToken)?;
    let mut session = Some(session)
        .filter(|session| session.client.as_ref() == Some(&client.id))
        .ok_or(AuthError::BadRefreshToken)?;
    if !session.is_live(tx.now) {
        return Err(AuthError::DeadRefreshToken.into());
    }
    let Some(stored) = stored.filter(|stored| stored.session == session.id) else {
        return replayed(tx, actor, &session);
    };
    let over = tx.now.before(GRACE);
    // An exchange far in the future means that the clock was set back. Its grace period would last until then.
    if stored.exchanged.is_some_and(|(at, _)| at <= over || at.is_ahead_of(tx.now)) {
        return replayed(tx, actor, &session);
    }
    let user = store::users::find(tx, session.user)?.ok_or(AuthError::Disabled)?;
    authorizations::may_sign_in(&user)?;
    let granted = Scopes::parse_known(&session.scope);
    if requested.is_some_and(|requested| !requested.is_subset(&granted)) {
        return Err(Error::invalid(Field::Scope, "must not request more than was granted"));
    }
    let scopes = match requested {
        Some(requested) => requested.union(&client.implied().intersection(&granted)),
        None => granted.clone(),
    };
    let refresh_token = match stored.exchanged {
        Some((_, salt)) => token.successor(&salt),
        None => token.successor(salt),
    };
    if let (None, Some(successor)) = (stored.exchanged, &refresh_token) {
        store::refresh_tokens::delete_exchanged_of(tx, session.id, over)?;
        store::refresh_tokens::delete_exchanged(tx, over, SWEEP)?;
        store::refresh_tokens::exchange(tx, &token.fingerprint, salt)?;
        store::refresh_tokens::insert(tx, session.id, &successor.fingerprint)?;
    }
    if session.note_use(tx.now, lifetimes.of(client, &granted).session_idle) {
        store::sessions::update_use(tx, &session)?;
    }
    audit_new_place(tx, actor, &user, &session)?;
    let refresh_token = refresh_token.unwrap_or_else(|| token.clone());
    Ok(Turn::GoesOn(Box::new(Refreshed { user, session, scopes, refresh_token })))
}

/// Records the first refresh of a session from each address. All other refreshes are no change that a person made, and
/// would fill the audit log.
fn audit_new_place(tx: &Tx, actor: &Actor, user: &User, session: &Session) -> Result<()> {
    let Some(here) = actor.origin.address.map(place) else { return Ok(()) };
    let began = session.address.map(place);
    if began == Some(here) || !store::sessions::add_place(tx, session.id, &here.to_string(), MAX_PLACES)? {
        return Ok(());
    }
    let actor = Actor { credential: Credential::Session(session.id), ..sessions::acting(actor, user) };
    let change = (json!({ "address": began.map(|place| place.to_string()) }), json!({ "address": here.to_string() }));
    audit::record(tx, &actor, "sessions.refresh", (ObjectKind::Session, session.uuid), change)
}

fn replayed(tx: &Tx, actor: &Actor, session: &Session) -> Result<Turn> {
    log::warn!("refresh token reuse detected, session {} revoked", session.uuid);
    sessions::end(tx, actor, "sessions.end_replayed", session)?;
    Ok(Turn::Replayed)
}
