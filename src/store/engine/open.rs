//! Opens connections and applies every setting to every connection.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{checkpoints, fault, schema, write_ahead_log};
use crate::error::{Error, Result};

/// The oldest safe SQLite. In older versions, resetting the write-ahead log could lose commits.
pub const SQLITE_NEEDED: (i32, i32, i32) = (3, 51, 3);

/// The maximum wait for a lock of another process, such as the command line's.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two retries where SQLite does not wait by itself.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// The number of prepared statements that a connection caches: at least as many as there are.
pub(in crate::store) const MAX_CACHED_STATEMENTS: usize = 768;

/// Opens the connection that writes, to a file that exists.
///
/// Refuses a SQLite that is too old. Refuses a file that is not atelier's, has a newer schema or the log of another
/// file beside it, without changing it.
pub(in crate::store) fn for_writing(path: &Path, page_cache_kib: u32) -> Result<Connection> {
    refuse_old_sqlite()?;
    write_ahead_log::refuse_foreign_log(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    schema::refuse_others(&conn, path)?;
    configure(&conn, page_cache_kib)?;
    let mode = enable_write_ahead_log(&conn)?;
    if mode != "wal" {
        return Err(Error::internal(format!("SQLite uses the journal mode {mode} instead of WAL")));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    // The writer does the checkpoints.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", checkpoints::SIZE_LIMIT)?;
    Ok(conn)
}

/// Switches to a write-ahead log. Returns the resulting journal mode.
fn enable_write_ahead_log(conn: &Connection) -> rusqlite::Result<String> {
    let start = Instant::now();
    loop {
        match conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            // SQLite does not wait by itself for other processes that open the file at the same time.
            Err(error) if fault::is_lock(&error) && start.elapsed() < BUSY_TIMEOUT => thread::sleep(RETRY_PAUSE),
            done => return done,
        }
    }
}

/// The flags of a read-only connection.
pub(in crate::store) fn reading_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Sets up a read-only connection.
pub(in crate::store) fn for_reading(conn: &Connection, page_cache_kib: u32) -> rusqlite::Result<()> {
    configure(conn, page_cache_kib)?;
    conn.pragma_update(None, "query_only", true)
}

/// Sets up a connection for inspecting any file. None of these settings reads the file.
pub(in crate::store) fn for_inspection(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "query_only", true)
}

fn configure(conn: &Connection, page_cache_kib: u32) -> rusqlite::Result<()> {
    #[cfg(test)]
    super::plans::trace(conn);
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(MAX_CACHED_STATEMENTS);
    // Without this setting SQLite looks at bound values, for example of a `LIMIT`, and recompiles the statement for
    // each. That takes longer than running it, and the plan would not be the tested one.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -i64::from(page_cache_kib))
}

/// Refuses a SQLite that is too old to be safe.
pub fn refuse_old_sqlite() -> Result<()> {
    let number = rusqlite::version_number();
    let version = (number / 1_000_000, number / 1_000 % 1_000, number % 1_000);
    if version < SQLITE_NEEDED {
        let (a, b, c) = SQLITE_NEEDED;
        return Err(Error::internal(format!(
            "SQLite {} is too old; at least {a}.{b}.{c} is required",
            rusqlite::version()
        )));
    }
    Ok(())
}
