//! API keys: lasting credentials of a person or a service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{audit, bots, lookup, standing};
use crate::domain::actor::{Actor, Credential, Who};
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
use crate::store::keys::{Kept, Scope};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::Fingerprint;

/// How exact the last use of a key is kept.
const LAST_USED_STEP: Duration = Duration::from_mins(1);

/// A key to be, and what is kept of its secret.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is called.
    pub name: KeyName,
    /// What it is for.
    pub description: Description,
    /// What is kept of its secret.
    pub secret: Kept,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key that acts as a person.
///
/// The person may, and the operator. Refused when making keys is switched off, when it would end before it begins or
/// later than it may ([`end`]), and when the person is disabled, still invited or gone, or has to choose another
/// password first.
pub fn create(tx: &Tx, actor: &Actor, rules: &KeyRules, whose: &lookup::Named, new: &NewKey) -> Result<Key> {
    may_hold(tx, actor, rules)?;
    let user = lookup::user(tx, actor, whose)?;
    lookup::require_user(tx, actor, user.id, Action::CreateKey, user.uuid)?;
    if !user.enabled {
        return Err(Error::Refused { rule: "the user is disabled; enable the account first" });
    }
    if !user.may_enter() {
        return Err(Error::Refused { rule: "the account is not active: its invitation is pending, or it was deleted" });
    }
    if user.must_change_password {
        return Err(Error::Refused {
            rule: "the user must replace the temporary password first; no API key of the account works until then",
        });
    }
    let expires_at = end(tx, actor, rules, new.expires_at, None)?;
    let (texts, maker) = ((&new.name, &new.description), actor.user());
    let id = store::keys::insert(tx, user.id, texts, &new.secret, maker, expires_at)?;
    let key = found(tx, id)?;
    audit::record(tx, actor, "keys.create", (ObjectKind::Key, id), (Value::Null, shown(&key)))?;
    Ok(key)
}

/// Refuses whoever may make no key at all: a bot, a person without developer access, and every person while that is
/// switched off. The operator may.
pub(super) fn may_hold(view: &View, actor: &Actor, rules: &KeyRules) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::HoldKeys, Noun::User, "nobody")?;
    let held = match &actor.who {
        Who::Operator => true,
        Who::Person(person) => {
            rules.allowed && person.role != AccountRole::UiOnly && store::users::is_developer(view, person.id)?
        }
        Who::Nobody => false,
    };
    if held { Ok(()) } else { Err(Error::Forbidden { action: Action::HoldKeys }) }
}

/// When a secret that is made now ends: as asked, or as late as it may.
///
/// It may not outlast the key that it is made with, the longest life that the account allows, nor, where it takes the
/// place of another one, that one's end. Refused when it is asked to, and when the end lies in the past.
pub(super) fn end(
    tx: &Tx,
    actor: &Actor,
    rules: &KeyRules,
    asked: Option<Timestamp>,
    before: Option<Timestamp>,
) -> Result<Option<Timestamp>> {
    let made_with = match actor.credential {
        Credential::Key(id) => store::keys::find(tx, id)?.and_then(|key| key.expires_at),
        Credential::Session(_) | Credential::Password | Credential::Link | Credential::Console | Credential::Server => {
            None
        }
    };
    let longest = rules.longest_life.map(|life| tx.now.after(life));
    let limits = [
        (before, "must not be later than the current expiry of the key: a refresh does not extend it"),
        (made_with, "must not be later than the expiry of the key that creates it"),
        (longest, "must not be later than key_longest_life allows"),
    ];
    let Some(asked) = asked else { return Ok(limits.iter().filter_map(|(limit, _)| *limit).min()) };
    if asked <= tx.now {
        return Err(Error::invalid(Field::ExpiresAt, "must be in the future"));
    }
    match limits.into_iter().find(|(limit, _)| limit.is_some_and(|limit| asked > limit)) {
        Some((_, rule)) => Err(Error::invalid(Field::ExpiresAt, rule)),
        None => Ok(Some(asked)),
    }
}

/// The keys that act as a person, the oldest first; without one, everybody's and every service's, for the operator and
/// administrators.
pub fn list(view: &View, actor: &Actor, of: Option<&lookup::Named>) -> Result<Vec<Key>> {
    if let Some(who) = of {
        let user = lookup::user(view, actor, who)?;
        lookup::require_user(view, actor, user.id, Action::ReadKeys, user.uuid)?;
        return store::keys::list_of(view, user.id);
    }
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::User, "anybody")?;
    store::keys::list(view)
}

/// The keys of a search by number, each service key with its bot.
///
/// Of a workspace, its service keys; else the actor's own keys, or the service keys that the actor made. Somebody
/// else's are for administrators. A bot is shown without its places in the list of one of them. Refused when the
/// workspace is none that the actor may see or whose service keys the actor may not see, and when the person is
/// unknown.
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

/// Where a search looks; nowhere for what cannot be: user keys of a workspace, and those of an operator.
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
                return Err(Error::Forbidden { action: Action::ReadKeys });
            }
            Some(lookup::user(view, actor, &lookup::Named::Number(id))?.id)
        }
    };
    Ok(whose.map(|user| match search.kind {
        None | Some(KeyKind::User) => Scope::Of(user),
        Some(KeyKind::Service) => Scope::MadeBy(user),
    }))
}

/// How a key is to be renewed.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// What is kept of the new secret.
    pub secret: Kept,
    /// When the key shall end; as now, if nothing is said.
    pub expires_at: Option<Timestamp>,
    /// For how long the old secret is good.
    pub grace: Grace,
}

