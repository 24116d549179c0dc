//! Exchanges an authorization code for a session (RFC 6749, section 4.1.3; RFC 7636, section 4.6).

use crate::app::identity::oauth::grants::Granted;
use crate::app::identity::oauth::{authorizations, consents};
use crate::app::identity::sessions::{self, NewSession};
use crate::app::runtime::refusals;
use crate::app::runtime::sign_in_counts::SignInKind;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin};
use crate::domain::client::{Client, PkcePolicy};
use crate::domain::lifetimes::Lifetimes;
use crate::domain::secret::Secret;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::pkce;

#[derive(Clone, Debug)]
pub struct Presented {
    pub code: Secret,
    /// The redirect URI of the authorization request.
    pub redirect_uri: String,
    /// The PKCE verifier, if the authorization request had a challenge.
    pub verifier: Option<Secret>,
}

/// The outcome of an exchange.
#[derive(Debug)]
pub(in crate::app) enum Trade {
    Done(Box<Granted>),
    /// The code had been used before. Its session has ended.
    Replayed,
}

/// Exchanges a code for a session.
///
/// Refused when the code is unknown, expired or another client's, the redirect URI or the verifier does not match the
/// authorization request, or the person may no longer sign in. A reused code is refused, and the session that it led to
/// ends with all its tokens (RFC 9700, section 4.5).
pub async fn trade(state: &AppState, origin: &Origin, client: &Client, presented: Presented) -> Result<Granted> {
    let traded = exchange(state, origin, client, presented).await;
    let reason = match &traded {
        Ok(Trade::Replayed) => Some("reused"),
        Err(Error::Unauthenticated(AuthError::Disabled)) => Some("disabled"),
        Err(Error::Unauthenticated(_)) => Some("wrong"),
        Ok(Trade::Done(_)) | Err(_) => None,
    };
    if let Some(reason) = reason {
        state.refusals().of_token(origin, refusals::Kind::AuthorizationCode, client, reason);
    }
    match traded? {
        Trade::Done(granted) => {
            state.sign_in_counts().count(SignInKind::AuthorizationCode);
            Ok(*granted)
        }
        Trade::Replayed => Err(AuthError::BadCode.into()),
    }
}

async fn exchange(state: &AppState, origin: &Origin, client: &Client, presented: Presented) -> Result<Trade> {
    let code = opaque::parse(Kind::Code, presented.code.expose()).ok_or(AuthError::BadCode)?;
    let (actor, client, lifetimes) = (Actor::nobody(origin.clone()), client.clone(), state.lifetimes);
    state.write(move |tx| settle(tx, &actor, &client, &code, &presented, &lifetimes)).await
}

/// Like `exchange`, within a write. A reuse is no error here, because the end of the session has to be committed.
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
            sessions::end(tx, actor, "sessions.end_replayed", &session)?;
        }
        return Ok(Trade::Replayed);
    }
    let is_proved = match (&found.code_challenge, &presented.verifier) {
        (Some(challenge), Some(verifier)) => pkce::matches(challenge, verifier.expose()),
        // A verifier without a challenge means that somebody removed the challenge (RFC 9700, section 4.8.2).
        (None, None) => client.pkce == PkcePolicy::Optional,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let fits = found.redirect_uri == presented.redirect_uri && is_proved;
    if !found.is_live(tx.now) || !fits {
        return Err(AuthError::BadCode.into());
    }
    let user = store::users::find(tx, found.user)?.ok_or(AuthError::Disabled)?;
    authorizations::may_sign_in(&user)?;
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
