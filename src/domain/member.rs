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
