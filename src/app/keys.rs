//! API keys: long-lived credentials of a person or a service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{audit, bots, expiry, key_holders, lookup, standing};
use crate::domain::actor::{Actor, Credential};
use crate::domain::audit::ObjectKind;
use crate::domain::bot::Bot;
use crate::domain::field::Field;
use crate::domain::ids::KeyId;
use crate::domain::key::{Grace, Key, KeyKind, KeyName, KeyRules, KeySearch, KeyState};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, User};
use crate::error::{AuthError, Error, Result};
use crate::policy::Action;
use crate::store::keys::{Scope, StoredSecret};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::Fingerprint;

/// The precision of the stored last use of a key.
const LAST_USED_STEP: Duration = Duration::from_mins(1);

/// A new key, with the stored form of its secret.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub name: KeyName,
    pub description: Description,
    /// The stored form of the secret.
    pub secret: StoredSecret,
    pub expires_at: Option<Timestamp>,
}

/// Creates a key of a person.
///
/// Requires the person or the operator. Refused when API keys are disabled, when the expiry is in the past or too late
/// ([`end`]), and when the person is disabled, still invited or deleted, or has to choose another password first.
pub fn create(tx: &Tx, actor: &Actor, rules: &KeyRules, whose: &lookup::Named, new: &NewKey) -> Result<Key> {
    key_holders::require(tx, actor, rules)?;
    let user = lookup::user(tx, actor, whose)?;
    lookup::require_user(tx, actor, user.id, Action::CreateKey, user.uuid)?;
    if !user.enabled {
        return Err(Error::Refused { rule: "the user is disabled; enable the account first" });
    }
    if !user.may_authenticate() {
        return Err(Error::Refused { rule: "the account is not active: its invitation is pending, or it was deleted" });
    }
    if user.must_change_password {
        return Err(Error::Refused {
            rule: "the user must replace the temporary password first; no API key of the account works until then",
        });
    }
    let expires_at = end(tx, actor, rules, new.expires_at, None)?;
    let (texts, maker) = ((&new.name, &new.description), actor.user());
    expiry::sweep(tx)?;
    let id = store::keys::insert(tx, user.id, texts, &new.secret, maker, expires_at)?;
    let key = found(tx, id)?;
    audit::record(tx, actor, "keys.create", (ObjectKind::Key, id), (Value::Null, to_audit(&key)))?;
    Ok(key)
}

/// The expiry of a secret that is created now: the requested one, or the latest that is allowed.
///
/// The limits are the expiry of the key that the request uses, the maximum lifetime in the account and, for a
/// replacement, the expiry of the replaced key. Refused when the requested expiry exceeds a limit or lies in the past.
pub(super) fn end(
    tx: &Tx,
    actor: &Actor,
    rules: &KeyRules,
    requested: Option<Timestamp>,
    before: Option<Timestamp>,
) -> Result<Option<Timestamp>> {
    let creating_key = match actor.credential {
        Credential::Key(id) => store::keys::find(tx, id)?.and_then(|key| key.expires_at),
        Credential::Session(_) | Credential::Password | Credential::Link | Credential::Console | Credential::Server => {
            None
        }
    };
    let max = rules.max_life.map(|life| tx.now.after(life));
    let limits = [
        (before, "must not be later than the current expiry of the key: a refresh does not extend it"),
        (creating_key, "must not be later than the expiry of the key that creates it"),
        (max, "must not be later than key_longest_life allows"),
    ];
    let Some(requested) = requested else { return Ok(limits.iter().filter_map(|(limit, _)| *limit).min()) };
    if requested <= tx.now {
        return Err(Error::invalid(Field::ExpiresAt, "must be in the future"));
    }
    match limits.into_iter().find(|(limit, _)| limit.is_some_and(|limit| requested > limit)) {
        Some((_, rule)) => Err(Error::invalid(Field::ExpiresAt, rule)),
        None => Ok(Some(requested)),
    }
}

/// A page of the keys of a person, valid or not, the oldest first.
///
/// Requires the person or an administrator.
pub fn page_of(view: &View, actor: &Actor, who: &lookup::Named, page: Page) -> Result<Slice<Key>> {
    let user = lookup::user(view, actor, who)?;
    lookup::require_user(view, actor, user.id, Action::ReadKeys, user.uuid)?;
    store::keys::page_of(view, user.id, page)
}

/// A page of all keys of people and services, the oldest first.
///
/// Requires an administrator.
pub fn page_of_all(view: &View, actor: &Actor, page: Page) -> Result<Slice<Key>> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::User, "anybody")?;
    store::keys::page_of_all(view, page)
}

