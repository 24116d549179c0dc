//! A person with an account.

use uuid::Uuid;

use super::email::Email;
use super::ids::UserId;
use super::invalid::Invalid;
use super::timestamp::Timestamp;

/// What a person may do in the account as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountRole {
    /// Sees and manages everything.
    Administrator,
    /// Sees and does what memberships allow.
    Member,
    /// As a member, but through pages only, not through an API.
    UiOnly,
    /// Annotates what memberships show, and nothing else.
    Annotator,
}

impl AccountRole {
    /// Each role, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Member, Self::UiOnly, Self::Annotator];

    /// The word for the role in the database, the audit and the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::UiOnly => "ui_only",
            Self::Annotator => "annotator",
        }
    }

    /// The role of a word; none if no role has that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// A person's first or last name: at most 255 characters, none of them a control character; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, without the blanks around it.
    ///
    /// Refuses one that is too long or holds a control character.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name = raw.trim();
        if name.chars().count() > Self::LONGEST {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::LONGEST)));
        }
        if name.chars().any(char::is_control) {
            return Err(Invalid::rule("must not hold control characters"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person with an account.
#[derive(Clone, Debug)]
pub struct User {
    /// The row.
    pub id: UserId,
    /// The name that clients know the user by (`sub` in tokens).
    pub uuid: Uuid,
    /// The address, which is also the user name.
    pub email: Email,
    /// The first name; may be empty.
    pub first_name: PersonName,
    /// The last name; may be empty.
    pub last_name: PersonName,
    /// Whether the user may sign in and use tokens.
    pub enabled: bool,
    /// What the user may do in the account.
    pub role: AccountRole,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the user last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// A person to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The first name.
    pub first_name: PersonName,
    /// The last name.
    pub last_name: PersonName,
    /// The account role.
    pub role: AccountRole,
}

/// What is to change about a person; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new address.
    pub email: Option<Email>,
    /// The new first name.
    pub first_name: Option<PersonName>,
    /// The new last name.
    pub last_name: Option<PersonName>,
    /// Whether the user may sign in.
    pub enabled: Option<bool>,
    /// Whether the user is an administrator; an administrator no longer is an ordinary member.
    pub administrator: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_role_has_its_own_word() {
        for role in AccountRole::ALL {
            assert_eq!(AccountRole::from_word(role.word()), Some(role));
        }
        assert_eq!(AccountRole::from_word("root"), None);
    }

    proptest! {
        #[test]
        fn a_name_is_trimmed_bounded_and_printable(raw in any::<String>()) {
            if let Ok(name) = PersonName::parse(&raw) {
                prop_assert_eq!(name.as_str(), raw.trim());
                prop_assert!(name.as_str().chars().count() <= PersonName::LONGEST);
                prop_assert!(!name.as_str().chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn the_bound_is_in_characters() {
        assert!(PersonName::parse(&"é".repeat(255)).is_ok());
        assert!(PersonName::parse(&"é".repeat(256)).is_err());
        assert!(PersonName::parse("a\u{0}b").is_err());
    }
}
