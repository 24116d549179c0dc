//! An API key: a lasting credential of a person or a service.

use std::time::Duration;

use strum::IntoStaticStr;

use super::email::Email;
use super::ids::{KeyId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::text::{self, Description};
use super::timestamp::Timestamp;

/// What a key is called: 1 to 256 characters, all of them visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// The most characters.
    pub const LONGEST: usize = 256;

    /// Takes a name, without the blanks around it.
    ///
    /// Refuses one that is empty or too long, has a character that nobody sees, or reads as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        match text::label(raw, Self::LONGEST)? {
            name if name.is_empty() => Err(Invalid::rule("must not be empty")),
            name => Ok(Self(name)),
        }
    }

    /// A name of the data file as it is there: an older file may have one that would be refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whom a key acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum KeyKind {
    /// A person.
    User,
    /// A bot that was made for it.
    Service,
}

impl KeyKind {
    /// The word for the kind in the audit and on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What the account allows of keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyRules {
    /// Whether people may make keys.
    pub allowed: bool,
    /// How long a key may last from the moment that its secret is made.
    pub longest_life: Option<Duration>,
}

impl KeyRules {
    /// Everybody may make keys that last for ever.
    pub const LOOSE: Self = Self { allowed: true, longest_life: None };
}

/// For how long after a refresh the secret before it is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grace(Duration);

impl Grace {
    /// The longest, in seconds.
    pub const LONGEST: u64 = 86_400;

    /// Takes a number of seconds.
    ///
    /// Refuses less than none and more than a day.
    pub fn parse(seconds: i64) -> Result<Self, Invalid> {
        match u64::try_from(seconds) {
            Ok(seconds) if seconds <= Self::LONGEST => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(Invalid::rule(format!("must be from 0 to {}", Self::LONGEST))),
        }
    }

    /// When it ends that begins now; none for no grace at all.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        (!self.0.is_zero()).then(|| now.after(self.0))
    }
}

/// What is looked for among keys.
#[derive(Clone, Copy, Debug)]
pub struct KeySearch {
    /// Whom they act as.
    pub kind: Option<KeyKind>,
    /// Those that may be used, or those that may not any more.
    pub live: bool,
    /// Service keys of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// Of this person: a user key's owner, a service key's maker.
    pub user: Option<UserId>,
}

/// What has become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum KeyState {
    /// It may be used.
    Active,
    /// It ended by itself.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl KeyState {
    /// The word for the state on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An API key, without its secret, which nobody has but its owner.
#[derive(Clone, Debug)]
pub struct Key {
    /// The row.
    pub id: KeyId,
    /// Whom it acts as.
    pub user: UserId,
    /// Whether that is a person or a bot.
    pub kind: KeyKind,
    /// The address of whom it acts as.
    pub email: Email,
    /// What it is called.
    pub name: KeyName,
    /// What it is for.
    pub description: Description,
    /// Who made it; none for the operator.
    pub created_by: Option<UserId>,
    /// The secret with all but its ends blotted out.
    pub redacted: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was ended by somebody.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Key {
    /// Whether the key may still be used at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state(now) == KeyState::Active
    }

    /// What has become of the key by this moment.
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
        fn it_lives_until_it_is_revoked_or_runs_out(end in proptest::option::of(-9_i64..9), revoked: bool, now in -9_i64..9) {
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
