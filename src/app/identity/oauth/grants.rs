//! What every grant comes to: a session, and the refresh token that goes with it.

use crate::app::identity::oauth::authorizations;
use crate::app::identity::oauth::refresh::Refreshed;
use crate::app::identity::sign_in::SignedIn;
use crate::domain::client::{Client, Scope, Scopes};
use crate::domain::field::Field;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::error::{Error, Result};

/// What a grant has come to.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Who acts.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What the access token is good for.
    pub scopes: Scopes,
    /// The refresh token, which is shown once; none for a session that ends with its access token.
    pub refresh_token: Option<Secret>,
}

impl Granted {
    /// A session that has begun.
    pub(in crate::app) fn begun(user: User, session: Session, refresh_token: Option<Secret>) -> Self {
        let scopes = Scopes::known(&session.scope);
        Self { user, session, scopes, refresh_token }
    }
}

/// What a client gets that asks for these words: those that are known and that it may have, and `email` and `profile` in
/// any case, as Keycloak's clients do, whose programs ask for `openid` alone and then read the address.
///
/// Refused when nothing is left of what it asks for.
pub fn scopes(client: &Client, asked: Option<&str>) -> Result<Scopes> {
    let granted = authorizations::granted(asked, client)
        .ok_or_else(|| Error::invalid(Field::Scope, "the client is not registered for any of these scopes"))?;
    Ok(granted.and(&Scopes::of([Scope::Email, Scope::Profile]).within(&client.scopes)))
}

/// What a client gets on its own behalf: the same, and `api` wherever it is registered for the client. No person has to
/// consent, and clients such as `python-keycloak` cannot be told to ask for it.
pub fn own_scopes(client: &Client, asked: Option<&str>) -> Result<Scopes> {
    Ok(scopes(client, asked)?.and(&Scopes::of([Scope::Api]).within(&client.scopes)))
}

impl From<SignedIn> for Granted {
    fn from(signed_in: SignedIn) -> Self {
        Self::begun(signed_in.user, signed_in.session, signed_in.refresh_token)
    }
}

impl From<Refreshed> for Granted {
    fn from(refreshed: Refreshed) -> Self {
        Self {
            user: refreshed.user,
            session: refreshed.session,
            scopes: refreshed.scopes,
            refresh_token: Some(refreshed.refresh_token.text),
        }
    }
}
