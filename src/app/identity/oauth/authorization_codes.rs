//! Trading an authorization code for a session (RFC 6749, section 4.1.3; RFC 7636, section 4.6).

use crate::app::identity::oauth::grants::Granted;
use crate::app::identity::oauth::{authorizations, consents};
use crate::app::identity::sessions::{self, NewSession};
use crate::app::runtime::refusals;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin};
use crate::domain::client::Client;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::secret::Secret;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::pkce;

/// What a client brings.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The code.
    pub code: Secret,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What the challenge was made of.
    pub verifier: Secret,
}

/// What became of a code.
#[derive(Debug)]
pub(in crate::app) enum Trade {
    /// It was traded for this.
    Done(Box<Granted>),
    /// It had been used before; what it had led to has ended.
    Replayed,
}

/// Trades a code for a session.
///
/// Refused when the code is unknown, expired or another client's, the address or the verifier is not that of the
/// request, or the person may not come in any more. A code that comes a second time is refused, and the session that it
/// led to ends, with all its tokens (RFC 9700, section 4.5).
pub async fn trade(desk: &AppState, origin: &Origin, client: &Client, presented: Presented) -> Result<Granted> {
    let traded = exchange(desk, origin, client, presented).await;
    let reason = match &traded {
        Ok(Trade::Replayed) => Some("reused"),
        Err(Error::Unauthenticated(AuthError::Disabled)) => Some("disabled"),
        Err(Error::Unauthenticated(_)) => Some("wrong"),
        Ok(Trade::Done(_)) | Err(_) => None,
    };
    if let Some(reason) = reason {
        desk.refusals().of_token(origin, refusals::Kind::AuthorizationCode, client, reason);
    }
    match traded? {
        Trade::Done(granted) => Ok(*granted),
        Trade::Replayed => Err(AuthError::BadCode.into()),
    }
}

async fn exchange(desk: &AppState, origin: &Origin, client: &Client, presented: Presented) -> Result<Trade> {
    let code = opaque::parse(Kind::Code, presented.code.expose()).ok_or(AuthError::BadCode)?;
    let (actor, client, lifetimes) = (Actor::nobody(origin.clone()), client.clone(), desk.lifetimes);
    desk.write(move |tx| settle(tx, &actor, &client, &code, &presented, &lifetimes)).await
}

/// The same in a write under way. A second use is no error here: its end of the session is to be kept.
pub(in crate::app) fn settle(
    tx: &Tx,
    actor: &Actor,
    client: &Client,
    code: &Fingerprint,
    presented: &Presented,
    lifetimes: &Lifetimes,
) -> Result<Trade> {
    let found = store::authorization_codes::find(tx, code)?;
    let found = found.filter(|found| found.client == client.id).ok_or(AuthError::BadCode)?;
    if found.used_at.is_some() {
        let led_to = found.session.map(|id| store::sessions::find(tx, id)).transpose()?.flatten();
        if let Some(session) = led_to {
            log::warn!("authorization code reuse detected, session {} revoked", session.uuid);
            sessions::cut(tx, actor, "sessions.end_replayed", &session)?;
        }
        return Ok(Trade::Replayed);
    }
    let fits = found.redirect_uri == presented.redirect_uri
        && pkce::matches(&found.code_challenge, presented.verifier.expose());
    if tx.now >= found.expires_at || !fits {
        return Err(AuthError::BadCode.into());
    }
    let user = store::users::find(tx, found.user)?.ok_or(AuthError::Disabled)?;
    authorizations::enters(&user)?;
    if !consents::covers(tx, &sessions::acting(actor, &user), client, &found.scopes)? {
        return Err(AuthError::BadCode.into());
    }
    let new = NewSession {
        second_factor: found.second_factor,
        authenticated_at: Some(found.authenticated_at),
        nonce: found.nonce,
        ..NewSession::through(client, &found.scopes, lifetimes)
    };
    let session = sessions::begin(tx, actor, &user, &new)?;
    if let Some(browser) = found.browser {
        store::sessions::update_browser(tx, session.id, browser)?;
    }
    store::authorization_codes::use_up(tx, code, session.id)?;
    let refresh_token = new.refresh_token.map(|token| token.text);
    Ok(Trade::Done(Box::new(Granted::begun(user, session, refresh_token))))
}
