//! Pipelines and their versions. atelier keeps pipelines and does not run them.

mod lists;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{audit, detached_tags, lookup};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{PipelineId, PipelineVersionId, WorkspaceId};
use crate::domain::model::{ModelVersion, Visibility};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::pipeline::{NewPipelineVersion, Pipeline, PipelineName, PipelineVersion};
use crate::domain::pipeline_definition::{Definition, StepModel};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

pub use lists::{PipelineFilter, list, page, versions};

/// What a client is told that asks atelier to run a pipeline.
pub const NOT_RUN: &str = "atelier keeps models and pipelines; it does not run them";

/// The maximum number of versions that are deleted at once.
const MAX_DELETED: usize = 100;

/// The pipeline with this number and its workspace. Refused when the actor may not see it.
pub fn visible(view: &View, actor: &Actor, id: PipelineId) -> Result<(Pipeline, Workspace)> {
    let missing = || Error::not_found(Noun::Pipeline, id);
    let pipeline = store::pipelines::find(view, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, pipeline.workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadPipeline, Noun::Pipeline, id)?;
    Ok((pipeline, workspace))
}

/// The pipeline with this name in a workspace. Refused when the actor may not see it.
pub fn visible_by_name(
    view: &View,
    actor: &Actor,
    workspace: WorkspaceId,
    name: &str,
) -> Result<(Pipeline, Workspace)> {
    let missing = || Error::not_found(Noun::Pipeline, name);
    let workspace = store::workspaces::find(view, workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadPipeline, Noun::Pipeline, name)?;
    let pipeline = store::pipelines::find_by_name(view, workspace.id, name)?.ok_or_else(missing)?;
    Ok((pipeline, workspace))
}

/// The version with this number and its workspace. Refused when the actor may not see it.
pub fn visible_version(view: &View, actor: &Actor, id: PipelineVersionId) -> Result<(PipelineVersion, Workspace)> {
    version_in(view, actor, store::pipelines::find_version(view, id)?, id)
}

/// The version with this UUID and its workspace. Refused when the actor may not see it.
pub fn visible_version_by_uuid(view: &View, actor: &Actor, uuid: Uuid) -> Result<(PipelineVersion, Workspace)> {
    version_in(view, actor, store::pipelines::find_version_by_uuid(view, uuid)?, uuid)
}

fn version_in(
    view: &View,
    actor: &Actor,
    found: Option<PipelineVersion>,
    key: impl ToString + Copy,
) -> Result<(PipelineVersion, Workspace)> {
    let missing = || Error::not_found(Noun::PipelineVersion, key);
    let version = found.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, version.workspace)?.ok_or_else(missing)?;
    lookup::require_in(view, actor, &workspace, Action::ReadPipeline, Noun::PipelineVersion, key)?;
    Ok((version, workspace))
}

/// A page of the versions of a pipeline, the newest first. Refused when the actor may not see it.
pub fn page_of_versions(
    view: &View,
    actor: &Actor,
    pipeline: PipelineId,
    page: Page,
) -> Result<Slice<PipelineVersion>> {
    visible(view, actor, pipeline)?;
    store::pipelines::page_of_versions(view, pipeline, page)
}

/// Creates a version of the pipeline with this name in a workspace, and the pipeline if there is none.
///
/// Requires `PROJECT_CREATE` in the workspace. Refused in an archived workspace, and when a step names a model version
/// that does not exist or that the actor may not see. `field` is the client's name for the definition.
pub fn create(
    tx: &Tx,
    actor: &Actor,
    workspace: WorkspaceId,
    name: &PipelineName,
    (definition, field): (Option<&Definition>, &str),
) -> Result<PipelineVersion> {
    let workspace = may_create_in(tx, actor, workspace)?;
    check_models(tx, actor, definition, field)?;
    match store::pipelines::find_by_name(tx, workspace.id, name.as_str())? {
        Some(pipeline) => {
            let version = insert_version(tx, actor, &pipeline, definition)?;
            let object = (ObjectKind::PipelineVersion, version.id);
            audit::record(
                tx,
                actor,
                "pipelines.create_version",
                object,
                (Value::Null, version_to_audit(&version, definition)),
            )?;
            Ok(version)
        }
        None => create_first(tx, actor, &workspace, name, definition, None),
    }
}

