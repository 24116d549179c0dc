//! The permissions of a bot, and who may renew or revoke its service key.

use std::collections::{BTreeSet, HashMap};

use crate::app::standing::Place;
use crate::app::{roles, standing};
use crate::domain::actor::Actor;
use crate::domain::bot::Bot;
use crate::domain::ids::{RoleId, UserId, WorkspaceId};
use crate::domain::key::Key;
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::AccountRole;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, decide};
use crate::store::{self, View};

/// A bot with its organizations and workspaces.
pub(super) fn find(view: &View, bot: UserId) -> Result<Bot> {
    store::bots::list(view, &[bot], true)?.remove(&bot).ok_or_else(|| Error::not_found(Noun::User, bot))
}

/// Decides which roles an actor may give to bots.
pub(super) struct Giver<'a> {
    actor: &'a Actor,
    places: HashMap<WorkspaceId, Place>,
    roles: HashMap<RoleId, PermissionSet>,
}

impl<'a> Giver<'a> {
    /// The actor, as far as these roles in these workspaces need it.
    pub(super) fn new(
        view: &View,
        actor: &'a Actor,
        grants: impl Iterator<Item = (WorkspaceId, Role)> + Clone,
    ) -> Result<Self> {
        let workspaces: BTreeSet<_> = grants.clone().map(|(workspace, _)| workspace).collect();
        let roles: BTreeSet<_> = grants.filter_map(|(_, role)| role.custom()).collect();
        let places = standing::in_workspaces(view, actor, workspaces.into_iter())?;
        Ok(Self { actor, places, roles: store::roles::permissions(view, roles.into_iter())? })
    }

    /// The organization of a workspace and the actor's standing in it. `None` if it does not exist.
    pub(super) fn place(&self, workspace: WorkspaceId) -> Option<Place> {
        self.places.get(&workspace).copied()
    }

    /// Whether the actor has all permissions that a role grants in a workspace. An owner may also choose the members,
    /// for which there is no permission.
    ///
    /// Refused when the actor may not see the role.
    pub(super) fn gives(&self, place: &Place, role: Role) -> Result<bool> {
        let granted = match role.custom() {
            None => policy::of_role(role),
            Some(id) => {
                roles::may_see(self.actor)?;
                let named = self.roles.get(&id).ok_or_else(|| Error::not_found(Noun::Role, id))?;
                named.union(PermissionSet::of(&[Permission::SPACE_READ]))
            }
        };
        let chooses = role != Role::Owner || decide(&place.standing, Action::AddMember) == Decision::Allowed;
        Ok(chooses && granted.is_within(policy::held(&place.standing)))
    }
}

/// Refuses to give a bot's secret to an actor who lacks some of the bot's permissions, which come from its memberships
/// and its role bindings.
pub(super) fn holds_all(view: &View, actor: &Actor, bot: UserId) -> Result<()> {
    if holds(view, actor, &find(view, bot)?)? { Ok(()) } else { Err(Error::Exceeded) }
}

/// Whether the actor has all permissions of a bot.
fn holds(view: &View, actor: &Actor, bot: &Bot) -> Result<bool> {
    let organizations = bot.organizations.iter().map(|place| place.organization);
    let organizations = standing::in_organizations(view, actor, organizations)?;
    let mut holds = bot.organizations.iter().all(|place| {
        let giver = organizations.get(&place.organization);
        giver.is_some_and(|giver| policy::may_assign_organization_role(giver, place.role))
    });
    let mut grants: Vec<_> = bot.workspaces().map(|inside| (inside.workspace, inside.role)).collect();
    let bound = store::bindings::roles_of(view, bot.id)?;
    grants.extend(bound.into_iter().map(|(workspace, role)| (workspace, Role::Custom(role))));
    let giver = Giver::new(view, actor, grants.iter().copied())?;
    for (workspace, role) in grants {
        let Some(place) = giver.place(workspace) else { continue };
        holds &= giver.gives(&place, role)?;
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
    let bot = find(view, key.user)?;
    let places = standing::in_workspaces(view, actor, bot.workspaces().map(|inside| inside.workspace))?;
    for place in places.values() {
        let may = |action| decide(&place.standing, action) == Decision::Allowed;
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

const REVOKES_NOT: Error = Error::forbidden(Action::RevokeServiceKey);

/// Refuses to revoke a service key that has more permissions than the actor, unless the key is the actor's own or the
/// actor created it.
pub(super) fn may_end(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    let theirs = actor.user().is_some_and(|me| me == key.user || key.created_by == Some(me));
    if theirs || holds(view, actor, &find(view, key.user)?)? { Ok(()) } else { Err(REVOKES_NOT) }
}
