//! The transaction of an upgrade: all steps that a file lacks, or none.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::watcher::{Watcher, Work};
use crate::error::{Error, Result};
use crate::store::data_dir::files;
use crate::store::engine::Conn;
use crate::store::engine::schema::{self, SchemaState, VERSION};
use crate::store::{audit, names};

/// The version that introduced hashes of audit rows. SQL cannot compute them.
const AUDIT_CHAIN_VERSION: u32 = 6;

/// Creates the tables of a new file, or upgrades those of an older one without a copy. Returns whether anything was done.
pub(in crate::store::engine) fn in_place(conn: &mut Connection, data_file: &Path, watcher: &Watcher) -> Result<bool> {
    run(conn, data_file, watcher, |_| Ok(()))
}

/// The same. `prepare` runs before the steps, when nothing can be written by others.
pub(super) fn run(
    conn: &mut Connection,
    data_file: &Path,
    watcher: &Watcher,
    prepare: impl FnOnce(&Transaction) -> Result<()>,
) -> Result<bool> {
    if schema::refuse_others(conn, data_file)? == SchemaState::Current {
        return Ok(false);
    }
    // A step that recreates a table drops the old one, which must not delete the rows that refer to it. The setting
    // cannot be changed inside a transaction (<https://sqlite.org/lang_altertable.html#otheralter>).
    conn.pragma_update(None, "foreign_keys", false)?;
    // Indexes of large tables are sorted in files beside the data file, not in memory.
    conn.pragma_update(None, "temp_store", "FILE")?;
    let folder = files::directory_of(data_file).to_str().unwrap_or_default();
    conn.pragma_update(None, "temp_store_directory", folder)?;
    let done = in_transaction(conn, data_file, watcher, prepare);
    Watcher::end(conn);
    conn.pragma_update(None, "temp_store_directory", "")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    done
}

fn in_transaction(
    conn: &mut Connection,
    data_file: &Path,
    watcher: &Watcher,
    prepare: impl FnOnce(&Transaction) -> Result<()>,
) -> Result<bool> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Checked under the lock, because another process may have just upgraded the file.
    match schema::refuse_others(&tx, data_file)? {
        SchemaState::Empty => schema::create(&tx)?,
        SchemaState::Older(version) => {
            prepare(&tx)?;
            upgrade(&tx, version, watcher)?;
        }
        // Another process has just upgraded the file. The other states were refused above.
        SchemaState::Current | SchemaState::Newer(_) | SchemaState::Foreign | SchemaState::NoDatabase => {
            return Ok(false);
        }
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()?;
    Ok(true)
}

fn upgrade(tx: &Transaction, from: u32, watcher: &Watcher) -> Result<()> {
    let conn = Conn::Sqlite(tx);
    for step in schema::steps_from(from) {
        let work = Work::Step { number: step.version, of: VERSION, words: step.words };
        watcher.begin(tx, work);
        tx.execute_batch(step.sql).map_err(|error| failed(from, work, error.into()))?;
    }
    if from < AUDIT_CHAIN_VERSION {
        watcher.begin(tx, Work::Names);
        names::bring_up_to_date(conn).map_err(|error| failed(from, Work::Names, error))?;
        watcher.begin(tx, Work::AuditChain);
        audit::chain::chain_older_rows(conn, &mut |done, total| watcher.count(done, total))
            .map_err(|error| failed(from, Work::AuditChain, error))?;
    }
    watcher.begin(tx, Work::ForeignKeys);
    if tx.prepare("PRAGMA foreign_key_check")?.exists([])? {
        let cause = Error::internal("it has rows that refer to missing rows");
        return Err(failed(from, Work::ForeignKeys, cause));
    }
    Ok(())
}

/// Why an upgrade failed.
#[derive(Debug)]
struct Failed {
    from: u32,
    work: Work,
    cause: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, work, cause } = self;
        write!(
            f,
            "cannot upgrade the data file from schema version {from} to {VERSION} ({work}): {cause}; the data file is \
             as it was, and the previous atelier still works with it"
        )
    }
}

impl std::error::Error for Failed {}

fn failed(from: u32, work: Work, error: Error) -> Error {
    match error {
        Error::Disk { fault, cause } => Error::disk(fault, Failed { from, work, cause: cause.to_string() }),
        Error::Internal(cause) => Error::internal(Failed { from, work, cause: cause.to_string() }),
        other => other,
    }
}
