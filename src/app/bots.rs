//! What a bot may do, and who may renew or revoke the service key that acts as it.

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
use crate::store::visibility::Sight;
use crate::store::{self, View};

/// A bot with its places, or a refusal where there is none.
pub(super) fn find(view: &View, bot: UserId) -> Result<Bot> {
    store::bots::list(view, &[bot], true)?.remove(&bot).ok_or_else(|| Error::not_found(Noun::User, bot))
}

/// Whether the actor holds in a workspace what a role there allows. An owner also chooses the members, which no
/// permission stands for.
pub(super) fn gives(view: &View, actor: &Actor, workspace: &Workspace, role: Role) -> Result<bool> {
    let standing = standing::in_workspace(view, actor, workspace)?;
    let given = match role.custom() {
        None => policy::of_role(role),
        Some(id) => roles::visible(view, actor, id)?.permissions.union(PermissionSet::of(&[Permission::SPACE_READ])),
    };
    let chooses = role != Role::Owner || decide(&standing, Action::AddMember) == Decision::Allowed;
    Ok(chooses && given.is_within(policy::held(&standing)))
}

/// Refuses to hand the secret of a bot to whoever does not hold all that it may: by its memberships, and by what was
/// bound to it since.
pub(super) fn holds_all(view: &View, actor: &Actor, bot: UserId) -> Result<()> {
    if holds(view, actor, &find(view, bot)?)? { Ok(()) } else { Err(Error::Exceeded) }
}

/// Whether the actor holds all that a bot may.
fn holds(view: &View, actor: &Actor, bot: &Bot) -> Result<bool> {
    let mut holds = true;
    for place in &bot.organizations {
        let giver = standing::in_organization(view, actor, place.organization)?;
        holds &= policy::gives_in_organization(&giver, place.role);
        for inside in &place.workspaces {
            let Some(workspace) = store::workspaces::find(view, inside.workspace)? else { continue };
            holds &= gives(view, actor, &workspace, inside.role)?;
        }
    }
    let all = Page { after: None, limit: u32::MAX };
    for on_projects in [false, true] {
        for binding in store::bindings::page(view, Sight::Everything, on_projects, Some(bot.id), all)? {
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

/// Lets the actor end or renew a service key, or refuses.
///
/// The service itself may, administrators, whoever chooses the members in all its workspaces, and whoever made it and
/// holds `SERVICE_KEY_REVOKE` in all of them. Whoever neither made it nor sees the service keys of one of its
/// workspaces is told that there is none.
pub(super) fn require(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let in_account = standing::in_account(actor);
    let own = actor.user() == Some(key.user);
    if own || policy::gives_in_account(&in_account, AccountRole::Administrator) {
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

/// Refuses to end a service key that holds more than the actor, unless it is theirs or they made it.
pub(super) fn may_end(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let theirs = actor.user().is_some_and(|me| me == key.user || key.created_by == Some(me));
    if theirs || holds(view, actor, &find(view, key.user)?)? { Ok(()) } else { Err(REVOKES_NOT) }
}
