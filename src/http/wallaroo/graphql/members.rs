//! `workspace_users`: the members of a workspace.

use async_graphql::SimpleObject;

use super::scalars::BigInt;
use crate::domain::member::Member;
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
