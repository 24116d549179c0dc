//! Named roles of the account.

use std::collections::{BTreeSet, HashMap};

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

pub use crate::store::role_holders::Holder;

/// The maximum number of holders that [`first_holders`] returns.
const MAX_HOLDERS: u32 = 25;

#[derive(Clone, Debug)]
pub struct NewRole {
    pub name: RoleName,
    pub description: Description,
    /// Must not be empty.
    pub permissions: PermissionSet,
}

/// A change of a role. `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    pub name: Option<RoleName>,
    pub description: Option<Description>,
    /// Must not be empty.
    pub permissions: Option<PermissionSet>,
}

/// The role with this number. Refused when the actor may not see the account's roles.
pub fn visible(view: &View, actor: &Actor, id: RoleId) -> Result<NamedRole> {
    require(actor, Action::ReadRoles)?;
    store::roles::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Role, id))
}

/// The permissions of a named role. `None` if the actor may not see it, and therefore not grant it.
pub(super) fn permissions(view: &View, actor: &Actor, id: RoleId) -> Result<Option<PermissionSet>> {
    match visible(view, actor, id) {
        Ok(role) => Ok(Some(role.permissions)),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Like [`permissions`], of each of these roles. Roles that the actor may not see are left out.
pub(super) fn permissions_of_all(
    view: &View,
    actor: &Actor,
    ids: impl Iterator<Item = RoleId>,
) -> Result<HashMap<RoleId, PermissionSet>> {
    match require(actor, Action::ReadRoles) {
        Ok(()) => store::roles::permissions(view, ids.collect::<BTreeSet<_>>().into_iter()),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(HashMap::new()),
        Err(error) => Err(error),
    }
}

/// Refuses an actor who may not see the account's roles.
pub(super) fn may_see(actor: &Actor) -> Result<()> {
    require(actor, Action::ReadRoles)
}

fn require(actor: &Actor, action: Action) -> Result<()> {
    standing::require(&standing::in_account(actor), action, Noun::Role, "of the account")
}

/// The roles by number: all, only the predefined ones, or only the others.
pub fn page(view: &View, actor: &Actor, predefined: Option<bool>, page: Page) -> Result<Slice<NamedRole>> {
    require(actor, Action::ReadRoles)?;
    store::roles::page(view, predefined, page)
}

/// The first of those who have a role, and whether there are more. Of a predefined role, only those whom it is bound to.
///
/// Requires an actor who may see everything of the account.
pub fn first_holders(view: &View, actor: &Actor, id: RoleId) -> Result<(Vec<Holder>, bool)> {
    visible(view, actor, id)?;
    require(actor, Action::ReadEverything)?;
    let mut found = store::role_holders::first(view, id, MAX_HOLDERS + 1)?;
    let limit = MAX_HOLDERS as usize;
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok((found, has_more))
}

/// Creates a role.
///
/// Requires an administrator. Refused when the name is taken, and when the role grants nothing or more than the actor
/// has.
pub fn create(tx: &Tx, actor: &Actor, new: &NewRole) -> Result<NamedRole> {
    require(actor, Action::ManageRoles)?;
    allow(actor, new.permissions)?;
    let id = store::roles::insert(tx, new.name.as_str(), new.description.as_str(), new.permissions, None)?;
    let role = found(tx, id)?;
    audit::record(tx, actor, "roles.create", (ObjectKind::Role, id), (Value::Null, to_audit(&role)))?;
    Ok(role)
}

/// Changes a role for everybody who has it.
///
/// Requires an administrator. Refused for a predefined role, when the new name is taken, and when the role would grant
/// nothing or more than the actor has.
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
    if to_audit(&before) == to_audit(&after) {
        return Ok(before);
    }
    store::roles::update(tx, &after)?;
    audit::record(tx, actor, "roles.change", (ObjectKind::Role, id), (to_audit(&before), to_audit(&after)))?;
    found(tx, id)
}

/// Deletes a role.
///
/// Requires an administrator. Refused for a predefined role. A conflict while anybody has it.
pub fn delete(tx: &Tx, actor: &Actor, id: RoleId) -> Result<()> {
    let role = visible(tx, actor, id)?;
    require(actor, Action::ManageRoles)?;
    made_by_somebody(&role)?;
    if store::roles::is_bound(tx, id)? {
        return Err(Error::Conflict { what: Noun::RoleAssignment, key: role.name });
    }
    store::roles::delete(tx, id)?;
    audit::record(tx, actor, "roles.delete", (ObjectKind::Role, id), (to_audit(&role), Value::Null))
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

fn to_audit(role: &NamedRole) -> Value {
    let permissions: Vec<_> = role.permissions.iter().map(Permission::name).collect();
    json!({ "name": role.name, "description": role.description, "permissions": permissions })
}
