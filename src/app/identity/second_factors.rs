//! Second factors: codes of an app, and recovery codes for when it is lost.
//!
//! To set one up or to take it away ends every other session of the person; when somebody else takes it away, all end.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::code_attempts::{self, Given, Judged};
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
use crate::store::second_factors::Kept;
use crate::store::{self, Tx, View};
use crate::tokens::seal::MasterKey;
use crate::tokens::totp::{self, RECOVERY_CODES, TotpKey};

/// What stands against setting up a second one.
const HAS_ONE: Error = Error::Refused { rule: "two-factor authentication is already on; remove it first" };

/// What stands against a change where there is none.
const HAS_NONE: Error = Error::Refused { rule: "two-factor authentication is off" };

/// How long somebody may take to confirm what they have begun.
const PATIENCE: Duration = Duration::from_hours(1);

/// A second factor to be, as the person's app takes it.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The secret in base32, for typing.
    pub secret: Secret,
    /// The same as an `otpauth://` address, for a picture to scan.
    pub uri: Secret,
}

/// The actor's second factor; none if there is none that counts.
pub fn state(view: &View, actor: &Actor) -> Result<Option<SecondFactor>> {
    let user = me(actor)?.id;
    let Some(confirmed_at) = store::second_factors::find(view, user)?.and_then(|kept| kept.confirmed_at) else {
        return Ok(None);
    };
    Ok(Some(SecondFactor { confirmed_at, recovery_codes: store::recovery_codes::count(view, user)? }))
}

/// Whether the server asks people of this role for a second factor.
pub fn is_needed(desk: &AppState, role: AccountRole) -> bool {
    match role {
        AccountRole::Administrator => desk.administrators_need_second_factor,
        AccountRole::Member | AccountRole::UiOnly | AccountRole::Annotator => false,
    }
}

/// Begins to set up a second factor for the actor; it counts once it is confirmed. One that was begun before is void.
///
/// Refused when there is one already, and unless the actor has proved lately who they are.
pub async fn begin(desk: &AppState, actor: &Actor) -> Result<Enrolment> {
    let user = desk.read_inline(|view| myself(view, actor))?;
    let (enrolment, sealed) = invent(&desk.vault, &user)?;
    desk.write_as(actor, move |tx, actor| {
        reauthentication::require(tx, actor)?;
        put(tx, actor, &myself(tx, actor)?, &sealed)
    })
    .await?;
    Ok(enrolment)
}

/// The second factor that the actor has begun to set up, to be shown again; none if that was not begun.
///
/// Refused unless the actor has proved lately who they are: a session alone must not show the key.
pub fn enrolment(desk: &AppState, actor: &Actor) -> Result<Option<Enrolment>> {
    desk.read_inline(|view| {
        reauthentication::require(view, actor)?;
        begun(&desk.vault, view, &myself(view, actor)?)
    })
}

/// Confirms the actor's second factor with a first code; gives the recovery codes, which are shown once. Every other
/// session of the actor ends.
///
/// Refused unless the actor has proved lately who they are.
pub async fn confirm(desk: &AppState, actor: &Actor, code: Secret) -> Result<Vec<Secret>> {
    let me = me(actor)?.id;
    let given = Given::by(desk, actor);
    given.admit(me)?;
    let vault = desk.vault.clone();
    let judged = desk.write_as(actor, move |tx, actor| {
        reauthentication::require(tx, actor)?;
        settle(&vault, tx, actor, &myself(tx, actor)?, &code)
    });
    given.or_refused(judged.await?)
}

/// Gives the actor new recovery codes in place of those that there were.
pub async fn renew_recovery_codes(desk: &AppState, actor: &Actor, code: Secret) -> Result<Vec<Secret>> {
    proved(desk, actor, code, |tx, actor, user| {
        let before = json!({ "recovery_codes": store::recovery_codes::count(tx, user.id)? });
        let codes = put_recovery_codes(tx, user)?;
        let object = (ObjectKind::User, user.uuid);
        let after = json!({ "recovery_codes": codes.len() });
        audit::record(tx, actor, "second_factors.renew_recovery_codes", object, (before, after))?;
        Ok(codes)
    })
    .await
}

