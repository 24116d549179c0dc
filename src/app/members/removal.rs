//! Removes members from workspaces. What is removed is judged and deleted in sets, because it may be much.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{audit, bindings, lookup, roles, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::{Change, ObjectKind};
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::member::{Member, Role};
use crate::domain::noun::Noun;
use crate::domain::permission::PermissionSet;
use crate::domain::role::Binding;
use crate::domain::user::{User, UserKind};
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, Standing, decide};
use crate::store::{self, Tx, View};

/// The maximum number of workspaces in one removal.
pub const MAX_WORKSPACES: usize = 100;

/// The maximum number of members in one removal. All other writes wait meanwhile.
pub const MAX_MEMBERS: usize = 10_000;

/// The maximum number of members that one removal compares with its conditions.
pub const MAX_COMPARED: usize = 20_000;

const LAST_OWNER: Error =
    Error::Refused { rule: "a {workspace} must keep at least one owner; add another owner first" };

/// Removes a person from a workspace. Returns whether they were a member.
///
/// Requires an actor who could have given everything that is removed, such as an owner or an administrator. Anyone may
/// leave; leaving a workspace that the actor does not see changes nothing. Refused when the workspace would have no
/// owner.
pub fn remove(tx: &Tx, actor: &Actor, workspace: WorkspaceId, who: &lookup::Named) -> Result<bool> {
    let workspace = match lookup::workspace(tx, actor, workspace) {
        Err(Error::NotFound { .. }) if who.is(actor) => return Ok(false),
        found => found?,
    };
    let user = lookup::principal(tx, actor, who)?;
    let member = store::members::find(tx, workspace.id, user.id)?;
    let bound = store::bindings::list_in(tx, std::iter::once(user.id), std::iter::once(workspace.id))?;
    let bound: Vec<Binding> = bound.into_iter().map(|(binding, _)| binding).collect();
    let standing = standing::in_workspace(tx, actor, &workspace)?;
    if actor.user() == Some(user.id) {
        let standing = Standing { own: true, ..standing };
        standing::require(&standing, Action::LeaveWorkspace, Noun::Workspace, workspace.id)?;
    } else {
        standing::require(&standing, Action::RemoveMember, Noun::Workspace, workspace.id)?;
        may_take(tx, actor, member.as_slice(), &bound)?;
    }
    if let Some(member) = member {
        end(tx, actor, &[member], &bound)?;
        return Ok(true);
    }
    store::bindings::delete_many(tx, bound.iter().map(|binding| binding.id))?;
    if !bound.is_empty() {
        let change = (json!({ "bindings": bound.len() }), Value::Null);
        audit::record(tx, actor, "members.remove", object(workspace.id, user.uuid), change)?;
    }
    Ok(!bound.is_empty())
}

/// Removes all members that `which` selects from these workspaces, all or nobody. Returns the removed memberships. If
/// `users` is given, `which` selects only among these.
///
/// A workspace that the actor does not see has no members to select. Each removal follows the rules of [`remove`].
/// Refused for more than [`MAX_WORKSPACES`] or [`MAX_MEMBERS`], and when more than [`MAX_COMPARED`] members would have to
/// be compared.
pub fn remove_all(
    tx: &Tx,
    actor: &Actor,
    workspaces: &BTreeSet<WorkspaceId>,
    users: Option<&[Uuid]>,
    which: impl Fn(&Member) -> bool,
) -> Result<Vec<Member>> {
    if workspaces.len() > MAX_WORKSPACES {
        return Err(Error::Refused { rule: "a user can be removed from at most 100 {workspace}s at a time" });
    }
    let places = standing::in_workspaces(tx, actor, workspaces.iter().copied())?;
    let may = |id: &WorkspaceId, action| {
        places.get(id).is_some_and(|place| decide(&place.standing, action) == Decision::Allowed)
    };
    let seen: Vec<WorkspaceId> = workspaces.iter().copied().filter(|id| may(id, Action::ReadWorkspace)).collect();
    let mut leaving = few_members(tx, &seen, users)?;
    leaving.retain(which);
    if leaving.len() > MAX_MEMBERS {
        return Err(Error::Refused { rule: "at most 10000 members can be removed at a time" });
    }
    let standings = standing::toward_all(tx, actor, leaving.iter().map(|member| member.user))?;
    let is_seen = |member: &Member| {
        standings.get(&member.user).is_some_and(|one| decide(one, Action::ReadUser) == Decision::Allowed)
    };
    // A bot is shown only the members that it sees. To a person, nobody who is shown is hidden.
    if actor.person().is_some_and(|me| me.kind == UserKind::Bot) {
        leaving.retain(is_seen);
    } else if let Some(hidden) = leaving.iter().find(|member| !is_seen(member)) {
        return Err(Error::not_found(Noun::User, hidden.uuid));
    }
    leaving.sort_unstable_by_key(|member| member.id);
    let (own, others): (Vec<Member>, Vec<Member>) =
        leaving.iter().cloned().partition(|member| actor.user() == Some(member.user));
    if others.iter().any(|member| !may(&member.workspace, Action::RemoveMember)) {
        return Err(Error::forbidden(Action::RemoveMember));
    }
    let pairs: BTreeSet<_> = leaving.iter().map(|member| (member.user, member.workspace)).collect();
    let bound = store::bindings::list_in(
        tx,
        pairs.iter().map(|(user, _)| *user).collect::<BTreeSet<_>>().into_iter(),
        leaving.iter().map(|member| member.workspace).collect::<BTreeSet<_>>().into_iter(),
    )?;
    let bound = bound.into_iter().filter(|(binding, place)| pairs.contains(&(binding.user, *place)));
    let bound: Vec<Binding> = bound.map(|(binding, _)| binding).collect();
    let of_others: Vec<Binding> = bound.iter().filter(|binding| actor.user() != Some(binding.user)).cloned().collect();
    may_take(tx, actor, &others, &of_others)?;
    end(tx, actor, &[others, own].concat(), &bound)?;
    Ok(leaving)
}

