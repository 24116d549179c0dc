//! Somebody's place in a workspace.

use uuid::Uuid;

use super::ids::{MemberId, UserId, WorkspaceId};
use super::timestamp::Timestamp;

/// What a person may do in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Manages the workspace and its members.
    Owner,
    /// Works in it.
    Member,
}

impl Role {
    /// Each role, the mightiest first.
    pub const ALL: [Self; 2] = [Self::Owner, Self::Member];

    /// The word for the role in the database and the audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// The role of a word; none if no role has that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Somebody's place in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The row.
    pub id: MemberId,
    /// Where.
    pub workspace: WorkspaceId,
    /// Who.
    pub user: UserId,
    /// The user's UUID.
    pub uuid: Uuid,
    /// In what role.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_role_has_its_own_word() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
    }

    proptest! {
        #[test]
        fn no_other_word_is_a_role(word in "[a-zA-Z ]{0,12}|\\PC{0,8}") {
            prop_assert!(Role::from_word(&word).is_none_or(|role| role.word() == word));
        }
    }
}
