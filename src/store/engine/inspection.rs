//! Reads the data file without changing anything: no upgrade, no checkpoint, no file beside it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::{Conn, View, open, write_ahead_log};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::data_dir::files;

/// Reads from one snapshot of a data file, whether a server runs on it or not.
///
/// If no process has the file open, even a read-only connection makes SQLite create a write-ahead log and shared memory
/// beside it, and leave them there. For this reason such a file is opened as immutable. It is read again in the
/// ordinary way if it changed meanwhile. Fails if there is no file, if it cannot be read, or if the log beside it belongs
/// to another file.
pub fn inspect<T>(path: &Path, work: impl Fn(&View) -> Result<T>) -> Result<T> {
    let before = Trace::of(path)?;
    if !before.in_use {
        let result = read_snapshot(path, "?mode=ro&immutable=1", &work);
        if Trace::of(path)? == before {
            return result;
        }
    }
    write_ahead_log::refuse_foreign_log(path)?;
    read_snapshot(path, "?mode=ro", &work)
}

fn read_snapshot<T>(path: &Path, options: &str, work: impl Fn(&View) -> Result<T>) -> Result<T> {
    let address = address(path)? + options;
    let mut conn = Connection::open_with_flags(address, open::reading_flags() | OpenFlags::SQLITE_OPEN_URI)?;
    open::for_inspection(&conn)?;
    let snapshot = conn.transaction()?;
    work(&View { conn: Conn::Sqlite(&snapshot), now: Timestamp::now(), names: None })
}

/// The attributes that show whether another process has worked on the file.
#[derive(PartialEq, Eq)]
struct Trace {
    in_use: bool,
    length: u64,
    modified: Option<SystemTime>,
}

impl Trace {
    fn of(path: &Path) -> Result<Self> {
        let file = fs::metadata(path).map_err(Error::internal)?;
        Ok(Self { in_use: files::beside(path, "-wal").exists(), length: file.len(), modified: file.modified().ok() })
    }
}

/// The characters that are escaped in a path that is used as a URI.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// The path as a SQLite URI, in which `?`, `#` and `%` are special.
fn address(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(Error::internal)?;
    Ok(format!("file://{}", percent_encode(path.as_os_str().as_bytes(), RESERVED)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema::{self, SchemaState};
    use crate::store::{Sizes, Store, health};

    fn names(place: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn inspecting_leaves_no_trace() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("50% of it? #1.db");
        Store::open(&path, Sizes::default()).unwrap().close();
        let (before, names_before) = (fs::read(&path).unwrap(), names(place.path()));
        assert_eq!(names_before, ["50% of it? #1.db"]);
        assert_eq!(inspect(&path, schema::state).unwrap(), SchemaState::Current);
        assert_eq!(names(place.path()), names_before);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn commits_in_the_write_ahead_log_are_visible() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("atelier.db");
        let store = Store::open(&path, Sizes::default()).unwrap();
        let before = inspect(&path, health::generation).unwrap();
        store.write_and_wait(health::touch).unwrap();
        assert!(inspect(&path, health::generation).unwrap() > before);
    }

    #[test]
    fn a_missing_file_is_not_created() {
        let place = tempfile::tempdir().unwrap();
        assert!(inspect(&place.path().join("atelier.db"), schema::state).is_err());
        assert!(names(place.path()).is_empty());
    }
}
