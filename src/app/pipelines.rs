//! Pipelines and their versions.

use crate::app::lookup;
use crate::domain::actor::Actor;
use crate::domain::ids::{PipelineId, PipelineVersionId};
use crate::domain::noun::Noun;
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, View};

/// The pipeline with this number and its workspace. Refused when the actor may not see it.
pub fn visible(view: &View, actor: &Actor, id: PipelineId) -> Result<(Pipeline, Workspace)> {
    let missing = || Error::not_found(Noun::Pipeline, id);
    let pipeline = store::pipelines::find(view, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, pipeline.workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadPipeline, Noun::Pipeline, id)?;
    Ok((pipeline, workspace))
}

/// The version with this number and its workspace. Refused when the actor may not see it.
pub fn visible_version(view: &View, actor: &Actor, id: PipelineVersionId) -> Result<(PipelineVersion, Workspace)> {
    let missing = || Error::not_found(Noun::PipelineVersion, id);
    let version = store::pipelines::find_version(view, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, version.workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadPipeline, Noun::PipelineVersion, id)?;
    Ok((version, workspace))
}
