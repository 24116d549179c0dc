//! `workspace_users`: the members of a workspace.

use async_graphql::SimpleObject;

use super::lists::{Lists, MemberList};
use super::scalars::BigInt;
use crate::domain::member::Member;
use crate::error::Result;
use crate::http::wallaroo::workspaces::user_type;

/// A membership of a workspace.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "workspace_users", rename_fields = "snake_case")]
pub(super) struct WorkspaceUser {
    /// The id of the membership.
    id: BigInt,
    /// The user's UUID.
    user_id: String,
    /// The role: `OWNER` or `COLLABORATOR`.
    user_type: Option<String>,
    /// The id of the workspace.
    workspace_id: BigInt,
}

impl From<&Member> for WorkspaceUser {
    fn from(member: &Member) -> Self {
        Self {
            id: BigInt(member.id.0),
            user_id: member.uuid.to_string(),
            user_type: Some(user_type(member.role).to_owned()),
            workspace_id: BigInt(member.workspace.0),
        }
    }
}

/// The memberships that ended.
#[derive(Debug, SimpleObject)]
#[graphql(name = "workspace_users_mutation_response", rename_fields = "snake_case")]
pub(super) struct RemovedMembers {
    /// The number of memberships.
    affected_rows: i32,
    /// The memberships before they ended.
    returning: MemberList,
}

impl RemovedMembers {
    /// Refused when there are too many to be told.
    pub(super) fn new(removed: Vec<Member>, lists: &Lists) -> Result<Self> {
        let affected_rows = i32::try_from(removed.len()).unwrap_or(i32::MAX);
        Ok(Self { affected_rows, returning: lists.members(removed)? })
    }
}
