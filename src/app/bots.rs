//! The permissions of a bot, and who may renew or revoke its service key.

use crate::app::{roles, standing};
use crate::domain::actor::Actor;
use crate::domain::bot::Bot;
use crate::domain::ids::UserId;
use crate::domain::key::Key;
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::Resource;
use crate::domain::user::AccountRole;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, decide};
use crate::store::visibility::Visibility;
use crate::store::{self, View};

/// A bot with its organizations and workspaces.
pub(super) fn find(view: &View, bot: UserId) -> Result<Bot> {
    store::bots::list(view, &[bot], true)?.remove(&bot).ok_or_else(|| Error::not_found(Noun::User, bot))
}

/// Whether the actor has all permissions that a role grants in a workspace. An owner may also choose the members, for
/// which there is no permission.
pub(super) fn gives(view: &View, actor: &Actor, workspace: &Workspace, role: Role) -> Result<bool> {
    let standing = standing::in_workspace(view, actor, workspace)?;
    let granted = match role.custom() {
        None => policy::of_role(role),
        Some(id) => roles::visible(view, actor, id)?.permissions.union(PermissionSet::of(&[Permission::SPACE_READ])),
    };
    let chooses = role != Role::Owner || decide(&standing, Action::AddMember) == Decision::Allowed;
    Ok(chooses && granted.is_within(policy::held(&standing)))
}

/// Refuses to give a bot's secret to an actor who lacks some of the bot's permissions, which come from its memberships
/// and its role bindings.
pub(super) fn holds_all(view: &View, actor: &Actor, bot: UserId) -> Result<()> {
    if holds(view, actor, &find(view, bot)?)? { Ok(()) } else { Err(Error::Exceeded) }
}

/// Whether the actor has all permissions of a bot.
fn holds(view: &View, actor: &Actor, bot: &Bot) -> Result<bool> {
    let mut holds = true;
    for place in &bot.organizations {
        let giver = standing::in_organization(view, actor, place.organization)?;
        holds &= policy::may_assign_organization_role(&giver, place.role);
        for inside in &place.workspaces {
            let Some(workspace) = store::workspaces::find(view, inside.workspace)? else { continue };
            holds &= gives(view, actor, &workspace, inside.role)?;
        }
    }
    let all = Page { after: None, limit: u32::MAX };
    for on_projects in [false, true] {
        for binding in store::bindings::page(view, Visibility::Everything, on_projects, Some(bot.id), all)? {
            let place = match binding.resource {
                Resource::Workspace(id) => Some(id),
                Resource::Project(id) => store::projects::find(view, id)?.map(|project| project.workspace),
            };
            let Some(place) = place else { continue };
            let Some(workspace) = store::workspaces::find(view, place)? else { continue };
            holds &= gives(view, actor, &workspace, Role::Custom(binding.role))?;
        }
    }
    Ok(holds)
}

/// Refuses an actor who may not revoke or renew a service key.
///
/// Allowed are the service itself, administrators, actors who may choose the members of all its workspaces, and the
/// key's creator with `SERVICE_KEY_REVOKE` in all of them. The key is not found for an actor who neither created it nor
/// may read the service keys of one of its workspaces.
pub(super) fn require(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let in_account = standing::in_account(actor);
    let own = actor.user() == Some(key.user);
    if own || policy::may_assign_account_role(&in_account, AccountRole::Administrator) {
        return Ok(());
    }
    let maker = key.created_by.is_some() && key.created_by == actor.user();
    let (mut seen, mut governed, mut revocable) = (maker, true, true);
    let mut somewhere = false;
    for place in find(view, key.user)?.workspaces() {
        let Some(workspace) = store::workspaces::find(view, place.workspace)? else { continue };
        let standing = standing::in_workspace(view, actor, &workspace)?;
        let may = |action| decide(&standing, action) == Decision::Allowed;
        somewhere = true;
        seen |= may(Action::ReadServiceKeys);
        governed &= may(Action::AddMember);
        revocable &= may(Action::RevokeServiceKey);
    }
    if !seen {
        return Err(Error::not_found(Noun::Key, key.id));
    }
    if maker && revocable || somewhere && governed { Ok(()) } else { Err(REVOKES_NOT) }
}

const REVOKES_NOT: Error = Error::Forbidden { action: Action::RevokeServiceKey };

/// Refuses to revoke a service key that has more permissions than the actor, unless the key is the actor's own or the
/// actor created it.
pub(super) fn may_end(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let theirs = actor.user().is_some_and(|me| me == key.user || key.created_by == Some(me));
    if theirs || holds(view, actor, &find(view, key.user)?)? { Ok(()) } else { Err(REVOKES_NOT) }
}
