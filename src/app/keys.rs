//! API keys: lasting credentials of a person.

use std::time::Duration;

use serde_json::{Value, json};

use super::{audit, standing, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::ids::KeyId;
use crate::domain::key::{Key, KeyName};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User};
use crate::error::{Error, Result, Unproved};
use crate::policy::Action;
use crate::store::{self, Tx, View};
use crate::tokens::opaque::Fingerprint;

/// How exact the last use of a key is kept.
const LAST_USED_STEP: Duration = Duration::from_mins(1);

/// A key to be, and what is kept of its secret.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whom it acts as.
    pub user: users::Named,
    /// What it is called.
    pub name: KeyName,
    /// The fingerprint of its secret.
    pub fingerprint: Fingerprint,
    /// The secret with all but its ends blotted out.
    pub redacted: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key that acts as a person.
///
/// The person may, and the operator. Refused when it would end before it begins, or the person is disabled.
pub fn create(tx: &Tx, actor: &Actor, new: &NewKey) -> Result<Key> {
    let user = users::named(tx, actor, &new.user)?;
    users::require(tx, actor, user.id, Action::CreateKey, user.uuid)?;
    users::develops(actor, &user)?;
    if !user.enabled {
        return Err(Error::Refused { rule: "the person is disabled; enable the account first" });
    }
    if new.expires_at.is_some_and(|end| end <= tx.now) {
        return Err(Error::invalid("expires_at", "must lie in the future"));
    }
    let id = store::keys::insert(tx, user.id, &new.name, &new.fingerprint, &new.redacted, new.expires_at)?;
    let key = store::keys::find(tx, id)?.ok_or_else(|| Error::not_found("key", id))?;
    audit::record(tx, actor, "keys.create", (ObjectKind::Key, id), (Value::Null, shown(&key)))?;
    Ok(key)
}

/// The keys of a person, the oldest first; without one, everybody's, for the operator and administrators.
pub fn list(view: &View, actor: &Actor, of: Option<&users::Named>) -> Result<Vec<Key>> {
    if let Some(who) = of {
        let user = users::named(view, actor, who)?;
        users::require(view, actor, user.id, Action::ReadKeys, user.uuid)?;
        return store::keys::list_of(view, user.id);
    }
    standing::require(&standing::in_account(actor), Action::ReadKeys, "user", "anybody")?;
    store::keys::list(view)
}

/// Ends a key. Ending it again changes nothing.
///
/// Its owner may, the operator and administrators.
pub fn revoke(tx: &Tx, actor: &Actor, id: KeyId) -> Result<()> {
    let key = store::keys::find(tx, id)?.ok_or_else(|| Error::not_found("key", id))?;
    let standing = standing::toward(tx, actor, key.user)?;
    standing::require(&standing, Action::RevokeKey, "key", id)?;
    if key.revoked_at.is_some() {
        return Ok(());
    }
    store::keys::revoke(tx, id)?;
    audit::record(tx, actor, "keys.revoke", (ObjectKind::Key, id), (shown(&key), Value::Null))
}

/// Whether it is time to note again that the key is in use.
pub(super) fn use_is_news(key: &Key, now: Timestamp) -> bool {
    key.last_used_at.is_none_or(|last| last.after(LAST_USED_STEP) <= now)
}

/// Notes that a key is in use; no change that the audit keeps.
pub(super) fn note_use(tx: &Tx, id: KeyId) -> Result<()> {
    store::keys::update_last_used(tx, id)
}

/// The person that a key lets in, and the key.
///
/// Refused when the key is unknown, revoked or expired, or its person is disabled.
pub(super) fn let_in(view: &View, fingerprint: &Fingerprint) -> Result<(User, Key)> {
    let key = store::keys::find_by_fingerprint(view, fingerprint)?.ok_or(Unproved::UnknownKey)?;
    if !key.is_live(view.now) {
        return Err(Unproved::DeadKey.into());
    }
    let user = store::users::find(view, key.user)?.filter(User::may_enter).ok_or(Unproved::Disabled)?;
    if user.role == AccountRole::UiOnly {
        return Err(Unproved::PagesOnly.into());
    }
    Ok((user, key))
}

fn shown(key: &Key) -> Value {
    json!({
        "user": key.email.as_str(),
        "name": key.name.as_str(),
        "key": key.redacted,
        "expires_at": key.expires_at.map(|end| end.to_string()),
    })
}
