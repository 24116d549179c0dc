//! A connection to a data source, whose details are secret.

use uuid::Uuid;

use super::ids::{ConnectionId, UserId};
use super::invalid::Invalid;
use super::timestamp::Timestamp;

/// The name of a connection: 1 to 255 visible characters, without surrounding whitespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionName(String);

impl ConnectionName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC. The error is the broken rule.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        super::text::named(raw, Self::MAX_LENGTH).map(Self)
    }

    /// A name from the data file, not validated.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub uuid: Uuid,
    pub name: ConnectionName,
    /// The type, in the client's words.
    pub kind: String,
    /// The details as JSON, sealed under the master key.
    pub sealed: Vec<u8>,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
}
