//! Client authentication (RFC 6749, section 2.3).

use crate::app::identity::attempts::{Attempt, SecretOwner};
use crate::app::identity::oauth::clients;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::domain::actor::Origin;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::error::{AuthError, Result};
use crate::store;
use crate::tokens::opaque::Fingerprint;

/// Authenticates the client with this id by its secret.
///
/// Refused alike when the client is unknown, its secret is wrong or missing, or a client without a secret sends one.
/// Wrong secrets throttle further wrong ones from the same address. A right one is never throttled, because it is too
/// long to be guessed.
pub fn authenticate(state: &AppState, origin: &Origin, id: &str, secret: Option<&Secret>) -> Result<Client> {
    let Some(secret) = secret else {
        let client = state.read_inline(|view| clients::find(view, id))?;
        return client.filter(|client| !client.confidential).ok_or_else(|| AuthError::BadClient.into());
    };
    let found = state.read_inline(|view| {
        let Some(client) = clients::find(view, id)? else { return Ok(None) };
        let stored = store::clients::secret(view, &client.id)?;
        Ok(Some((client, stored)))
    })?;
    // The secret of an imported client is a text of another system.
    let presented = Fingerprint::of(secret.expose());
    let proved = found.and_then(|(client, stored)| {
        let right = client.confidential && stored.is_some_and(|stored| presented.matches(&stored));
        right.then_some(client)
    });
    match proved {
        Some(client) => Ok(client),
        None => {
            Err(Attempt::refuse(state, origin, ThrottleScope::Client, SecretOwner::Client(id), AuthError::BadClient)?)
        }
    }
}
