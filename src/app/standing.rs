//! Gathers the facts that `policy` decides by, and enforces its decisions.

use std::collections::{BTreeSet, HashMap};

use crate::domain::actor::{Actor, Who};
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::permission::PermissionSet;
use crate::domain::user::{AccountRole, UserKind};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::explanation::{self, Facts};
use crate::policy::{self, Account, Action, Decision, Standing, archived, decide};
use crate::store::circle::Circle;
use crate::store::standings::{InProject, InWorkspace};
use crate::store::{self, View};

/// The actor's standing in the account. The operator counts as an administrator who owns everything. A bot has no role
/// in the account, unless the operator made the bot of a client an administrator.
pub(super) fn in_account(actor: &Actor) -> Standing {
    match &actor.who {
        Who::Person(person) => Standing { account: account(person.kind, person.role), ..Standing::default() },
        Who::Operator => {
            Standing { account: Account::Role(AccountRole::Administrator), own: true, ..Standing::default() }
        }
        Who::Nobody => Standing::default(),
    }
}

/// What a user is in the account. A bot is nothing but a bot, unless it is an administrator.
pub(super) const fn account(kind: UserKind, role: AccountRole) -> Account {
    match (kind, role) {
        (UserKind::Bot, AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator) => Account::Bot,
        (UserKind::Person | UserKind::Bot, role) => Account::Role(role),
    }
}

pub(super) fn in_organization(view: &View, actor: &Actor, organization: OrganizationId) -> Result<Standing> {
    let mut standing = in_account(actor);
    if let Some(me) = actor.user() {
        standing.organization = store::organizations::role(view, organization, me)?;
    }
    Ok(standing)
}

pub(super) fn in_workspace(view: &View, actor: &Actor, workspace: &Workspace) -> Result<Standing> {
    in_place(view, actor, workspace, None)
}

pub(super) fn in_project(view: &View, actor: &Actor, workspace: &Workspace, project: ProjectId) -> Result<Standing> {
    in_place(view, actor, workspace, Some(project))
}

fn in_place(view: &View, actor: &Actor, workspace: &Workspace, project: Option<ProjectId>) -> Result<Standing> {
    let mut standing = in_organization(view, actor, workspace.organization)?;
    standing.private = workspace.private;
    standing.archived = workspace.archived;
    if let Some(project) = project {
        standing.restricted = store::projects::find_restriction(view, project)?.is_some();
    }
    if let Some(me) = actor.user() {
        standing.workspace = store::members::find(view, workspace.id, me)?.map(|member| member.role);
        standing.named = store::roles::named(view, me, workspace.id)?;
        if let Some(project) = project {
            standing.direct = store::roles::direct(view, me, project)?;
        }
    }
    Ok(standing)
}

/// The organization of a workspace, and the actor's standing in the workspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub organization: OrganizationId,
    pub standing: Standing,
}

/// Like [`in_workspace`], in those of these workspaces that exist.
pub(super) fn in_workspaces(
    view: &View,
    actor: &Actor,
    workspaces: impl Iterator<Item = WorkspaceId>,
) -> Result<HashMap<WorkspaceId, Place>> {
    let found = store::standings::in_workspaces(view, actor.user(), workspaces)?;
    let ids = found.iter().flat_map(|one| [one.role.and_then(Role::custom), one.bound]).flatten();
    let permissions = store::roles::permissions(view, ids.collect::<BTreeSet<_>>().into_iter())?;
    let of = |role: Option<RoleId>| role.and_then(|role| permissions.get(&role)).copied().unwrap_or_default();
    let place = |one: InWorkspace| {
        let standing = Standing {
            organization: one.organization_role,
            workspace: one.role,
            named: of(one.role.and_then(Role::custom)).union(of(one.bound)),
            private: one.private,
            archived: one.archived,
            ..in_account(actor)
        };
        (one.workspace, Place { organization: one.organization, standing })
    };
    Ok(found.into_iter().map(place).collect())
}

