//! Makes the state as a file declares it. The plan is made from one snapshot, and applied in one write.

mod apply;
mod current;
mod declared;
mod plan;
mod planner;

use std::collections::HashMap;

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::key::KeyRules;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{Tx, View};

pub use apply::Secrets;
pub use current::Current;
pub use declared::{
    At, Declared, DeclaredBinding, DeclaredClient, DeclaredMember, DeclaredMembership, DeclaredOrganization,
    DeclaredPerson, DeclaredPlace, DeclaredRole, DeclaredServiceKey, DeclaredWorkspace, Fault, MAX_MEMBERS,
    MAX_OF_A_KIND, RoleIn,
};
pub use plan::{Change, FieldChange, NewSecret, Plan, Sign};

/// The changes that make the state as the file declares it. With `prune`, things that the file does not declare are
/// removed, of those kinds that it names. The home organization, predefined roles, built-in clients, the last
/// administrator, the last admin of an organization and the last owner of a workspace stay.
///
/// Requires an administrator.
pub fn plan(view: &View, actor: &Actor, declared: &Declared, prune: bool) -> Result<Plan> {
    require(actor)?;
    planner::plan(view, declared, prune)
}

/// Does the changes of a plan that was made in this write, through the verbs that do each of them alone.
///
/// Requires an administrator. Refused when the plan has faults, and when a verb refuses a change. The error then names the
/// place in the file.
pub fn apply(tx: &Tx, actor: &Actor, rules: &KeyRules, plan: &Plan, secrets: Secrets) -> Result<()> {
    require(actor)?;
    if !plan.faults.is_empty() {
        return Err(Error::Refused { rule: "the set-up file cannot be applied" });
    }
    let mut applying = apply::Applying {
        tx,
        actor,
        rules,
        secrets,
        organizations: HashMap::new(),
        roles: HashMap::new(),
        people: HashMap::new(),
        workspaces: HashMap::new(),
    };
    plan.steps.iter().try_for_each(|step| applying.step(step))
}

/// The state of everything that a set-up file can declare.
///
/// Requires an administrator. Refused when there is too much for a file.
pub fn everything(view: &View, actor: &Actor) -> Result<Current> {
    require(actor)?;
    Current::everything(view)
}

fn require(actor: &Actor) -> Result<()> {
    if standing::sees_everything(actor) { Ok(()) } else { Err(Error::forbidden(Action::ReadEverything)) }
}
