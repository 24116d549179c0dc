//! What a person has let a client do.

use super::client::{Client, Scopes};
use super::timestamp::Timestamp;

/// What a person has let a client do.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The client.
    pub client: Client,
    /// What it may ask for without asking the person again.
    pub scopes: Scopes,
    /// Since when.
    pub created_at: Timestamp,
}
