//! What an actor may do, for pages that offer only that. A verb judges again when it is called.

use crate::app::{lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, ProjectId, UserId};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, Standing, archived, decide};
use crate::store::View;

/// The actions that the policy allows an actor in one place, and that the workspace, if it is archived, does not refuse.
#[derive(Clone, Copy, Debug)]
pub struct Offers(Standing);

impl Offers {
    pub fn allows(&self, action: Action) -> bool {
        decide(&self.0, action) == Decision::Allowed && !archived::refuses(&self.0, action)
    }

    /// Refuses what is not allowed: for a form that would be refused anyway.
    pub fn require(&self, action: Action) -> Result<()> {
        match decide(&self.0, action) {
            Decision::Allowed if archived::refuses(&self.0, action) => Err(Error::Refused { rule: standing::ARCHIVED }),
            Decision::Allowed => Ok(()),
            Decision::Forbidden | Decision::Hidden => Err(standing::forbidden(&self.0, action)),
        }
    }
}

pub fn in_account(actor: &Actor) -> Offers {
    Offers(standing::in_account(actor))
}

pub fn in_organization(view: &View, actor: &Actor, organization: OrganizationId) -> Result<Offers> {
    standing::in_organization(view, actor, organization).map(Offers)
}

pub fn in_home(view: &View, actor: &Actor) -> Result<Offers> {
    in_organization(view, actor, lookup::home_id(view)?)
}

pub fn in_workspace(view: &View, actor: &Actor, workspace: &Workspace) -> Result<Offers> {
    standing::in_workspace(view, actor, workspace).map(Offers)
}

pub fn in_project(view: &View, actor: &Actor, workspace: &Workspace, project: ProjectId) -> Result<Offers> {
    standing::in_project(view, actor, workspace, project).map(Offers)
}

/// The actions on another person, or on oneself.
pub fn toward(view: &View, actor: &Actor, other: UserId) -> Result<Offers> {
    standing::toward(view, actor, other).map(Offers)
}
