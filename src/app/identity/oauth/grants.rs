//! The result of every grant: a session and its refresh token.

use crate::app::identity::oauth::authorizations;
use crate::app::identity::oauth::refresh::Refreshed;
use crate::app::identity::sign_in::SignedIn;
use crate::domain::client::{Client, Scope, Scopes};
use crate::domain::field::Field;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::error::{Error, Result};

#[derive(Clone, Debug)]
pub struct Granted {
    pub user: User,
    pub session: Session,
    /// The scopes of the access token.
    pub scopes: Scopes,
    /// The refresh token, which is shown only once. `None` for a session that ends with its access token.
    pub refresh_token: Option<Secret>,
}

impl Granted {
    pub(in crate::app) fn begun(user: User, session: Session, refresh_token: Option<Secret>) -> Self {
        let scopes = Scopes::parse_known(&session.scope);
        Self { user, session, scopes, refresh_token }
    }
}

/// The scopes that a client gets for a request: the requested ones that are known and registered for it, and always
/// `email` and `profile`, as with Keycloak. Programs that request `openid` alone rely on it when they read the address.
///
/// Refused when none of the requested scopes remains.
pub fn scopes(client: &Client, requested: Option<&str>) -> Result<Scopes> {
    let granted = authorizations::granted(requested, client)
        .ok_or_else(|| Error::invalid(Field::Scope, "the client is not registered for any of these scopes"))?;
    Ok(granted.union(&Scopes::of([Scope::Email, Scope::Profile]).intersection(&client.scopes)))
}

/// The scopes that a client gets on its own behalf: those of [`scopes`], and `api` if it is registered for the client.
/// No person has to consent, and clients such as `python-keycloak` cannot request it.
pub fn own_scopes(client: &Client, requested: Option<&str>) -> Result<Scopes> {
    Ok(scopes(client, requested)?.union(&Scopes::of([Scope::Api]).intersection(&client.scopes)))
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
