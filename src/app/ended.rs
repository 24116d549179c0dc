//! Deletes what has ended, in small writes. `expiry` does a little of it in passing, but only while people sign in.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::app::audit::sweep::count_due;
use crate::app::identity::oauth::{authorizations, devices, refresh};
use crate::app::runtime::state::AppState;
use crate::domain::retention::Retention;
use crate::error::Result;
use crate::store::{self, Sizes, Store, Tx};

/// The maximum number of rows of each table in one write.
const MAX_ROWS: u32 = 50;

/// Deletes some of what has ended. Returns whether there is more.
pub async fn sweep(state: &AppState) -> Result<bool> {
    let ended_keys = state.retention.ended_keys;
    state.write(move |tx| delete_some(tx, ended_keys)).await
}

/// Deletes at most [`MAX_ROWS`] rows of each table: expired sessions, codes, links and sign-ins, and keys that ended at
/// least `ended_keys` ago. Returns whether there may be more.
pub(in crate::app) fn delete_some(tx: &Tx, ended_keys: Option<Duration>) -> Result<bool> {
    let mut most = [
        store::sessions::delete_dead(tx, MAX_ROWS)?,
        store::refresh_tokens::delete_exchanged(tx, tx.now.before(refresh::GRACE), MAX_ROWS)?,
        store::authorization_codes::delete_dead(tx, tx.now.before(authorizations::REMEMBERED), MAX_ROWS)?,
        store::device_codes::delete_dead(tx, tx.now.before(devices::REMEMBERED), MAX_ROWS)?,
        store::pending_sign_ins::delete_dead(tx, MAX_ROWS)?,
        store::links::delete_dead(tx, MAX_ROWS)?,
        store::keys::mark_expired(tx, MAX_ROWS)?,
        store::users::mark_lapsed(tx, MAX_ROWS)?,
    ]
    .into_iter()
    .max()
    .unwrap_or_default();
    if let Some(life) = ended_keys {
        let (deleted, bots) = store::keys::delete_ended(tx, tx.now.before(life), MAX_ROWS)?;
        if !bots.is_empty() {
            store::bots::delete_without_key(tx, &bots)?;
        }
        most = most.max(deleted);
    }
    Ok(most >= MAX_ROWS as usize)
}

/// The number of rows that the first sweep of a server deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSweep {
    pub audit_rows: u64,
    pub sessions: u64,
    /// Codes, links and unfinished sign-ins.
    pub codes: u64,
    pub keys: u64,
}

/// The number of writes of a sweep that are done at once in a copy.
const AT_ONCE: u32 = 100;

const SIZES: Sizes =
    Sizes { readers: 1, write_queue: 4, page_cache_kib: 4096, search_memory: 0, max_read: None, max_write: None };

/// Deletes what has ended in a copy of a data file, and counts it. Audit rows are only counted.
pub fn try_first_sweep(copy: &Path, retention: &Retention) -> Result<FirstSweep> {
    let store = Store::open(copy, SIZES)?;
    let tried = (|| {
        let audit_rows = store.read(|view| count_due(view, retention))?;
        let before = store.read(store::backups::counts)?;
        let ended_keys = retention.ended_keys;
        let some = move |tx: &Tx| {
            let mut rounds = 0..AT_ONCE;
            while rounds.next().is_some() {
                if !delete_some(tx, ended_keys)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        while store.write_and_wait(some)? {}
        let after = store.read(store::backups::counts)?;
        let deleted = |tables: &[&str]| {
            let rows = |of: &BTreeMap<String, u64>| tables.iter().filter_map(|table| of.get(*table)).sum::<u64>();
            rows(&before).saturating_sub(rows(&after))
        };
        Ok(FirstSweep {
            audit_rows,
            sessions: deleted(&["sessions"]),
            codes: deleted(&["authorization_codes", "device_codes", "pending_sign_ins", "links"]),
            keys: deleted(&["keys"]),
        })
    })();
    store.close();
    tried
}
