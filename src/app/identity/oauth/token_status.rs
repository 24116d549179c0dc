//! What a token is worth at this moment, and its end: introspection (RFC 7662), revocation (RFC 7009), and what a person's
//! token tells of them (OpenID Connect Core, section 5.3).

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

/// A token that is good at this moment.
#[derive(Clone, Debug)]
pub enum Live {
    /// An access token, and what it says.
    Access {
        /// Whose it is.
        user: User,
        /// The session that it hangs on.
        session: Session,
        /// What it says.
        said: Verified,
    },
    /// A refresh token.
    Refresh {
        /// Whose it is.
        user: User,
        /// The session that it goes on with.
        session: Session,
    },
}

/// Tells a client what a token is worth, of whatever client that is, for this is what resource servers ask.
///
/// Refused for a client without a secret, which anybody could be (RFC 7662, section 2.1).
pub fn introspect(desk: &AppState, client: &Client, raw: &str) -> Result<Option<Live>> {
    if client.confidential { judge(desk, raw) } else { Err(AuthError::BadClient.into()) }
}

/// Judges a token of whatever client; none for what is no token, or not good any more. To ask changes nothing.
pub fn judge(desk: &AppState, raw: &str) -> Result<Option<Live>> {
    if let Some(token) = RefreshToken::parse(raw) {
        return desk.read_inline(|view| {
            let Some(session) = current(view, &token)? else { return Ok(None) };
            let user = alive(view, &session)?;
            Ok(user.map(|user| Live::Refresh { user, session }))
        });
    }
    let Some(said) = said(desk, raw)? else { return Ok(None) };
    desk.read_inline(|view| {
        let Some(session) = store::sessions::find_by_uuid(view, said.sid)? else { return Ok(None) };
        let user = alive(view, &session)?.filter(|user| user.uuid == said.sub);
        Ok(user.map(|user| Live::Access { user, session, said }))
    })
}

/// The person or bot of an access token, and the scope of that token.
///
/// Refused for everything that is no good access token.
pub fn bearer(desk: &AppState, raw: &str) -> Result<(User, Scopes)> {
    match judge(desk, raw)? {
        Some(Live::Access { user, said, .. }) => Ok((user, Scopes::known(&said.scope))),
        Some(Live::Refresh { .. }) | None => Err(AuthError::BadToken.into()),
    }
}

/// Ends the session of a token of this client, access or refresh token: all tokens of it are void at once (RFC 7009,
/// section 2.1). What is unknown, over or another client's is left as it is, without a word.
pub async fn revoke(desk: &AppState, origin: &Origin, client: &Client, raw: &str) -> Result<()> {
    let session = if let Some(token) = RefreshToken::parse(raw) {
        desk.read_inline(|view| any(view, &token))?
    } else if let Some(said) = said(desk, raw)? {
        desk.read_inline(|view| store::sessions::find_by_uuid(view, said.sid))?
    } else {
        None
    };
    match session.filter(|session| session.client.as_ref() == Some(&client.id)) {
        Some(session) => end(desk, origin, session, "sessions.revoke").await,
        None => Ok(()),
    }
}

/// Ends the session of a refresh token of this client, as Keycloak's clients sign somebody out.
///
/// Refused when the token is unknown or another client's.
pub async fn sign_out(desk: &AppState, origin: &Origin, client: &Client, raw: &str) -> Result<()> {
    let token = RefreshToken::parse(raw).ok_or(AuthError::BadRefreshToken)?;
    let session = desk.read_inline(|view| any(view, &token))?;
    let own = |session: &Session| session.client.as_ref() == Some(&client.id);
    end(desk, origin, session.filter(own).ok_or(AuthError::BadRefreshToken)?, "sessions.end").await
}

/// Ends a session as its own user.
pub(in crate::app) async fn end(desk: &AppState, origin: &Origin, session: Session, verb: &'static str) -> Result<()> {
    let actor = Actor::nobody(origin.clone());
    desk.write(move |tx| {
        let Some(session) = store::sessions::find(tx, session.id)? else { return Ok(()) };
        let user = store::users::find_principal(tx, session.user)?;
        let mut actor = user.map_or_else(|| actor.clone(), |user| sessions::acting(&actor, &user));
        actor.credential = Credential::Session(session.id);
        sessions::cut(tx, &actor, verb, &session)
    })
    .await
}

/// What an access token says; none for what is none, or not good any more.
fn said(desk: &AppState, raw: &str) -> Result<Option<Verified>> {
    match sign_in::verified(desk, raw) {
        Ok(said) => Ok(Some(said)),
        Err(Error::Unauthenticated(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The session of a refresh token that would be taken now.
fn current(view: &View, token: &RefreshToken) -> Result<Option<Session>> {
    let kept = store::refresh_tokens::find(view, &token.fingerprint)?;
    match kept.filter(|kept| kept.exchanged.is_none()) {
        Some(kept) => store::sessions::find(view, kept.session),
        None => Ok(None),
    }
}

/// The session of a refresh token, be it exchanged already or not.
fn any(view: &View, token: &RefreshToken) -> Result<Option<Session>> {
    let id = match &token.family {
        Some(family) => store::refresh_tokens::session_of_family(view, family)?,
        None => store::refresh_tokens::find(view, &token.fingerprint)?.map(|kept| kept.session),
    };
    id.map_or(Ok(None), |id| store::sessions::find(view, id))
}

/// Whom a session lets in at this moment.
fn alive(view: &View, session: &Session) -> Result<Option<User>> {
    match sessions::still(view, session.id) {
        Ok(user) => Ok(Some(user)),
        Err(Error::Unauthenticated(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The client of a session; none for a browser's.
pub fn client_of(session: &Session) -> &str {
    session.client.as_ref().map_or("", ClientId::as_str)
}
