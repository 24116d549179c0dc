//! Second factors: codes of an authenticator app, and recovery codes for when it is lost.
//!
//! When people enable or remove their second factor, all their other sessions end. When an administrator removes it,
//! all sessions end.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::code_attempts::{self, EnteredCode, Judged};
use crate::app::identity::reauthentication;
use crate::app::runtime::state::AppState;
use crate::app::{audit, lookup};
use crate::domain::actor::{Actor, Person};
use crate::domain::audit::ObjectKind;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::domain::second_factor::SecondFactor;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User, UserKind};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::second_factors::StoredFactor;
use crate::store::{self, Tx, View};
use crate::tokens::seal::MasterKey;
use crate::tokens::totp::{self, RECOVERY_CODES, TotpKey};

const IS_ON: Error = Error::Refused { rule: "two-factor authentication is already on; remove it first" };

const IS_OFF: Error = Error::Refused { rule: "two-factor authentication is off" };

/// How long a new key may wait for its confirmation.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_hours(1);

/// A new second factor in the form that an authenticator app reads.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The secret in base32, for typing.
    pub secret: Secret,
    /// The secret as an `otpauth://` address, for a QR code.
    pub uri: Secret,
}

/// The actor's second factor. `None` if there is no confirmed one.
pub fn state(view: &View, actor: &Actor) -> Result<Option<SecondFactor>> {
    let user = me(actor)?.id;
    let Some(confirmed_at) = store::second_factors::find(view, user)?.and_then(|stored| stored.confirmed_at) else {
        return Ok(None);
    };
    Ok(Some(SecondFactor { confirmed_at, recovery_codes: store::recovery_codes::count(view, user)? }))
}

/// Whether the server requires a second factor of this role.
pub fn is_needed(state: &AppState, role: AccountRole) -> bool {
    match role {
        AccountRole::Administrator => state.administrators_need_second_factor,
        AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => false,
    }
}

/// Begins to set up a second factor for the actor. It counts once it is confirmed, and replaces an unconfirmed one.
///
/// Refused when there is a confirmed one already. Requires a recent sign-in.
pub async fn begin(state: &AppState, actor: &Actor) -> Result<Enrolment> {
    let user = state.read_inline(|view| myself(view, actor))?;
    let (enrolment, sealed) = generate(&state.master_key, &user)?;
    state
        .write_as(actor, move |tx, actor| {
            reauthentication::require(tx, actor)?;
            store_unconfirmed(tx, actor, &myself(tx, actor)?, &sealed)
        })
        .await?;
    Ok(enrolment)
}

/// The unconfirmed second factor of the actor, to be shown again. `None` if there is none.
///
/// Requires a recent sign-in: a session alone must not reveal the key.
pub fn enrolment(state: &AppState, actor: &Actor) -> Result<Option<Enrolment>> {
    state.read_inline(|view| {
        reauthentication::require(view, actor)?;
        unconfirmed(&state.master_key, view, &myself(view, actor)?)
    })
}

/// Confirms the actor's second factor with a first code. Returns the recovery codes, which are shown only once. Ends
/// every other session of the actor.
///
/// Requires a recent sign-in.
pub async fn confirm(state: &AppState, actor: &Actor, code: Secret) -> Result<Vec<Secret>> {
    let me = me(actor)?.id;
    let entered = EnteredCode::by(state, actor);
    entered.admit(me)?;
    let master_key = state.master_key.clone();
    let judged = state.write_as(actor, move |tx, actor| {
        reauthentication::require(tx, actor)?;
        confirm_first_code(&master_key, tx, actor, &myself(tx, actor)?, &code)
    });
    entered.or_refused(judged.await?)
}

/// Replaces the actor's recovery codes.
pub async fn renew_recovery_codes(state: &AppState, actor: &Actor, code: Secret) -> Result<Vec<Secret>> {
    with_code(state, actor, code, |tx, actor, user| {
        let before = json!({ "recovery_codes": store::recovery_codes::count(tx, user.id)? });
        let codes = replace_recovery_codes(tx, user)?;
        let object = (ObjectKind::User, user.uuid);
        let after = json!({ "recovery_codes": codes.len() });
        audit::record(tx, actor, "second_factors.renew_recovery_codes", object, (before, after))?;
        Ok(codes)
    })
    .await
}

/// Removes the actor's second factor. Ends every other session of the actor.
pub async fn remove(state: &AppState, actor: &Actor, code: Secret) -> Result<()> {
    with_code(state, actor, code, |tx, actor, user| {
        delete(tx, user.id)?;
        let ended = store::sessions::delete_of_but(tx, user.id, actor.session())?;
        let change = (json!({ "second_factor": true }), json!({ "sessions_ended": ended }));
        audit::record(tx, actor, "second_factors.remove", (ObjectKind::User, user.uuid), change)
    })
    .await
}

