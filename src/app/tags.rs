//! Tags of an organization or of a workspace.

use serde_json::{Value, json};

use crate::app::{audit, lookup, models, pipelines, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{ModelVersionId, PipelineId, TagId};
use crate::domain::noun::Noun;
use crate::domain::tag::{MAX_ATTACHED, PipelineTag, Tag, TagName};
use crate::domain::text::Description;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

/// The tag with this number. Refused when the actor may not see it: one of an organization is visible to all of its
/// members.
pub fn visible(view: &View, actor: &Actor, id: TagId) -> Result<Tag> {
    let missing = || Error::not_found(Noun::Tag, id);
    let tag = store::tags::find(view, id)?.ok_or_else(missing)?;
    match tag.workspace {
        Some(workspace) => {
            let workspace = store::workspaces::find(view, workspace)?.ok_or_else(missing)?;
            lookup::require_in(view, actor, &workspace, Action::ReadTag, Noun::Tag, id)?;
        }
        None => {
            let standing = standing::in_organization(view, actor, tag.organization)?;
            standing::require(&standing, Action::ReadOrganization, Noun::Tag, id)?;
        }
    }
    Ok(tag)
}

/// Creates a tag of the home organization. Each call makes another tag, with the same name too.
///
/// Requires a member of the home organization.
pub fn create_shared(tx: &Tx, actor: &Actor, name: &TagName) -> Result<Tag> {
    let home = lookup::home_id(tx)?;
    standing::require(
        &standing::in_organization(tx, actor, home)?,
        Action::CreateSharedTag,
        Noun::Organization,
        "Home",
    )?;
    let id = store::tags::insert(tx, home, None, (name, None, None), actor.user())?;
    let tag = store::tags::find(tx, id)?.ok_or_else(|| Error::not_found(Noun::Tag, id))?;
    audit::record(tx, actor, "tags.create", (ObjectKind::Tag, id), (Value::Null, to_audit(&tag)))?;
    Ok(tag)
}

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

/// The workspace of a version that the actor may tag.
fn open_model_version(tx: &Tx, actor: &Actor, id: ModelVersionId) -> Result<Workspace> {
    let (_, workspace) = models::visible_version(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdateModel, Noun::ModelVersion, id)?;
    lookup::require_not_archived(&workspace)?;
    Ok(workspace)
}

/// The workspace of a pipeline that the actor may tag.
fn open_pipeline(tx: &Tx, actor: &Actor, id: PipelineId) -> Result<Workspace> {
    let (_, workspace) = pipelines::visible(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdatePipeline, Noun::Pipeline, id)?;
    lookup::require_not_archived(&workspace)?;
    Ok(workspace)
}

/// Refuses to attach a tag to something outside the workspace or the organization of the tag.
fn may_attach(tag: &Tag, workspace: &Workspace) -> Result<()> {
    match tag.workspace {
        Some(of) if of != workspace.id => {
            Err(Error::Refused { rule: "a tag of a {workspace} can be attached only within that {workspace}" })
        }
        None if tag.organization != workspace.organization => {
            Err(Error::Refused { rule: "a tag of an organization can be attached only within that organization" })
        }
        Some(_) | None => Ok(()),
    }
}

/// Lists of tags of one object have no pages, so they must not grow without limit.
fn bounded(attached: u32) -> Result<()> {
    if attached > MAX_ATTACHED {
        return Err(Error::Refused { rule: "no more than 100 tags can be attached to one object" });
    }
    Ok(())
}

fn record_attached(tx: &Tx, actor: &Actor, to: (ObjectKind, impl ToString), tag: TagId) -> Result<()> {
    audit::record(tx, actor, "tags.attach", to, (Value::Null, json!({ "tag": tag.0 })))
}

fn record_detached(tx: &Tx, actor: &Actor, from: (ObjectKind, impl ToString), tag: TagId) -> Result<()> {
    audit::record(tx, actor, "tags.detach", from, (json!({ "tag": tag.0 }), Value::Null))
}

fn to_audit(tag: &Tag) -> Value {
    json!({
        "organization": tag.organization.0,
        "workspace": tag.workspace.map(|id| id.0),
        "name": tag.name.as_str(),
        "description": tag.description.as_ref().map(Description::as_str),
        "color": tag.color,
    })
}
