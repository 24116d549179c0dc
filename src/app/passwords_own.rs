//! Changing one's own password.

use serde_json::{Value, json};

use super::desk::Desk;
use super::throttle::{self, Realm};
use super::{audit, passwords, users};
use crate::domain::actor::{Actor, Credential};
use crate::domain::audit::ObjectKind;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::error::{Error, Result, Unproved};
use crate::store;
use crate::tokens::password::Verdict;

/// Changes the actor's password; every other session of theirs ends, this one stays.
///
/// Refused when the current one is wrong, which slows down what follows, and when the chosen one is the same.
pub async fn change(desk: &Desk, actor: &Actor, current: Secret, chosen: Password) -> Result<()> {
    let me = actor.person().ok_or(Error::Refused { rule: "only a person has a password" })?;
    let (id, account, from) = (me.id, me.email.to_string(), throttle::place(&actor.origin));
    let admitted = desk.throttle.admit(Realm::Password, &account, from)?;
    let kept = desk.glance(|view| store::users::password_hash(view, id))?;
    let (verdict, _) = passwords::verify(desk, current.clone(), kept.clone()).await?;
    desk.throttle.admits_still(&admitted)?;
    match verdict {
        Verdict::Right | Verdict::RightButOld => desk.throttle.succeeded(Realm::Password, &account, from),
        Verdict::Wrong => {
            desk.throttle.failed(Realm::Password, &account, from);
            return Err(Unproved::WrongPassword.into());
        }
    }
    if chosen.expose() == current.expose() {
        return Err(passwords::must_be_another());
    }
    let hash = passwords::hash(desk, chosen).await?;
    desk.write_as(actor, move |tx, actor| {
        let mut user = store::users::find(tx, id)?.ok_or_else(|| Error::not_found("user", id))?;
        // Between the look and the write, another password may have come.
        if store::users::password_hash(tx, id)? != kept {
            return Err(Unproved::WrongPassword.into());
        }
        let this = match actor.credential {
            Credential::Session(id) => Some(id),
            Credential::Key(_) | Credential::Password | Credential::Link | Credential::Console | Credential::Server => {
                None
            }
        };
        let ended = users::keep_password_but(tx, &mut user, &hash, this)?;
        let after = json!({ "sessions_ended": ended });
        audit::record(tx, actor, "users.change_password", (ObjectKind::User, user.uuid), (Value::Null, after))
    })
    .await
}