/// Changes the actor's second factor after a right code. Wrong codes throttle further attempts.
async fn with_code<T, F>(state: &AppState, actor: &Actor, code: Secret, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&Tx, &Actor, &User) -> Result<T> + Send + 'static,
{
    let me = me(actor)?.id;
    let entered = EnteredCode::by(state, actor);
    entered.admit(me)?;
    let master_key = state.master_key.clone();
    let judged = state.write_as(actor, move |tx, actor| {
        judge(&master_key, tx, actor, &code)?.and_then(|()| work(tx, actor, &myself(tx, actor)?))
    });
    entered.or_refused(judged.await?)
}

/// Judges a code of the actor's app or a recovery code. A right code is used up.
///
/// Refused when there is no second factor.
pub(in crate::app) fn judge(master_key: &MasterKey, tx: &Tx, actor: &Actor, code: &Secret) -> Result<Judged<()>> {
    let user = myself(tx, actor)?;
    if !is_confirmed(tx, user.id)? {
        return Err(IS_OFF);
    }
    code_attempts::judge(tx, actor, &user, || Ok(use_code(master_key, tx, actor, &user, code)?.then_some(())))
}

/// Removes the second factor of a person who has lost it, and ends every session of that person. Returns whether there
/// was one. Without one, nothing changes.
///
/// Requires an administrator, who needs a recent sign-in for their own second factor.
pub fn reset(tx: &Tx, actor: &Actor, who: &lookup::Named) -> Result<(User, bool)> {
    let user = lookup::person(tx, actor, who, Action::SetPassword)?;
    reauthentication::require_of_oneself(tx, actor, user.id)?;
    if !delete(tx, user.id)? {
        return Ok((user, false));
    }
    let after = json!({ "sessions_ended": store::sessions::delete_of(tx, user.id)? });
    let before = json!({ "second_factor": true });
    audit::record(tx, actor, "second_factors.reset", (ObjectKind::User, user.uuid), (before, after))?;
    Ok((user, true))
}

/// Seals the secret that a user's authenticator app has from another system.
pub fn seal(master_key: &MasterKey, user: Uuid, key: &TotpKey) -> Result<Vec<u8>> {
    master_key.seal(&context(user), key.as_bytes()).map_err(Error::internal)
}

/// Stores the second factor that a person has from another system, as a confirmed one without recovery codes.
///
/// Requires an administrator. Refused when the person has a second factor.
pub fn import(tx: &Tx, actor: &Actor, who: &lookup::Named, sealed: &[u8]) -> Result<()> {
    let user = lookup::person(tx, actor, who, Action::SetPassword)?;
    if is_confirmed(tx, user.id)? {
        return Err(IS_ON);
    }
    store::second_factors::upsert(tx, user.id, sealed)?;
    store::second_factors::confirm(tx, user.id)?;
    let after = json!({ "confirmed": true });
    audit::record(tx, actor, "second_factors.import", (ObjectKind::User, user.uuid), (Value::Null, after))
}

/// Deletes a user's second factor and recovery codes. Returns whether there was a second factor.
pub(in crate::app) fn delete(tx: &Tx, user: UserId) -> Result<bool> {
    store::recovery_codes::delete_of(tx, user)?;
    store::wrong_codes::delete(tx, user)?;
    store::second_factors::delete(tx, user)
}

pub(in crate::app) fn is_confirmed(view: &View, user: UserId) -> Result<bool> {
    Ok(store::second_factors::find(view, user)?.is_some_and(|stored| stored.confirmed_at.is_some()))
}

/// A new secret for a user's app, and the sealed secret.
pub(in crate::app) fn generate(master_key: &MasterKey, user: &User) -> Result<(Enrolment, Vec<u8>)> {
    let key = TotpKey::generate();
    let sealed = seal(master_key, user.uuid, &key)?;
    Ok((to_enrolment(&key, user), sealed))
}

pub(in crate::app) fn store_unconfirmed(tx: &Tx, actor: &Actor, user: &User, sealed: &[u8]) -> Result<()> {
    if is_confirmed(tx, user.id)? {
        return Err(IS_ON);
    }
    store::second_factors::upsert(tx, user.id, sealed)?;
    let after = json!({ "confirmed": false });
    audit::record(tx, actor, "second_factors.begin", (ObjectKind::User, user.uuid), (Value::Null, after))
}

pub(in crate::app) fn unconfirmed(master_key: &MasterKey, view: &View, user: &User) -> Result<Option<Enrolment>> {
    let stored = store::second_factors::find(view, user.id)?;
    let stored = stored.filter(|stored| stored.confirmed_at.is_none() && is_fresh(stored, view.now));
    stored.map(|stored| Ok(to_enrolment(&open(master_key, user, &stored)?, user))).transpose()
}

/// Whether a key may still be confirmed. Somebody else may have seen a key that waits for long.
fn is_fresh(stored: &StoredFactor, now: Timestamp) -> bool {
    now < stored.created_at.after(CONFIRMATION_TIMEOUT)
}

