//! The rules for a consistent OAuth client.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::client::{Client, ClientId, Grant, PkcePolicy, RedirectUri};
use crate::domain::field::Field;
use crate::error::{Error, Result};
use crate::tokens::claims::API;

/// The maximum number of addresses of each kind.
pub const MAX_ADDRESSES: usize = 50;
/// The maximum of every lifetime of a client.
pub const MAX_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);

/// Refuses an id that is also an audience of the API, because a token for the client would be valid for the API.
pub(in crate::app) fn check_id(id: &ClientId) -> Result<()> {
    if API.contains(&id.as_str()) {
        return Err(Error::invalid(
            Field::Id,
            "must not be master-realm or account: these names are reserved for the API",
        ));
    }
    Ok(())
}

/// Refuses an inconsistent client: one without a grant that begins a session, one with authorization codes but no
/// redirect URI, a public one that acts on its own behalf, and one with a lifetime that is out of range.
pub(in crate::app) fn check(client: &Client) -> Result<()> {
    if client.grants.iter().all(|grant| *grant == Grant::RefreshToken) {
        return Err(Error::invalid(
            Field::Grants,
            "must contain a grant that starts a session, not refresh_token alone",
        ));
    }
    if client.may(Grant::AuthorizationCode) && client.redirect_uris.is_empty() {
        return Err(Error::invalid(
            Field::RedirectUris,
            "must not be empty: authorization_code requires a redirect URI",
        ));
    }
    if client.may(Grant::ClientCredentials) && !client.confidential {
        return Err(Error::invalid(
            Field::Grants,
            "must not contain client_credentials: a public client has no secret",
        ));
    }
    if client.pkce == PkcePolicy::Optional && !client.confidential {
        return Err(Error::invalid(Field::Pkce, "must be required: a public client has no secret"));
    }
    for (field, uris) in [
        (Field::RedirectUris, &client.redirect_uris),
        (Field::PostLogoutRedirectUris, &client.post_logout_redirect_uris),
    ] {
        if uris.len() > MAX_ADDRESSES {
            return Err(Error::invalid(field, format!("must contain at most {MAX_ADDRESSES}")));
        }
        if uris.iter().map(RedirectUri::as_str).collect::<BTreeSet<_>>().len() < uris.len() {
            return Err(Error::invalid(field, "must not contain the same URI twice"));
        }
    }
    for (field, life) in [
        (Field::AccessTokenLife, client.access_token_life),
        (Field::SessionIdle, client.session_idle),
        (Field::SessionLife, client.session_life),
    ] {
        let whole = |life: Duration| life.subsec_nanos() == 0 && life >= Duration::from_secs(1) && life <= MAX_LIFETIME;
        if life.is_some_and(|life| !whole(life)) {
            return Err(Error::invalid(field, "must be a whole number of seconds, from 1s to 10 years"));
        }
    }
    Ok(())
}
