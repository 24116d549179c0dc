//! Who can reach which workspaces, and through what.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::app::standing::{self, Place};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, User};
use crate::domain::workspace::Workspace;
use crate::error::Result;
use crate::policy::{Account, Action, Decision, Standing, decide};
use crate::store::{self, View};

/// What lets somebody into a workspace: the first of these that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    Member(Role),
    /// A role that is bound on the workspace or on a project in it.
    Binding,
    /// A role in the organization of the workspace.
    Organization(OrganizationRole),
    /// The account's administrators reach everything.
    Administrator,
}

/// The ways of people into workspaces. Where there is no entry, the person does not reach the workspace.
pub type Ways = HashMap<(UserId, WorkspaceId), Way>;

/// How each of these people reaches each of these workspaces, as far as the actor may see both.
///
/// Bindings count only where the actor may read them.
pub fn ways(view: &View, actor: &Actor, people: &[User], workspaces: &[Workspace]) -> Result<Ways> {
    let ids = || workspaces.iter().map(|workspace| workspace.id);
    let users = || people.iter().map(|user| user.id);
    let mine = standing::in_workspaces(view, actor, ids())?;
    let is_visible = |place: &Place| matches!(decide(&place.standing, Action::ReadWorkspace), Decision::Allowed);
    let reads_bindings = |id: WorkspaceId| {
        mine.get(&id).is_some_and(|place| decide(&place.standing, Action::ReadBindings) == Decision::Allowed)
    };
    let members: HashMap<_, _> =
        store::access::members(view, users(), ids())?.into_iter().map(|(user, id, role)| ((user, id), role)).collect();
    let bound: HashSet<(UserId, WorkspaceId)> = store::bindings::list_in(view, users(), ids())?
        .into_iter()
        .filter(|(_, id)| reads_bindings(*id))
        .map(|(binding, id)| (binding.user, id))
        .collect();
    let organizations: BTreeSet<OrganizationId> = workspaces.iter().map(|workspace| workspace.organization).collect();
    let in_organizations: HashMap<_, _> =
        store::access::organization_members(view, users(), organizations.into_iter())?
            .into_iter()
            .map(|(user, id, role)| ((user, id), role))
            .collect();
    let mut ways = Ways::new();
    for workspace in workspaces.iter().filter(|workspace| mine.get(&workspace.id).is_some_and(is_visible)) {
        for user in people {
            let pair = (user.id, workspace.id);
            let organization = in_organizations.get(&(user.id, workspace.organization)).copied();
            let direct = members.get(&pair).map(|role| Way::Member(*role));
            let direct = direct.or_else(|| bound.contains(&pair).then_some(Way::Binding));
            if let Some(way) = direct.or_else(|| through_role(user, organization, workspace.private)) {
                ways.insert(pair, way);
            }
        }
    }
    Ok(ways)
}

/// The way that a role in the account or the organization opens, by the policy.
fn through_role(user: &User, organization: Option<OrganizationRole>, private: bool) -> Option<Way> {
    let account = standing::account(user.kind, user.role);
    let standing = Standing { account, organization, private, ..Standing::default() };
    if decide(&standing, Action::ReadWorkspace) != Decision::Allowed {
        return None;
    }
    let without_account = Standing { account: Account::Role(AccountRole::Member), ..standing };
    match organization {
        Some(role) if decide(&without_account, Action::ReadWorkspace) == Decision::Allowed => {
            Some(Way::Organization(role))
        }
        _ => Some(Way::Administrator),
    }
}
