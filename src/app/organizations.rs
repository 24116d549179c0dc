//! Organizations: the people who may find each other, and the workspaces that they share.

use serde_json::{Value, json};

use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::{audit, lookup, sight, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::OrganizationId;
use crate::domain::noun::Noun;
use crate::domain::organization::{
    NewOrganization, Organization, OrganizationChange, OrganizationMember, OrganizationRole, OrganizationSearch,
};
use crate::domain::page::{Page, Slice};
use crate::domain::user::{AccountRole, User};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

pub use crate::app::lookup::{home, organization as visible};

impl ListQuery for OrganizationSearch {
    fn cost(&self, _: &View, _: &Actor) -> Result<ReadCost> {
        Ok(ReadCost::of_search(self.name.as_deref()))
    }
}

/// The organizations of a search that the actor is in, by number; to an administrator, all.
pub fn page(view: &View, actor: &Actor, search: &OrganizationSearch, page: Page) -> Result<Slice<Organization>> {
    match sight::of(actor) {
        Some(sight) => store::organizations::page(view, sight, search.name.as_deref(), page),
        None => Ok(sight::nothing()),
    }
}

/// Makes an organization; whoever makes it is its first admin.
///
/// Administrators may. Refused when the name is taken.
pub fn create(tx: &Tx, actor: &Actor, new: &NewOrganization) -> Result<Organization> {
    standing::require(&standing::in_account(actor), Action::CreateOrganization, Noun::Organization, new.name.as_str())?;
    let organization = store::organizations::insert(tx, new, false)?;
    if let Some(me) = actor.user() {
        store::organizations::put_member(tx, organization.id, me, OrganizationRole::Admin)?;
    }
    let object = (ObjectKind::Organization, organization.id);
    audit::record(tx, actor, "organizations.create", object, (Value::Null, shown(&organization)))?;
    Ok(organization)
}

/// Changes an organization's name or description.
///
/// Its admins may, and administrators. Refused when the new name is taken.
pub fn change(tx: &Tx, actor: &Actor, id: OrganizationId, change: &OrganizationChange) -> Result<Organization> {
    let before = lookup::organization(tx, actor, id)?;
    lookup::require_organization(tx, actor, id, Action::UpdateOrganization)?;
    let mut after = before.clone();
    if let Some(name) = &change.name {
        after.name.clone_from(name);
    }
    if let Some(description) = &change.description {
        after.description.clone_from(description);
    }
    if after == before {
        return Ok(before);
    }
    store::organizations::update(tx, &after)?;
    let change = (shown(&before), shown(&after));
    audit::record(tx, actor, "organizations.change", (ObjectKind::Organization, id), change)?;
    Ok(after)
}

/// Deletes an organization with its workspaces and everything in them, and the service keys that are left without one.
///
/// Its admins may, and administrators. The home organization cannot be deleted.
pub fn delete(tx: &Tx, actor: &Actor, id: OrganizationId) -> Result<()> {
    let organization = lookup::organization(tx, actor, id)?;
    lookup::require_organization(tx, actor, id, Action::DeleteOrganization)?;
    if organization.home {
        return Err(Error::Refused { rule: "the home organization cannot be deleted" });
    }
    let bots = store::organizations::bots(tx, id)?;
    store::organizations::delete(tx, id)?;
    store::users::delete_bots_without_organization(tx, &bots)?;
    let object = (ObjectKind::Organization, id);
    audit::record(tx, actor, "organizations.delete", object, (shown(&organization), Value::Null))
}

/// Puts somebody into an organization in this role, or gives a member this role.
///
/// Its admins may, and administrators; the role of an administrator of the account only administrators change. Refused
/// when the person is unknown or may not have the role ([`crate::app::members::annotates_alike`]), and when it would leave the organization
/// without an admin.
pub fn put_member(
    tx: &Tx,
    actor: &Actor,
    id: OrganizationId,
    who: &lookup::Named,
    role: OrganizationRole,
) -> Result<OrganizationMember> {
    lookup::organization(tx, actor, id)?;
    lookup::require_organization(tx, actor, id, Action::ManageOrganizationMembers)?;
    let user = lookup::user(tx, actor, who)?;
    crate::app::members::annotates_alike(&user, role == OrganizationRole::Annotator)?;
    let before = store::organizations::find_member(tx, id, user.id)?;
    if let Some(member) = &before {
        if member.role == role {
            return Ok(member.clone());
        }
        manages(tx, actor, id, &user)?;
        keep_an_admin(tx, id, member)?;
    }
    let after = store::organizations::put_member(tx, id, user.id, role)?;
    let change = (told(before.as_ref()), told(Some(&after)));
    audit::record(tx, actor, "organizations.put_member", object(id, &user), change)?;
    Ok(after)
}

/// Takes somebody out of an organization, and with that out of its workspaces and of what is bound to them there.
///
/// Its admins may who could have given all that is taken away, and administrators; an administrator of the account only
/// administrators take out; anyone may leave. Refused when somebody is no member, and when it would leave the
/// organization without an admin or a workspace without an owner.
pub fn remove_member(tx: &Tx, actor: &Actor, id: OrganizationId, who: &lookup::Named) -> Result<()> {
    lookup::organization(tx, actor, id)?;
    let user = lookup::principal(tx, actor, who)?;
    let leaves = actor.user() == Some(user.id);
    if !leaves {
        lookup::require_organization(tx, actor, id, Action::ManageOrganizationMembers)?;
    }
    let member = store::organizations::find_member(tx, id, user.id)?
        .ok_or_else(|| Error::not_found(Noun::Member, user.email.as_str()))?;
    if !leaves {
        manages(tx, actor, id, &user)?;
        crate::app::members::may_take_all(tx, actor, id, user.id)?;
    }
    keep_an_admin(tx, id, &member)?;
    crate::app::members::drop_from_organization(tx, &user, id)?;
    store::organizations::delete_member(tx, id, user.id)?;
    audit::record(tx, actor, "organizations.remove_member", object(id, &user), (told(Some(&member)), Value::Null))
}

/// Refuses to change or end what an administrator of the account is in an organization, unless the actor is one too.
fn manages(view: &View, actor: &Actor, id: OrganizationId, user: &User) -> Result<()> {
    match user.role {
        AccountRole::Administrator => lookup::require_organization(view, actor, id, Action::ManageAdministrator),
        AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => Ok(()),
    }
}

/// Refuses to let the last enabled admin go.
pub(super) fn keep_an_admin(tx: &Tx, id: OrganizationId, member: &OrganizationMember) -> Result<()> {
    if member.role == OrganizationRole::Admin && store::organizations::count_other_admins(tx, id, member.user)? == 0 {
        return Err(Error::Refused { rule: "an organization must keep at least one admin; add another admin first" });
    }
    Ok(())
}

fn object(id: OrganizationId, user: &User) -> (ObjectKind, String) {
    (ObjectKind::OrganizationMember, format!("{id}/{}", user.uuid))
}

fn told(member: Option<&OrganizationMember>) -> Value {
    member.map_or(Value::Null, |member| json!({ "role": member.role.as_str() }))
}

fn shown(organization: &Organization) -> Value {
    json!({ "name": organization.name.as_str(), "description": organization.description.as_str() })
}
