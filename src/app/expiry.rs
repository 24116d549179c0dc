//! Handles what has ended by time. An index does not know the time.

use crate::error::Result;
use crate::store::{self, Tx};

/// The maximum number of rows of a table that each new session, key or invitation handles.
const SWEEP: u32 = 8;

/// Deletes some dead sessions, so that they do not accumulate, and marks some expired keys and invitations, so that
/// lists find them in an index.
pub(super) fn sweep(tx: &Tx) -> Result<()> {
    store::sessions::delete_dead(tx, SWEEP)?;
    store::keys::mark_expired(tx, SWEEP)?;
    store::users::mark_lapsed(tx, SWEEP)?;
    Ok(())
}
