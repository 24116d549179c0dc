//! Makes the state as a file declares it. The plan is made from one snapshot, and applied in one write.

mod apply;
mod current;
mod declared;
mod plan;
mod planner;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::key::KeyRules;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::keys::StoredSecret;
use crate::store::{self, Store, Tx, View};
use crate::tokens::opaque::{self, Fingerprint, Kind};

pub use apply::Secrets;
pub use current::Current;
pub use declared::{
    At, Declared, DeclaredBinding, DeclaredClient, DeclaredMember, DeclaredMembership, DeclaredOrganization,
    DeclaredPerson, DeclaredPlace, DeclaredRole, DeclaredServiceKey, DeclaredWorkspace, Fault, MAX_MEMBERS,
    MAX_OF_A_KIND, NewSecret, RoleIn,
};
pub use plan::{Change, FieldChange, Plan, Sign};

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

/// Plans, and does the changes in a write that is undone, so that the plan has exactly the changes that [`apply`] would do.
///
/// Requires an administrator. Refused when a verb refuses a change. The error then names the place in the file.
pub fn rehearse(store: &Store, actor: &Actor, rules: &KeyRules, declared: &Arc<Declared>, prune: bool) -> Result<Plan> {
    let (actor, rules, declared) = (actor.clone(), *rules, declared.clone());
    let done = Arc::new(Mutex::new(None));
    let note = done.clone();
    let undone = store.write_and_wait(move |tx| {
        *note.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let plan = plan(tx, &actor, &declared, prune)?;
        if plan.faults.is_empty() {
            apply(tx, &actor, &rules, &plan, &unused_secret)?;
        }
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
        // An error undoes the write.
        Err::<(), _>(Error::Refused { rule: "a rehearsal is undone" })
    });
    let plan = done.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (plan, undone) {
        (Some(plan), _) => Ok(plan),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(Error::internal("a rehearsal was not undone")),
    }
}

fn unused_secret(secret: &NewSecret) -> StoredSecret {
    let (text, fingerprint) = opaque::mint(if secret.of_client { Kind::ClientSecret } else { Kind::Key });
    StoredSecret { fingerprint, redacted: opaque::redacted(text.expose()) }
}

/// Whether this is the secret of the client, or a service key, as it is stored.
///
/// Requires an administrator.
pub fn is_stored(view: &View, actor: &Actor, secret: &NewSecret, fingerprint: &Fingerprint) -> Result<bool> {
    require(actor)?;
    if !secret.of_client {
        return Ok(store::keys::find_by_fingerprint(view, fingerprint)?.is_some());
    }
    let Ok(id) = ClientId::parse(&secret.name) else { return Ok(false) };
    Ok(store::clients::secret(view, &id)?.is_some_and(|stored| stored.matches(fingerprint)))
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
