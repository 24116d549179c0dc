//! Organizations: the people who may see each other, and the workspaces that they share.

use serde_json::{Value, json};

use crate::app::identity::invitation_links;
use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::{audit, lookup, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{OrganizationId, UserId};
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

/// The actor's organizations, by number; for an administrator, all. Optionally only those whose name contains a text,
/// in any case.
pub fn page(view: &View, actor: &Actor, search: &OrganizationSearch, page: Page) -> Result<Slice<Organization>> {
    match visibility::of(actor) {
        Some(visibility) => store::organizations::page(view, visibility, search.name.as_deref(), page),
        None => Ok(visibility::nothing()),
    }
}

/// Creates an organization. Its creator is its first admin.
///
/// Requires an administrator. Refused when the name is taken.
pub fn create(tx: &Tx, actor: &Actor, new: &NewOrganization) -> Result<Organization> {
    standing::require(&standing::in_account(actor), Action::CreateOrganization, Noun::Organization, new.name.as_str())?;
    let organization = store::organizations::insert(tx, new, false)?;
    if let Some(me) = actor.user() {
        store::organizations::upsert_member(tx, organization.id, me, OrganizationRole::Admin)?;
    }
    let object = (ObjectKind::Organization, organization.id);
    audit::record(tx, actor, "organizations.create", object, (Value::Null, to_audit(&organization)))?;
    Ok(organization)
}

/// Changes an organization's name or description.
///
/// Requires an admin of the organization or an administrator. Refused when the new name is taken.
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
    let change = (to_audit(&before), to_audit(&after));
    audit::record(tx, actor, "organizations.change", (ObjectKind::Organization, id), change)?;
    Ok(after)
}

/// Deletes an organization with its workspaces and everything in them, and the service keys that are left without an
/// organization.
///
/// Requires an admin of the organization or an administrator. Refused for the home organization.
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
    audit::record(tx, actor, "organizations.delete", object, (to_audit(&organization), Value::Null))
}

/// A page of the members of an organization, each with their account, by account.
///
/// Requires an admin of the organization or an administrator.
pub fn page_of_members(
    view: &View,
    actor: &Actor,
    id: OrganizationId,
    page: Page,
) -> Result<Slice<(OrganizationMember, User)>> {
    lookup::organization(view, actor, id)?;
    lookup::require_organization(view, actor, id, Action::ManageOrganizationMembers)?;
    let found = store::organizations::page_of_members(view, id, page)?;
    let with_user = |member: OrganizationMember| {
        let user = store::users::find_principal(view, member.user)?;
        user.map(|user| (member, user)).ok_or_else(|| Error::internal("a member without an account"))
    };
    Ok(Slice { items: found.items.into_iter().map(with_user).collect::<Result<_>>()?, next: found.next })
}

/// One member of an organization. Refused when the actor may not see the organization or the person.
pub fn member(
    view: &View,
    actor: &Actor,
    id: OrganizationId,
    who: &lookup::Named,
) -> Result<(OrganizationMember, User)> {
    lookup::organization(view, actor, id)?;
    let user = lookup::principal(view, actor, who)?;
    let member = store::organizations::find_member(view, id, user.id)?;
    Ok((member.ok_or_else(|| Error::not_found(Noun::Member, user.uuid))?, user))
}

/// The first organizations of a person, each with their role there.
///
/// Requires the person or an administrator.
pub fn first_of(
    view: &View,
    actor: &Actor,
    user: UserId,
    limit: usize,
) -> Result<Slice<(Organization, OrganizationRole)>> {
    lookup::require_user(view, actor, user, Action::ReadSessions, user)?;
    let all = store::organizations::memberships(view, user)?;
    let mut items = Vec::new();
    for member in all.iter().take(limit) {
        let organization = store::organizations::find(view, member.organization)?;
        items.extend(organization.map(|organization| (organization, member.role)));
    }
    Ok(Slice { items, next: all.get(limit).map(|member| member.id.0) })
}

/// Adds a person to an organization with this role, or changes the role of a member.
///
/// Requires an admin of the organization or an administrator; for an administrator of the account, an administrator.
/// Refused when the person is unknown or may not have the role ([`crate::app::members::annotates_alike`]), and when the
/// organization would have no admin.
pub fn upsert_member(
    tx: &Tx,
    actor: &Actor,
    id: OrganizationId,
    who: &lookup::Named,
    role: OrganizationRole,
) -> Result<OrganizationMember> {
    lookup::organization(tx, actor, id)?;
    lookup::require_organization(tx, actor, id, Action::ManageOrganizationMembers)?;
    let user = lookup::user(tx, actor, who)?;
    upsert_found(tx, actor, id, &user, role)
}

/// Adds a person whom the actor has invited in this very write, and may not see yet, as [`upsert_member`] does.
pub(super) fn admit(tx: &Tx, actor: &Actor, id: OrganizationId, new: &User, role: OrganizationRole) -> Result<()> {
    lookup::organization(tx, actor, id)?;
    lookup::require_organization(tx, actor, id, Action::ManageOrganizationMembers)?;
    upsert_found(tx, actor, id, new, role).map(drop)
}

fn upsert_found(
    tx: &Tx,
    actor: &Actor,
    id: OrganizationId,
    user: &User,
    role: OrganizationRole,
) -> Result<OrganizationMember> {
    crate::app::members::annotates_alike(user, role == OrganizationRole::Annotator)?;
    let before = store::organizations::find_member(tx, id, user.id)?;
    if let Some(member) = &before {
        if member.role == role {
            return Ok(member.clone());
        }
        manages(tx, actor, id, user)?;
        keep_an_admin(tx, id, member)?;
    }
    invitation_links::end_of_others(tx, actor, user)?;
    let after = store::organizations::upsert_member(tx, id, user.id, role)?;
    let change = (member_to_audit(before.as_ref()), member_to_audit(Some(&after)));
    audit::record(tx, actor, "organizations.put_member", object(id, user), change)?;
    Ok(after)
}

/// Removes a person from an organization, with its workspaces and the role bindings there.
///
/// Requires an administrator, or an admin of the organization who could have given everything that is removed; for an
/// administrator of the account, an administrator. Anyone may leave. Refused when the person is not a member, when the
/// organization would have no admin, and when a workspace would have no owner.
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
    audit::record(
        tx,
        actor,
        "organizations.remove_member",
        object(id, &user),
        (member_to_audit(Some(&member)), Value::Null),
    )
}

/// Refuses to change or end the membership of an administrator of the account, unless the actor is one too.
fn manages(view: &View, actor: &Actor, id: OrganizationId, user: &User) -> Result<()> {
    match user.role {
        AccountRole::Administrator => lookup::require_organization(view, actor, id, Action::ManageAdministrator),
        AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => Ok(()),
    }
}

/// Refuses to remove the last enabled admin.
pub(super) fn keep_an_admin(tx: &Tx, id: OrganizationId, member: &OrganizationMember) -> Result<()> {
    if member.role == OrganizationRole::Admin && !store::organizations::has_other_admin(tx, id, member.user)? {
        return Err(Error::Refused { rule: "an organization must keep at least one admin; add another admin first" });
    }
    Ok(())
}

fn object(id: OrganizationId, user: &User) -> (ObjectKind, String) {
    (ObjectKind::OrganizationMember, format!("{id}/{}", user.uuid))
}

fn member_to_audit(member: Option<&OrganizationMember>) -> Value {
    member.map_or(Value::Null, |member| json!({ "role": member.role.as_str() }))
}

fn to_audit(organization: &Organization) -> Value {
    json!({ "name": organization.name.as_str(), "description": organization.description.as_str() })
}
