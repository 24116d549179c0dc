//! The members of a workspace and their roles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::runtime::long_view::LongView;
use crate::app::{audit, bindings, lookup, roles, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::member::{Member, Role};
use crate::domain::noun::Noun;
use crate::domain::permission::PermissionSet;
use crate::domain::user::{AccountRole, User, UserKind};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, Standing, decide};
use crate::store::{self, Tx, View};

/// The members of a workspace that the actor sees, in the order in which they joined.
pub fn list(view: &LongView, actor: &Actor, workspace: WorkspaceId) -> Result<Vec<Member>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    let is_bot = actor.person().is_some_and(|me| me.kind == UserKind::Bot);
    let mut members = Vec::new();
    store::members::for_each(view, workspace.id, |member| {
        view.count_row()?;
        // A bot that reads a workspace without being a member sees only the people that it sees elsewhere.
        if !is_bot || decide(&standing::toward(view, actor, member.user)?, Action::ReadUser) == Decision::Allowed {
            members.push(member);
        }
        Ok(())
    })?;
    members.sort_unstable_by_key(|member| member.id);
    Ok(members)
}

/// Adds a person to a workspace with this role, or changes the role of a member.
///
/// Requires an owner or an administrator; for a named role, `ROLE_BINDING_CREATE` is enough. Refused when the person is
/// unknown or not in the workspace's organization, when a named role grants more than the actor has, and when the
/// workspace would have no owner.
pub fn upsert(tx: &Tx, actor: &Actor, workspace: WorkspaceId, who: &lookup::Named, role: Role) -> Result<Member> {
    let workspace = lookup::workspace(tx, actor, workspace)?;
    let standing = standing::in_workspace(tx, actor, &workspace)?;
    let role = allowed(tx, actor, (&workspace, &standing), role)?;
    let user = lookup::principal(tx, actor, who)?;
    if store::organizations::role(tx, workspace.organization, user.id)?.is_none() {
        return Err(Error::Refused {
            rule: "the user is not a member of the {workspace}'s organization; add the user to it first",
        });
    }
    annotates_alike(&user, role == Role::Annotator)?;
    let before = store::members::find(tx, workspace.id, user.id)?;
    if let Some(member) = before.clone().filter(|member| member.role == role) {
        return Ok(member);
    }
    if let Some(member) = &before {
        let named = permissions(tx, actor, member.role)?;
        if !named.is_some_and(|named| policy::may_assign_workspace_role(&standing, member.role, named)) {
            return Err(Error::Exceeded);
        }
        if member.role == Role::Owner {
            keep_an_owner(tx, &workspace, user.id)?;
        }
    }
    store::members::upsert(tx, workspace.id, user.id, role)?;
    let change = (role_to_audit(before.map(|member| member.role)), role_to_audit(Some(role)));
    audit::record(tx, actor, "members.put", object(&workspace, &user), change)?;
    store::members::find(tx, workspace.id, user.id)?.ok_or_else(|| Error::not_found(Noun::Member, user.uuid))
}

/// The role to give, if the actor may give it. A custom role that is a predefined one is replaced by that.
fn allowed(tx: &Tx, actor: &Actor, (workspace, standing): (&Workspace, &Standing), role: Role) -> Result<Role> {
    let Some(id) = role.custom() else {
        standing::require(standing, Action::AddMember, Noun::Workspace, workspace.id)?;
        return Ok(role);
    };
    standing::require(standing, Action::BindRole, Noun::Workspace, workspace.id)?;
    let named = roles::visible(tx, actor, id)?;
    if let Some(predefined) = named.predefined {
        standing::require(standing, Action::AddMember, Noun::Workspace, workspace.id)?;
        return Ok(predefined);
    }
    standing::give(standing, named.permissions)?;
    Ok(role)
}

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
    if actor.user() == Some(user.id) {
        let standing = Standing { own: true, ..standing::in_workspace(tx, actor, &workspace)? };
        standing::require(&standing, Action::LeaveWorkspace, Noun::Workspace, workspace.id)?;
    } else {
        lookup::require_workspace(tx, actor, &workspace, Action::RemoveMember)?;
        may_take(tx, actor, &workspace, user.id)?;
    }
    let bindings = store::bindings::delete_in_workspace(tx, user.id, workspace.id)?;
    let Some(member) = member else {
        if bindings > 0 {
            let change = (json!({ "bindings": bindings }), Value::Null);
            audit::record(tx, actor, "members.remove", object(&workspace, &user), change)?;
        }
        return Ok(bindings > 0);
    };
    if member.role == Role::Owner {
        keep_an_owner(tx, &workspace, user.id)?;
    }
    store::members::delete(tx, workspace.id, user.id)?;
    store::default_workspaces::delete(tx, user.id, workspace.id)?;
    let change = (role_to_audit(Some(member.role)), Value::Null);
    audit::record(tx, actor, "members.remove", object(&workspace, &user), change)?;
    Ok(true)
}

/// Removes a person from every workspace of an organization that they leave, with their role bindings there. The audit
/// row is that of the organization.
///
/// Refused when a workspace would have no owner.
pub(super) fn drop_from_organization(tx: &Tx, user: &User, organization: OrganizationId) -> Result<()> {
    for member in store::members::list_of(tx, user.id, Some(organization))? {
        if member.role == Role::Owner && store::members::count_other_owners(tx, member.workspace, user.id)? == 0 {
            return Err(LAST_OWNER);
        }
        store::members::delete(tx, member.workspace, user.id)?;
        store::default_workspaces::delete(tx, user.id, member.workspace)?;
    }
    store::bindings::delete_of(tx, user.id, Some(organization)).map(drop)
}

