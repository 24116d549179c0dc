//! Workspaces: find, make.

use serde_json::{Value, json};

use super::{audit, organizations, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::email::Email;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Role;
use crate::domain::workspace::{NewWorkspace, Workspace, WorkspaceFilter};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};

/// The workspace of this number, if the actor may see it.
pub fn visible(view: &View, actor: &Actor, id: WorkspaceId) -> Result<Workspace> {
    let workspace = store::workspaces::find(view, id)?.ok_or_else(|| Error::not_found("workspace", id))?;
    require(view, actor, &workspace, Action::ReadWorkspace)?;
    Ok(workspace)
}

/// Lets the actor do this in the workspace, or refuses.
pub(super) fn require(view: &View, actor: &Actor, workspace: &Workspace, action: Action) -> Result<()> {
    let role = role(view, actor, workspace.id)?;
    standing::require(standing::in_workspace(actor, role), action, "workspace", workspace.id)
}

fn role(view: &View, actor: &Actor, id: WorkspaceId) -> Result<Option<Role>> {
    match actor.user() {
        Some(me) => Ok(store::members::find(view, id, me)?.map(|member| member.role)),
        None => Ok(None),
    }
}

/// The workspaces that the actor sees, by number: an administrator all, everybody else those that they joined.
///
/// A filter by users narrows that to the workspaces that one of these users joined too.
pub fn list(view: &View, actor: &Actor, filter: &WorkspaceFilter) -> Result<Vec<Workspace>> {
    let sees_all = decide(&standing::in_account(actor), Action::ReadUserWorkspaces) == Decision::Allowed;
    match (&filter.joined_by, actor.user()) {
        (None, _) if sees_all => store::workspaces::list(view),
        (Some(users), _) if sees_all => store::workspaces::list_joined(view, users),
        (users, Some(me)) => store::workspaces::list_shared(view, me, users.as_deref()),
        (_, None) => Ok(Vec::new()),
    }
}

/// Makes a workspace in the home organization; whoever makes it owns it.
///
/// Refused when the name is taken, when the actor is not in the organization, and when the name says that it
/// is the default workspace of somebody else.
pub fn create(tx: &Tx, actor: &Actor, new: &NewWorkspace) -> Result<Workspace> {
    let home = organizations::home(tx)?;
    let standing = standing::in_organization(tx, actor, home.id)?;
    standing::require(standing, Action::CreateWorkspace, "organization", &home.name)?;
    let person = actor.person().ok_or(Error::Refused { rule: "a workspace is made by a person, who then owns it" })?;
    if new.name.default_owner().is_some_and(|owner| Email::fold(owner) != person.email.key()) {
        return Err(Error::Refused { rule: "that name is kept for the default workspace of the person it names" });
    }
    let id = store::workspaces::insert(tx, home.id, new, person.id)?;
    store::members::put(tx, id, person.id, Role::Owner)?;
    let workspace = store::workspaces::find(tx, id)?.ok_or_else(|| Error::not_found("workspace", id))?;
    audit::record(tx, actor, "workspaces.create", (ObjectKind::Workspace, id), (Value::Null, shown(&workspace)))?;
    Ok(workspace)
}

/// Takes the workspace of that name if the actor is in it already, and makes it if there is none.
///
/// Refused as a conflict when it is there and the actor is not in it; else as in [`create`].
pub fn open(tx: &Tx, actor: &Actor, new: &NewWorkspace) -> Result<Workspace> {
    let home = organizations::home(tx)?;
    match store::workspaces::find_by_name(tx, home.id, &new.name)? {
        None => create(tx, actor, new),
        Some(found) if role(tx, actor, found.id)?.is_some() => Ok(found),
        Some(_) => Err(Error::Conflict { what: "workspace", key: new.name.as_str().to_owned() }),
    }
}

fn shown(workspace: &Workspace) -> Value {
    json!({
        "organization": workspace.organization.0,
        "name": workspace.name.as_str(),
        "archived": workspace.archived,
        "owner": workspace.created_by.as_ref().map(|creator| creator.uuid),
    })
}
