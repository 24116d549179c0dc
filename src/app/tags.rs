//! Tags of an organization or of a workspace.

mod attachments;

use serde_json::{Value, json};

use crate::app::runtime::creations::Permit;
use crate::app::runtime::state::AppState;
use crate::app::{audit, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{TagId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::quota::Quota;
use crate::domain::tag::{NewTag, Tag, TagChange, TagColor, TagName};
use crate::domain::text::Description;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

pub use attachments::{
    attach_to_model_version, attach_to_pipeline, attach_to_project, detach_from_model_version, detach_from_pipeline,
    detach_from_project, of_project,
};

/// The tag with this number. Refused when the actor may not see it: one of an organization is visible to all of its
/// members.
pub fn visible(view: &View, actor: &Actor, id: TagId) -> Result<Tag> {
    let missing = || Error::not_found(Noun::Tag, id);
    let tag = store::tags::find(view, id)?.ok_or_else(missing)?;
    if let Some(workspace) = tag.workspace {
        let workspace = store::workspaces::find(view, workspace)?.ok_or_else(missing)?;
        lookup::require_in(view, actor, &workspace, Action::ReadTag, Noun::Tag, id)?;
    } else {
        let standing = standing::in_organization(view, actor, tag.organization)?;
        standing::require(&standing, Action::ReadOrganization, Noun::Tag, id)?;
    }
    Ok(tag)
}

/// A page of the tags of a workspace, or of all tags, by number.
///
/// Refused when the actor may not see the tags of the workspace. All require an administrator.
pub fn page(view: &View, actor: &Actor, workspace: Option<WorkspaceId>, page: Page) -> Result<Slice<Tag>> {
    if let Some(id) = workspace {
        let workspace = lookup::workspace(view, actor, id)?;
        lookup::require_workspace(view, actor, &workspace, Action::ReadTag)?;
    } else {
        standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Tag, "of everybody")?;
    }
    store::tags::page(view, workspace, page)
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
    let tag = found(tx, id)?;
    audit::record(tx, actor, "tags.create", (ObjectKind::Tag, id), (Value::Null, to_audit(&tag)))?;
    Ok(tag)
}

/// Creates tags as [`create_shared`] does, all or none. Returns their numbers in this order.
///
/// Refused when the actor has created too many within a minute.
pub async fn create_shared_within_limit(state: &AppState, actor: &Actor, names: Vec<TagName>) -> Result<Vec<TagId>> {
    let permits = names.iter().map(|_| state.creations().permit(actor, Quota::Tags)).collect::<Result<Vec<_>>>()?;
    let create = move |tx: &Tx, actor: &Actor| {
        names.iter().map(|name| Ok(create_shared(tx, actor, name)?.id)).collect::<Result<Vec<_>>>()
    };
    let created = state.write_as(actor, create).await?;
    permits.into_iter().for_each(Permit::use_up);
    Ok(created)
}

/// Creates a tag of a workspace.
///
/// Requires `TAG_CREATE` in the workspace. Refused when the name is taken there, and in an archived workspace.
pub fn create(tx: &Tx, actor: &Actor, new: &NewTag) -> Result<Tag> {
    let workspace = lookup::workspace(tx, actor, new.workspace)?;
    lookup::require_workspace(tx, actor, &workspace, Action::CreateTag)?;
    let texts = (&new.name, new.description.as_ref(), new.color);
    let id = store::tags::insert(tx, workspace.organization, Some(workspace.id), texts, actor.user())?;
    let tag = found(tx, id)?;
    audit::record(tx, actor, "tags.create", (ObjectKind::Tag, id), (Value::Null, to_audit(&tag)))?;
    Ok(tag)
}

/// Creates a tag as [`create`] does.
///
/// Refused when the actor has created too many within a minute.
pub async fn create_within_limit(state: &AppState, actor: &Actor, new: NewTag) -> Result<Tag> {
    let permit = state.creations().permit(actor, Quota::Tags)?;
    let tag = state.write_as(actor, move |tx, actor| create(tx, actor, &new)).await?;
    permit.use_up();
    Ok(tag)
}

/// Changes a tag of a workspace.
///
/// Requires `TAG_UPDATE`. Refused when the new name is taken in the workspace, and in an archived workspace.
pub fn change(tx: &Tx, actor: &Actor, id: TagId, change: &TagChange) -> Result<Tag> {
    let (before, workspace) = in_workspace(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::UpdateTag, Noun::Tag, id)?;
    let wanted = change.clone();
    let after = Tag {
        name: wanted.name.unwrap_or_else(|| before.name.clone()),
        description: wanted.description.unwrap_or_else(|| before.description.clone()),
        color: wanted.color.unwrap_or(before.color),
        ..before.clone()
    };
    let change = (to_audit(&before), to_audit(&after));
    if change.0 == change.1 {
        return Ok(before);
    }
    store::tags::update(tx, &after)?;
    audit::record(tx, actor, "tags.change", (ObjectKind::Tag, id), change)?;
    found(tx, id)
}

/// Deletes a tag of a workspace, which detaches it from everything.
///
/// Requires an owner, an administrator or a named role with `TAG_DELETE`. Refused in an archived workspace.
pub fn delete(tx: &Tx, actor: &Actor, id: TagId) -> Result<()> {
    let (tag, workspace) = in_workspace(tx, actor, id)?;
    lookup::require_in(tx, actor, &workspace, Action::DeleteTag, Noun::Tag, id)?;
    store::tags::delete(tx, id)?;
    audit::record(tx, actor, "tags.delete", (ObjectKind::Tag, id), (to_audit(&tag), Value::Null))
}

/// Deletes a tag of an organization, which detaches it from everything.
///
/// Requires its creator, an admin of the organization or an administrator. Refused for a tag of a workspace.
pub fn delete_shared(tx: &Tx, actor: &Actor, id: TagId) -> Result<Tag> {
    let tag = visible(tx, actor, id)?;
    if tag.workspace.is_some() {
        return Err(Error::Refused { rule: "this tag belongs to a {workspace}; delete it where it was created" });
    }
    let mut standing = standing::in_organization(tx, actor, tag.organization)?;
    standing.own |= tag.created_by.is_some() && tag.created_by == actor.user();
    standing::require(&standing, Action::DeleteSharedTag, Noun::Tag, id)?;
    store::tags::delete(tx, id)?;
    audit::record(tx, actor, "tags.delete", (ObjectKind::Tag, id), (to_audit(&tag), Value::Null))?;
    Ok(tag)
}

/// The tag of a workspace with this number, and the workspace. A tag of an organization is reported as missing.
fn in_workspace(view: &View, actor: &Actor, id: TagId) -> Result<(Tag, Workspace)> {
    let missing = || Error::not_found(Noun::Tag, id);
    let tag = visible(view, actor, id)?;
    let workspace = tag.workspace.ok_or_else(missing)?;
    Ok((tag, store::workspaces::find(view, workspace)?.ok_or_else(missing)?))
}

fn found(view: &View, id: TagId) -> Result<Tag> {
    store::tags::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Tag, id))
}

fn to_audit(tag: &Tag) -> Value {
    json!({
        "organization": tag.organization.0,
        "workspace": tag.workspace.map(|id| id.0),
        "name": tag.name.as_str(),
        "description": tag.description.as_ref().map(Description::as_str),
        "color": tag.color.map(TagColor::as_str),
    })
}