/// Gives a key another secret; it stays the same key, and ends no later than before ([`end`]).
///
/// A person's key only that person renews, and the operator: whoever else got its secret would act as that person. A
/// service key whoever may revoke it and make keys, and holds all that it allows. The old secret is good for the grace,
/// which ends with the key as it was at the latest; that of a refresh before this one ends now. Refused when the key is
/// revoked or has expired: it is there, so it is not missing, but nothing is left to renew.
pub fn refresh(tx: &Tx, actor: &Actor, rules: &KeyRules, id: KeyId, renewal: &Renewal) -> Result<Key> {
    let before = controlled(tx, actor, id)?;
    match before.kind {
        KeyKind::User => lookup::require_user(tx, actor, before.user, Action::CreateKey, id)?,
        KeyKind::Service if actor.user() == Some(before.user) => {}
        KeyKind::Service => {
            standing::require(&standing::in_account(actor), Action::HoldKeys, Noun::Key, id)?;
            bots::holds_all(tx, actor, before.user)?;
        }
    }
    if before.state(tx.now) != KeyState::Active {
        return Err(Error::invalid(
            Field::Key,
            "belongs to a key that has been revoked or has expired; create a new key",
        ));
    }
    let expires_at = end(tx, actor, rules, renewal.expires_at, before.expires_at)?;
    let grace = renewal.grace.end(tx.now).map(|end| before.expires_at.map_or(end, |old| old.min(end)));
    store::keys::renew(tx, id, &renewal.secret, expires_at, grace)?;
    let after = found(tx, id)?;
    let mut told = shown(&after);
    if let Some(told) = told.as_object_mut() {
        told.insert("old_secret_until".to_owned(), grace.map(|end| end.to_string()).into());
    }
    audit::record(tx, actor, "keys.refresh", (ObjectKind::Key, id), (shown(&before), told))?;
    Ok(after)
}

/// Ends a key, and blocks the bot of a service key. Ending it again changes nothing.
///
/// Its owner may, the operator and administrators; a service key also those whom [`bots::require`] lets, if it
/// holds no more than they do ([`bots::may_end`]).
pub fn revoke(tx: &Tx, actor: &Actor, id: KeyId) -> Result<()> {
    let key = controlled(tx, actor, id)?;
    if key.revoked_at.is_some() {
        return Ok(());
    }
    if key.kind == KeyKind::Service {
        bots::may_end(tx, actor, &key)?;
    }
    store::keys::revoke(tx, id)?;
    if key.kind == KeyKind::Service {
        store::bots::block(tx, key.user)?;
    }
    audit::record(tx, actor, "keys.revoke", (ObjectKind::Key, id), (shown(&key), Value::Null))
}

/// Ends every key that acts as a person; tells how many.
///
/// The person may, the operator and administrators.
pub fn revoke_of(tx: &Tx, actor: &Actor, user: &User) -> Result<usize> {
    lookup::require_user(tx, actor, user.id, Action::RevokeKey, user.uuid)?;
    let revoked = store::keys::revoke_of(tx, user.id)?;
    if revoked > 0 {
        let before = json!({ "keys": revoked });
        audit::record(tx, actor, "keys.revoke_all", (ObjectKind::User, user.uuid), (before, Value::Null))?;
    }
    Ok(revoked)
}

/// The key of this number, if the actor may end or renew it.
fn controlled(view: &View, actor: &Actor, id: KeyId) -> Result<Key> {
    let key = found(view, id)?;
    match key.kind {
        KeyKind::User => {
            standing::require(&standing::toward(view, actor, key.user)?, Action::RevokeKey, Noun::Key, id)?;
        }
        KeyKind::Service => bots::require(view, actor, &key)?,
    }
    Ok(key)
}

/// From when on it is to be noted again that the key is in use.
pub(super) fn note_use_from(key: &Key) -> Timestamp {
    key.last_used_at.map_or(Timestamp::EARLIEST, |last| last.after(LAST_USED_STEP))
}

/// Notes that a key is in use; no change that the audit keeps.
pub(super) fn note_use(tx: &Tx, id: KeyId) -> Result<()> {
    store::keys::update_last_used(tx, id)
}

/// The person or bot that a key lets in, the key, and until when it does so unless somebody changes something.
///
/// Refused when the key is unknown, revoked or expired, or its person is disabled or has to choose another password.
pub(super) fn let_in(view: &View, fingerprint: &Fingerprint) -> Result<(User, Key, Timestamp)> {
    let (key, until) = store::keys::find_by_fingerprint(view, fingerprint)?.ok_or(AuthError::UnknownKey)?;
    let until = key.expires_at.map_or(until, |end| end.min(until));
    Ok((of_live(view, &key)?, key, until))
}

/// The person or bot whom a key that let them in lets in still.
pub(super) fn still(view: &View, id: KeyId) -> Result<User> {
    of_live(view, &store::keys::find(view, id)?.ok_or(AuthError::UnknownKey)?)
}

fn of_live(view: &View, key: &Key) -> Result<User> {
    if !key.is_live(view.now) {
        return Err(AuthError::DeadKey.into());
    }
    let user = store::users::find_principal(view, key.user)?.filter(User::may_enter).ok_or(AuthError::Disabled)?;
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

/// A key as the audit keeps it.
pub(super) fn shown(key: &Key) -> Value {
    json!({
        "type": key.kind.as_str(),
        "user": key.email.as_str(),
        "name": key.name.as_str(),
        "description": key.description.as_str(),
        "key": key.redacted,
        "expires_at": key.expires_at.map(|end| end.to_string()),
    })
}
