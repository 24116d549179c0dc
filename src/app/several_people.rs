//! One change of several people in one write: every person is judged by the verb, and either all of them are changed or
//! nobody is.

use std::sync::Arc;

use crate::app::imported_people::{self, Imported, ImportedPerson, Places};
use crate::app::runtime::state::AppState;
use crate::app::{lookup, members, standing, users};
use crate::domain::actor::Actor;
use crate::domain::ids::{UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::user::UserChange;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::Tx;

/// The maximum number of people that are changed at once.
pub const MAX: usize = 100;

/// The same for an import: other writes wait for it.
pub const MAX_IMPORTED: usize = 1000;

/// A change of each person.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Disable,
    /// Adds them to a workspace with this role, or gives members this role.
    AddTo(WorkspaceId, Role),
}

/// A person of a change.
#[derive(Clone, Debug)]
pub struct Judged {
    pub user: UserId,
    /// Why this person is not changed, if it is so.
    pub refused: Option<String>,
}

/// Changes these people, or finds out who is refused. With a refusal nobody is changed, and nobody in a preview.
///
/// Each change requires what its verb requires. Refused for more than [`MAX`] people.
pub async fn change(
    state: &AppState,
    actor: &Actor,
    people: Vec<UserId>,
    change: Change,
    is_preview: bool,
) -> Result<Vec<Judged>> {
    if people.len() > MAX {
        return Err(Error::Refused { rule: "at most 100 people can be changed at once; select fewer" });
    }
    let judge = move |tx: &Tx, actor: &Actor| people.iter().map(|user| judge(tx, actor, *user, change)).collect();
    let is_allowed = move |judged: &Vec<Judged>| !is_preview && judged.iter().all(|one| one.refused.is_none());
    state.try_as(actor, judge, is_allowed).await
}

fn judge(tx: &Tx, actor: &Actor, user: UserId, change: Change) -> Result<Judged> {
    let who = lookup::Named::Number(user);
    let done = match change {
        Change::Disable => {
            let change = UserChange { enabled: Some(false), ..UserChange::default() };
            users::change(tx, actor, &who, &change).map(drop)
        }
        Change::AddTo(workspace, role) => members::upsert(tx, actor, workspace, &who, role).map(drop),
    };
    let refused = done.err().map(imported_people::reason).transpose()?;
    Ok(Judged { user, refused })
}

/// What an import does with a person, or why the person is refused.
pub type Outcome = std::result::Result<Imported, Vec<String>>;

/// Imports people, or finds out what the import would do.
///
/// With `told`, the outcomes of a preview, the import is done if its outcomes are the same and nobody is refused.
/// Requires an administrator, and for each person what [`imported_people::import`] requires.
pub async fn import(
    state: &AppState,
    actor: &Actor,
    people: Arc<Vec<ImportedPerson>>,
    told: Option<Vec<Outcome>>,
) -> Result<Vec<Outcome>> {
    let run = move |tx: &Tx, actor: &Actor| {
        may_import(actor)?;
        let mut places = Places::default();
        people.iter().map(|person| imported_people::import(tx, actor, person, &mut places)).collect()
    };
    let is_as_told = move |outcomes: &Vec<Outcome>| {
        outcomes.iter().all(std::result::Result::is_ok) && told.as_ref().is_some_and(|told| told == outcomes)
    };
    state.try_as(actor, run, is_as_told).await
}

/// Refuses an actor who may not import people.
pub fn may_import(actor: &Actor) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::CreateUser, Noun::User, "anybody")
}
