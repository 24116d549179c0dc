//! Gathers the facts that `policy` judges by, and obeys it.

use crate::domain::actor::{Actor, Who};
use crate::domain::ids::{OrganizationId, ProjectId, UserId};
use crate::domain::noun::Noun;
use crate::domain::permission::PermissionSet;
use crate::domain::user::{AccountRole, UserKind};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Account, Action, Decision, Standing, decide};
use crate::store::circle::Circle;
use crate::store::{self, View};

/// What the actor is in the account. The operator is an administrator to whom everything is their own. A bot has no role
/// in the account, unless the operator made the bot of a client an administrator.
pub(super) fn in_account(actor: &Actor) -> Standing {
    match &actor.who {
        Who::Person(person) => {
            let account = match (person.kind, person.role) {
                (UserKind::Bot, AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator) => Account::Bot,
                (UserKind::Person | UserKind::Bot, role) => Account::Role(role),
            };
            Standing { account, ..Standing::default() }
        }
        Who::Operator => {
            Standing { account: Account::Role(AccountRole::Administrator), own: true, ..Standing::default() }
        }
        Who::Nobody => Standing::default(),
    }
}

/// What the actor is toward an organization.
pub(super) fn in_organization(view: &View, actor: &Actor, organization: OrganizationId) -> Result<Standing> {
    let mut standing = in_account(actor);
    if let Some(me) = actor.user() {
        standing.organization = store::organizations::role(view, organization, me)?;
    }
    Ok(standing)
}

/// What the actor is toward a workspace.
pub(super) fn in_workspace(view: &View, actor: &Actor, workspace: &Workspace) -> Result<Standing> {
    in_place(view, actor, workspace, None)
}

/// What the actor is toward a project of a workspace.
pub(super) fn in_project(view: &View, actor: &Actor, workspace: &Workspace, project: ProjectId) -> Result<Standing> {
    in_place(view, actor, workspace, Some(project))
}

fn in_place(view: &View, actor: &Actor, workspace: &Workspace, project: Option<ProjectId>) -> Result<Standing> {
    let mut standing = in_organization(view, actor, workspace.organization)?;
    standing.private = workspace.private;
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

/// What the actor is toward a person.
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

/// Lets an allowed action through; tells a hidden thing as one that does not exist.
pub(super) fn require(standing: &Standing, action: Action, what: Noun, key: impl ToString) -> Result<()> {
    match decide(standing, action) {
        Decision::Allowed => Ok(()),
        Decision::Forbidden => Err(Error::Forbidden { action }),
        Decision::Hidden => Err(Error::not_found(what, key)),
    }
}

/// Refuses to give more than the giver holds.
pub(super) fn give(standing: &Standing, given: PermissionSet) -> Result<()> {
    if given.is_within(policy::held_in_project(standing)) { Ok(()) } else { Err(Error::Exceeded) }
}

/// Whether the actor sees everything of the account.
pub(super) fn sees_everything(actor: &Actor) -> bool {
    decide(&in_account(actor), Action::ReadEverything) == Decision::Allowed
}

/// Whose people the actor finds; none for somebody who has no account.
pub(super) fn circle(actor: &Actor) -> Option<Circle> {
    let standing = in_account(actor);
    if sees_everything(actor) {
        return Some(Circle::Everybody);
    }
    let of = if standing.account == Account::Bot { Circle::OfWorkspaces } else { Circle::OfOrganizations };
    actor.user().map(of)
}
