//! Lets users change their own name.

use crate::app::audit;
use crate::app::users::to_audit;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::noun::Noun;
use crate::domain::user::{PersonName, User, UserKind};
use crate::error::{Error, Result};
use crate::store::{self, Tx};

/// Changes the actor's own first and last name. The same names change nothing.
///
/// Requires a person; [`users::change`](crate::app::users::change) changes the names of others.
pub fn change_own_name(tx: &Tx, actor: &Actor, first_name: &PersonName, last_name: &PersonName) -> Result<User> {
    let me = actor.person().filter(|person| person.kind == UserKind::Person);
    let me = me.ok_or(Error::Refused { rule: "only people have a name to change, not service accounts" })?;
    let before = store::users::find(tx, me.id)?.ok_or_else(|| Error::not_found(Noun::User, me.uuid))?;
    let after = User { first_name: first_name.clone(), last_name: last_name.clone(), ..before.clone() };
    let (past, audited) = (to_audit(&before), to_audit(&after));
    if past == audited {
        return Ok(before);
    }
    store::users::update(tx, &after)?;
    audit::record(tx, actor, "users.change_name", (ObjectKind::User, after.uuid), (past, audited))?;
    Ok(after)
}
