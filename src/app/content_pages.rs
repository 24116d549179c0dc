//! Pages of the contents of one workspace, the newest first.

use crate::app::connections::{self, Named};
use crate::app::{lookup, pipelines, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::connection::Connection;
use crate::domain::ids::{PipelineId, WorkspaceId};
use crate::domain::model::Model;
use crate::domain::page::{Page, Slice};
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::domain::tag::Tag;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// The models of a workspace.
///
/// Refused when the actor may not see the workspace. There are none for an actor who may not see its models.
pub fn models(view: &View, actor: &Actor, workspace: WorkspaceId, page: Page) -> Result<Slice<Model>> {
    if !sees(view, actor, workspace, Action::ReadModel)? {
        return Ok(visibility::nothing());
    }
    store::content_pages::models(view, workspace, page)
}

/// The pipelines of a workspace.
///
/// Refused when the actor may not see the workspace. There are none for an actor who may not see its pipelines.
pub fn pipelines(view: &View, actor: &Actor, workspace: WorkspaceId, page: Page) -> Result<Slice<Pipeline>> {
    if !sees(view, actor, workspace, Action::ReadPipeline)? {
        return Ok(visibility::nothing());
    }
    store::content_pages::pipelines(view, workspace, page)
}

/// The versions of a pipeline. Refused when the actor may not see it.
pub fn pipeline_versions(view: &View, actor: &Actor, id: PipelineId, page: Page) -> Result<Slice<PipelineVersion>> {
    pipelines::visible(view, actor, id)?;
    store::content_pages::pipeline_versions(view, id, page)
}

/// The tags of a workspace, without those of its organization.
///
/// Refused when the actor may not see the workspace. There are none for an actor who may not see its tags.
pub fn tags(view: &View, actor: &Actor, workspace: WorkspaceId, page: Page) -> Result<Slice<Tag>> {
    if !sees(view, actor, workspace, Action::ReadTag)? {
        return Ok(visibility::nothing());
    }
    store::content_pages::tags(view, workspace, page)
}

/// The connections of a workspace that the actor may see, without their details.
///
/// Refused when the actor may not see the workspace.
pub fn connections(view: &View, actor: &Actor, workspace: WorkspaceId, page: Page) -> Result<Slice<Connection>> {
    let sees_all = sees(view, actor, workspace, Action::ReadConnections)?;
    let look = |page| store::content_pages::connections(view, workspace, page);
    visibility::sifted(
        page,
        |connection: &Connection| connection.id.0,
        look,
        |connection| {
            if sees_all {
                return Ok(true);
            }
            match connections::visible(view, actor, &Named::Uuid(connection.uuid)) {
                Ok(_) => Ok(true),
                Err(Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        },
    )
}

fn sees(view: &View, actor: &Actor, workspace: WorkspaceId, action: Action) -> Result<bool> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    Ok(decide(&standing::in_workspace(view, actor, &workspace)?, action) == Decision::Allowed)
}
