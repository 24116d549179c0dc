//! Deletes models and versions of them. What would be deleted can be asked before; it is judged alike.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{audit, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::{Change, ObjectKind};
use crate::domain::field::Field;
use crate::domain::ids::{ModelId, ModelVersionId, WorkspaceId};
use crate::domain::model::{Model, ModelVersion};
use crate::domain::noun::Noun;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};

/// The maximum number of versions that are deleted at once.
pub const MAX_DELETED: usize = 1000;

/// The bytes that [`delete`] would free.
///
/// Refused as [`delete`] is.
pub fn size(view: &View, actor: &Actor, workspace: WorkspaceId, name: &str) -> Result<u64> {
    let (_, versions) = deletable(view, actor, workspace, name)?;
    store::model_deletion::bytes(view, &versions)
}

/// Deletes the model with this name in a workspace, with all its versions. Returns the bytes that its organization no
/// longer uses.
///
/// Requires an owner, an administrator or a named role with `ML_MODEL_DELETE`. Refused in an archived workspace, and when
/// the newest version of a pipeline of the workspace names a version of the model.
pub fn delete(tx: &Tx, actor: &Actor, workspace: WorkspaceId, name: &str) -> Result<u64> {
    let (model, versions) = deletable(tx, actor, workspace, name)?;
    let bytes = store::model_deletion::bytes(tx, &versions)?;
    let mut changes = Vec::new();
    store::models::for_each_version(tx, &[model.id], |version| {
        changes.push(change(&version));
        Ok(())
    })?;
    store::model_deletion::delete(tx, model.id)?;
    audit::record_all(tx, actor, "models.delete_version", ObjectKind::ModelVersion, changes.into_iter())?;
    record_model(tx, actor, &model, versions.len())?;
    Ok(bytes)
}

fn record_model(tx: &Tx, actor: &Actor, model: &Model, versions: usize) -> Result<()> {
    let before = json!({ "workspace": model.workspace.0, "name": model.name.as_str(), "versions": versions });
    audit::record(tx, actor, "models.delete", (ObjectKind::Model, model.id), (before, Value::Null))
}

fn deletable(view: &View, actor: &Actor, workspace: WorkspaceId, name: &str) -> Result<(Model, Vec<ModelVersionId>)> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    let model = store::models::find_by_name(view, workspace.id, name)?;
    let model = model.ok_or_else(|| Error::not_found(Noun::Model, name))?;
    lookup::require_in(view, actor, &workspace, Action::DeleteModel, Noun::Model, name)?;
    let (ids, uuids): (Vec<_>, Vec<_>) = store::model_deletion::versions(view, model.id)?.into_iter().unzip();
    require_unused(view, actor, &workspace, &uuids)?;
    Ok((model, ids))
}

/// Refuses versions that a pipeline needs. Its name is only told to those who may see it.
fn require_unused(view: &View, actor: &Actor, workspace: &Workspace, versions: &[Uuid]) -> Result<()> {
    let Some(found) = store::model_deletion::find_use(view, workspace.id, versions)? else { return Ok(()) };
    let standing = standing::in_workspace(view, actor, workspace)?;
    let pipeline = match decide(&standing, Action::ReadPipeline) {
        Decision::Allowed => format!("the pipeline {}", found.pipeline_name),
        Decision::Forbidden | Decision::Hidden => "a pipeline".to_owned(),
    };
    let by = format!("{pipeline}; create a version of it without this model, or delete it, first");
    Err(Error::InUse { what: Noun::ModelVersion, key: found.version.to_string(), by })
}

/// The bytes that [`delete_versions`] would free.
///
/// Refused as [`delete_versions`] is.
pub fn size_of_versions(view: &View, actor: &Actor, versions: &[Uuid]) -> Result<u64> {
    let deletion = deletable_versions(view, actor, versions)?;
    store::model_deletion::bytes(view, &deletion.ids)
}

/// Deletes versions of models, and a model with its last version. Returns the bytes that their organizations no longer
/// use.
///
/// Requires an owner, an administrator or a named role with `ML_MODEL_DELETE` in each workspace. Refused when there are
/// more than [`MAX_DELETED`], in an archived workspace, and when the newest version of a pipeline of the workspace names
/// one of the versions.
pub fn delete_versions(tx: &Tx, actor: &Actor, versions: &[Uuid]) -> Result<u64> {
    let deletion = deletable_versions(tx, actor, versions)?;
    let bytes = store::model_deletion::bytes(tx, &deletion.ids)?;
    for id in &deletion.ids {
        store::model_deletion::delete_version(tx, *id)?;
    }
    audit::record_all(tx, actor, "models.delete_version", ObjectKind::ModelVersion, deletion.changes.into_iter())?;
    for id in deletion.models {
        if !store::model_deletion::has_versions(tx, id)?
            && let Some(model) = store::models::find(tx, id)?
        {
            store::model_deletion::delete(tx, id)?;
            record_model(tx, actor, &model, 0)?;
        }
    }
    Ok(bytes)
}

/// The versions to delete, their models, and their rows in the audit log.
#[derive(Default)]
struct Deletion {
    ids: Vec<ModelVersionId>,
    models: BTreeSet<ModelId>,
    changes: Vec<Change>,
}

fn deletable_versions(view: &View, actor: &Actor, versions: &[Uuid]) -> Result<Deletion> {
    if versions.len() > MAX_DELETED {
        return Err(Error::invalid(Field::ModelVersions, format!("must have at most {MAX_DELETED} versions")));
    }
    let mut deletion = Deletion::default();
    let mut places: BTreeMap<WorkspaceId, (Workspace, Vec<Uuid>)> = BTreeMap::new();
    for uuid in versions.iter().collect::<BTreeSet<_>>() {
        let missing = || Error::not_found(Noun::ModelVersion, uuid);
        let version = store::models::find_version_by_uuid(view, *uuid)?.ok_or_else(missing)?;
        if !places.contains_key(&version.workspace) {
            let workspace = store::workspaces::find(view, version.workspace)?.ok_or_else(missing)?;
            lookup::require_in(view, actor, &workspace, Action::DeleteModel, Noun::ModelVersion, uuid)?;
            places.insert(workspace.id, (workspace, Vec::new()));
        }
        if let Some((_, uuids)) = places.get_mut(&version.workspace) {
            uuids.push(*uuid);
        }
        deletion.ids.push(version.id);
        deletion.models.insert(version.model);
        deletion.changes.push(change(&version));
    }
    for (workspace, uuids) in places.values() {
        require_unused(view, actor, workspace, uuids)?;
    }
    Ok(deletion)
}

fn change(version: &ModelVersion) -> Change {
    Change { object: version.id.to_string(), before: to_audit(version), after: Value::Null }
}

fn to_audit(version: &ModelVersion) -> Value {
    json!({
        "workspace": version.workspace.0,
        "model": version.model.0,
        "name": version.name.as_str(),
        "uuid": version.uuid,
        "file_name": version.file_name,
        "sha256": version.file.map(|file| file.sha256.to_string()),
        "size": version.file.map(|file| file.size),
        "image_path": version.image_path,
    })
}