/// Gives a workspace whose last owner leaves a new owner: the actor, if they are in its organization, or else the
/// organization's first admin.
///
/// Refused when there is neither.
pub(super) fn hand_over(tx: &Tx, actor: &Actor, place: WorkspaceId, leaving: &User) -> Result<()> {
    let workspace = lookup::workspace(tx, actor, place)?;
    let mut heir = actor.user().map(|me| store::users::find(tx, me)).transpose()?.flatten();
    if let Some(me) = &heir
        && (me.kind == UserKind::Bot || store::organizations::role(tx, workspace.organization, me.id)?.is_none())
    {
        heir = None;
    }
    if heir.is_none() {
        let first = store::organizations::first_other_admin(tx, workspace.organization, leaving.id)?;
        heir = first.map(|id| store::users::find(tx, id)).transpose()?.flatten();
    }
    let heir = heir.ok_or(Error::Refused {
        rule: "the user is the last owner of a workspace, and nobody in its organization can take it over; add another \
               owner first",
    })?;
    let before = store::members::find(tx, place, heir.id)?.map(|member| member.role);
    store::members::upsert(tx, place, heir.id, Role::Owner)?;
    audit::record(
        tx,
        actor,
        "members.put",
        object(&workspace, &heir),
        (role_to_audit(before), role_to_audit(Some(Role::Owner))),
    )
}

const LAST_OWNER: Error =
    Error::Refused { rule: "a {workspace} must keep at least one owner; add another owner first" };

/// Refuses to remove a person's membership and role bindings in a workspace, unless the actor could have given all of
/// them.
fn may_take(view: &View, actor: &Actor, workspace: &Workspace, from: UserId) -> Result<()> {
    let refusal = || Error::Forbidden { action: Action::RemoveMember };
    if let Some(member) = store::members::find(view, workspace.id, from)? {
        let standing = standing::in_workspace(view, actor, workspace)?;
        let named = permissions(view, actor, member.role)?.ok_or_else(refusal)?;
        if !policy::may_remove_member(&standing, member.role, named) {
            return Err(refusal());
        }
    }
    for binding in store::bindings::list_in_workspace(view, from, workspace.id)? {
        if !bindings::may_take(view, actor, &binding)? {
            return Err(refusal());
        }
    }
    Ok(())
}

/// The permissions of a custom role, as [`roles::permissions`] returns them. None for a predefined role.
fn permissions(view: &View, actor: &Actor, role: Role) -> Result<Option<PermissionSet>> {
    role.custom().map_or(Ok(Some(PermissionSet::EMPTY)), |id| roles::permissions(view, actor, id))
}

/// Refuses to remove a person's memberships and role bindings in the workspaces of an organization, unless the actor
/// could have given all of them.
pub(super) fn may_take_all(view: &View, actor: &Actor, organization: OrganizationId, from: UserId) -> Result<()> {
    for place in store::visibility::places_in(view, from, organization)? {
        let Some(workspace) = store::workspaces::find(view, place)? else { continue };
        may_take(view, actor, &workspace, from)?;
    }
    Ok(())
}

/// Refuses to give an account annotator another role than an annotator's, and to make anybody else an annotator.
pub(super) fn annotates_alike(user: &User, as_annotator: bool) -> Result<()> {
    if (user.role == AccountRole::Annotator) == as_annotator {
        return Ok(());
    }
    Err(Error::Refused {
        rule: "only annotators of the account can have the role of an annotator, and they can have no other",
    })
}

/// The maximum number of workspaces in one removal.
pub const MAX_WORKSPACES: usize = 100;

/// Removes all members that `which` selects from these workspaces, all or nobody. Returns the removed memberships.
///
/// A workspace that the actor does not see has no members to select. Each removal follows the rules of [`remove`]. The
/// actor is removed last, so that an owner can remove others at the same time. Refused for more than
/// [`MAX_WORKSPACES`].
pub fn remove_all(
    tx: &Tx,
    actor: &Actor,
    places: &BTreeSet<WorkspaceId>,
    which: impl Fn(&Member) -> bool,
) -> Result<Vec<Member>> {
    if places.len() > MAX_WORKSPACES {
        return Err(Error::Refused { rule: "a user can be removed from at most 100 {workspace}s at a time" });
    }
    let mut leaving = Vec::new();
    for place in places {
        match list(&LongView::of(tx), actor, *place) {
            Ok(members) => leaving.extend(members.into_iter().filter(&which)),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    leaving.sort_by_key(|member| actor.user() == Some(member.user));
    for member in &leaving {
        remove(tx, actor, member.workspace, &lookup::Named::Uuid(member.uuid))?;
    }
    leaving.sort_by_key(|member| member.id);
    Ok(leaving)
}

fn keep_an_owner(tx: &Tx, workspace: &Workspace, but: UserId) -> Result<()> {
    if store::members::count_other_owners(tx, workspace.id, but)? == 0 {
        return Err(LAST_OWNER);
    }
    Ok(())
}

fn object(workspace: &Workspace, user: &User) -> (ObjectKind, String) {
    (ObjectKind::Member, format!("{}/{}", workspace.id, user.uuid))
}

fn role_to_audit(role: Option<Role>) -> Value {
    match role {
        None => Value::Null,
        Some(Role::Custom(id)) => json!({ "role": Role::Custom(id).as_str(), "role_id": id.0 }),
        Some(role) => json!({ "role": role.as_str() }),
    }
}
