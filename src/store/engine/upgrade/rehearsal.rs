//! Tries an upgrade on a copy of the data file, to find out whether it works and how long it takes. The data file itself
//! is only read.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::space::{self, Room};
use super::transaction::in_place;
use super::watcher::Watcher;
use super::{copies, kept};
use crate::error::{Error, Result};
use crate::store::View;
use crate::store::data_dir::files;
use crate::store::engine::{inspection, open};
use crate::store::schema::{self, SchemaState};

const FOLDER: &str = "rehearsal";

/// The page cache of the tried upgrade, in KiB.
const PAGE_CACHE_KIB: u32 = 2048;

/// An upgrade that was tried on a copy.
#[derive(Debug)]
pub struct Rehearsal {
    /// The rows of all tables before the upgrade.
    pub rows: u64,
    /// How long copying and upgrading took.
    pub took: Duration,
}

/// The state of a data file, and the room for its upgrade.
pub fn outlook(data_file: &Path) -> Result<(SchemaState, Room)> {
    inspection::inspect(data_file, |view| Ok((schema::state(view)?, space::room(view.conn.sqlite()?, data_file)?)))
}

/// Upgrades a copy beside the data file, does something with it, and removes it. A server may use the data file meanwhile.
///
/// Fails as the upgrade itself would fail.
pub fn rehearse<T>(
    data_file: &Path,
    watcher: &Watcher,
    then: impl FnOnce(&Path) -> Result<T>,
) -> Result<(Rehearsal, T)> {
    let data_file = data_file.canonicalize().map_err(Error::internal)?;
    let place = Place::create(&data_file)?;
    let copy = place.path.join("atelier.db");
    let start = Instant::now();
    inspection::inspect(&data_file, |view: &View| {
        // The snapshot of a transaction begins at its first read.
        schema::state(view)?;
        copies::copy(view.conn.sqlite()?, &copy, watcher)
    })?;
    let copied = start.elapsed();
    let rows = rows(&copy)?;
    let start = Instant::now();
    let mut conn = open::for_writing(&copy, PAGE_CACHE_KIB)?;
    in_place(&mut conn, &copy, watcher)?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(conn);
    let took = copied + start.elapsed();
    Ok((Rehearsal { rows, took }, then(&copy)?))
}

/// The number of rows of all tables.
fn rows(path: &Path) -> Result<u64> {
    let conn = Connection::open_with_flags(path, open::reading_flags())?;
    let tables: Vec<String> = {
        let mut query = conn.prepare("PRAGMA table_list")?;
        let tables = query.query_map([], |row| Ok((row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?;
        let tables = tables.collect::<rusqlite::Result<Vec<_>>>()?.into_iter();
        tables.filter(|(name, kind)| kind == "table" && !name.starts_with("sqlite_")).map(|(name, _)| name).collect()
    };
    let mut sum = 0;
    for table in tables {
        let sql = format!("VALUES ((SELECT count(*) FROM \"{}\"))", table.replace('"', "\"\""));
        sum += conn.query_row(&sql, [], |row| row.get(0).map(i64::cast_unsigned))?;
    }
    Ok(sum)
}

/// The directory of the copy. It is locked while it is in use, and removed afterwards.
struct Place {
    path: PathBuf,
    /// The directory that it is in, if that was made for it.
    made: Option<PathBuf>,
    _lock: File,
}

impl Place {
    fn create(data_file: &Path) -> Result<Self> {
        let folder = kept::folder(data_file);
        let made = (!folder.exists()).then(|| folder.clone());
        let path = folder.join(FOLDER);
        let failed = |error: io::Error| kept::disk_error(&path, &error);
        files::private_directory(&folder).and_then(|()| files::private_directory(&path)).map_err(failed)?;
        let lock_path = path.join("lock");
        let lock = files::open_or_create(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Refused { rule: "another process is trying the upgrade; wait until it has ended" });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // A killed process left them.
        for name in ["atelier.db", "atelier.db-wal", "atelier.db-shm"] {
            match fs::remove_file(path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(Self { path, made, _lock: lock })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next one removes what is left.
        let _ = fs::remove_dir_all(&self.path);
        if let Some(made) = &self.made {
            let _ = fs::remove_dir(made);
        }
    }
}

/// Removes what a killed rehearsal has left.
pub(super) fn clean(data_file: &Path) {
    let path = kept::folder(data_file).join(FOLDER);
    if File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
        let _ = fs::remove_dir_all(path);
    }
}
