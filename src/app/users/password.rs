//! Password changes by an administrator, and their effects on an account.

use serde_json::{Value, json};

use crate::app::audit;
use crate::app::identity::reauthentication;
use crate::app::lookup::{self, Named};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::SessionId;
use crate::domain::user::{User, UserState};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx};
use crate::tokens::password::PasswordHash;

pub(in crate::app) const CLOSED: Error = Error::Refused { rule: "the account was deleted and cannot be restored" };

#[derive(Clone, Debug)]
pub struct NewPassword {
    pub hash: PasswordHash,
    /// Whether the person's API keys are revoked too.
    pub revoke_keys: bool,
}

/// The sessions and keys that a new password ended.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Ended {
    sessions: usize,
    /// `None` if no key was to be revoked.
    keys: Option<usize>,
}

impl Ended {
    pub(in crate::app) fn to_json(self) -> Value {
        json!({ "sessions": self.sessions, "keys": self.keys.unwrap_or(0) })
    }

    /// Adds the counts to an audit record.
    pub(in crate::app) fn add_to(self, mut audited: Value) -> Value {
        audited["sessions_ended"] = json!(self.sessions);
        if let Some(keys) = self.keys {
            audited["keys_revoked"] = json!(keys);
        }
        audited
    }
}

/// Sets a person's password. Ends every session and link, and revokes every key on request. Activates an invited
/// person.
///
/// Requires an administrator, who needs a recent sign-in for their own account. Refused when the account is closed for
/// good.
pub fn set_password(tx: &Tx, actor: &Actor, who: &Named, new: &NewPassword) -> Result<User> {
    let mut user = lookup::person(tx, actor, who, Action::SetPassword)?;
    if user.state == UserState::Blocked {
        return Err(CLOSED);
    }
    reauthentication::require_of_oneself(tx, actor, user.id)?;
    let ended = store_password(tx, &mut user, new, None)?;
    let after = json!({ "sessions_ended": ended.sessions, "keys_revoked": ended.keys.unwrap_or(0) });
    audit::record(tx, actor, "users.set_password", (ObjectKind::User, user.uuid), (Value::Null, after))?;
    Ok(user)
}

/// Requires a person to choose another password first. Every session ends, and no client gets tokens for the person
/// until then. A repeated call changes nothing.
///
/// Requires an administrator. Refused when the account is closed for good, and when the person has not accepted the
/// invitation yet.
pub fn demand_password_change(tx: &Tx, actor: &Actor, who: &Named) -> Result<User> {
    let mut user = lookup::person(tx, actor, who, Action::SetPassword)?;
    match user.state {
        UserState::Blocked => return Err(CLOSED),
        UserState::Invited { .. } => {
            return Err(Error::Refused { rule: "the user has not accepted the invitation yet" });
        }
        UserState::Active if user.must_change_password => return Ok(user),
        UserState::Active => {}
    }
    user.must_change_password = true;
    store::users::update(tx, &user)?;
    let after = json!({ "must_change_password": true, "sessions_ended": store::sessions::delete_of(tx, user.id)? });
    let before = json!({ "must_change_password": false });
    audit::record(tx, actor, "users.demand_password_change", (ObjectKind::User, user.uuid), (before, after))?;
    Ok(user)
}

/// Stores a person's new password. Activates an invited person and ends all links and sessions, except one session that
/// may stay.
pub(in crate::app) fn store_password(
    tx: &Tx,
    user: &mut User,
    new: &NewPassword,
    but: Option<SessionId>,
) -> Result<Ended> {
    user.state = UserState::Active;
    user.must_change_password = false;
    store::users::update(tx, user)?;
    store::users::update_password(tx, user.id, Some(&new.hash))?;
    store::links::delete_of(tx, user.id)?;
    let sessions = store::sessions::delete_of_but(tx, user.id, but)?;
    let keys = new.revoke_keys.then(|| store::keys::revoke_of(tx, user.id)).transpose()?;
    Ok(Ended { sessions, keys })
}
