//! The schema and its upgrades. A new file is created from `schema.sql`; an older file takes the steps that it lacks.

mod state;

use rusqlite::{Connection, TransactionBehavior};

use super::Conn;
use crate::error::{Error, Result};
use crate::store::{audit, names};

pub use state::{SchemaState, Unfit, VERSION, state};

const SCHEMA: &str = include_str!("../../../schema.sql");

/// The steps from each version to the next; the first starts from an empty file. A released step is never changed.
const STEPS: [&str; VERSION as usize] = [
    include_str!("steps/0001.sql"),
    include_str!("steps/0002.sql"),
    include_str!("steps/0003.sql"),
    include_str!("steps/0004.sql"),
    include_str!("steps/0005.sql"),
    include_str!("steps/0006.sql"),
    include_str!("steps/0007.sql"),
    include_str!("steps/0008.sql"),
    include_str!("steps/0009.sql"),
    include_str!("steps/0010.sql"),
];

/// The version that introduced hashes of audit rows. SQL cannot compute them.
const AUDIT_CHAIN_VERSION: u32 = 6;

/// Refuses a file that is not atelier's or has a newer schema, before anything is written into it.
pub(in crate::store) fn refuse_others(conn: &Connection) -> Result<()> {
    Ok(state::of(conn)?.fit().map(drop)?)
}

/// Whether a file has the schema of this program.
pub(super) fn is_current(conn: &Connection) -> Result<bool> {
    Ok(state::of(conn)? == SchemaState::Current)
}

/// Creates the tables of a new file, or upgrades those of an older one.
///
/// Refuses the same files as [`refuse_others`]. Two processes that try at once end up with one schema.
pub(in crate::store) fn bring_up_to_date(conn: &mut Connection) -> Result<()> {
    if state::of(conn)?.fit()? == SchemaState::Current {
        return Ok(());
    }
    // A step that recreates a table drops the old one, which must not delete the rows that refer to it. The setting
    // cannot be changed inside a transaction (<https://sqlite.org/lang_altertable.html#otheralter>).
    conn.pragma_update(None, "foreign_keys", false)?;
    let done = upgrade(conn);
    conn.pragma_update(None, "foreign_keys", true)?;
    done
}

fn upgrade(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Checked under the lock, because another process may have just upgraded the file.
    match state::of(&tx)?.fit()? {
        SchemaState::Empty => tx.execute_batch(SCHEMA)?,
        SchemaState::Older(version) => {
            for step in STEPS.iter().skip(version as usize) {
                tx.execute_batch(step)?;
            }
            if version < AUDIT_CHAIN_VERSION {
                names::bring_up_to_date(Conn::on_sqlite(&tx))?;
                audit::chain::chain_older_rows(Conn::on_sqlite(&tx))?;
            }
        }
        // Another process has just upgraded the file. The other states were refused above.
        SchemaState::Current | SchemaState::Newer(_) | SchemaState::Foreign | SchemaState::NoDatabase => return Ok(()),
    }
    if tx.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(Error::internal(
            "the data file has rows that refer to missing rows; run `atelier check` to list them",
        ));
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    Ok(tx.commit()?)
}

/// The schema and its steps, for tests.
#[cfg(test)]
pub(in crate::store) fn scripts() -> Vec<&'static str> {
    [SCHEMA].into_iter().chain(STEPS).collect()
}

#[cfg(test)]
mod tests;
