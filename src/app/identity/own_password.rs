//! Lets users change their own password.

use serde_json::{Value, json};

use crate::app::identity::attempts::{Attempt, SecretOwner};
use crate::app::identity::passwords;
use crate::app::identity::passwords::Owner;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::app::users::NewPassword;
use crate::app::{audit, users};
use crate::domain::actor::{Actor, Person};
use crate::domain::audit::ObjectKind;
use crate::domain::noun::Noun;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::error::{AuthError, Error, Result};
use crate::store;
use crate::tokens::password::{PasswordHash, Verdict};

/// Changes the actor's password. Ends every other session of the actor, and revokes every API key on request. The
/// current session stays.
///
/// Refused when the current password is wrong, which throttles further attempts, and when the new one is the same.
pub async fn change(
    state: &AppState,
    actor: &Actor,
    current: Secret,
    chosen: Password,
    revoke_keys: bool,
) -> Result<()> {
    let stored = prove(state, actor, &current).await?;
    let id = person(actor)?.id;
    if chosen == Password::existing(current.expose()) {
        return Err(passwords::must_be_another());
    }
    let owner = state.read_inline(|view| {
        let user = store::users::find(view, id)?.ok_or_else(|| Error::not_found(Noun::User, id))?;
        Ok(Owner::from(&user))
    })?;
    let new = NewPassword { hash: passwords::hash(state, Lane::from(actor), chosen, &owner).await?, revoke_keys };
    state
        .write_as(actor, move |tx, actor| {
            let mut user = store::users::find(tx, id)?.ok_or_else(|| Error::not_found(Noun::User, id))?;
            // The password may have changed between the read and the write.
            if store::users::password_hash(tx, id)? != stored {
                return Err(AuthError::WrongPassword.into());
            }
            let ended = users::store_password(tx, &mut user, &new, actor.session())?;
            if let Some(session) = actor.session() {
                store::sessions::update_authenticated(tx, session, false)?;
            }
            let after = ended.add_to(json!({}));
            audit::record(tx, actor, "users.change_password", (ObjectKind::User, user.uuid), (Value::Null, after))
        })
        .await
}

/// Verifies the actor's password. Returns the hash that it was checked against.
///
/// Refused when it is wrong, which throttles further attempts.
pub(in crate::app) async fn prove(state: &AppState, actor: &Actor, current: &Secret) -> Result<Option<PasswordHash>> {
    let id = person(actor)?.id;
    let attempt = Attempt::begin(state, &actor.origin, ThrottleScope::Password, SecretOwner::User(id), None)?;
    let stored = state.read_inline(|view| store::users::password_hash(view, id))?;
    let (verdict, _) = passwords::verify(state, Lane::from(actor), current.clone(), stored.clone()).await?;
    let right = matches!(verdict, Verdict::Right | Verdict::RightButOutdated);
    attempt.judge(right)?;
    if !right {
        return Err(AuthError::WrongPassword.into());
    }
    attempt.succeeded();
    Ok(stored)
}

fn person(actor: &Actor) -> Result<&Person> {
    actor.person().ok_or(Error::Refused { rule: "only people have a password, not service accounts" })
}
