//! The version of the data file: a few bytes that change with every commit of any process. They are read without
//! SQLite.
//!
//! They are the header of the index of the write-ahead log (<https://sqlite.org/walformat.html#the_wal_index_header>).
//! SQLite keeps it at the beginning of the shared memory beside the file. Every commit rewrites it; it contains a
//! counter, two salts and a checksum. A reader sees a commit once that header is written, and the writer returns only
//! after that. A reader that finds the same version as before has missed no commit.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::{Flock, FlockType, fcntl_getlk};

use crate::error::{DiskFault, Error, Result};

/// The length of the first copy of the header in bytes. SQLite writes this copy last.
const HEADER: usize = 48;

/// The state of the data file at one moment. Two versions are equal only if no process committed anything between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataVersion([u8; HEADER]);

/// The shared memory files that this process has open, by device and inode. Closing one would drop the locks that any
/// SQLite connection of this process holds on it
/// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>). For this
/// reason all stores of a file share one handle.
static PROBED: Mutex<BTreeMap<(u64, u64), Weak<File>>> = Mutex::new(BTreeMap::new());

/// The process of a reader that holds the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum LogReader {
    This,
    /// Another one, with its process id.
    Other(u32),
}

/// Reads the version. It must be dropped after every connection of its store.
#[derive(Clone, Debug)]
pub(in crate::store) struct DataVersionProbe(Arc<File>);

impl DataVersionProbe {
    /// A probe of a data file that is already open.
    pub(in crate::store) fn on(path: &Path) -> Result<Self> {
        let mut memory = path.as_os_str().to_owned();
        memory.push("-shm");
        let memory = PathBuf::from(memory);
        let mut probed = PROBED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = memory.metadata().map_err(Error::internal)?;
        let place = probed.entry((found.dev(), found.ino())).or_default();
        if let Some(shared) = place.upgrade() {
            return Ok(Self(shared));
        }
        let file = Arc::new(File::open(memory).map_err(Error::internal)?);
        *place = Arc::downgrade(&file);
        probed.retain(|_, file| file.strong_count() > 0);
        Ok(Self(file))
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