/// Creates a pipeline from the newest version of another one.
///
/// Requires `PROJECT_CREATE` in the workspace. Refused as [`create`] refuses, and when the name is taken.
pub fn copy(
    tx: &Tx,
    actor: &Actor,
    source: PipelineId,
    workspace: WorkspaceId,
    name: &PipelineName,
) -> Result<PipelineVersion> {
    let (source, _) = visible(tx, actor, source)?;
    let workspace = may_create_in(tx, actor, workspace)?;
    let newest = store::pipelines::versions(tx, source.id, 1)?.pop().and_then(|version| version.definition);
    // A version of the data file was checked when it was created.
    let definition = newest.map(Definition::parse).transpose().map_err(|invalid| Error::internal(invalid.rule))?;
    check_models(tx, actor, definition.as_ref(), "definition")?;
    create_first(tx, actor, &workspace, name, definition.as_ref(), Some(source.id))
}

fn may_create_in(tx: &Tx, actor: &Actor, workspace: WorkspaceId) -> Result<Workspace> {
    let workspace = lookup::workspace(tx, actor, workspace)?;
    lookup::require_workspace(tx, actor, &workspace, Action::CreatePipeline)?;
    Ok(workspace)
}

/// Creates a pipeline, maybe as a copy, with its first version. A conflict if the name is taken.
fn create_first(
    tx: &Tx,
    actor: &Actor,
    workspace: &Workspace,
    name: &PipelineName,
    definition: Option<&Definition>,
    source: Option<PipelineId>,
) -> Result<PipelineVersion> {
    let id = store::pipelines::insert(tx, workspace.id, name, actor.user())?;
    let pipeline = found(tx, id)?;
    let version = insert_version(tx, actor, &pipeline, definition)?;
    let mut after = to_audit(&pipeline);
    after["version"] = version_to_audit(&version, definition);
    let verb = match source {
        Some(source) => {
            after["source"] = source.0.into();
            "pipelines.copy"
        }
        None => "pipelines.create",
    };
    audit::record(tx, actor, verb, (ObjectKind::Pipeline, id), (Value::Null, after))?;
    Ok(version)
}

fn insert_version(
    tx: &Tx,
    actor: &Actor,
    pipeline: &Pipeline,
    definition: Option<&Definition>,
) -> Result<PipelineVersion> {
    let new = NewPipelineVersion {
        workspace: pipeline.workspace,
        name: pipeline.name.clone(),
        definition: definition.map(|definition| definition.text().clone()),
        models: definition.map(Definition::named_models).unwrap_or_default(),
    };
    let (id, _) = store::pipelines::insert_version(tx, pipeline.id, &new, actor.user())?;
    store::pipelines::find_version(tx, id)?.ok_or_else(|| Error::not_found(Noun::PipelineVersion, id))
}

/// Refuses a definition that names a model version which does not exist, which the actor may not see, or which has
/// another name or another SHA-256.
fn check_models(view: &View, actor: &Actor, definition: Option<&Definition>, field: &str) -> Result<()> {
    let mut known: BTreeMap<Uuid, ModelVersion> = BTreeMap::new();
    let mut judged = BTreeSet::new();
    for model in definition.map(Definition::models).unwrap_or_default() {
        if let Some(version) = known.get(&model.version) {
            check_model(model, version, field)?;
            continue;
        }
        let missing = || Error::not_found(Noun::ModelVersion, model.version);
        let version = store::models::find_version_by_uuid(view, model.version)?.ok_or_else(missing)?;
        if judged.insert(version.workspace) {
            let workspace = store::workspaces::find(view, version.workspace)?.ok_or_else(missing)?;
            let key = model.version;
            lookup::require_in(view, actor, &workspace, Action::ReadModel, Noun::ModelVersion, key)?;
        }
        check_model(model, &version, field)?;
        known.insert(model.version, version);
    }
    Ok(())
}

fn check_model(model: &StepModel, version: &ModelVersion, field: &str) -> Result<()> {
    let broken = |key: &str, rule: &'static str| Err(Error::invalid(format!("{field}{}.{key}", model.path), rule));
    if model.name != version.name.as_str() {
        return broken("name", "must be the name of the model of this version");
    }
    match model.sha256 {
        Some(sha256) if version.file.map(|file| file.sha256) != Some(sha256) => {
            broken("sha", "must be the SHA-256 of this model version")
        }
        Some(_) | None => Ok(()),
    }
}

