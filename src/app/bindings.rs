//! Role bindings: named roles of people on one workspace or project.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Value, json};

use crate::app::identity::invitation_links;
use crate::app::{audit, lookup, projects, roles, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{BindingId, RoleId, UserId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::role::{Binding, NamedRole, Resource};
use crate::domain::user::{AccountRole, User};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, Standing, decide};
use crate::store::{self, Tx, View};

/// The binding with this number. Refused when the actor may not see the bindings on its resource.
pub fn visible(view: &View, actor: &Actor, id: BindingId) -> Result<Binding> {
    let missing = || Error::not_found(Noun::RoleBinding, id);
    let binding = store::bindings::find(view, id)?.ok_or_else(missing)?;
    let standing = match toward(view, actor, binding.resource) {
        // If the actor does not see the resource, it is the binding that is not found.
        Err(Error::NotFound { .. }) => return Err(missing()),
        found => found?.1,
    };
    match decide(&standing, Action::ReadBindings) {
        Decision::Allowed => Ok(binding),
        Decision::Forbidden | Decision::Hidden => Err(missing()),
    }
}

/// Refuses an actor who may not see the bindings on a resource.
pub(super) fn require_reader(view: &View, actor: &Actor, resource: Resource) -> Result<()> {
    let (workspace, standing) = toward(view, actor, resource)?;
    match resource {
        Resource::Workspace(_) => standing::require(&standing, Action::ReadBindings, Noun::Workspace, workspace.id),
        Resource::Project(id) => standing::require(&standing, Action::ReadBindings, Noun::Project, id),
    }
}

/// The bindings on workspaces, or those on projects, that the actor may see, by number. Optionally of one user only.
///
/// Refused when the user is unknown.
pub fn page(view: &View, actor: &Actor, on_projects: bool, of: Option<UserId>, page: Page) -> Result<Slice<Binding>> {
    if let Some(user) = of {
        lookup::principal(view, actor, &lookup::Named::Number(user))?;
    }
    let Some(visibility) = visibility::of(actor) else { return Ok(visibility::nothing()) };
    let look = |page| store::bindings::page(view, visibility, on_projects, of, page);
    // The decision depends on the resource only, and there are often fewer resources than bindings.
    let judged = RefCell::new(HashMap::new());
    let keep = |binding: &Binding| {
        if let Some(known) = judged.borrow().get(&binding.resource) {
            return Ok(*known);
        }
        let is_visible = match visible(view, actor, binding.id) {
            Ok(_) => true,
            Err(Error::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        judged.borrow_mut().insert(binding.resource, is_visible);
        Ok(is_visible)
    };
    visibility::sifted(page, |binding| binding.id.0, look, keep)
}

/// Binds a named role of a person to a resource.
///
/// Requires an owner, an administrator or `ROLE_BINDING_CREATE`. Refused when the person is not in the organization of
/// the resource, when an account annotator would get other permissions than an annotator's, and when the role grants
/// more than the actor has, and in an archived workspace. A conflict when the person has a role on the resource already.
pub fn create(tx: &Tx, actor: &Actor, role: RoleId, who: &lookup::Named, resource: Resource) -> Result<Binding> {
    let (workspace, standing) = toward(tx, actor, resource).map_err(|error| match error {
        Error::NotFound { .. } => Error::forbidden(Action::BindRole),
        other => other,
    })?;
    standing::require(&standing, Action::BindRole, Noun::Workspace, workspace.id).map_err(|error| match error {
        Error::NotFound { .. } => standing::forbidden(&standing, Action::BindRole),
        other => other,
    })?;
    let user = lookup::principal(tx, actor, who)?;
    let role = roles::visible(tx, actor, role)?;
    standing::give(&standing, role.permissions)?;
    if store::organizations::role(tx, workspace.organization, user.id)?.is_none() {
        return Err(Error::Refused {
            rule: "the user is not a member of the {workspace}'s organization; add the user to it first",
        });
    }
    annotates_at_most(&user, &role)?;
    invitation_links::end_of_others(tx, actor, &user)?;
    let binding = store::bindings::insert(tx, role.id, user.id, resource)?;
    audit::record(tx, actor, "bindings.create", (ObjectKind::Binding, binding.id), (Value::Null, to_audit(&binding)))?;
    Ok(binding)
}

/// Changes the role of a binding.
///
/// Requires what [`create`] requires. Refused when the new role or the old one grants more than the actor has, when an
/// account annotator would get other permissions than an annotator's, and in an archived workspace.
pub fn change(tx: &Tx, actor: &Actor, id: BindingId, role: RoleId) -> Result<Binding> {
    let before = visible(tx, actor, id)?;
    let standing = toward(tx, actor, before.resource)?.1;
    standing::require(&standing, Action::BindRole, Noun::RoleBinding, id).map_err(|error| match error {
        Error::Forbidden { .. } => Error::not_found(Noun::RoleBinding, id),
        other => other,
    })?;
    let role = roles::visible(tx, actor, role)?;
    standing::give(&standing, role.permissions)?;
    standing::give(&standing, roles::visible(tx, actor, before.role)?.permissions)?;
    if before.role == role.id {
        return Ok(before);
    }
    let user = lookup::principal(tx, actor, &lookup::Named::Number(before.user))?;
    annotates_at_most(&user, &role)?;
    invitation_links::end_of_others(tx, actor, &user)?;
    store::bindings::update(tx, id, role.id)?;
    let after = store::bindings::find(tx, id)?.ok_or_else(|| Error::not_found(Noun::RoleBinding, id))?;
    audit::record(tx, actor, "bindings.change", (ObjectKind::Binding, id), (to_audit(&before), to_audit(&after)))?;
    Ok(after)
}

/// Deletes a binding.
///
/// Requires an owner, an administrator or `ROLE_BINDING_DELETE`, and permission to create the binding.
pub fn delete(tx: &Tx, actor: &Actor, id: BindingId) -> Result<()> {
    let binding = visible(tx, actor, id)?;
    if !may_take(tx, actor, std::slice::from_ref(&binding))? {
        return Err(Error::not_found(Noun::RoleBinding, id));
    }
    store::bindings::delete(tx, id)?;
    audit::record(tx, actor, "bindings.delete", (ObjectKind::Binding, id), (to_audit(&binding), Value::Null))
}

/// Whether the actor may delete these bindings: only those that the actor could have created.
pub(super) fn may_take(view: &View, actor: &Actor, bindings: &[Binding]) -> Result<bool> {
    let on_workspace = |binding: &Binding| match binding.resource {
        Resource::Workspace(id) => Some(id),
        Resource::Project(_) => None,
    };
    let on_project = |binding: &Binding| match binding.resource {
        Resource::Workspace(_) => None,
        Resource::Project(id) => Some(id),
    };
    let workspaces = standing::in_workspaces(view, actor, bindings.iter().filter_map(on_workspace))?;
    let projects = standing::in_projects(view, actor, bindings.iter().filter_map(on_project))?;
    let roles = roles::permissions_of_all(view, actor, bindings.iter().map(|binding| binding.role))?;
    let may_take = |binding: &Binding| {
        let (standing, read) = match binding.resource {
            Resource::Workspace(id) => (workspaces.get(&id).map(|place| place.standing), Action::ReadWorkspace),
            Resource::Project(id) => (projects.get(&id).copied(), Action::ReadProject),
        };
        let standing = standing.filter(|standing| decide(standing, read) == Decision::Allowed);
        let standing = standing.map(|standing| toward_resource(standing, binding.resource));
        let allowed = roles.get(&binding.role);
        standing.zip(allowed).is_some_and(|(standing, allowed)| policy::may_unbind(&standing, *allowed))
    };
    Ok(bindings.iter().all(may_take))
}

/// A standing in a resource, as far as it counts for bindings on the resource.
fn toward_resource(standing: Standing, resource: Resource) -> Standing {
    match resource {
        Resource::Workspace(_) => standing,
        Resource::Project(_) => policy::as_bound(standing),
    }
}

/// Refuses to give an account annotator other permissions than an annotator's.
fn annotates_at_most(user: &User, role: &NamedRole) -> Result<()> {
    if user.role != AccountRole::Annotator || role.permissions.is_within(policy::of_role(Role::Annotator)) {
        return Ok(());
    }
    Err(Error::Refused { rule: "an annotator of the account can have only permissions of annotators" })
}

/// The workspace of a resource, and the actor's standing toward the resource.
fn toward(view: &View, actor: &Actor, resource: Resource) -> Result<(Workspace, Standing)> {
    match resource {
        Resource::Workspace(id) => {
            let workspace = lookup::workspace(view, actor, id)?;
            let standing = standing::in_workspace(view, actor, &workspace)?;
            Ok((workspace, toward_resource(standing, resource)))
        }
        Resource::Project(id) => {
            let (_, workspace) = projects::visible(view, actor, id)?;
            let standing = standing::in_project(view, actor, &workspace, id)?;
            Ok((workspace, toward_resource(standing, resource)))
        }
    }
}

fn to_audit(binding: &Binding) -> Value {
    let on = match binding.resource {
        Resource::Workspace(id) => json!({ "workspace": id.0 }),
        Resource::Project(id) => json!({ "project": id.0 }),
    };
    json!({ "role": binding.role.0, "user": binding.user.0, "on": on })
}