/// The keys of a search by number, each service key with its bot.
///
/// For a workspace, its service keys; otherwise the actor's own keys, or the service keys that the actor created. The
/// keys of another user require an administrator. In the list of a workspace, a bot has no places. Refused when the
/// actor may not see the workspace or its service keys, and when the person is unknown.
pub fn page(view: &View, actor: &Actor, search: &KeySearch, page: Page) -> Result<Slice<(Key, Option<Bot>)>> {
    let Some(scope) = scope(view, actor, search)? else { return Ok(Slice { items: Vec::new(), next: None }) };
    let slice = store::keys::page(view, scope, search.live, page)?;
    let bots: Vec<_> = slice.items.iter().filter(|key| key.kind == KeyKind::Service).map(|key| key.user).collect();
    let mut bots = match bots.as_slice() {
        [] => std::collections::BTreeMap::new(),
        bots => store::bots::list(view, bots, search.workspace.is_none())?,
    };
    Ok(slice.map(|key| {
        let bot = bots.remove(&key.user);
        (key, bot)
    }))
}

/// The scope of a search. `None` if it cannot match: user keys of a workspace, and those of an operator.
fn scope(view: &View, actor: &Actor, search: &KeySearch) -> Result<Option<Scope>> {
    if let Some(id) = search.workspace {
        let workspace = lookup::workspace(view, actor, id)?;
        lookup::require_workspace(view, actor, &workspace, Action::ReadServiceKeys)?;
        let wanted = search.kind != Some(KeyKind::User);
        return Ok(wanted.then_some(Scope::In(id, search.user)));
    }
    let whose = match search.user {
        None => actor.user(),
        Some(id) => {
            if !standing::sees_everything(actor) {
                return Err(Error::forbidden(Action::ReadKeys));
            }
            Some(lookup::user(view, actor, &lookup::Named::Number(id))?.id)
        }
    };
    Ok(whose.map(|user| match search.kind {
        None | Some(KeyKind::User) => Scope::Of(user),
        Some(KeyKind::Service) => Scope::MadeBy(user),
    }))
}

/// How to renew a key.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The stored form of the new secret.
    pub secret: StoredSecret,
    /// The new expiry. The default is the current one.
    pub expires_at: Option<Timestamp>,
    /// How long the old secret stays valid.
    pub grace: Grace,
}

/// Replaces the secret of a key. The key stays the same, and its expiry is not extended ([`end`]).
///
/// A person's key requires that person or the operator, because the secret lets its holder act as the person. A service
/// key requires the service itself, or an actor who may revoke it, may create keys and has all its permissions. The old
/// secret stays valid for the grace period, but not past the old expiry of the key. The secret before it becomes
/// invalid now. Refused when the key is revoked or expired, not as a missing key but because there is nothing to renew.
pub fn refresh(tx: &Tx, actor: &Actor, rules: &KeyRules, id: KeyId, renewal: &Renewal) -> Result<Key> {
    let before = renewable(tx, actor, id)?;
    let expires_at = end(tx, actor, rules, renewal.expires_at, before.expires_at)?;
    let grace = renewal.grace.end(tx.now).map(|end| before.expires_at.map_or(end, |old| old.min(end)));
    store::keys::renew(tx, id, &renewal.secret, expires_at, grace)?;
    let after = found(tx, id)?;
    let mut audited = to_audit(&after);
    if let Some(audited) = audited.as_object_mut() {
        audited.insert("old_secret_until".to_owned(), grace.map(|end| end.to_string()).into());
    }
    audit::record(tx, actor, "keys.refresh", (ObjectKind::Key, id), (to_audit(&before), audited))?;
    Ok(after)
}

/// The key with this number, if the actor may renew it ([`refresh`]).
pub fn renewable(view: &View, actor: &Actor, id: KeyId) -> Result<Key> {
    let key = controlled(view, actor, id)?;
    match key.kind {
        KeyKind::User => lookup::require_user(view, actor, key.user, Action::CreateKey, id)?,
        KeyKind::Service if actor.user() == Some(key.user) => {}
        KeyKind::Service => {
            standing::require(&standing::in_account(actor), Action::HoldKeys, Noun::Key, id)?;
            bots::holds_all(view, actor, key.user)?;
        }
    }
    if key.state(view.now) != KeyState::Active {
        return Err(Error::invalid(
            Field::Key,
            "belongs to a key that has been revoked or has expired; create a new key",
        ));
    }
    Ok(key)
}

