//! The consent of a user to a client.

use super::client::{Client, Scopes};
use super::timestamp::Timestamp;

#[derive(Clone, Debug)]
pub struct Consent {
    pub client: Client,
    /// The scopes that it may request without another consent.
    pub scopes: Scopes,
    pub created_at: Timestamp,
}
