//! An authorization code: what a browser brings to a client once its person has signed in (RFC 6749, section 1.3.1).

use super::client::{ClientId, Scopes};
use super::ids::{SessionId, UserId};
use super::session::BrowserId;
use super::timestamp::Timestamp;

/// What an authorization code stands for.
#[derive(Clone, Debug)]
pub struct AuthorizationCode {
    /// The client that it was made for.
    pub client: ClientId,
    /// Who let the client in.
    pub user: UserId,
    /// Where it was sent; whoever presents it names the same address.
    pub redirect_uri: String,
    /// What was granted.
    pub scopes: Scopes,
    /// What the client gave to find again in the id token.
    pub nonce: Option<String>,
    /// The SHA-256 of the verifier that goes with it, as base64url (RFC 7636).
    pub code_challenge: String,
    /// When the person proved who they are.
    pub authenticated_at: Timestamp,
    /// Whether that was by more than a password.
    pub second_factor: bool,
    /// The browser that it was given to.
    pub browser: Option<BrowserId>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// The session that it led to, while that lasts.
    pub session: Option<SessionId>,
}
