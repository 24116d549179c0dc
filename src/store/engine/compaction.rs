//! Rewrites the data file without its free pages (`VACUUM`), which gives their space back to the disk.
//!
//! SQLite writes the new file into a temporary one, then through the write-ahead log over the old one. Killed at any
//! moment, it leaves the old contents.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rustix::fs::statvfs;

use super::health::Room;
use super::{open, schema, stamp};
use crate::error::{DiskFault, Error, Result};
use crate::store::data_dir::files::beside;

/// What the disk must have left beside the two copies, in bytes.
const RESERVE: u64 = 16 << 20;

const PAGE_CACHE_KIB: u32 = 16 << 10;

/// The data file of a directory whose lock the caller holds.
pub struct Compaction {
    conn: Connection,
    room: Room,
}

impl Compaction {
    /// Opens a data file and sees that it can be compacted: it has the schema of this program, and the disk has room for
    /// two copies of what is in use.
    pub fn begin(path: &Path) -> Result<Self> {
        let file_path = path.canonicalize().map_err(Error::internal)?;
        let mut conn = open::for_writing(&file_path, PAGE_CACHE_KIB)?;
        if !schema::is_current(&conn)? {
            return Err(Error::Refused {
                rule: "the data file has an older schema; run `atelier serve` once to upgrade it",
            });
        }
        stamp::clear_in_copy(&mut conn)?;
        truncate_log(&conn)?;
        let directory = file_path.parent().unwrap_or(Path::new("."));
        // On the disk of the data file, whose room is known. The default may be in memory.
        conn.pragma_update(None, "temp_store", "FILE")?;
        conn.pragma_update(None, "temp_store_directory", directory.to_string_lossy())?;
        let room = Room::read(&conn)?;
        let needed = room.used().saturating_mul(2).saturating_add(RESERVE);
        // A file system that does not tell its free space is tried.
        if let Ok(disk) = statvfs(directory)
            && disk.f_bavail.saturating_mul(disk.f_frsize) < needed
        {
            let cause = format!("{needed} bytes are needed at {}", directory.display());
            return Err(Error::disk(DiskFault::Full, cause));
        }
        Ok(Self { conn, room })
    }

    pub const fn room(&self) -> Room {
        self.room
    }

    /// Rewrites the file. Returns what it has then.
    pub fn run(self) -> Result<Room> {
        self.conn.execute_batch("VACUUM")?;
        truncate_log(&self.conn)?;
        Room::read(&self.conn)
    }
}

/// The bytes that a compaction in this process has written so far, of at most twice the bytes in use.
pub fn written(path: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    // SQLite's temporary file has no name, but Linux shows it among the open files.
    let open_files = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().map(|entry| entry.path());
    let temporary =
        open_files.filter(|fd| fs::read_link(fd).is_ok_and(|target| target.to_string_lossy().contains("/etilqs_")));
    temporary.map(|fd| length(&fd)).sum::<u64>() + length(&beside(path, "-wal"))
}

/// Moves the whole write-ahead log into the data file.
pub(super) fn truncate_log(conn: &Connection) -> Result<()> {
    let is_busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy {
        return Err(Error::Refused { rule: "another process reads the data file; end it, and try again" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Sizes, Store, health};

    #[test]
    fn a_compacted_file_is_smaller_and_as_good_as_before() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("it's 50% #1.db");
        Store::open(&path, Sizes::default()).unwrap().close();
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(
            "CREATE TABLE note (bytes BLOB); INSERT INTO note VALUES (zeroblob(30000000)); DROP TABLE note",
        )
        .unwrap();
        drop(conn);
        let compaction = Compaction::begin(&path).unwrap();
        let before = compaction.room();
        assert!(before.free > 29_000_000 && before.total == before.used() + before.free);
        let after = compaction.run().unwrap();
        assert_eq!((after.free, after.total), (0, fs::metadata(&path).unwrap().len()));
        assert!(after.total <= before.used());
        let store = Store::open(&path, Sizes::default()).unwrap();
        assert!(store.read(health::integrity_faults).unwrap().is_empty());
        store.write_and_wait(health::touch).unwrap();
        store.close();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_is_being_read_is_refused_and_kept() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("atelier.db");
        Store::open(&path, Sizes::default()).unwrap().close();
        let compaction = Compaction::begin(&path).unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        compaction.conn.busy_timeout(std::time::Duration::from_millis(10)).unwrap();
        assert!(matches!(compaction.run(), Err(Error::Refused { .. } | Error::Busy { .. })));
        drop(reader);
        assert!(Store::open(&path, Sizes::default()).unwrap().read(health::integrity_faults).unwrap().is_empty());
    }
}
