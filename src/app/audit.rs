//! Records each change in its own transaction, and reads the records.

pub(in crate::app) mod checkpoint;
mod export;
pub mod sweep;

use std::time::Duration;

use serde_json::Value;

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditSearch, Change, Entry, NO_ACCOUNT, ObjectKind, Recorded};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::audit::chain::{self, Link, Verdict};
use crate::store::{self, Tx, View};
use crate::tokens::chain::Hash;
use crate::tokens::seal::MasterKey;

/// The period of a search by default.
const WINDOW: Duration = Duration::from_hours(30 * 24);

/// The rows of a search, the newest first.
///
/// Requires an administrator. Refused for a user who never existed.
pub fn page(view: &View, actor: &Actor, search: &AuditSearch, page: Page) -> Result<Slice<Recorded>> {
    standing::require(&standing::in_account(actor), Action::ReadAudit, Noun::Audit, "of the account")?;
    if let Some(user) = search.by.filter(|user| *user != NO_ACCOUNT)
        && store::users::find(view, user)?.is_none()
    {
        return Err(Error::not_found(Noun::User, user));
    }
    let from = search.from.unwrap_or_else(|| search.until.unwrap_or(view.now).before(WINDOW));
    // Rows of the future, from before the clock was set back, must not be hidden.
    let until = search.until.unwrap_or(Timestamp::LATEST);
    store::audit::page(view, (from, until), search, page)
}

/// Checks the hash of every row, and with the master key the checkpoint that the rows go on from. If a hash is expected,
/// one of the rows must have it.
///
/// Requires an administrator.
pub fn verify(view: &View, actor: &Actor, expected: Option<&Hash>, key: Option<&MasterKey>) -> Result<Verdict> {
    verify_watched(view, actor, expected, key, &mut |_| {})
}

/// Like [`verify`]. `progress` gets the number of rows that were checked so far.
pub fn verify_watched(
    view: &View,
    actor: &Actor,
    expected: Option<&Hash>,
    key: Option<&MasterKey>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verdict> {
    standing::require(&standing::in_account(actor), Action::ReadAudit, Noun::Audit, "of the account")?;
    let mut verdict = chain::verify_watched(view, expected, progress)?;
    if let Some(fault) = checkpoint::fault(key, &verdict) {
        verdict.faults.insert(0, fault);
    }
    Ok(verdict)
}

/// The newest row, to be stored outside of the data file.
pub fn newest(view: &View) -> Result<Link> {
    chain::last(view)
}

pub(super) fn record(
    tx: &Tx,
    actor: &Actor,
    verb: &'static str,
    (kind, object): (ObjectKind, impl ToString),
    (before, after): (Value, Value),
) -> Result<()> {
    let entry = Entry { verb, kind, object: object.to_string(), before, after };
    store::audit::insert(tx, actor, &entry)
}

/// Like [`record`], for many changes of objects of one kind. Each gets a row.
pub(super) fn record_all(
    tx: &Tx,
    actor: &Actor,
    verb: &'static str,
    kind: ObjectKind,
    changes: impl Iterator<Item = Change>,
) -> Result<()> {
    store::audit::insert_all(tx, actor, (verb, kind), changes)
}
