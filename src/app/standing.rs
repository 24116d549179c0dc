//! Gathers the facts that `policy` judges by, and obeys it.

use crate::domain::actor::{Actor, Who};
use crate::domain::ids::{OrganizationId, ProjectId, UserId};
use crate::domain::permission::PermissionSet;
use crate::domain::user::AccountRole;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{self, Action, Decision, Standing, decide};
use crate::store::{self, View};

/// What the actor is in the account. The operator is an administrator to whom everything is their own.
pub(super) fn in_account(actor: &Actor) -> Standing {
    match &actor.who {
        Who::Person(person) => Standing { account: Some(person.role), ..Standing::default() },
        Who::Operator => Standing { account: Some(AccountRole::Administrator), own: true, ..Standing::default() },
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
        standing.organization = store::organizations::shared_role(view, me, other)?;
    }
    Ok(standing)
}

/// Lets an allowed action through; tells a hidden thing as one that does not exist.
pub(super) fn require(standing: &Standing, action: Action, what: &'static str, key: impl ToString) -> Result<()> {
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
