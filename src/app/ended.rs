//! Deletes what has ended, in small writes. `expiry` does a little of it in passing, but only while people sign in.

use std::time::Duration;

use crate::app::identity::oauth::{authorizations, devices, refresh};
use crate::app::runtime::state::AppState;
use crate::error::Result;
use crate::store::{self, Tx};

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