/// Like [`in_project`], in those of these projects that exist.
pub(super) fn in_projects(
    view: &View,
    actor: &Actor,
    projects: impl Iterator<Item = ProjectId>,
) -> Result<HashMap<ProjectId, Standing>> {
    let found = store::standings::in_projects(view, actor.user(), projects)?;
    let workspaces: BTreeSet<_> = found.iter().map(|one| one.workspace).collect();
    let workspaces = in_workspaces(view, actor, workspaces.into_iter())?;
    let ids: BTreeSet<_> = found.iter().filter_map(|one| one.bound).collect();
    let permissions = store::roles::permissions(view, ids.into_iter())?;
    let standing = |one: InProject| {
        let direct = one.bound.and_then(|role| permissions.get(&role)).copied().unwrap_or_default();
        let place = workspaces.get(&one.workspace)?;
        Some((one.project, Standing { restricted: one.restricted, direct, ..place.standing }))
    };
    Ok(found.into_iter().filter_map(standing).collect())
}

/// Like [`in_organization`], in those of these organizations that exist.
pub(super) fn in_organizations(
    view: &View,
    actor: &Actor,
    organizations: impl Iterator<Item = OrganizationId>,
) -> Result<HashMap<OrganizationId, Standing>> {
    let roles = store::organizations::roles_in(view, actor.user(), organizations)?;
    let standing = |organization| Standing { organization, ..in_account(actor) };
    Ok(roles.into_iter().map(|(id, role)| (id, standing(role))).collect())
}

/// Like [`toward`], for each of these users.
pub(super) fn toward_all(
    view: &View,
    actor: &Actor,
    others: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, Standing>> {
    let account = in_account(actor);
    let Some(me) = actor.user() else { return Ok(others.map(|other| (other, account)).collect()) };
    let others: BTreeSet<_> = others.collect();
    let is_bot = account.account == Account::Bot;
    let (together, shared) = if is_bot {
        (store::members::sharing_workspace(view, me, others.iter().copied())?, HashMap::new())
    } else {
        (BTreeSet::new(), store::organizations::shared_roles(view, me, others.iter().copied())?)
    };
    let standing = |other: UserId| Standing {
        own: me == other,
        together: together.contains(&other),
        organization: shared.get(&other).copied(),
        ..account
    };
    Ok(others.into_iter().map(|other| (other, standing(other))).collect())
}

pub(super) fn toward(view: &View, actor: &Actor, other: UserId) -> Result<Standing> {
    let mut standing = in_account(actor);
    if let Some(me) = actor.user() {
        standing.own = me == other;
        if standing.account == Account::Bot {
            standing.together = store::members::share_workspace(view, me, other)?;
        } else {
            standing.organization = store::organizations::shared_role(view, me, other)?;
        }
    }
    Ok(standing)
}

/// Why an archived workspace refuses a change.
pub const ARCHIVED: &str =
    "this {workspace} is archived, so it cannot be changed; one of its owners or an administrator can restore it";

/// Enforces a decision. A hidden object is reported as missing. An archived workspace refuses changes.
pub(super) fn require(standing: &Standing, action: Action, what: Noun, key: impl ToString) -> Result<()> {
    match decide(standing, action) {
        Decision::Allowed if archived::refuses(standing, action) => Err(Error::Refused { rule: ARCHIVED }),
        Decision::Allowed => Ok(()),
        Decision::Forbidden => Err(forbidden(standing, action)),
        Decision::Hidden => Err(Error::not_found(what, key)),
    }
}

/// The refusal of an action. Actors who may read the rights on the object learn what would allow it.
pub(super) fn forbidden(standing: &Standing, action: Action) -> Error {
    let changes = if explanation::reads_rights(standing) {
        explanation::changes(&Facts::of(*standing, action), action)
    } else {
        Vec::new()
    };
    Error::Forbidden { action, changes }
}

/// Refuses to grant more than the actor has.
pub(super) fn give(standing: &Standing, granted: PermissionSet) -> Result<()> {
    if granted.is_within(policy::held_in_project(standing)) { Ok(()) } else { Err(Error::Exceeded) }
}

/// Whether the actor sees everything of the account.
pub(super) fn sees_everything(actor: &Actor) -> bool {
    decide(&in_account(actor), Action::ReadEverything) == Decision::Allowed
}

/// The people that the actor may see. `None` for an actor without an account.
pub(super) fn circle(actor: &Actor) -> Option<Circle> {
    let standing = in_account(actor);
    if sees_everything(actor) {
        return Some(Circle::Everybody);
    }
    let of = if standing.account == Account::Bot { Circle::OfWorkspaces } else { Circle::OfOrganizations };
    actor.user().map(of)
}