/// Takes the actor's second factor away; every other session of theirs ends.
pub async fn remove(desk: &AppState, actor: &Actor, code: Secret) -> Result<()> {
    proved(desk, actor, code, |tx, actor, user| {
        take_away(tx, user.id)?;
        let ended = store::sessions::delete_of_but(tx, user.id, actor.session())?;
        let change = (json!({ "second_factor": true }), json!({ "sessions_ended": ended }));
        audit::record(tx, actor, "second_factors.remove", (ObjectKind::User, user.uuid), change)
    })
    .await
}

/// Does something to the actor's second factor once a code has proved it; wrong ones slow down what follows.
async fn proved<T, F>(desk: &AppState, actor: &Actor, code: Secret, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&Tx, &Actor, &User) -> Result<T> + Send + 'static,
{
    let me = me(actor)?.id;
    let given = Given::by(desk, actor);
    given.admit(me)?;
    let vault = desk.vault.clone();
    let judged = desk.write_as(actor, move |tx, actor| {
        judge(&vault, tx, actor, &code)?.and_then(|()| work(tx, actor, &myself(tx, actor)?))
    });
    given.or_refused(judged.await?)
}

/// Judges a code of the actor's app or a recovery code, and uses it up if it is right.
///
/// Refused when there is no second factor.
pub(in crate::app) fn judge(vault: &MasterKey, tx: &Tx, actor: &Actor, code: &Secret) -> Result<Judged<()>> {
    let user = myself(tx, actor)?;
    if !is_confirmed(tx, user.id)? {
        return Err(HAS_NONE);
    }
    code_attempts::judge(tx, actor, &user, || Ok(use_code(vault, tx, actor, &user, code)?.then_some(())))
}

/// Takes a person's second factor away, for whoever has lost it; every session of theirs ends. Tells whether there was
/// one: without one, nothing changes.
///
/// Administrators may; for their own only if they have proved lately who they are.
pub fn reset(tx: &Tx, actor: &Actor, who: &lookup::Named) -> Result<(User, bool)> {
    let user = lookup::person(tx, actor, who, Action::SetPassword)?;
    reauthentication::require_of_oneself(tx, actor, user.id)?;
    if !take_away(tx, user.id)? {
        return Ok((user, false));
    }
    let after = json!({ "sessions_ended": store::sessions::delete_of(tx, user.id)? });
    let before = json!({ "second_factor": true });
    audit::record(tx, actor, "second_factors.reset", (ObjectKind::User, user.uuid), (before, after))?;
    Ok((user, true))
}

/// Takes a user's second factor and recovery codes away; tells whether there was one.
pub(in crate::app) fn take_away(tx: &Tx, user: UserId) -> Result<bool> {
    store::recovery_codes::delete_of(tx, user)?;
    store::wrong_codes::delete(tx, user)?;
    store::second_factors::delete(tx, user)
}

/// Whether a user has a second factor that counts.
pub(in crate::app) fn is_confirmed(view: &View, user: UserId) -> Result<bool> {
    Ok(store::second_factors::find(view, user)?.is_some_and(|kept| kept.confirmed_at.is_some()))
}

/// A new secret for a user's app, and the same sealed.
pub(in crate::app) fn invent(vault: &MasterKey, user: &User) -> Result<(Enrolment, Vec<u8>)> {
    let key = TotpKey::generate();
    let sealed = vault.seal(&context(user.uuid), key.as_bytes()).map_err(Error::internal)?;
    Ok((shown(&key, user), sealed))
}

/// Keeps a secret that is not confirmed yet.
pub(in crate::app) fn put(tx: &Tx, actor: &Actor, user: &User, sealed: &[u8]) -> Result<()> {
    if is_confirmed(tx, user.id)? {
        return Err(HAS_ONE);
    }
    store::second_factors::upsert(tx, user.id, sealed)?;
    let after = json!({ "confirmed": false });
    audit::record(tx, actor, "second_factors.begin", (ObjectKind::User, user.uuid), (Value::Null, after))
}

/// What a user has begun to set up.
pub(in crate::app) fn begun(vault: &MasterKey, view: &View, user: &User) -> Result<Option<Enrolment>> {
    let kept = store::second_factors::find(view, user.id)?;
    let kept = kept.filter(|kept| kept.confirmed_at.is_none() && is_fresh(kept, view.now));
    kept.map(|kept| Ok(shown(&open(vault, user, &kept)?, user))).transpose()
}

