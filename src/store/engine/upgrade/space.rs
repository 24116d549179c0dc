//! The room on the disk that an upgrade needs.

use std::path::Path;

use rusqlite::Connection;

use super::kept::disk_error;
use crate::error::{DiskFault, Error, Result};
use crate::store::data_dir::files;

/// The room that an upgrade takes beside the copy, in sizes of the data file: its write-ahead log, the sorted rows of new
/// indexes, and the growth of the file. From schema 1 with a million audit rows it was 2.4 sizes.
const GROWTH: u64 = 3;

/// The least of it.
const MIN_GROWTH: u64 = 16 << 20;

/// The room that an upgrade needs and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The size of the data file with its write-ahead log.
    pub file: u64,
    /// The bytes that the upgrade needs: the copy and the growth.
    pub needed: u64,
    /// The bytes that are free for this user on the disk of the data file.
    pub free: u64,
}

impl Room {
    pub fn is_enough(&self) -> bool {
        self.free >= self.needed
    }
}

/// The room for an upgrade of the file that a connection has open.
pub(super) fn room(conn: &Connection, data_file: &Path) -> Result<Room> {
    let number = |pragma: &str| conn.pragma_query_value(None, pragma, |row| row.get(0).map(i64::cast_unsigned));
    let file = number("page_count")? * number("page_size")?;
    let folder = files::directory_of(data_file);
    let found = rustix::fs::statvfs(folder).map_err(|error| disk_error(folder, &error.into()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    Ok(Room { file, needed: file + (GROWTH * file).max(MIN_GROWTH), free })
}

/// Refuses an upgrade for which the disk has too little room.
pub(super) fn require(room: Room, data_file: &Path) -> Result<()> {
    if room.is_enough() {
        return Ok(());
    }
    Err(Error::disk(
        DiskFault::Full,
        format!(
            "the upgrade of {} ({}) needs {} on its disk, for a copy in the directory backup and for the data file to \
             grow, but {} are free",
            data_file.display(),
            megabytes(room.file),
            megabytes(room.needed),
            megabytes(room.free)
        ),
    ))
}

/// A size in MB.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}
