//! Named roles, and their binding to people and things.

use serde_json::{Value, json};

use crate::app::{audit, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::field::Field;
use crate::domain::ids::RoleId;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{NamedRole, RoleName};
use crate::domain::text::Description;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

/// A role to be.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// The name.
    pub name: RoleName,
    /// What it is for.
    pub description: Description,
    /// What it allows; not nothing.
    pub permissions: PermissionSet,
}

/// What is to change about a role; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// The new name.
    pub name: Option<RoleName>,
    /// What it is for now.
    pub description: Option<Description>,
    /// What it allows now; not nothing.
    pub permissions: Option<PermissionSet>,
}

/// The role of this number, if the actor may see the account's roles.
pub fn visible(view: &View, actor: &Actor, id: RoleId) -> Result<NamedRole> {
    require(actor, Action::ReadRoles)?;
    store::roles::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Role, id))
}

/// What a named role allows; none for one that the actor may not see, and so not give.
pub(super) fn permissions(view: &View, actor: &Actor, id: RoleId) -> Result<Option<PermissionSet>> {
    match visible(view, actor, id) {
        Ok(role) => Ok(Some(role.permissions)),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn require(actor: &Actor, action: Action) -> Result<()> {
    standing::require(&standing::in_account(actor), action, Noun::Role, "of the account")
}

/// The roles by number: all, or the predefined ones, or those that somebody made.
pub fn page(view: &View, actor: &Actor, predefined: Option<bool>, page: Page) -> Result<Slice<NamedRole>> {
    require(actor, Action::ReadRoles)?;
    store::roles::page(view, predefined, page)
}

/// Makes a role.
///
/// Administrators may. Refused when the name is taken, and when it allows nothing or more than the actor holds.
pub fn create(tx: &Tx, actor: &Actor, new: &NewRole) -> Result<NamedRole> {
    require(actor, Action::ManageRoles)?;
    allow(actor, new.permissions)?;
    let id = store::roles::insert(tx, new.name.as_str(), new.description.as_str(), new.permissions, None)?;
    let role = found(tx, id)?;
    audit::record(tx, actor, "roles.create", (ObjectKind::Role, id), (Value::Null, shown(&role)))?;
    Ok(role)
}

/// Changes a role, and with it what everybody may who has it.
///
/// Administrators may. Refused for a predefined role, when the new name is taken, and when it would allow nothing or
/// more than the actor holds.
pub fn change(tx: &Tx, actor: &Actor, id: RoleId, change: &RoleChange) -> Result<NamedRole> {
    let before = visible(tx, actor, id)?;
    require(actor, Action::ManageRoles)?;
    made_by_somebody(&before)?;
    let mut after = before.clone();
    if let Some(name) = &change.name {
        name.as_str().clone_into(&mut after.name);
    }
    if let Some(description) = &change.description {
        description.as_str().clone_into(&mut after.description);
    }
    if let Some(permissions) = change.permissions {
        allow(actor, permissions)?;
        after.permissions = permissions;
    }
    if shown(&before) == shown(&after) {
        return Ok(before);
    }
    store::roles::update(tx, &after)?;
    audit::record(tx, actor, "roles.change", (ObjectKind::Role, id), (shown(&before), shown(&after)))?;
    found(tx, id)
}

/// Deletes a role.
///
/// Administrators may. Refused for a predefined role, and a conflict while anybody has it.
pub fn delete(tx: &Tx, actor: &Actor, id: RoleId) -> Result<()> {
    let role = visible(tx, actor, id)?;
    require(actor, Action::ManageRoles)?;
    made_by_somebody(&role)?;
    if store::roles::is_bound(tx, id)? {
        return Err(Error::Conflict { what: Noun::RoleAssignment, key: role.name });
    }
    store::roles::delete(tx, id)?;
    audit::record(tx, actor, "roles.delete", (ObjectKind::Role, id), (shown(&role), Value::Null))
}

fn made_by_somebody(role: &NamedRole) -> Result<()> {
    match role.predefined {
        None => Ok(()),
        Some(_) => Err(Error::Refused { rule: "a predefined role cannot be changed or deleted" }),
    }
}

fn allow(actor: &Actor, permissions: PermissionSet) -> Result<()> {
    if permissions.is_empty() {
        return Err(Error::invalid(Field::Permissions, "must not be empty"));
    }
    standing::give(&standing::in_account(actor), permissions)
}

fn found(view: &View, id: RoleId) -> Result<NamedRole> {
    store::roles::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Role, id))
}

fn shown(role: &NamedRole) -> Value {
    let permissions: Vec<_> = role.permissions.iter().map(Permission::name).collect();
    json!({ "name": role.name, "description": role.description, "permissions": permissions })
}