/// Whether what was begun may still be confirmed. Somebody else may have seen a key that lies there for long.
fn is_fresh(kept: &Kept, now: Timestamp) -> bool {
    now < kept.created_at.after(PATIENCE)
}

/// Confirms what a user has begun with a first code; gives the recovery codes. Every other session of theirs ends.
pub(in crate::app) fn settle(
    vault: &MasterKey,
    tx: &Tx,
    actor: &Actor,
    user: &User,
    code: &Secret,
) -> Result<Judged<Vec<Secret>>> {
    let kept = store::second_factors::find(tx, user.id)?.ok_or(HAS_NONE)?;
    if kept.confirmed_at.is_some() {
        return Err(HAS_ONE);
    }
    if !is_fresh(&kept, tx.now) {
        return Err(Error::Refused { rule: "the key is more than an hour old; start again with a new one" });
    }
    let key = open(vault, user, &kept)?;
    let judged = code_attempts::judge(tx, actor, user, || Ok(key.step_of(code.expose(), tx.now.seconds(), None)))?;
    judged.and_then(|step| {
        store::second_factors::confirm(tx, user.id)?;
        store::second_factors::use_step(tx, user.id, step)?;
        let codes = put_recovery_codes(tx, user)?;
        let ended = store::sessions::delete_of_but(tx, user.id, actor.session())?;
        let after = json!({ "confirmed": true, "recovery_codes": codes.len(), "sessions_ended": ended });
        let change = (json!({ "confirmed": false }), after);
        audit::record(tx, actor, "second_factors.confirm", (ObjectKind::User, user.uuid), change)?;
        Ok(codes)
    })
}

/// The time step that a code of the app is of, if it is right and was not used; none without a second factor.
fn step_of(vault: &MasterKey, view: &View, user: &User, code: &str) -> Result<Option<i64>> {
    let kept = store::second_factors::find(view, user.id)?.filter(|kept| kept.confirmed_at.is_some());
    let Some(kept) = kept else { return Ok(None) };
    Ok(open(vault, user, &kept)?.step_of(code, view.now.seconds(), kept.last_step))
}

/// Judges a code of a user's app alone, and uses it up if it is right.
pub(in crate::app) fn judge_totp(
    vault: &MasterKey,
    tx: &Tx,
    actor: &Actor,
    user: &User,
    code: &Secret,
) -> Result<Judged<()>> {
    code_attempts::judge(tx, actor, user, || Ok(use_totp(vault, tx, user, code)?.then_some(())))
}

/// Uses up a code of the app; tells whether it was right.
fn use_totp(vault: &MasterKey, tx: &Tx, user: &User, code: &Secret) -> Result<bool> {
    match step_of(vault, tx, user, code.expose())? {
        Some(step) => store::second_factors::use_step(tx, user.id, step).map(|()| true),
        None => Ok(false),
    }
}

/// Uses up a code of the app or a recovery code; tells whether it was right. Only [`code_attempts::judge`] may ask.
pub(in crate::app) fn use_code(vault: &MasterKey, tx: &Tx, actor: &Actor, user: &User, code: &Secret) -> Result<bool> {
    if use_totp(vault, tx, user, code)? {
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

fn put_recovery_codes(tx: &Tx, user: &User) -> Result<Vec<Secret>> {
    store::recovery_codes::delete_of(tx, user.id)?;
    let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| totp::recovery_code()).collect();
    for code in &codes {
        store::recovery_codes::insert(tx, user.id, &totp::recovery_fingerprint(user.uuid, code.expose()))?;
    }
    Ok(codes)
}

/// What a secret is sealed for, so that it opens for nobody else.
pub(in crate::app) fn context(user: Uuid) -> String {
    format!("second-factor/{user}")
}

fn open(vault: &MasterKey, user: &User, kept: &Kept) -> Result<TotpKey> {
    let bytes = vault.open(&context(user.uuid), &kept.sealed).map_err(Error::internal)?;
    TotpKey::from_slice(&bytes).ok_or_else(|| Error::internal("the secret of a second factor has the wrong length"))
}

fn shown(key: &TotpKey, user: &User) -> Enrolment {
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
