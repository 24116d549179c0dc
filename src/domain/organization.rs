//! An organization: the people who may find each other, and the workspaces that they share.

use super::ids::OrganizationId;

/// The name of the organization that a new account begins with.
pub const HOME_NAME: &str = "Home";

/// What a person may do in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationRole {
    /// Manages the organization.
    Admin,
    /// Makes and joins workspaces.
    Member,
}

impl OrganizationRole {
    /// Each role, the mightiest first.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Member];

    /// The word for the role in the database and the audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// The role of a word; none if no role has that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The row.
    pub id: OrganizationId,
    /// The name, unique in the account.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_role_has_its_own_word() {
        for role in OrganizationRole::ALL {
            assert_eq!(OrganizationRole::from_word(role.word()), Some(role));
        }
    }

    proptest! {
        #[test]
        fn no_other_word_is_a_role(word in "[a-zA-Z ]{0,12}|\\PC{0,8}") {
            prop_assert!(OrganizationRole::from_word(&word).is_none_or(|role| role.word() == word));
        }
    }
}
