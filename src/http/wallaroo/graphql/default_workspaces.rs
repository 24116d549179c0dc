//! `user_default_workspace`: the workspace that a user works in by default.

use std::sync::Arc;

use async_graphql::SimpleObject;

use super::objects::Workspace;
use super::scalars::BigInt;

/// A user's default workspace.
#[derive(Debug, SimpleObject)]
#[graphql(name = "user_default_workspace", rename_fields = "snake_case")]
pub(super) struct UserDefaultWorkspace {
    /// The id of the default workspace entry.
    pub(super) id: BigInt,
    /// The user's UUID.
    pub(super) user_id: String,
    /// The id of the workspace.
    pub(super) workspace_id: BigInt,
    /// The workspace.
    pub(super) workspace: Option<Arc<Workspace>>,
}
