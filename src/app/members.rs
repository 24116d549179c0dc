//! Who is in a workspace, and in what role.

use std::collections::BTreeSet;

use serde_json::{Value, json};

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
pub fn list(view: &View, actor: &Actor, workspace: WorkspaceId) -> Result<Vec<Member>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    let mut members = store::members::list(view, workspace.id)?;
    // A bot that reads a workspace without being in it sees its people no more than elsewhere.
    if actor.person().is_some_and(|me| me.kind == UserKind::Bot) {
        let mut seen = Vec::with_capacity(members.len());
        for member in members {
            if decide(&standing::toward(view, actor, member.user)?, Action::ReadUser) == Decision::Allowed {
                seen.push(member);
            }
        }
        members = seen;
    }
    Ok(members)
}

/// Puts somebody into a workspace in this role, or gives a member this role.
///
/// Owners and administrators may, and give a named role whoever holds `ROLE_BINDING_CREATE`. Refused when the person is
/// unknown or not in the workspace's organization, when a named role is given for more than the actor holds, and when it would leave the workspace without an owner.
pub fn put(tx: &Tx, actor: &Actor, workspace: WorkspaceId, who: &lookup::Named, role: Role) -> Result<Member> {
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
        if !named.is_some_and(|named| policy::gives_in_workspace(&standing, member.role, named)) {
            return Err(Error::Exceeded);
        }
        if member.role == Role::Owner {
            keep_an_owner(tx, &workspace, user.id)?;
        }
    }
    store::members::put(tx, workspace.id, user.id, role)?;
    let change = (shown(before.map(|member| member.role)), shown(Some(role)));
    audit::record(tx, actor, "members.put", object(&workspace, &user), change)?;
    store::members::find(tx, workspace.id, user.id)?.ok_or_else(|| Error::not_found(Noun::Member, user.uuid))
}

/// The role that the actor may give in a workspace. A custom one that is predefined is just that.
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

/// Takes somebody out of a workspace; tells whether they were in it.
///
/// Whoever could have given all that is taken away may, owners and administrators first of all; anyone may leave, and
/// leaves nothing where there is nothing to be seen. Refused when it would leave the workspace without an owner.
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
    let change = (shown(Some(member.role)), Value::Null);
    audit::record(tx, actor, "members.remove", object(&workspace, &user), change)?;
    Ok(true)
}

/// Takes somebody out of every workspace of an organization that they leave, and of what is bound to them there; the
/// organization's own row tells the audit.
///
/// Refused when it would leave a workspace without an owner.
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

/// Gives a workspace whose last owner goes another one: the actor, if they are in its organization, or else the first
/// admin of that.
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
    store::members::put(tx, place, heir.id, Role::Owner)?;
    audit::record(tx, actor, "members.put", object(&workspace, &heir), (shown(before), shown(Some(Role::Owner))))
}

/// What stands against taking the last owner out of a workspace.
const LAST_OWNER: Error =
    Error::Refused { rule: "a {workspace} must keep at least one owner; add another owner first" };

/// Refuses to take from somebody what they have in a workspace, the membership and every binding, unless the actor could
/// have given all of it.
fn may_take(view: &View, actor: &Actor, workspace: &Workspace, from: UserId) -> Result<()> {
    let refusal = || Error::Forbidden { action: Action::RemoveMember };
    if let Some(member) = store::members::find(view, workspace.id, from)? {
        let standing = standing::in_workspace(view, actor, workspace)?;
        let named = permissions(view, actor, member.role)?.ok_or_else(refusal)?;
        if !policy::removes_from_workspace(&standing, member.role, named) {
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

/// What the named role of a custom one allows, as [`roles::permissions`] gives it; nothing for a predefined one.
fn permissions(view: &View, actor: &Actor, role: Role) -> Result<Option<PermissionSet>> {
    role.custom().map_or(Ok(Some(PermissionSet::EMPTY)), |id| roles::permissions(view, actor, id))
}

/// Refuses to take from somebody what they have in the workspaces of an organization, unless the actor could have given
/// all of it.
pub(super) fn may_take_all(view: &View, actor: &Actor, organization: OrganizationId, from: UserId) -> Result<()> {
    for place in store::sight::places_in(view, from, organization)? {
        let Some(workspace) = store::workspaces::find(view, place)? else { continue };
        may_take(view, actor, &workspace, from)?;
    }
    Ok(())
}

/// Refuses to make an annotator of the account anything else in a place, or anybody else an annotator there.
pub(super) fn annotates_alike(user: &User, as_annotator: bool) -> Result<()> {
    if (user.role == AccountRole::Annotator) == as_annotator {
        return Ok(());
    }
    Err(Error::Refused {
        rule: "only annotators of the account can have the role of an annotator, and they can have no other",
    })
}

/// The most workspaces that people are taken out of at a time.
pub const MOST_WORKSPACES: usize = 100;

/// Takes everybody whom `which` picks out of these workspaces, all or nobody; gives the memberships that ended.
///
/// A workspace that the actor does not see has nobody to pick. Each leave is judged as in [`remove`], the actor's
/// own last, so that an owner may take others along. Refused for more than [`MOST_WORKSPACES`].
pub fn remove_all(
    tx: &Tx,
    actor: &Actor,
    places: &BTreeSet<WorkspaceId>,
    which: impl Fn(&Member) -> bool,
) -> Result<Vec<Member>> {
    if places.len() > MOST_WORKSPACES {
        return Err(Error::Refused { rule: "a user can be removed from at most 100 {workspace}s at a time" });
    }
    let mut leaving = Vec::new();
    for place in places {
        match list(tx, actor, *place) {
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

fn shown(role: Option<Role>) -> Value {
    match role {
        None => Value::Null,
        Some(Role::Custom(id)) => json!({ "role": Role::Custom(id).as_str(), "role_id": id.0 }),
        Some(role) => json!({ "role": role.as_str() }),
    }
}
