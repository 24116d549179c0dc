//! `user_default_workspace`: the workspace that a person works in unless told otherwise.

use async_graphql::SimpleObject;

use super::scalars::BigInt;
use super::workspaces::Workspace;

/// The workspace that a person works in unless told otherwise.
#[derive(Debug, SimpleObject)]
#[graphql(name = "user_default_workspace", rename_fields = "snake_case")]
pub(super) struct UserDefaultWorkspace {
    /// The number of the link.
    pub(super) id: BigInt,
    /// The person's UUID.
    pub(super) user_id: String,
    /// The number of the workspace.
    pub(super) workspace_id: BigInt,
    /// The workspace.
    pub(super) workspace: Option<Workspace>,
}