/// The members of these workspaces, or those with these UUIDs among them. Refused if they are too many.
fn few_members(view: &View, workspaces: &[WorkspaceId], users: Option<&[Uuid]>) -> Result<Vec<Member>> {
    const TOO_MANY: Error = Error::Refused {
        rule: "the {workspace}s have more than 20000 members to look at; name fewer {workspace}s, or fewer users by user_id",
    };
    if users.is_some_and(|users| users.len() * workspaces.len() > MAX_COMPARED) {
        return Err(TOO_MANY);
    }
    let limit = u32::try_from(MAX_COMPARED + 1).unwrap_or(u32::MAX);
    let found = store::members::list_in(view, workspaces, users, limit)?;
    if found.len() > MAX_COMPARED { Err(TOO_MANY) } else { Ok(found) }
}

/// Ends these memberships and bindings, with an audit row for each membership.
///
/// Refused when a workspace that an owner leaves would have no owner.
fn end(tx: &Tx, actor: &Actor, leaving: &[Member], bound: &[Binding]) -> Result<()> {
    if !bound.is_empty() {
        store::bindings::delete_many(tx, bound.iter().map(|binding| binding.id))?;
    }
    store::members::delete_many(tx, leaving.iter().map(|member| member.id))?;
    let owned = leaving.iter().filter(|member| member.role == Role::Owner).map(|member| member.workspace);
    let owned: BTreeSet<_> = owned.collect();
    if store::members::any_without_owner(tx, owned.into_iter())? {
        return Err(LAST_OWNER);
    }
    let change = |member: &Member| {
        let (_, object) = object(member.workspace, member.uuid);
        Change { object, before: role_to_audit(Some(member.role)), after: Value::Null }
    };
    audit::record_all(tx, actor, "members.remove", ObjectKind::Member, leaving.iter().map(change))
}

/// Refuses to remove these memberships and bindings, unless the actor could have given all of them.
fn may_take(view: &View, actor: &Actor, members: &[Member], bound: &[Binding]) -> Result<()> {
    let refusal = || Error::forbidden(Action::RemoveMember);
    if members.is_empty() && bound.is_empty() {
        return Ok(());
    }
    let workspaces: BTreeSet<_> = members.iter().map(|member| member.workspace).collect();
    let places = standing::in_workspaces(view, actor, workspaces.into_iter())?;
    let named = members.iter().filter_map(|member| member.role.custom());
    let named = roles::permissions_of_all(view, actor, named)?;
    let may_remove = |member: &Member| {
        let named = match member.role.custom() {
            None => Some(PermissionSet::EMPTY),
            Some(id) => named.get(&id).copied(),
        };
        places
            .get(&member.workspace)
            .zip(named)
            .is_some_and(|(place, named)| policy::may_remove_member(&place.standing, member.role, named))
    };
    if !members.iter().all(may_remove) || !bindings::may_take(view, actor, bound)? {
        return Err(refusal());
    }
    Ok(())
}

