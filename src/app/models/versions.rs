//! Creates and changes versions of models.

use serde_json::{Value, json};

use crate::app::runtime::file_storage::FileStorage;
use crate::app::{audit, contents, files, lookup};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{ModelVersionId, WorkspaceId};
use crate::domain::model::{ModelConfig, ModelVersion, NewModelVersion, Visibility};
use crate::domain::model_settings::NewModelSettings;
use crate::domain::noun::Noun;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

/// The maximum number of configurations of a version. Older ones are deleted.
pub const MAX_CONFIGS: usize = 100;

/// Creates a version of the model with this name in the workspace, and the model if there is none.
///
/// Requires `ML_MODEL_CREATE` in the workspace. Refused in an archived workspace.
pub fn create_version(tx: &Tx, actor: &Actor, new: &NewModelVersion) -> Result<ModelVersionId> {
    let workspace = place(tx, actor, new.workspace)?;
    let model = match store::models::find_by_name(tx, workspace.id, new.name.as_str())? {
        Some(model) => model.id,
        None => store::models::insert(tx, workspace.id, &new.name, actor.user())?,
    };
    let (id, uuid) = store::models::insert_version(tx, model, workspace.organization, new, actor.user())?;
    store::model_configs::insert(tx, id, &new.settings)?;
    let after = json!({
        "workspace": workspace.id.0,
        "model": model.0,
        "name": new.name.as_str(),
        "uuid": uuid,
        "visibility": new.visibility.as_str(),
        "file_name": new.file_name,
        "sha256": new.file.map(|file| file.sha256.to_string()),
        "size": new.file.map(|file| file.size),
        "image_path": new.image_path,
        "runtime": new.settings.runtime.as_str(),
    });
    audit::record(tx, actor, "models.create_version", (ObjectKind::ModelVersion, id), (Value::Null, after))?;
    Ok(id)
}

/// The workspace of a new version.
fn place(view: &View, actor: &Actor, id: WorkspaceId) -> Result<Workspace> {
    let workspace = lookup::workspace(view, actor, id)?;
    lookup::require_workspace(view, actor, &workspace, Action::CreateModel)?;
    Ok(workspace)
}

/// Refuses an upload before its file is received, as [`create_version`] would, and if the organization has no room for a
/// file of this size.
pub fn require_upload(
    view: &View,
    actor: &Actor,
    storage: &FileStorage,
    workspace: WorkspaceId,
    size: u64,
) -> Result<()> {
    let workspace = place(view, actor, workspace)?;
    files::require_space(view, storage, workspace.organization, size)
}

/// Refuses an actor who could not upload to any workspace, before a file is received of which the workspace is not known
/// yet.
///
/// Of an actor who sees very many workspaces, only the first ones count.
pub fn require_upload_somewhere(view: &View, actor: &Actor) -> Result<()> {
    if contents::may_in_some(view, actor, Action::CreateModel)? {
        return Ok(());
    }
    Err(Error::forbidden(Action::CreateModel))
}

/// The version for a change.
fn changeable(tx: &Tx, actor: &Actor, id: ModelVersionId) -> Result<(ModelVersion, Workspace)> {
    let missing = || Error::not_found(Noun::ModelVersion, id);
    let version = store::models::find_version(tx, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(tx, version.workspace)?.ok_or_else(missing)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdateModel, Noun::ModelVersion, id)?;
    Ok((version, workspace))
}

/// Gives a version a new configuration. The one in force is returned if it has the same settings.
///
/// Requires `ML_MODEL_UPDATE`. Refused in an archived workspace.
pub fn configure(tx: &Tx, actor: &Actor, id: ModelVersionId, new: &NewModelSettings) -> Result<ModelConfig> {
    let (version, _) = changeable(tx, actor, id)?;
    let former = store::model_configs::find_of_version(tx, id)?
        .ok_or_else(|| Error::internal("a version of a model has no configuration"))?;
    let settings = new.after(&former.settings);
    if settings == former.settings {
        return Ok(former);
    }
    let config = ModelConfig { id: store::model_configs::insert(tx, id, &settings)?, version: id, settings };
    store::model_configs::keep_newest(tx, id, MAX_CONFIGS)?;
    store::models::touch(tx, version.model)?;
    let change = (config_to_audit(&former), config_to_audit(&config));
    audit::record(tx, actor, "models.configure", (ObjectKind::ModelVersion, id), change)?;
    Ok(config)
}

/// Schemas and other long settings stay out of the log: the number of the configuration says what changed.
fn config_to_audit(config: &ModelConfig) -> Value {
    json!({
        "config": config.id.0,
        "filter_threshold": config.settings.filter_threshold,
        "batch_config": config.settings.batch_config,
    })
}

/// Sets whether clients show a version as private or public. It changes no rights.
///
/// Requires `ML_MODEL_UPDATE`. Refused in an archived workspace.
pub fn set_visibility(tx: &Tx, actor: &Actor, id: ModelVersionId, visibility: Visibility) -> Result<ModelVersion> {
    let (before, _) = changeable(tx, actor, id)?;
    if before.visibility == visibility {
        return Ok(before);
    }
    store::models::update_visibility(tx, id, visibility)?;
    store::models::touch(tx, before.model)?;
    let to_audit = |visibility: Visibility| json!({ "visibility": visibility.as_str() });
    let change = (to_audit(before.visibility), to_audit(visibility));
    audit::record(tx, actor, "models.set_visibility", (ObjectKind::ModelVersion, id), change)?;
    Ok(ModelVersion { visibility, updated_at: tx.now, ..before })
}
