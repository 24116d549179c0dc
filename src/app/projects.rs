//! Projects of a workspace and their restrictions.

use serde_json::{Value, json};

use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::{audit, lookup, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{ProjectId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::project::{Project, ProjectKind, ProjectName, ProjectSearch, Restriction};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};

/// The project with this number and its workspace. Refused when the actor may not see it.
pub fn visible(view: &View, actor: &Actor, id: ProjectId) -> Result<(Project, Workspace)> {
    let (project, workspace) = found(view, id)?;
    standing::require(&standing::in_project(view, actor, &workspace, id)?, Action::ReadProject, Noun::Project, id)?;
    Ok((project, workspace))
}

fn found(view: &View, id: ProjectId) -> Result<(Project, Workspace)> {
    let missing = || Error::not_found(Noun::Project, id);
    let project = store::projects::find(view, id)?.ok_or_else(missing)?;
    let workspace = store::workspaces::find(view, project.workspace)?.ok_or_else(missing)?;
    Ok((project, workspace))
}

fn require(view: &View, actor: &Actor, (project, workspace): &(Project, Workspace), action: Action) -> Result<()> {
    let standing = standing::in_project(view, actor, workspace, project.id)?;
    standing::require(&standing, action, Noun::Project, project.id)
}

impl ListQuery for ProjectSearch {
    /// Permissions are checked project by project, and many may be left out.
    fn cost(&self, _: &View, _: &Actor) -> Result<ReadCost> {
        Ok(ReadCost::Blocking)
    }
}

/// The projects of a search that the actor may see, by number.
///
/// Refused when the actor may not see the workspace of the search.
pub fn page(view: &View, actor: &Actor, search: &ProjectSearch, page: Page) -> Result<Slice<Project>> {
    if let Some(workspace) = search.workspace {
        lookup::workspace(view, actor, workspace)?;
    }
    let Some(visibility) = visibility::of(actor) else { return Ok(visibility::nothing()) };
    let look = |page| store::projects::page(view, visibility, search, page);
    visibility::sifted(
        page,
        |project: &Project| project.id.0,
        look,
        |project| may(view, actor, project.id, Action::ReadProject),
    )
}

fn may(view: &View, actor: &Actor, id: ProjectId, action: Action) -> Result<bool> {
    let (project, workspace) = found(view, id)?;
    let standing = standing::in_project(view, actor, &workspace, project.id)?;
    Ok(decide(&standing, action) == Decision::Allowed)
}

/// Creates a project in a workspace.
///
/// Requires `PROJECT_CREATE` in the workspace. Refused when the name is taken, and in an archived workspace.
pub fn create(tx: &Tx, actor: &Actor, workspace: WorkspaceId, name: &ProjectName) -> Result<Project> {
    let workspace = lookup::workspace(tx, actor, workspace)?;
    lookup::require_workspace(tx, actor, &workspace, Action::CreateProject)?;
    let project = store::projects::insert(tx, workspace.id, name, ProjectKind::Application, actor.user())?;
    audit::record(tx, actor, "projects.create", (ObjectKind::Project, project.id), (Value::Null, to_audit(&project)))?;
    Ok(project)
}

/// Renames a project.
///
/// Requires `PROJECT_UPDATE`. Refused when the name is taken, and in an archived workspace.
pub fn rename(tx: &Tx, actor: &Actor, id: ProjectId, name: &ProjectName) -> Result<Project> {
    let place = visible(tx, actor, id)?;
    require(tx, actor, &place, Action::UpdateProject)?;
    let before = place.0;
    if before.name == *name {
        return Ok(before);
    }
    store::projects::update(tx, id, name)?;
    let after = Project { name: name.clone(), ..before.clone() };
    audit::record(tx, actor, "projects.rename", (ObjectKind::Project, id), (to_audit(&before), to_audit(&after)))?;
    Ok(after)
}

/// Deletes a project.
///
/// Requires `PROJECT_DELETE`. Refused in an archived workspace.
pub fn delete(tx: &Tx, actor: &Actor, id: ProjectId) -> Result<()> {
    let place = visible(tx, actor, id)?;
    require(tx, actor, &place, Action::DeleteProject)?;
    store::projects::delete(tx, id)?;
    audit::record(tx, actor, "projects.delete", (ObjectKind::Project, id), (to_audit(&place.0), Value::Null))
}

/// The restrictions that the actor may manage, by project.
pub fn page_of_restrictions(view: &View, actor: &Actor, page: Page) -> Result<Slice<Restriction>> {
    let Some(visibility) = visibility::of(actor) else { return Ok(visibility::nothing()) };
    let look = |page| store::projects::page_of_restrictions(view, visibility, page);
    let keep = |found: &Restriction| may(view, actor, found.project, Action::RestrictProject);
    visibility::sifted(page, |found| found.project.0, look, keep)
}

/// Whether a project is restricted. Refused when the actor may not see it.
pub fn is_restricted(view: &View, actor: &Actor, id: ProjectId) -> Result<bool> {
    visible(view, actor, id)?;
    Ok(store::projects::find_restriction(view, id)?.is_some())
}

/// Restricts a project to those who have a binding on it or may restrict it. A repeated call changes nothing.
///
/// Requires an owner, an administrator or `PROJECT_RESTRICT`.
pub fn restrict(tx: &Tx, actor: &Actor, id: ProjectId) -> Result<Restriction> {
    let place = visible(tx, actor, id)?;
    require(tx, actor, &place, Action::RestrictProject)?;
    if let Some(restriction) = store::projects::find_restriction(tx, id)? {
        return Ok(restriction);
    }
    store::projects::restrict(tx, id, actor.user())?;
    let change = (json!({ "restricted": false }), json!({ "restricted": true }));
    audit::record(tx, actor, "projects.restrict", (ObjectKind::Project, id), change)?;
    Ok(Restriction { project: id, created_at: tx.now })
}

/// Lifts the restriction of a project.
///
/// Requires what [`restrict`] requires. Refused when the project is not restricted.
pub fn lift_restriction(tx: &Tx, actor: &Actor, id: ProjectId) -> Result<()> {
    let place = visible(tx, actor, id)?;
    require(tx, actor, &place, Action::RestrictProject)?;
    if store::projects::find_restriction(tx, id)?.is_none() {
        return Err(Error::not_found(Noun::ProjectRestriction, id));
    }
    store::projects::lift_restriction(tx, id)?;
    let change = (json!({ "restricted": true }), json!({ "restricted": false }));
    audit::record(tx, actor, "projects.lift_restriction", (ObjectKind::Project, id), change)
}

fn to_audit(project: &Project) -> Value {
    json!({ "workspace": project.workspace.0, "name": project.name.as_str(), "kind": project.kind.as_str() })
}
