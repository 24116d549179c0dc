//! A data file all of whose rows are moved: the one that they come from, which nobody else writes to meanwhile, and a new
//! one, which gets its name once it is complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::compaction::truncate_log;
use super::{Conn, open, schema, stamp};
use crate::error::{Error, Result};
use crate::store::data_dir::files::{self, beside, directory_of};

const PAGE_CACHE_KIB: u32 = 64 << 10;

/// How often the write-ahead log is moved into the file, if other processes write at the same time.
const TRIES: u32 = 20;

/// A data file that no other process writes to.
pub(in crate::store) struct HeldFile {
    conn: Connection,
    path: PathBuf,
}

impl HeldFile {
    /// Opens the data file of a directory whose lock the caller holds. Other processes wait with their writes until it is
    /// dropped.
    pub(in crate::store) fn open(path: &Path) -> Result<Self> {
        let file = path.canonicalize().map_err(Error::internal)?;
        let mut conn = open::for_writing(&file, PAGE_CACHE_KIB)?;
        if !schema::is_current(&conn)? {
            return Err(Error::Refused {
                rule: "the data file has an older schema; run `atelier serve` once to upgrade it",
            });
        }
        stamp::clear_in_copy(&mut conn)?;
        for _ in 0..TRIES {
            truncate_log(&conn)?;
            conn.execute_batch("BEGIN IMMEDIATE")?;
            // Nothing was written in between, so that the file alone has everything.
            if fs::metadata(beside(&file, "-wal")).map_or(0, |log| log.len()) == 0 {
                return Ok(Self { conn, path: path.to_owned() });
            }
            conn.execute_batch("ROLLBACK")?;
        }
        Err(Error::Refused { rule: "another process writes to the data file; end it, and try again" })
    }

    pub(in crate::store) fn conn(&self) -> Conn<'_> {
        Conn::Sqlite(&self.conn)
    }

    /// Renames the file, so that no server uses it again by mistake.
    pub(in crate::store) fn set_aside(self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        drop(self.conn);
        for end in ["-wal", "-shm"] {
            // The log is empty. SQLite removes neither of them for a file that has another name now.
            let _ = fs::remove_file(beside(&self.path, end));
        }
        sync_directory(to)
    }
}

/// A new data file under another name. It is removed when it is dropped before it is complete.
pub(in crate::store) struct NewFile {
    /// None once it is closed.
    conn: Option<Connection>,
    path: PathBuf,
    triggers: Vec<(String, String)>,
    is_placed: bool,
}

impl NewFile {
    /// Creates a file with the tables, but without their triggers. Replaces one that an interrupted move has left.
    pub(in crate::store) fn create(path: &Path) -> Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::internal(error)),
            _ => {}
        }
        files::create(path).map_err(Error::internal)?;
        let mut file = Self { conn: None, path: path.to_owned(), triggers: Vec::new(), is_placed: false };
        let conn =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // There is nothing to go back to: an incomplete file is removed.
        conn.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "cache_size", -i64::from(PAGE_CACHE_KIB))?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "trusted_schema", false)?;
        conn.set_prepared_statement_cache_capacity(open::MAX_CACHED_STATEMENTS);
        conn.execute_batch("BEGIN EXCLUSIVE")?;
        schema::create(&conn)?;
        conn.pragma_update(None, "user_version", schema::VERSION)?;
        let mut query = conn.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
        let found = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>();
        file.triggers = found?;
        drop(query);
        for (name, _) in &file.triggers {
            conn.execute_batch(&format!("DROP TRIGGER \"{name}\""))?;
        }
        file.conn = Some(conn);
        Ok(file)
    }

    pub(in crate::store) fn conn(&self) -> Result<Conn<'_>> {
        self.conn.as_ref().map(Conn::Sqlite).ok_or_else(|| Error::internal("the new data file is closed"))
    }

    /// Creates the triggers, commits everything, and brings it to the disk.
    pub(in crate::store) fn complete(&mut self) -> Result<()> {
        let conn = self.conn.take().ok_or_else(|| Error::internal("the new data file is closed"))?;
        for (_, sql) in &self.triggers {
            conn.execute_batch(sql)?;
        }
        conn.execute_batch("COMMIT")?;
        conn.close().map_err(|(_, error)| error)?;
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(Error::internal)
    }

    /// Gives the complete file its name, under which there is none, or an empty one.
    pub(in crate::store) fn place(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.is_placed = true;
        sync_directory(to)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_placed {
            drop(self.conn.take());
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}