/// Revokes a key, and blocks the bot of a service key. A repeated call changes nothing.
///
/// Requires the owner, the operator or an administrator. A service key may also be revoked by the actors that
/// [`bots::require`] allows, if it has no more permissions than they have ([`bots::may_end`]).
pub fn revoke(tx: &Tx, actor: &Actor, id: KeyId) -> Result<()> {
    let key = controlled(tx, actor, id)?;
    if key.revoked_at.is_some() {
        return Ok(());
    }
    may_end(tx, actor, &key)?;
    store::keys::revoke(tx, id)?;
    if key.kind == KeyKind::Service {
        store::bots::block(tx, key.user)?;
    }
    audit::record(tx, actor, "keys.revoke", (ObjectKind::Key, id), (to_audit(&key), Value::Null))
}

/// The key with this number, if the actor may revoke it ([`revoke`]).
pub fn revocable(view: &View, actor: &Actor, id: KeyId) -> Result<Key> {
    let key = controlled(view, actor, id)?;
    may_end(view, actor, &key)?;
    Ok(key)
}

fn may_end(view: &View, actor: &Actor, key: &Key) -> Result<()> {
    match key.kind {
        KeyKind::User => Ok(()),
        KeyKind::Service => bots::may_end(view, actor, key),
    }
}

/// Revokes every key of a person. Returns the number of keys.
///
/// Requires the person, the operator or an administrator.
pub fn revoke_of(tx: &Tx, actor: &Actor, user: &User) -> Result<usize> {
    lookup::require_user(tx, actor, user.id, Action::RevokeKey, user.uuid)?;
    let revoked = store::keys::revoke_of(tx, user.id)?;
    if revoked > 0 {
        let before = json!({ "keys": revoked });
        audit::record(tx, actor, "keys.revoke_all", (ObjectKind::User, user.uuid), (before, Value::Null))?;
    }
    Ok(revoked)
}

/// The key with this number. Refused when the actor may not revoke or renew it.
pub fn controlled(view: &View, actor: &Actor, id: KeyId) -> Result<Key> {
    let key = found(view, id)?;
    match key.kind {
        KeyKind::User => {
            standing::require(&standing::toward(view, actor, key.user)?, Action::RevokeKey, Noun::Key, id)?;
        }
        KeyKind::Service => bots::require(view, actor, &key)?,
    }
    Ok(key)
}

/// When the next use of a key has to be stored: at once if the last use is in the future, because the clock was set back.
pub(super) fn note_use_from(key: &Key, now: Timestamp) -> Timestamp {
    let last = key.last_used_at.filter(|last| !last.is_ahead_of(now));
    last.map_or(Timestamp::EARLIEST, |last| last.after(LAST_USED_STEP))
}

/// Stores that a key was used now. The audit does not record it.
pub(super) fn note_use(tx: &Tx, id: KeyId) -> Result<()> {
    store::keys::update_last_used(tx, id)
}

/// Authenticates a key. Returns its person or bot, the key, and the time until which the key is valid unless something
/// changes.
///
/// Refused when the key is unknown, revoked or expired, and when its person is disabled or has to choose another
/// password.
pub(super) fn authenticate(view: &View, fingerprint: &Fingerprint) -> Result<(User, Key, Timestamp)> {
    let (key, until) = store::keys::find_by_fingerprint(view, fingerprint)?.ok_or(AuthError::UnknownKey)?;
    let until = key.expires_at.map_or(until, |end| end.min(until));
    Ok((of_live(view, &key)?, key, until))
}

/// Authenticates the person or bot of a key again.
pub(super) fn recheck(view: &View, id: KeyId) -> Result<User> {
    of_live(view, &store::keys::find(view, id)?.ok_or(AuthError::UnknownKey)?)
}

fn of_live(view: &View, key: &Key) -> Result<User> {
    if !key.is_live(view.now) {
        return Err(AuthError::DeadKey.into());
    }
    let user =
        store::users::find_principal(view, key.user)?.filter(User::may_authenticate).ok_or(AuthError::Disabled)?;
    if user.must_change_password {
        return Err(AuthError::KeyHeld.into());
    }
    if user.role == AccountRole::UiOnly {
        return Err(AuthError::PagesOnly.into());
    }
    Ok(user)
}

pub(super) fn found(view: &View, id: KeyId) -> Result<Key> {
    store::keys::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Key, id))
}

pub(super) fn to_audit(key: &Key) -> Value {
    json!({
        "type": key.kind.as_str(),
        "user": key.email.as_str(),
        "name": key.name.as_str(),
        "description": key.description.as_str(),
        "key": key.redacted,
        "expires_at": key.expires_at.map(|end| end.to_string()),
    })
}
