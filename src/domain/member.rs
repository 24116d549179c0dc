//! Somebody's place in a workspace.

use strum::IntoStaticStr;
use uuid::Uuid;

use super::ids::{MemberId, RoleId, UserId, WorkspaceId};
use super::timestamp::Timestamp;

/// What a person may do in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Manages the workspace and its members.
    Owner,
    /// Works in it.
    Member,
    /// Reads what is in it.
    Reader,
    /// Annotates what is in it.
    Annotator,
    /// Does what a named role allows.
    Custom(RoleId),
}

impl Role {
    /// Each role that every account has, the mightiest first.
    pub const PREDEFINED: [Self; 4] = [Self::Owner, Self::Member, Self::Reader, Self::Annotator];

    /// The word for the role in the database and the audit.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The predefined role of a word; none if no such role has that word.
    pub fn predefined(word: &str) -> Option<Self> {
        Self::PREDEFINED.into_iter().find(|role| role.as_str() == word)
    }

    /// The named role, where it is one.
    pub const fn custom(self) -> Option<RoleId> {
        match self {
            Self::Custom(id) => Some(id),
            Self::Owner | Self::Member | Self::Reader | Self::Annotator => None,
        }
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
    fn the_stored_words_stay() {
        let words = ["owner", "member", "reader", "annotator"];
        assert_eq!(Role::PREDEFINED.map(Role::as_str), words);
        assert_eq!(words.map(Role::predefined), Role::PREDEFINED.map(Some));
        assert_eq!((Role::Custom(RoleId(7)).as_str(), Role::predefined("custom")), ("custom", None));
    }

    proptest! {
        #[test]
        fn no_other_word_is_a_role(word in "[a-zA-Z ]{0,12}|\\PC{0,8}") {
            prop_assert!(Role::predefined(&word).is_none_or(|role| role.as_str() == word));
        }
    }
}
