//! What tags are attached to: versions of models, pipelines and projects.

use serde_json::{Value, json};

use super::{in_workspace, visible};
use crate::app::{audit, lookup, models, pipelines, projects, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::field::Field;
use crate::domain::ids::{ModelVersionId, PipelineId, ProjectId, TagId};
use crate::domain::noun::Noun;
use crate::domain::tag::{MAX_ATTACHED, PipelineTag, Tag};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};

/// Attaches a tag to a version of a model. A repeated call changes nothing.
///
/// Requires `ML_MODEL_UPDATE` and that the actor sees the tag. Refused for a tag of elsewhere, in an archived workspace,
/// and when the version has too many tags.
pub fn attach_to_model_version(tx: &Tx, actor: &Actor, version: ModelVersionId, tag: TagId) -> Result<()> {
    let workspace = open_model_version(tx, actor, version)?;
    may_attach(&visible(tx, actor, tag)?, &workspace)?;
    if store::tags::attach_to_model_version(tx, version, tag)? {
        bounded(store::tags::count_of_model_version(tx, version)?)?;
        record_attached(tx, actor, (ObjectKind::ModelVersion, version), tag)?;
    }
    Ok(())
}

/// Detaches a tag from a version of a model. Returns whether it was attached.
///
/// Requires what [`attach_to_model_version`] requires.
pub fn detach_from_model_version(tx: &Tx, actor: &Actor, version: ModelVersionId, tag: TagId) -> Result<bool> {
    open_model_version(tx, actor, version)?;
    visible(tx, actor, tag)?;
    let was_attached = store::tags::detach_from_model_version(tx, version, tag)?;
    if was_attached {
        record_detached(tx, actor, (ObjectKind::ModelVersion, version), tag)?;
    }
    Ok(was_attached)
}

/// Attaches a tag to a pipeline. A repeated call changes nothing.
///
/// Requires `PROJECT_UPDATE` and that the actor sees the tag. Refused for a tag of elsewhere, in an archived workspace,
/// and when the pipeline has too many tags.
pub fn attach_to_pipeline(tx: &Tx, actor: &Actor, pipeline: PipelineId, tag: TagId) -> Result<PipelineTag> {
    let workspace = open_pipeline(tx, actor, pipeline)?;
    may_attach(&visible(tx, actor, tag)?, &workspace)?;
    let (attached, is_new) = store::tags::attach_to_pipeline(tx, pipeline, tag)?;
    if is_new {
        bounded(store::tags::count_of_pipeline(tx, pipeline)?)?;
        record_attached(tx, actor, (ObjectKind::Pipeline, pipeline), tag)?;
    }
    Ok(attached)
}

/// Detaches a tag from a pipeline. Returns the attachment, if there was one.
///
/// Requires what [`attach_to_pipeline`] requires.
pub fn detach_from_pipeline(tx: &Tx, actor: &Actor, pipeline: PipelineId, tag: TagId) -> Result<Option<PipelineTag>> {
    open_pipeline(tx, actor, pipeline)?;
    visible(tx, actor, tag)?;
    let ended = store::tags::detach_from_pipeline(tx, pipeline, tag)?;
    if ended.is_some() {
        record_detached(tx, actor, (ObjectKind::Pipeline, pipeline), tag)?;
    }
    Ok(ended)
}

/// Attaches tags to a project. Returns all tags of the project, the last updated first. A repeated call changes nothing.
///
/// Requires `PROJECT_UPDATE` and that the actor sees the tags. Refused for a tag of elsewhere, in an archived workspace,
/// and when the project has too many tags.
pub fn attach_to_project(tx: &Tx, actor: &Actor, project: ProjectId, tags: &[TagId]) -> Result<Vec<Tag>> {
    let workspace = open_project(tx, actor, project)?;
    let mut attached = Vec::new();
    for tag in tags {
        may_attach(&in_workspace(tx, actor, *tag)?.0, &workspace)?;
        if store::tags::attach_to_project(tx, project, *tag)? {
            attached.push(tag.0);
        }
    }
    if !attached.is_empty() {
        bounded(store::tags::count_of_project(tx, project)?)?;
        let change = (Value::Null, json!({ "tags": attached }));
        audit::record(tx, actor, "tags.attach", (ObjectKind::Project, project), change)?;
    }
    of_project(tx, actor, project)
}

