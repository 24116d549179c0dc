//! A membership of a workspace.

use strum::IntoStaticStr;
use uuid::Uuid;

use super::ids::{MemberId, RoleId, UserId, WorkspaceId};
use super::timestamp::Timestamp;

/// The role of a member in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Manages the workspace and its members.
    Owner,
    /// Reads and changes its contents.
    Member,
    Reader,
    Annotator,
    /// Has the permissions of a named role.
    Custom(RoleId),
}

impl Role {
    /// The predefined roles, the strongest first.
    pub const PREDEFINED: [Self; 4] = [Self::Owner, Self::Member, Self::Reader, Self::Annotator];

    /// The value in the database and the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The predefined role of that name, if there is one.
    pub fn predefined(word: &str) -> Option<Self> {
        Self::PREDEFINED.into_iter().find(|role| role.as_str() == word)
    }

    pub const fn custom(self) -> Option<RoleId> {
        match self {
            Self::Custom(id) => Some(id),
            Self::Owner | Self::Member | Self::Reader | Self::Annotator => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub workspace: WorkspaceId,
    pub user: UserId,
    /// The user's UUID.
    pub uuid: Uuid,
    pub role: Role,
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_values_are_stable() {
        let words = ["owner", "member", "reader", "annotator"];
        assert_eq!(Role::PREDEFINED.map(Role::as_str), words);
        assert_eq!(words.map(Role::predefined), Role::PREDEFINED.map(Some));
        assert_eq!((Role::Custom(RoleId(7)).as_str(), Role::predefined("custom")), ("custom", None));
    }

    proptest! {
        #[test]
        fn other_values_are_no_role(word in "[a-zA-Z ]{0,12}|\\PC{0,8}") {
            prop_assert!(Role::predefined(&word).is_none_or(|role| role.as_str() == word));
        }
    }
}
