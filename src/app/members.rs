//! The members of a workspace and their roles.

mod removal;

use crate::app::identity::invitation_links;
use crate::app::runtime::long_view::LongView;
use crate::app::{audit, lookup, roles, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::{Member, Role};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::permission::PermissionSet;
use crate::domain::user::{AccountRole, User, UserKind};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, Standing, decide};
use crate::store::{self, Tx, View};

use removal::keep_an_owner;
pub use removal::{MAX_COMPARED, MAX_MEMBERS, MAX_WORKSPACES, remove, remove_all};
pub(super) use removal::{drop_from_organization, hand_over_all, may_take_all, object, role_to_audit};

/// The members of a workspace that the actor sees, in the order in which they joined.
pub fn list(view: &LongView, actor: &Actor, workspace: WorkspaceId) -> Result<Vec<Member>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    let is_bot = actor.person().is_some_and(|me| me.kind == UserKind::Bot);
    let mut members = Vec::new();
    store::members::for_each(view, workspace.id, |member| {
        view.count_row()?;
        members.push(member);
        Ok(())
    })?;
    // A bot that reads a workspace without being a member sees only the people that it sees elsewhere.
    if is_bot {
        let standings = standing::toward_all(view, actor, members.iter().map(|member| member.user))?;
        members.retain(|member| {
            standings.get(&member.user).is_some_and(|one| decide(one, Action::ReadUser) == Decision::Allowed)
        });
    }
    members.sort_unstable_by_key(|member| member.id);
    Ok(members)
}

/// A page of the members of a workspace that the actor sees, each with their account, by account.
pub fn page(view: &View, actor: &Actor, workspace: WorkspaceId, page: Page) -> Result<Slice<(Member, User)>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    let is_bot = actor.person().is_some_and(|me| me.kind == UserKind::Bot);
    let keep = |member: &Member| {
        Ok(!is_bot || decide(&standing::toward(view, actor, member.user)?, Action::ReadUser) == Decision::Allowed)
    };
    let look = |page| store::members::page(view, workspace.id, page);
    let found = visibility::sifted(page, |member: &Member| member.user.0, look, keep)?;
    let with_user = |member: Member| {
        let user = store::users::find_principal(view, member.user)?;
        user.map(|user| (member, user)).ok_or_else(|| Error::internal("a member without an account"))
    };
    Ok(Slice { items: found.items.into_iter().map(with_user).collect::<Result<_>>()?, next: found.next })
}

/// The membership of a person in a workspace, if there is one.
pub fn find(view: &View, actor: &Actor, workspace: WorkspaceId, who: &lookup::Named) -> Result<Option<Member>> {
    let workspace = lookup::workspace(view, actor, workspace)?;
    store::members::find(view, workspace.id, lookup::principal(view, actor, who)?.id)
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
            keep_an_owner(tx, workspace.id, user.id)?;
        }
    }
    invitation_links::end_of_others(tx, actor, &user)?;
    store::members::upsert(tx, workspace.id, user.id, role)?;
    let change = (role_to_audit(before.map(|member| member.role)), role_to_audit(Some(role)));
    audit::record(tx, actor, "members.put", object(workspace.id, user.uuid), change)?;
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

/// The permissions of a custom role, as [`roles::permissions`] returns them. None for a predefined role.
fn permissions(view: &View, actor: &Actor, role: Role) -> Result<Option<PermissionSet>> {
    role.custom().map_or(Ok(Some(PermissionSet::EMPTY)), |id| roles::permissions(view, actor, id))
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
