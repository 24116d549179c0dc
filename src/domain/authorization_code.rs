//! An authorization code, which a browser delivers to a client after its user has signed in (RFC 6749, section 1.3.1).

use std::time::Duration;

use super::client::{ClientId, Scopes};
use super::ids::{SessionId, UserId};
use super::session::BrowserId;
use super::timestamp::Timestamp;

/// The grant that an authorization code represents.
#[derive(Clone, Debug)]
pub struct AuthorizationCode {
    /// The client that it was issued to.
    pub client: ClientId,
    /// The user who authorized the client.
    pub user: UserId,
    /// The redirect URI of the request. The token request must contain the same one.
    pub redirect_uri: String,
    pub scopes: Scopes,
    /// The nonce of the request, returned in the ID token.
    pub nonce: Option<String>,
    /// The SHA-256 of the code verifier as base64url (RFC 7636). `None` if the request left it out.
    pub code_challenge: Option<String>,
    pub authenticated_at: Timestamp,
    /// Whether a second factor was verified.
    pub second_factor: bool,
    /// The browser of the request.
    pub browser: Option<BrowserId>,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// The session that was created with it. `None` if there is none, or it has ended.
    pub session: Option<SessionId>,
}

impl AuthorizationCode {
    /// How long a code is valid.
    pub const LIFE: Duration = Duration::from_mins(1);

    /// Whether the code can be exchanged at this time. It has also ended if the clock was set back since it was issued.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && !self.expires_at.is_ahead_of(now.after(Self::LIFE))
    }
}
