//! Opening connections: every setting, on every connection.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{fault, schema};
use crate::error::{Error, Result};

/// The oldest SQLite that is safe: before it, resetting the write-ahead log could lose commits.
pub const SQLITE_NEEDED: (i32, i32, i32) = (3, 51, 3);

/// How long a connection waits for a lock of another process, such as the command line's.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the write-ahead log gets, in pages of 4 KiB, before it is moved into the file. A page that changes often is
/// moved once for all of its changes, which is why it is longer than SQLite has it; and one table of the log's index
/// knows all of its pages (4096), which is why it is no longer still.
const LOG: i64 = 4000;

/// How long it waits between looks where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(10);

/// How many prepared statements a connection keeps: at least as many as there are.
pub(in crate::store) const STATEMENTS: usize = 512;

/// Opens the connection that writes; a file that is made is for its owner only.
///
/// Refuses a SQLite that is too old, and, untouched, a file that is not atelier's or is of a newer version.
pub(in crate::store) fn for_writing(path: &Path, page_cache_kib: u32) -> Result<Connection> {
    refuse_old_sqlite()?;
    // SQLite would ask the umask for the mode. The write-ahead log and the shared memory take theirs from the file.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(Error::internal)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(PATIENCE)?;
    schema::refuse_others(&conn)?;
    settle(&conn, page_cache_kib)?;
    let mode = keep_a_log(&conn)?;
    if mode != "wal" {
        return Err(Error::internal(format!("SQLite uses the journal mode {mode} instead of WAL")));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", LOG)?;
    Ok(conn)
}

/// Switches to a write-ahead log; tells which journal the file has then.
fn keep_a_log(conn: &Connection) -> rusqlite::Result<String> {
    let start = Instant::now();
    loop {
        match conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            // SQLite does not wait by itself for others who open the file at the same time.
            Err(error) if fault::is_lock(&error) && start.elapsed() < PATIENCE => thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// What a read-only connection is opened with.
pub(in crate::store) fn reading_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Sets up a read-only connection.
pub(in crate::store) fn for_reading(conn: &Connection, page_cache_kib: u32) -> rusqlite::Result<()> {
    settle(conn, page_cache_kib)?;
    conn.pragma_update(None, "query_only", true)
}

/// Sets up a connection that looks at any file, whatever is in it: nothing here reads the file.
pub(in crate::store) fn for_looking(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(PATIENCE)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "query_only", true)
}

fn settle(conn: &Connection, page_cache_kib: u32) -> rusqlite::Result<()> {
    #[cfg(test)]
    super::plans::watch(conn);
    conn.busy_timeout(PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this, SQLite looks at the values that are bound, a `LIMIT` for instance, and compiles the statement anew for
    // each: that takes longer than to run it, and the plan would not be the one that was judged.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -i64::from(page_cache_kib))
}

/// Refuses a SQLite that is too old to keep what it is given.
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