/// Moves a pipeline with its versions to another workspace. Moving it to where it is changes nothing.
///
/// Requires an owner, an administrator or a named role with `PROJECT_DELETE` in both workspaces. Refused when they are
/// of two organizations, when one is archived, and when the name is taken.
pub fn move_to(tx: &Tx, actor: &Actor, id: PipelineId, workspace: WorkspaceId) -> Result<Pipeline> {
    let (before, from) = for_deletion(tx, actor, visible(tx, actor, id)?)?;
    let to = lookup::workspace(tx, actor, workspace)?;
    lookup::require_in(tx, actor, &to, Action::DeletePipeline, Noun::Workspace, to.id)?;
    if from.organization != to.organization {
        return Err(Error::Refused {
            rule: "this {workspace} is of another organization; a pipeline can be moved only within its organization",
        });
    }
    if from.id == to.id {
        return Ok(before);
    }
    let detached = store::tags::detach_local_from_pipeline(tx, id)?;
    detached_tags::record(tx, actor, ObjectKind::Pipeline, detached.into_iter().map(|tag| (id.0, tag)))?;
    change(tx, actor, "pipelines.move", &before, &Pipeline { workspace: to.id, ..before.clone() })
}

/// Changes whether clients show a pipeline as private or public. It changes no rights.
///
/// Requires `PROJECT_UPDATE`. Refused in an archived workspace.
pub fn set_visibility(tx: &Tx, actor: &Actor, id: PipelineId, visibility: Visibility) -> Result<Pipeline> {
    let (before, workspace) = visible(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdatePipeline, Noun::Pipeline, id)?;
    if before.visibility == visibility {
        return Ok(before);
    }
    change(tx, actor, "pipelines.set_visibility", &before, &Pipeline { visibility, ..before.clone() })
}

fn change(tx: &Tx, actor: &Actor, verb: &'static str, before: &Pipeline, after: &Pipeline) -> Result<Pipeline> {
    store::pipelines::update(tx, after)?;
    audit::record(tx, actor, verb, (ObjectKind::Pipeline, after.id), (to_audit(before), to_audit(after)))?;
    found(tx, after.id)
}

/// Deletes the pipeline with this name in a workspace, with its versions.
///
/// Requires an owner, an administrator or a named role with `PROJECT_DELETE`. Refused in an archived workspace.
pub fn delete(tx: &Tx, actor: &Actor, workspace: WorkspaceId, name: &str) -> Result<()> {
    let (pipeline, _) = for_deletion(tx, actor, visible_by_name(tx, actor, workspace, name)?)?;
    store::pipelines::delete(tx, pipeline.id)?;
    let change = (to_audit(&pipeline), Value::Null);
    audit::record(tx, actor, "pipelines.delete", (ObjectKind::Pipeline, pipeline.id), change)
}

/// Requires what deleting a pipeline requires.
fn for_deletion(tx: &Tx, actor: &Actor, found: (Pipeline, Workspace)) -> Result<(Pipeline, Workspace)> {
    lookup::require_in(tx, actor, &found.1, Action::DeletePipeline, Noun::Pipeline, found.0.id)?;
    Ok(found)
}

/// Deletes these versions of pipelines, all or none. A pipeline stays, even without versions.
///
/// Requires what [`delete`] requires for each of them. Refused for more than 100 versions.
pub fn delete_versions(tx: &Tx, actor: &Actor, uuids: &BTreeSet<Uuid>) -> Result<()> {
    if uuids.len() > MAX_DELETED {
        return Err(Error::Refused { rule: "at most 100 versions can be deleted at once" });
    }
    for uuid in uuids {
        let (version, workspace) = visible_version_by_uuid(tx, actor, *uuid)?;
        lookup::require_in(tx, actor, &workspace, Action::DeletePipeline, Noun::PipelineVersion, uuid)?;
        store::pipelines::delete_version(tx, &version)?;
        let before = json!({ "pipeline": version.pipeline.0, "uuid": version.uuid });
        let object = (ObjectKind::PipelineVersion, version.id);
        audit::record(tx, actor, "pipelines.delete_version", object, (before, Value::Null))?;
    }
    Ok(())
}

fn found(view: &View, id: PipelineId) -> Result<Pipeline> {
    store::pipelines::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Pipeline, id))
}

fn to_audit(pipeline: &Pipeline) -> Value {
    json!({
        "workspace": pipeline.workspace.0,
        "name": pipeline.name.as_str(),
        "visibility": pipeline.visibility.as_str(),
    })
}

fn version_to_audit(version: &PipelineVersion, definition: Option<&Definition>) -> Value {
    let models = definition.map(Definition::named_models).unwrap_or_default();
    let models: Vec<_> = models.iter().map(|model| json!({ "name": model.name, "version": model.uuid })).collect();
    json!({ "pipeline": version.pipeline.0, "uuid": version.uuid, "models": models })
}