/// Confirms a user's second factor with a first code. Returns the recovery codes. Ends every other session of the user.
pub(in crate::app) fn confirm_first_code(
    master_key: &MasterKey,
    tx: &Tx,
    actor: &Actor,
    user: &User,
    code: &Secret,
) -> Result<Judged<Vec<Secret>>> {
    let stored = store::second_factors::find(tx, user.id)?.ok_or(IS_OFF)?;
    if stored.confirmed_at.is_some() {
        return Err(IS_ON);
    }
    if !is_fresh(&stored, tx.now) {
        return Err(Error::Refused { rule: "the key is more than an hour old; start again with a new one" });
    }
    let key = open(master_key, user, &stored)?;
    let judged = code_attempts::judge(tx, actor, user, || Ok(key.step_of(code.expose(), tx.now.seconds(), None)))?;
    judged.and_then(|step| {
        store::second_factors::confirm(tx, user.id)?;
        store::second_factors::use_step(tx, user.id, step)?;
        let codes = replace_recovery_codes(tx, user)?;
        let ended = store::sessions::delete_of_but(tx, user.id, actor.session())?;
        let after = json!({ "confirmed": true, "recovery_codes": codes.len(), "sessions_ended": ended });
        let change = (json!({ "confirmed": false }), after);
        audit::record(tx, actor, "second_factors.confirm", (ObjectKind::User, user.uuid), change)?;
        Ok(codes)
    })
}

/// The time step of an app's code, if the code is right and unused. `None` without a confirmed second factor.
fn step_of(master_key: &MasterKey, view: &View, user: &User, code: &str) -> Result<Option<i64>> {
    let stored = store::second_factors::find(view, user.id)?.filter(|stored| stored.confirmed_at.is_some());
    let Some(stored) = stored else { return Ok(None) };
    Ok(open(master_key, user, &stored)?.step_of(code, view.now.seconds(), stored.last_step))
}

/// Judges a code of a user's app only, not a recovery code. A right code is used up.
pub(in crate::app) fn judge_totp(
    master_key: &MasterKey,
    tx: &Tx,
    actor: &Actor,
    user: &User,
    code: &Secret,
) -> Result<Judged<()>> {
    code_attempts::judge(tx, actor, user, || Ok(use_totp(master_key, tx, user, code)?.then_some(())))
}

/// Uses up a code of the app. Returns whether it was right.
fn use_totp(master_key: &MasterKey, tx: &Tx, user: &User, code: &Secret) -> Result<bool> {
    match step_of(master_key, tx, user, code.expose())? {
        Some(step) => store::second_factors::use_step(tx, user.id, step).map(|()| true),
        None => Ok(false),
    }
}

/// Uses up a code of the app or a recovery code. Returns whether it was right. Only [`code_attempts::judge`] may call
/// it.
pub(in crate::app) fn use_code(
    master_key: &MasterKey,
    tx: &Tx,
    actor: &Actor,
    user: &User,
    code: &Secret,
) -> Result<bool> {
    if use_totp(master_key, tx, user, code)? {
        return Ok(true);
    }
    let fingerprint = totp::recovery_fingerprint(user.uuid, code.expose());
    if !store::recovery_codes::use_up(tx, user.id, &fingerprint)? {
        return Ok(false);
    }
    let left = store::recovery_codes::count(tx, user.id)?;
    let change = (json!({ "recovery_codes": left + 1 }), json!({ "recovery_codes": left }));
    audit::record(tx, actor, "second_factors.use_recovery_code", (ObjectKind::User, user.uuid), change)?;
    Ok(true)
}

fn replace_recovery_codes(tx: &Tx, user: &User) -> Result<Vec<Secret>> {
    store::recovery_codes::delete_of(tx, user.id)?;
    let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| totp::recovery_code()).collect();
    for code in &codes {
        store::recovery_codes::insert(tx, user.id, &totp::recovery_fingerprint(user.uuid, code.expose()))?;
    }
    Ok(codes)
}

/// The context that a secret is sealed with, so that it opens for no other user.
pub(in crate::app) fn context(user: Uuid) -> String {
    format!("second-factor/{user}")
}

fn open(master_key: &MasterKey, user: &User, stored: &StoredFactor) -> Result<TotpKey> {
    let bytes = master_key.open(&context(user.uuid), &stored.sealed).map_err(Error::internal)?;
    TotpKey::from_slice(&bytes).ok_or_else(|| Error::internal("the secret of a second factor has the wrong length"))
}

fn to_enrolment(key: &TotpKey, user: &User) -> Enrolment {
    Enrolment { secret: key.base32(), uri: key.uri(user.email.as_str()) }
}

fn me(actor: &Actor) -> Result<&Person> {
    actor.person().ok_or(Error::Refused { rule: "only people can use two-factor authentication, not service accounts" })
}

fn myself(view: &View, actor: &Actor) -> Result<User> {
    let me = me(actor)?;
    let user = store::users::find(view, me.id)?.filter(|user| user.kind == UserKind::Person);
    user.ok_or_else(|| Error::not_found(Noun::User, me.uuid))
}
