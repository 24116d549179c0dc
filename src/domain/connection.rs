//! A connection to a data source, whose details are secret.

use std::fmt;

use uuid::Uuid;

use super::ids::{ConnectionId, UserId};
use super::invalid::Invalid;
use super::json_text::JsonText;
use super::timestamp::Timestamp;
use super::workspace::WorkspaceName;

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

/// The type of a connection in the client's words: 1 to 255 visible characters, not only whitespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionKind(String);

impl ConnectionKind {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// The error is the broken rule.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        if raw.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        super::text::visible(raw)?;
        Ok(Self(raw.to_owned()))
    }

    /// A type from the data file, not validated.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The details of a connection: a JSON object or null, as the client sent it. They are secret: `Debug` prints `***`.
#[derive(Clone)]
pub struct ConnectionDetails(JsonText);

impl ConnectionDetails {
    /// The maximum number of bytes.
    pub const MAX_SIZE: usize = 64 * 1024;

    /// The error is the broken rule, without any of the details.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.len() > Self::MAX_SIZE {
            return Err(Invalid::rule(format!("must have at most {} KiB", Self::MAX_SIZE / 1024)));
        }
        match raw.trim_ascii_start().as_bytes() {
            [b'{' | b'n', ..] => JsonText::parse(raw).map(Self),
            _ => Err(Invalid::rule("must be a JSON object or null")),
        }
    }

    /// The plain details, for the one place that needs them.
    pub fn expose(&self) -> &JsonText {
        &self.0
    }
}

impl fmt::Debug for ConnectionDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Clone, Debug)]
pub struct NewConnection {
    pub name: ConnectionName,
    pub kind: ConnectionKind,
    pub details: ConnectionDetails,
}

/// The maximum number of workspaces that have one connection.
pub const MAX_WORKSPACES: u32 = 1000;

#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub uuid: Uuid,
    pub name: ConnectionName,
    pub kind: ConnectionKind,
    /// The details as JSON, sealed under the master key.
    pub sealed: Vec<u8>,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
}

/// A connection as those see it who may.
#[derive(Clone, Debug)]
pub struct ConnectionEntry {
    pub connection: Connection,
    pub details: ConnectionDetails,
    /// The names of its workspaces, without those that the viewer does not see.
    pub workspaces: Vec<WorkspaceName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_an_object_or_null_and_never_printed() {
        for text in [r#"{"key": "s3cret"}"#, "null", "{}"] {
            let details = ConnectionDetails::parse(text).unwrap();
            assert_eq!((details.expose().as_str(), format!("{details:?}").as_str()), (text, "***"));
        }
        for bad in ["", "[]", "1", "\"s3cret\"", "{\"s3cret\"", "nul", "{} s3cret"] {
            let rule = ConnectionDetails::parse(bad).unwrap_err().rule;
            assert!(!rule.contains("s3cret"), "{rule}");
        }
        let sized = |size: usize| format!(r#"{{"k":"{}"}}"#, "x".repeat(size - r#"{"k":""}"#.len()));
        assert!(ConnectionDetails::parse(&sized(ConnectionDetails::MAX_SIZE)).is_ok());
        assert!(ConnectionDetails::parse(&sized(ConnectionDetails::MAX_SIZE + 1)).is_err());
    }
}
