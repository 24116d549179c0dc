//! The version of the data file: a few bytes that change with every commit of any process. They are read without
//! SQLite.
//!
//! They are the header of the index of the write-ahead log (<https://sqlite.org/walformat.html#the_wal_index_header>).
//! SQLite keeps it at the beginning of the shared memory beside the file. Every commit rewrites it; it contains a
//! counter, two salts and a checksum. A reader sees a commit once that header is written, and the writer returns only
//! after that. A reader that finds the same version as before has missed no commit.

use std::path::Path;
use std::sync::Arc;

use rustix::process::{Flock, FlockType, fcntl_getlk};

use crate::error::{DiskFault, Error, Result};
use crate::store::data_dir::files::beside;
use crate::store::data_dir::shared_file::SharedFile;

/// The length of the first copy of the header in bytes. SQLite writes this copy last.
const HEADER: usize = 48;

/// The state of the data file at one moment. Two versions are equal only if no process committed anything between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataVersion([u8; HEADER]);

impl DataVersion {
    /// The version of a database of PostgreSQL: its generation, and a random number that each commit writes anew, because
    /// a standby that takes over may have lost commits, and reach the same generation with other data.
    pub(in crate::store) fn of(generation: i64, edition: i64) -> Self {
        let mut bytes = [0; HEADER];
        for (byte, value) in bytes.iter_mut().zip(generation.to_ne_bytes().into_iter().chain(edition.to_ne_bytes())) {
            *byte = value;
        }
        Self(bytes)
    }
}

/// The process of a reader that holds the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum LogReader {
    This,
    /// Another one, with its process id.
    Other(u32),
}

/// Reads the version. It must be dropped after every connection of its store.
#[derive(Clone, Debug)]
pub(in crate::store) struct DataVersionProbe(Arc<SharedFile>);

impl DataVersionProbe {
    /// A probe of a data file that is already open.
    pub(in crate::store) fn on(path: &Path) -> Result<Self> {
        SharedFile::open(&beside(path, "-shm")).map(Self).map_err(Error::internal)
    }

    pub(in crate::store) fn now(&self) -> Result<DataVersion> {
        let mut header = [0; HEADER];
        let read = rustix::io::pread(&*self.0, &mut header, 0).map_err(failing)?;
        if read == HEADER {
            Ok(DataVersion(header))
        } else {
            Err(Error::internal("the shared memory of the data file is truncated"))
        }
    }

    /// Who holds the write-ahead log by a read.
    ///
    /// A reader has a lock on one of five bytes, and beside it stands up to which page of the log it reads
    /// (<https://sqlite.org/walformat.html#wal_locks>).
    pub(in crate::store) fn log_reader(&self) -> LogReader {
        self.other_reader().map_or(LogReader::This, LogReader::Other)
    }

    /// The process id of another reader, which is 0 if the process has none here, as one outside of a container.
    fn other_reader(&self) -> Option<u32> {
        const FIRST_LOCK: u64 = 123;
        const SLOTS: usize = 5;
        const MARKS: usize = 100;
        let mut index = [0; MARKS + 4 * SLOTS];
        let read = rustix::io::pread(&*self.0, &mut index, 0).ok()?;
        let number = |at: usize| index.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let end = number(16).filter(|_| read == index.len())?;
        (0..SLOTS).find_map(|slot| {
            // A reader of the first slot reads the data file alone, so nothing may be moved into it.
            let is_behind = slot == 0 || number(MARKS + 4 * slot)? < end;
            let mut lock = Flock::from(FlockType::WriteLock);
            (lock.start, lock.length) = (FIRST_LOCK + slot as u64, 1);
            let holder = fcntl_getlk(&*self.0, &lock).ok()??;
            is_behind.then(|| holder.pid.map_or(0, |pid| pid.as_raw_pid().unsigned_abs()))
        })
    }
}

fn failing(error: rustix::io::Errno) -> Error {
    Error::disk(DiskFault::Failing, error)
}