/// Detaches tags from a project. Returns those that were attached.
///
/// Requires `PROJECT_UPDATE`. Refused in an archived workspace.
pub fn detach_from_project(tx: &Tx, actor: &Actor, project: ProjectId, tags: &[TagId]) -> Result<Vec<TagId>> {
    open_project(tx, actor, project)?;
    let mut detached = Vec::new();
    for tag in tags {
        if store::tags::detach_from_project(tx, project, *tag)? {
            detached.push(*tag);
        }
    }
    if !detached.is_empty() {
        let ids: Vec<_> = detached.iter().map(|tag| tag.0).collect();
        let change = (json!({ "tags": ids }), Value::Null);
        audit::record(tx, actor, "tags.detach", (ObjectKind::Project, project), change)?;
    }
    Ok(detached)
}

/// The tags of a project, the last updated first. None if the actor may not see tags of the workspace.
///
/// Refused when the actor may not see the project.
pub fn of_project(view: &View, actor: &Actor, project: ProjectId) -> Result<Vec<Tag>> {
    let (_, workspace) = projects::visible(view, actor, project)?;
    if decide(&standing::in_workspace(view, actor, &workspace)?, Action::ReadTag) != Decision::Allowed {
        return Ok(Vec::new());
    }
    let mut tags = store::tags::of_project(view, project)?;
    tags.sort_by_key(|tag| std::cmp::Reverse((tag.updated_at, tag.id)));
    Ok(tags)
}

/// The workspace of a version that the actor may tag.
fn open_model_version(tx: &Tx, actor: &Actor, id: ModelVersionId) -> Result<Workspace> {
    let (_, workspace) = models::visible_version(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdateModel, Noun::ModelVersion, id)?;
    Ok(workspace)
}

/// The workspace of a pipeline that the actor may tag.
fn open_pipeline(tx: &Tx, actor: &Actor, id: PipelineId) -> Result<Workspace> {
    let (_, workspace) = pipelines::visible(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdatePipeline, Noun::Pipeline, id)?;
    Ok(workspace)
}

/// The workspace of a project that the actor may tag.
fn open_project(tx: &Tx, actor: &Actor, id: ProjectId) -> Result<Workspace> {
    let (_, workspace) = projects::visible(tx, actor, id)?;
    let standing = standing::in_project(tx, actor, &workspace, id)?;
    standing::require(&standing, Action::UpdateProject, Noun::Project, id)?;
    Ok(workspace)
}

/// Refuses to attach a tag to something outside the workspace or the organization of the tag.
fn may_attach(tag: &Tag, workspace: &Workspace) -> Result<()> {
    let is_near = match tag.workspace {
        Some(of) => of == workspace.id,
        None => tag.organization == workspace.organization,
    };
    if is_near {
        return Ok(());
    }
    Err(Error::invalid(Field::Tag, "must belong to the {workspace} of what is tagged, or to its organization"))
}

/// Lists of tags of one object have no pages, so they must not grow without limit.
fn bounded(attached: u32) -> Result<()> {
    if attached > MAX_ATTACHED {
        return Err(Error::Refused { rule: "no more than 100 tags can be attached to one object" });
    }
    Ok(())
}

fn record_attached(tx: &Tx, actor: &Actor, to: (ObjectKind, impl ToString), tag: TagId) -> Result<()> {
    audit::record(tx, actor, "tags.attach", to, (Value::Null, json!({ "tags": [tag.0] })))
}

fn record_detached(tx: &Tx, actor: &Actor, from: (ObjectKind, impl ToString), tag: TagId) -> Result<()> {
    audit::record(tx, actor, "tags.detach", from, (json!({ "tags": [tag.0] }), Value::Null))
}
