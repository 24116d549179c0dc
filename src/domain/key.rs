//! An API key, a long-lived credential of a user or a service.

use std::time::Duration;

use strum::IntoStaticStr;

use super::email::Email;
use super::ids::{KeyId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::text::{self, Description};
use super::timestamp::Timestamp;

/// The name of a key: 1 to 256 visible characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 256;

    /// Removes surrounding whitespace. Refuses a name that is empty or too long, contains an invisible character, or
    /// could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        match text::label(raw, Self::MAX_LENGTH)? {
            name if name.is_empty() => Err(Invalid::rule("must not be empty")),
            name => Ok(Self(name)),
        }
    }

    /// A name from the data file, not validated: older releases allowed some names that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kind of user that a key acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum KeyKind {
    User,
    /// A bot that was created for the key.
    Service,
}

impl KeyKind {
    /// The value in the audit log and on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The account's rules for API keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyRules {
    /// Whether users may create keys.
    pub allowed: bool,
    /// The maximum lifetime of a key, from the creation of its secret.
    pub max_life: Option<Duration>,
}

impl KeyRules {
    /// Every user may create keys that never expire.
    pub const LOOSE: Self = Self { allowed: true, max_life: None };
}

/// The time for which the old secret stays valid after a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grace(Duration);

impl Grace {
    /// The maximum, in seconds.
    pub const MAX_SECONDS: u64 = 86_400;

    /// Refuses a negative number of seconds, and more than a day.
    pub fn parse(seconds: i64) -> Result<Self, Invalid> {
        match u64::try_from(seconds) {
            Ok(seconds) if seconds <= Self::MAX_SECONDS => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(Invalid::rule(format!("must be from 0 to {}", Self::MAX_SECONDS))),
        }
    }

    /// The end of a grace period that starts now. `None` without a grace period.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        (!self.0.is_zero()).then(|| now.after(self.0))
    }
}

/// A filter of API keys.
#[derive(Clone, Copy, Debug)]
pub struct KeySearch {
    pub kind: Option<KeyKind>,
    /// Whether to list the valid keys or the invalid ones.
    pub live: bool,
    /// The service keys of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// The owner of a user key, or the creator of a service key.
    pub user: Option<UserId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum KeyState {
    Active,
    Expired,
    Revoked,
}

impl KeyState {
    /// The value on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An API key without its secret.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: KeyId,
    /// The user that it acts as.
    pub user: UserId,
    /// Whether that user is a person or a bot.
    pub kind: KeyKind,
    /// The email of the user that it acts as.
    pub email: Email,
    pub name: KeyName,
    pub description: Description,
    /// The creator. `None` for the operator.
    pub created_by: Option<UserId>,
    /// The secret with only its prefix and its last characters visible.
    pub redacted: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The time of the last use, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Key {
    /// Whether the key is valid at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state(now) == KeyState::Active
    }

    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_trimmed_and_never_blank(raw in any::<String>()) {
            match KeyName::parse(&raw) {
                Ok(name) => prop_assert_eq!(name.as_str(), &*text::nfc(raw.trim())),
                Err(invalid) => prop_assert!(!invalid.rule.is_empty()),
            }
        }
    }

    proptest! {
        #[test]
        fn a_key_is_valid_until_it_is_revoked_or_expires(end in proptest::option::of(-9_i64..9), revoked: bool, now in -9_i64..9) {
            let key = Key {
                id: KeyId(1),
                user: UserId(1),
                kind: KeyKind::User,
                email: Email::parse("ada@example.com").expect("an address"),
                name: KeyName::parse("k").expect("a name"),
                description: Description::default(),
                created_by: None,
                redacted: String::new(),
                created_at: Timestamp::from_micros(-9),
                expires_at: end.map(Timestamp::from_micros),
                revoked_at: revoked.then_some(Timestamp::from_micros(0)),
                last_used_at: None,
            };
            prop_assert_eq!(key.is_live(Timestamp::from_micros(now)), !revoked && end.is_none_or(|end| now < end));
        }
    }

    #[test]
    fn a_grace_is_at_most_a_day() {
        let now = Timestamp::from_micros(0);
        assert_eq!(Grace::parse(0).expect("none").end(now), None);
        assert_eq!(Grace::parse(86_400).expect("a day").end(now), Some(Timestamp::from_micros(86_400_000_000)));
        for bad in [-1, 86_401, i64::MIN, i64::MAX] {
            assert!(Grace::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn blank_and_long_names_are_refused() {
        assert!(KeyName::parse("  ").is_err());
        assert!(KeyName::parse(&"n".repeat(257)).is_err());
        assert!(KeyName::parse(&"n".repeat(256)).is_ok());
    }
}