/// Refuses to remove a person's memberships and role bindings in the workspaces of an organization, unless the actor
/// could have given all of them.
pub(in crate::app) fn may_take_all(
    view: &View,
    actor: &Actor,
    organization: OrganizationId,
    from: UserId,
) -> Result<()> {
    let members = store::members::list_of(view, from, Some(organization))?;
    may_take(view, actor, &members, &store::bindings::list_of(view, from, organization)?)
}

/// Removes a person from every workspace of an organization that they leave, with their role bindings there. The audit
/// row is that of the organization.
///
/// Refused when a workspace would have no owner.
pub(in crate::app) fn drop_from_organization(tx: &Tx, user: &User, organization: OrganizationId) -> Result<()> {
    if !store::members::owned_alone(tx, user.id, Some(organization))?.is_empty() {
        return Err(LAST_OWNER);
    }
    let members = store::members::list_of(tx, user.id, Some(organization))?;
    store::members::delete_many(tx, members.iter().map(|member| member.id))?;
    store::bindings::delete_of(tx, user.id, Some(organization)).map(drop)
}

/// Gives each workspace whose last owner leaves a new owner: the actor, if they are in its organization, or else the
/// organization's first admin.
///
/// The caller has to make sure that the actor is an administrator. Refused when there is neither.
pub(in crate::app) fn hand_over_all(tx: &Tx, actor: &Actor, leaving: &User) -> Result<()> {
    let workspaces = store::members::owned_alone(tx, leaving.id, None)?;
    if workspaces.is_empty() {
        return Ok(());
    }
    let heirs = heirs(tx, actor, workspaces.iter().map(|(_, organization)| *organization).collect(), leaving)?;
    let mut pairs = Vec::with_capacity(workspaces.len());
    let mut uuids = Vec::with_capacity(workspaces.len());
    for (workspace, organization) in &workspaces {
        let (heir, uuid) = heirs.get(organization).ok_or(Error::Refused {
            rule: "the user is the last owner of a workspace, and nobody in its organization can take it over; add \
                   another owner first",
        })?;
        pairs.push((*workspace, *heir));
        uuids.push(*uuid);
    }
    let before = store::members::roles_of(tx, &pairs)?;
    store::members::upsert_owners(tx, &pairs)?;
    let change = |((workspace, _), uuid): (&(WorkspaceId, UserId), &Uuid)| {
        let (_, object) = object(*workspace, *uuid);
        let before = role_to_audit(before.get(workspace).copied());
        Change { object, before, after: role_to_audit(Some(Role::Owner)) }
    };
    audit::record_all(tx, actor, "members.put", ObjectKind::Member, pairs.iter().zip(&uuids).map(change))
}

/// Who takes over the workspaces of these organizations. Organizations without anybody are left out.
fn heirs(
    view: &View,
    actor: &Actor,
    mut organizations: BTreeSet<OrganizationId>,
    leaving: &User,
) -> Result<HashMap<OrganizationId, (UserId, Uuid)>> {
    let mut heirs = HashMap::new();
    if let Some(me) = actor.person().filter(|me| me.kind == UserKind::Person) {
        let roles = store::organizations::roles_in(view, Some(me.id), organizations.iter().copied())?;
        heirs.extend(roles.into_iter().filter(|(_, role)| role.is_some()).map(|(id, _)| (id, (me.id, me.uuid))));
        organizations.retain(|id| !heirs.contains_key(id));
    }
    if !organizations.is_empty() {
        heirs.extend(store::organizations::first_other_admins(view, organizations.into_iter(), leaving.id)?);
    }
    Ok(heirs)
}

/// Refuses to take the role of an owner from the last enabled one.
pub(super) fn keep_an_owner(view: &View, workspace: WorkspaceId, but: UserId) -> Result<()> {
    if store::members::has_other_owner(view, workspace, but)? { Ok(()) } else { Err(LAST_OWNER) }
}

pub(in crate::app) fn object(workspace: WorkspaceId, user: Uuid) -> (ObjectKind, String) {
    (ObjectKind::Member, format!("{workspace}/{user}"))
}

pub(in crate::app) fn role_to_audit(role: Option<Role>) -> Value {
    match role {
        None => Value::Null,
        Some(Role::Custom(id)) => json!({ "role": Role::Custom(id).as_str(), "role_id": id.0 }),
        Some(role) => json!({ "role": role.as_str() }),
    }
}
