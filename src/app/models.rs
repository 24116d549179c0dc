//! Models and their versions.

use crate::app::lookup;
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelId, ModelVersionId};
use crate::domain::model::{Model, ModelVersion};
use crate::domain::noun::Noun;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, View};

/// The model with this number and its workspace. Refused when the actor may not see it.
pub fn visible(view: &View, actor: &Actor, id: ModelId) -> Result<(Model, Workspace)> {
    let missing = || Error::not_found(Noun::Model, id);
    let model = store::models::find(view, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, model.workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadModel, Noun::Model, id)?;
    Ok((model, workspace))
}

/// The version with this number and its workspace. Refused when the actor may not see it.
pub fn visible_version(view: &View, actor: &Actor, id: ModelVersionId) -> Result<(ModelVersion, Workspace)> {
    let missing = || Error::not_found(Noun::ModelVersion, id);
    let version = store::models::find_version(view, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, version.workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadModel, Noun::ModelVersion, id)?;
    Ok((version, workspace))
}
