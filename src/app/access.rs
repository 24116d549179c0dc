//! Who can reach which workspaces, and through what.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::app::standing;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Member(Role),
    /// A role that is bound on the workspace or on a project in it.
    Binding,
    /// A role in the organization of the workspace.
    Organization(OrganizationRole),
    /// The account's administrators reach everything.
    Administrator,
}

/// The ways of people into workspaces: a row for each person, a column for each workspace, in the order of both lists.
pub struct Ways {
    cells: Vec<Option<Way>>,
    columns: usize,
}

impl Ways {
    fn none(rows: usize, columns: usize) -> Self {
        Self { cells: vec![None; rows.saturating_mul(columns)], columns }
    }

    /// The ways of each person, in the order of the people. A person without a way does not reach the workspace.
    pub fn rows(&self) -> impl Iterator<Item = &[Option<Way>]> {
        // Without a column there is no cell, and so no row.
        self.cells.chunks(self.columns.max(1))
    }

    fn set(&mut self, row: usize, column: usize, way: Way) {
        if let Some(cell) = self.cells.get_mut(row * self.columns + column) {
            *cell = Some(way);
        }
    }
}

/// How each of these people reaches each of these workspaces, as far as the actor may see both.
///
/// Bindings count only where the actor may read them.
pub fn ways(view: &View, actor: &Actor, people: &[User], workspaces: &[Workspace]) -> Result<Ways> {
    let ids = || workspaces.iter().map(|workspace| workspace.id);
    let users = || people.iter().map(|user| user.id);
    let mine = standing::in_workspaces(view, actor, ids())?;
    let may = |id: WorkspaceId, action| {
        mine.get(&id).is_some_and(|place| decide(&place.standing, action) == Decision::Allowed)
    };
    let rows: HashMap<UserId, usize> = users().zip(0..).collect();
    let columns: HashMap<WorkspaceId, usize> =
        ids().zip(0..).filter(|(id, _)| may(*id, Action::ReadWorkspace)).collect();
    let reads_bindings: HashSet<WorkspaceId> = ids().filter(|id| may(*id, Action::ReadBindings)).collect();
    let place = |user, workspace| Some((*rows.get(&user)?, *columns.get(&workspace)?));

    let mut ways = Ways::none(people.len(), workspaces.len());
    through_roles(view, people, workspaces, &columns, &mut ways)?;
    // A binding stands before a role in the organization, and a membership before both.
    for (binding, workspace) in store::bindings::list_in(view, users(), ids())? {
        if let Some((row, column)) = place(binding.user, workspace).filter(|_| reads_bindings.contains(&workspace)) {
            ways.set(row, column, Way::Binding);
        }
    }
    for (user, workspace, role) in store::access::members(view, users(), ids())? {
        if let Some((row, column)) = place(user, workspace) {
            ways.set(row, column, Way::Member(role));
        }
    }
    Ok(ways)
}

/// Fills in the ways through roles in the account and in organizations.
fn through_roles(
    view: &View,
    people: &[User],
    workspaces: &[Workspace],
    columns: &HashMap<WorkspaceId, usize>,
    ways: &mut Ways,
) -> Result<()> {
    // The policy decides the same for all private workspaces of an organization, and for all others of it.
    let mut alike: BTreeMap<(OrganizationId, bool), Vec<usize>> = BTreeMap::new();
    for workspace in workspaces {
        if let Some(column) = columns.get(&workspace.id) {
            alike.entry((workspace.organization, workspace.private)).or_default().push(*column);
        }
    }
    let organizations: BTreeSet<OrganizationId> = workspaces.iter().map(|workspace| workspace.organization).collect();
    let users = people.iter().map(|user| user.id);
    let roles: HashMap<(UserId, OrganizationId), OrganizationRole> =
        store::access::organization_members(view, users, organizations.into_iter())?
            .into_iter()
            .map(|(user, organization, role)| ((user, organization), role))
            .collect();
    for (row, user) in people.iter().enumerate() {
        for ((organization, private), columns) in &alike {
            let role = roles.get(&(user.id, *organization)).copied();
            let Some(way) = through_role(user, role, *private) else { continue };
            for column in columns {
                ways.set(row, *column, way);
            }
        }
    }
    Ok(())
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
