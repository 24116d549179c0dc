//! A temporary SQLite file, for more rows than fit into the memory.
//!
//! The file has no name once it is open, so nothing of it is left, however the process ends.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::Connection;
use uuid::Uuid;

use super::Conn;
use crate::error::{DiskFault, Error, Result};
use crate::store::data_dir::{DataDir, files};

/// The page cache, in KiB.
const CACHE: i64 = 32 << 10;

/// The number of prepared statements that are cached.
const STATEMENTS: usize = 32;

#[derive(Debug)]
pub(in crate::store) struct Scratch(Connection);

impl Scratch {
    /// Creates a file with these tables in a data directory.
    pub(in crate::store) fn create(home: &DataDir, schema: &str) -> Result<Self> {
        let path = home.path().join(format!("import-{}.tmp", Uuid::new_v4()));
        let failed = |error: io::Error| {
            let fault = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskFault::Full,
                _ => DiskFault::Failing,
            };
            Error::disk(fault, format!("cannot create a temporary file in {}: {error}", home.path().display()))
        };
        files::create(&path).map_err(failed)?;
        let opened = Self::open(&path, schema);
        fs::remove_file(&path).map_err(failed)?;
        opened
    }

    fn open(path: &Path, schema: &str) -> Result<Self> {
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // There is nothing to roll back to: work that fails begins again.
        conn.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "cache_size", -CACHE)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        conn.execute_batch(schema)?;
        // The one transaction keeps the lock of the file.
        conn.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(Self(conn))
    }

    pub(in crate::store) fn conn(&self) -> Conn<'_> {
        Conn::Sqlite(&self.0)
    }
}
