//! The current state of a token: introspection (RFC 7662), revocation (RFC 7009), and the user of a token (OpenID
//! Connect Core, section 5.3).

use crate::app::identity::{sessions, sign_in};
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Credential, Origin};
use crate::domain::client::{Client, ClientId, Scopes};
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, View};
use crate::tokens::keyring::Verified;
use crate::tokens::refresh::RefreshToken;

/// A token that is valid now.
#[derive(Clone, Debug)]
pub enum Live {
    Access {
        user: User,
        session: Session,
        /// The claims of the token.
        said: Verified,
    },
    Refresh {
        user: User,
        /// The session that it continues.
        session: Session,
    },
}

/// Introspects a token of any client, because resource servers ask about them.
///
/// Refused for a client without a secret, whose id anybody could use (RFC 7662, section 2.1).
pub fn introspect(state: &AppState, client: &Client, raw: &str) -> Result<Option<Live>> {
    if client.confidential { judge(state, raw) } else { Err(AuthError::BadClient.into()) }
}

/// The state of a token of any client. `None` for a text that is no token, and for an invalid token. Changes nothing.
pub fn judge(state: &AppState, raw: &str) -> Result<Option<Live>> {
    if let Some(token) = RefreshToken::parse(raw) {
        return state.read_inline(|view| {
            let Some(session) = current(view, &token)? else { return Ok(None) };
            let user = alive(view, &session)?;
            Ok(user.map(|user| Live::Refresh { user, session }))
        });
    }
    let Some(said) = said(state, raw)? else { return Ok(None) };
    state.read_inline(|view| {
        let Some(session) = store::sessions::find_by_uuid(view, said.sid)? else { return Ok(None) };
        let user = alive(view, &session)?.filter(|user| user.uuid == said.sub);
        Ok(user.map(|user| Live::Access { user, session, said }))
    })
}

/// The person or bot of an access token, its scopes, and the id of its client.
///
/// Refused for everything but a valid access token.
pub fn bearer(state: &AppState, raw: &str) -> Result<(User, Scopes, String)> {
    match judge(state, raw)? {
        Some(Live::Access { user, said, session }) => {
            Ok((user, Scopes::parse_known(&said.scope), client_of(&session).to_owned()))
        }
        Some(Live::Refresh { .. }) | None => Err(AuthError::BadToken.into()),
    }
}

/// Ends the session of this client's access or refresh token. All tokens of the session are invalid at once (RFC 7009,
/// section 2.1). Does nothing for a token that is unknown, invalid or another client's.
pub async fn revoke(state: &AppState, origin: &Origin, client: &Client, raw: &str) -> Result<()> {
    let session = if let Some(token) = RefreshToken::parse(raw) {
        state.read_inline(|view| any(view, &token))?
    } else if let Some(said) = said(state, raw)? {
        state.read_inline(|view| store::sessions::find_by_uuid(view, said.sid))?
    } else {
        None
    };
    match session.filter(|session| session.client.as_ref() == Some(&client.id)) {
        Some(session) => end(state, origin, session, "sessions.revoke").await,
        None => Ok(()),
    }
}

/// Ends the session of this client's refresh token, as sign-out works with Keycloak.
///
/// Refused when the token is unknown or another client's.
pub async fn sign_out(state: &AppState, origin: &Origin, client: &Client, raw: &str) -> Result<()> {
    let token = RefreshToken::parse(raw).ok_or(AuthError::BadRefreshToken)?;
    let session = state.read_inline(|view| any(view, &token))?;
    let own = |session: &Session| session.client.as_ref() == Some(&client.id);
    end(state, origin, session.filter(own).ok_or(AuthError::BadRefreshToken)?, "sessions.end").await
}

/// Ends a session on behalf of its own user.
pub(in crate::app) async fn end(state: &AppState, origin: &Origin, session: Session, verb: &'static str) -> Result<()> {
    let actor = Actor::nobody(origin.clone());
    state
        .write(move |tx| {
            let Some(session) = store::sessions::find(tx, session.id)? else { return Ok(()) };
            let user = store::users::find_principal(tx, session.user)?;
            let mut actor = user.map_or_else(|| actor.clone(), |user| sessions::acting(&actor, &user));
            actor.credential = Credential::Session(session.id);
            sessions::end(tx, &actor, verb, &session)
        })
        .await
}

/// The claims of an access token. `None` if it is not valid.
fn said(state: &AppState, raw: &str) -> Result<Option<Verified>> {
    match sign_in::verified(state, raw) {
        Ok(said) => Ok(Some(said)),
        Err(Error::Unauthenticated(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The session of a refresh token that is valid now.
fn current(view: &View, token: &RefreshToken) -> Result<Option<Session>> {
    let stored = store::refresh_tokens::find(view, &token.fingerprint)?;
    match stored.filter(|stored| stored.exchanged.is_none()) {
        Some(stored) => store::sessions::find(view, stored.session),
        None => Ok(None),
    }
}

/// The session of a refresh token, even an exchanged one.
fn any(view: &View, token: &RefreshToken) -> Result<Option<Session>> {
    let id = match &token.family {
        Some(family) => store::refresh_tokens::session_of_family(view, family)?,
        None => store::refresh_tokens::find(view, &token.fingerprint)?.map(|stored| stored.session),
    };
    id.map_or(Ok(None), |id| store::sessions::find(view, id))
}

/// The user of a session. `None` if the session has ended or the user may not sign in.
fn alive(view: &View, session: &Session) -> Result<Option<User>> {
    match sessions::recheck(view, session.id) {
        Ok(user) => Ok(Some(user)),
        Err(Error::Unauthenticated(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The client's id. Empty for a browser session.
pub fn client_of(session: &Session) -> &str {
    session.client.as_ref().map_or("", ClientId::as_str)
}
