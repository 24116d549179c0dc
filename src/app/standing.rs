//! Gathers the facts that `policy` judges by, and obeys it.

use crate::domain::actor::{Actor, Who};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::member::Role;
use crate::domain::user::AccountRole;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, Standing, decide};
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

/// What the actor is toward a workspace in which they have this role.
pub(super) fn in_workspace(actor: &Actor, role: Option<Role>) -> Standing {
    Standing { workspace: role, ..in_account(actor) }
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
pub(super) fn require(standing: Standing, action: Action, what: &'static str, key: impl ToString) -> Result<()> {
    match decide(&standing, action) {
        Decision::Allowed => Ok(()),
        Decision::Forbidden => Err(Error::Forbidden { action }),
        Decision::Hidden => Err(Error::not_found(what, key)),
    }
}
