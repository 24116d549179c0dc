//! Who may create API keys at all.

use crate::app::standing;
use crate::domain::actor::{Actor, Who};
use crate::domain::key::KeyRules;
use crate::domain::noun::Noun;
use crate::domain::user::AccountRole;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// The reason why an actor may not create keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// API keys are turned off for every person of the server.
    TurnedOff,
    /// The person has no developer access.
    NoDeveloper,
    /// The role of the actor allows no keys.
    Role,
}

/// The reason why the actor may not create keys, if there is one: a bot, a person without developer access, and every
/// person while API keys are disabled. The operator may.
pub fn obstacle(view: &View, actor: &Actor, rules: &KeyRules) -> Result<Option<Obstacle>> {
    let by_role = decide(&standing::in_account(actor), Action::HoldKeys) != Decision::Allowed;
    Ok(match &actor.who {
        Who::Operator => None,
        Who::Nobody => Some(Obstacle::Role),
        Who::Person(person) if by_role || person.role == AccountRole::UiOnly => Some(Obstacle::Role),
        Who::Person(_) if !rules.allowed => Some(Obstacle::TurnedOff),
        Who::Person(person) => (!store::users::is_developer(view, person.id)?).then_some(Obstacle::NoDeveloper),
    })
}

/// Refuses an actor who may not create keys.
pub fn require(view: &View, actor: &Actor, rules: &KeyRules) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::HoldKeys, Noun::User, "nobody")?;
    if obstacle(view, actor, rules)?.is_none() { Ok(()) } else { Err(Error::forbidden(Action::HoldKeys)) }
}
