//! Models and their versions.

mod deletion;
mod moves;
mod versions;

use crate::app::runtime::long_view::LongView;
use crate::app::{contents, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelConfigId, ModelId, ModelVersionId, WorkspaceId};
use crate::domain::model::{Model, ModelConfig, ModelFilter, ModelVersion, StoredFile};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::workspace::{Workspace, WorkspaceName};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

pub use deletion::{MAX_DELETED, delete, delete_versions, size, size_of_versions};
pub use moves::move_to;
pub use versions::{MAX_CONFIGS, configure, create_version, require_upload, require_upload_somewhere, set_visibility};

/// The number of workspaces whose models are read at once.
const BATCH: usize = 256;

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

/// The version with this number and the configuration of it that is in force. Refused when the actor may not see it.
pub fn configured_version(
    view: &View,
    actor: &Actor,
    id: ModelVersionId,
) -> Result<(ModelVersion, Option<ModelConfig>)> {
    let (version, _) = visible_version(view, actor, id)?;
    Ok((version, store::model_configs::find_of_version(view, id)?))
}

/// The file of a version and its name. Refused when the version is an image, and when the actor may not see it.
pub fn file(view: &View, actor: &Actor, id: ModelVersionId) -> Result<(StoredFile, String)> {
    let (version, _) = visible_version(view, actor, id)?;
    let file = version
        .file
        .ok_or(Error::Refused { rule: "this version is an image of a container registry: it has no file" })?;
    Ok((file, version.file_name))
}

/// Calls `each` with the models of a filter that the actor may see, by workspace and number.
pub fn list(
    view: &LongView,
    actor: &Actor,
    filter: &ModelFilter,
    mut each: impl FnMut(&Model, &Workspace) -> Result<()>,
) -> Result<()> {
    let mut place: Option<Workspace> = None;
    let mut show = |model: Model| {
        view.count_row()?;
        if place.as_ref().is_none_or(|workspace| workspace.id != model.workspace) {
            place = store::workspaces::find(view, model.workspace)?;
        }
        place.as_ref().map_or(Ok(()), |workspace| each(&model, workspace))
    };
    for batch in workspaces(view, actor, filter)?.chunks(BATCH) {
        match &filter.name {
            None => store::models::for_each(view, batch, &mut show)?,
            Some(name) => store::models::for_each_named(view, batch, name, &mut show)?,
        }
    }
    Ok(())
}

/// The workspaces of a filter in which the actor may see models.
fn workspaces(view: &LongView, actor: &Actor, filter: &ModelFilter) -> Result<Vec<WorkspaceId>> {
    let by_name = |name: &str| match WorkspaceName::parse(name) {
        Ok(name) => store::workspaces::find_by_name(view, lookup::home_id(view)?, &name),
        // No workspace has such a name.
        Err(_) => Ok(None),
    };
    let found = match (filter.workspace, &filter.workspace_name) {
        (None, None) => return contents::workspaces_where(view, actor, Action::ReadModel),
        (Some(id), None) => store::workspaces::find(view, id)?,
        (None, Some(name)) => by_name(name)?,
        (Some(id), Some(name)) => by_name(name)?.filter(|workspace| workspace.id == id),
    };
    let Some(workspace) = found else { return Ok(Vec::new()) };
    let may = decide(&standing::in_workspace(view, actor, &workspace)?, Action::ReadModel) == Decision::Allowed;
    Ok(may.then_some(workspace.id).into_iter().collect())
}

/// The model with this name in a workspace. Refused when the actor may not see it.
pub fn named(view: &View, actor: &Actor, workspace: WorkspaceId, name: &str) -> Result<Model> {
    let missing = || Error::not_found(Noun::Model, name);
    let model = store::models::find_by_name(view, workspace, name)?.ok_or_else(missing)?;
    visible(view, actor, model.id).map(|(model, _)| model).map_err(|error| match error {
        Error::NotFound { .. } => missing(),
        error => error,
    })
}

/// A page of the versions of a model, the newest first. Refused when the actor may not see it.
pub fn page_of_versions(view: &View, actor: &Actor, model: ModelId, page: Page) -> Result<Slice<ModelVersion>> {
    visible(view, actor, model)?;
    store::models::page_of_versions(view, model, page)
}

/// The configuration with this number. Refused when the actor may not see its version.
pub fn visible_config(view: &View, actor: &Actor, id: ModelConfigId) -> Result<ModelConfig> {
    let missing = || Error::not_found(Noun::ModelConfig, id);
    let config = store::model_configs::find(view, id)?.ok_or_else(missing)?;
    visible_version(view, actor, config.version).map_err(|error| match error {
        Error::NotFound { .. } => missing(),
        error => error,
    })?;
    Ok(config)
}

/// Calls `each` with the versions of a model and the configuration of each that is in force, the newest version first.
/// The caller has to make sure that the actor may see the model.
pub fn for_each_version_of_visible(
    view: &LongView,
    model: ModelId,
    mut each: impl FnMut(&ModelVersion, Option<&ModelConfig>) -> Result<()>,
) -> Result<()> {
    store::models::for_each_version_with_config(view, model, |version, config| {
        view.count_row()?;
        each(&version, config.as_ref())
    })
}

/// Calls `each` with the versions of the model with this number, and of all models with this name, as far as the actor
/// may see them: by model, the newest version first.
pub fn list_versions(
    view: &LongView,
    actor: &Actor,
    id: Option<ModelId>,
    name: Option<&str>,
    mut each: impl FnMut(&ModelVersion) -> Result<()>,
) -> Result<()> {
    let mut models = Vec::new();
    if let Some(id) = id {
        match visible(view, actor, id) {
            Ok(_) => models.push(id),
            Err(Error::NotFound { .. } | Error::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(name) = name {
        let filter = ModelFilter { name: Some(name.to_owned()), ..ModelFilter::default() };
        list(view, actor, &filter, |model, _| {
            models.push(model.id);
            Ok(())
        })?;
    }
    models.sort_unstable();
    models.dedup();
    store::models::for_each_version(view, &models, |version| {
        view.count_row()?;
        each(&version)
    })
}
