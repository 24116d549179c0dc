//! The contents of a workspace.

use std::collections::HashMap;

use crate::app::lookup;
use crate::app::runtime::long_view::LongView;
use crate::domain::actor::Actor;
use crate::domain::ids::{PipelineId, WorkspaceId};
use crate::domain::workspace::{Contents, WorkspaceEntry};
use crate::error::Result;
use crate::store::contents::ModelRow;
use crate::store::{self, View};

/// The contents of each of these workspaces. The caller has to make sure that the actor may see them.
pub fn of_shown(view: &View, workspaces: &[WorkspaceEntry]) -> Result<HashMap<WorkspaceId, Contents>> {
    let ids: Vec<_> = workspaces.iter().map(|workspace| workspace.id).collect();
    store::contents::of_many(view, &ids)
}

/// The models of a workspace that the actor sees, by number.
pub fn models(view: &LongView, actor: &Actor, workspace: WorkspaceId) -> Result<Vec<ModelRow>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    store::contents::models(view, workspace.id)
}

/// The pipelines of a workspace that the actor sees, by number.
pub fn pipelines(view: &LongView, actor: &Actor, workspace: WorkspaceId) -> Result<Vec<PipelineId>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    store::contents::pipelines(view, workspace.id)
}
