//! Records each change in its own transaction, and reads the records.

pub(in crate::app) mod checkpoint;
mod export;
pub mod sweep;

use std::time::Duration;

use serde_json::Value;

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditSearch, Change, Entry, NO_ACCOUNT, ObjectKind, Recorded};
use crate::domain::ids::AuditId;
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

/// What the rows of a search must have besides. An empty text is no condition.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// The whole address, or its beginning.
    pub address: String,
    /// The kind of the object: `workspace`.
    pub kind: String,
    /// The id of the object.
    pub object: String,
}

impl Matching {
    fn is_any(&self) -> bool {
        self.address.is_empty() && self.kind.is_empty() && self.object.is_empty()
    }

    fn fits(&self, row: &Recorded) -> bool {
        let address = row.address.as_deref().unwrap_or_default();
        (self.address.is_empty() || address.starts_with(&self.address))
            && (self.kind.is_empty() || row.kind == self.kind)
            && (self.object.is_empty() || row.object == self.object)
    }
}

/// Like [`page`], only the rows that match. It looks at no more than [`MAX_LOOKED_AT`] rows, so a page may have fewer rows
/// than its limit, or none, and still a next one.
pub fn page_matching(
    view: &View,
    actor: &Actor,
    search: &AuditSearch,
    matching: &Matching,
    page: Page,
) -> Result<Slice<Recorded>> {
    if matching.is_any() {
        return self::page(view, actor, search, page);
    }
    let mut found = Vec::new();
    let mut after = page.after;
    for _ in 0..MAX_LOOKED_AT / LOOK {
        let slice = self::page(view, actor, search, Page { after, limit: LOOK })?;
        for row in slice.items {
            if found.len() == page.limit as usize {
                return Ok(Slice { items: found, next: after });
            }
            after = Some(row.id.0);
            if matching.fits(&row) {
                found.push(row);
            }
        }
        if slice.next.is_none() {
            return Ok(Slice { items: found, next: None });
        }
    }
    Ok(Slice { items: found, next: after })
}

/// The number of rows that [`page_matching`] looks at, in all and at once.
pub const MAX_LOOKED_AT: u32 = 5000;
const LOOK: u32 = 500;

/// A row by its number.
///
/// Requires an administrator.
pub fn find(view: &View, actor: &Actor, id: AuditId) -> Result<Recorded> {
    standing::require(&standing::in_account(actor), Action::ReadAudit, Noun::Audit, id)?;
    store::audit::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Audit, id))
}

/// The verbs that rows have, in order.
///
/// Requires an administrator.
pub fn verbs(view: &View, actor: &Actor) -> Result<Vec<String>> {
    standing::require(&standing::in_account(actor), Action::ReadAudit, Noun::Audit, "of the account")?;
    store::audit::verbs(view)
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
