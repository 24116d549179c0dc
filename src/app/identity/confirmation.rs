//! Confirms a session: the person enters the password or a code again, and the session counts as recent.

use serde_json::{Value, json};

use crate::app::audit;
use crate::app::identity::code_attempts::{EnteredCode, Judged};
use crate::app::identity::{own_password, second_factors};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::SessionId;
use crate::domain::secret::Secret;
use crate::error::{AuthError, Error, Result};
use crate::store::{self, Tx};

#[derive(Clone, Debug)]
pub enum Proof {
    Password(Secret),
    /// A code of the second factor, or a recovery code.
    Code(Secret),
}

/// Confirms the actor's session by the password or a code. The session then counts as recent.
///
/// Refused when the proof is wrong, which throttles further attempts.
pub async fn confirm(state: &AppState, actor: &Actor, proof: Proof) -> Result<()> {
    let me =
        actor.person().ok_or(Error::Refused { rule: "only people can confirm a session, not service accounts" })?.id;
    let session = actor.session().ok_or(Error::Refused { rule: "only a session can be confirmed, not an API key" })?;
    match proof {
        Proof::Password(password) => {
            let stored = own_password::prove(state, actor, &password).await?;
            state
                .write_as(actor, move |tx, actor| {
                    // The password may have changed between the read and the write.
                    if store::users::password_hash(tx, me)? != stored {
                        return Err(AuthError::WrongPassword.into());
                    }
                    note(tx, actor, session, false)
                })
                .await
        }
        Proof::Code(code) => {
            let entered = EnteredCode::by(state, actor);
            entered.admit(me)?;
            let master_key = state.master_key.clone();
            let judged = state.write_as(actor, move |tx, actor| {
                let judged: Judged<()> = second_factors::judge(&master_key, tx, actor, &code)?;
                judged.and_then(|()| note(tx, actor, session, true))
            });
            entered.or_refused(judged.await?)
        }
    }
}

fn note(tx: &Tx, actor: &Actor, session: SessionId, second_factor: bool) -> Result<()> {
    let uuid = store::sessions::find(tx, session)?.ok_or(AuthError::SessionOver)?.uuid;
    store::sessions::update_authenticated(tx, session, second_factor)?;
    let after = json!({ "second_factor": second_factor });
    audit::record(tx, actor, "sessions.confirm", (ObjectKind::Session, uuid), (Value::Null, after))
}
