//! Where the rights of one person come from.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::app::{lookup, roles, standing};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, User};
use crate::error::Result;
use crate::policy::{Account, Action, Decision, Standing, decide};
use crate::store::{self, View};

/// The rows of each kind that are looked at. More are not counted.
pub const MAX_ROWS: u32 = 1000;

/// Something that gives rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The role of an administrator in the account.
    Account,
    Organization(OrganizationRole),
    Member(MemberRole),
    /// A bound role, by its name; none if the actor may not read the roles.
    Binding(Option<String>),
}

/// The role of a member of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberRole {
    Predefined(Role),
    /// A named role; none if the actor may not read the roles.
    Named(Option<String>),
}

/// What the rights are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Everything,
    /// The workspaces of an organization; if `is_open`, only those that are not private.
    Organization {
        id: OrganizationId,
        name: String,
        is_open: bool,
    },
    Workspace {
        id: WorkspaceId,
        name: String,
    },
    /// A project of a workspace. None if the actor may not see the project.
    Project {
        workspace: WorkspaceId,
        in_workspace: String,
        name: Option<String>,
    },
}

#[derive(Clone, Debug)]
pub struct Right {
    pub source: Source,
    pub reach: Reach,
}

/// The rights of a person, in the order of [`Source`].
#[derive(Clone, Debug)]
pub struct Rights {
    pub user: User,
    pub found: Vec<Right>,
    /// Whether there are more rows than were looked at.
    pub is_cut: bool,
}

/// Where the rights of a person come from, as far as the actor may see it. People see all about themselves.
///
/// Roles in organizations are shown to those who manage the members, and bindings to those who may read them. Refused when
/// the actor may not see the person.
pub fn of(view: &View, actor: &Actor, person: Uuid) -> Result<Rights> {
    let user = lookup::principal(view, actor, &lookup::Named::Uuid(person))?;
    let is_own = actor.user() == Some(user.id);
    let mut found = Vec::new();
    if user.role == AccountRole::Administrator {
        found.push(Right { source: Source::Account, reach: Reach::Everything });
    }

    let organizations = store::rights::organizations(view, user.id, MAX_ROWS)?;
    let mut is_cut = is_full(&organizations);
    let standings = standing::in_organizations(view, actor, organizations.iter().map(|(id, ..)| *id))?;
    for (id, name, role) in organizations {
        let is_manager = standings.get(&id).is_some_and(|mine| allows(mine, Action::ManageOrganizationMembers));
        if is_own || is_manager {
            let reach = Reach::Organization { id, name, is_open: !reads_private(role) };
            found.push(Right { source: Source::Organization(role), reach });
        }
    }

    let members = store::rights::workspaces(view, user.id, MAX_ROWS)?;
    let bindings = store::rights::bindings(view, user.id, MAX_ROWS)?;
    is_cut |= is_full(&members) || is_full(&bindings);
    let ids: BTreeSet<WorkspaceId> =
        members.iter().map(|(id, ..)| *id).chain(bindings.iter().map(|bound| bound.workspace.0)).collect();
    let places = standing::in_workspaces(view, actor, ids.into_iter())?;
    let may = |id: &WorkspaceId, action| places.get(id).is_some_and(|place| allows(&place.standing, action));
    let names = names(
        view,
        actor,
        members.iter().filter_map(|(.., role)| role.custom()).chain(bindings.iter().map(|bound| bound.role)),
    )?;
    for (id, name, role) in members {
        if !may(&id, Action::ReadWorkspace) {
            continue;
        }
        let role = match role {
            Role::Custom(role) => MemberRole::Named(names.get(&role).cloned()),
            Role::Owner | Role::Member | Role::Reader | Role::Annotator => MemberRole::Predefined(role),
        };
        found.push(Right { source: Source::Member(role), reach: Reach::Workspace { id, name } });
    }

    let projects: Vec<ProjectId> = bindings.iter().filter_map(|bound| Some(bound.project.as_ref()?.0)).collect();
    let projects = standing::in_projects(view, actor, projects.into_iter())?;
    for bound in bindings {
        let (workspace, in_workspace) = bound.workspace;
        let is_shown = may(&workspace, Action::ReadWorkspace) && (is_own || may(&workspace, Action::ReadBindings));
        if !is_shown {
            continue;
        }
        let reach = match bound.project {
            None => Reach::Workspace { id: workspace, name: in_workspace },
            Some((id, name)) => {
                let is_seen = projects.get(&id).is_some_and(|mine| allows(mine, Action::ReadProject));
                Reach::Project { workspace, in_workspace, name: Some(name).filter(|_| is_seen) }
            }
        };
        found.push(Right { source: Source::Binding(names.get(&bound.role).cloned()), reach });
    }
    Ok(Rights { user, found, is_cut })
}

fn allows(standing: &Standing, action: Action) -> bool {
    decide(standing, action) == Decision::Allowed
}

const fn is_full<T>(found: &[T]) -> bool {
    found.len() == MAX_ROWS as usize
}

/// Whether a role in an organization is enough to read its private workspaces.
fn reads_private(role: OrganizationRole) -> bool {
    let account = Account::Role(AccountRole::Member);
    allows(&Standing { account, organization: Some(role), private: true, ..Standing::default() }, Action::ReadWorkspace)
}

/// The names of these roles. Empty if the actor may not read the roles.
fn names(view: &View, actor: &Actor, ids: impl Iterator<Item = RoleId>) -> Result<HashMap<RoleId, String>> {
    let mut names = HashMap::new();
    if roles::may_see(actor).is_err() {
        return Ok(names);
    }
    for id in ids.collect::<BTreeSet<_>>() {
        names.extend(store::roles::find(view, id)?.map(|role| (id, role.name)));
    }
    Ok(names)
}
