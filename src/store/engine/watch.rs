//! Permanent faults of the data file: it was removed, replaced or damaged. After such a fault nothing is written any
//! more until a restart.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::stamp::Stamp;
use super::write_ahead_log::FileState;
use crate::error::{DiskFault, Error, Result};
use crate::store::data_dir::files::beside;
use crate::store::data_dir::shared_file::{FileId, SharedFile};

/// How often a data file with unexpected contents is read again, and the pause before. A checkpoint of another process
/// may be writing just now.
const READS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(5);

/// How often files that could not be read to their ends are tried again.
const READ_EVERY: Duration = Duration::from_secs(1);

/// A permanent fault of the data file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The files that this process has open are not those of the data directory any more.
    #[error("{file} was {how} while atelier was using it")]
    Replaced { file: String, how: &'static str },
    /// SQLite found the file damaged.
    #[error("the data file is damaged: {cause}")]
    Damaged { cause: String },
}

impl StoreFault {
    /// What the operator must do.
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Replaced { .. } => {
                "nothing more is written; stop the server before you change its data directory, and see that \
                 atelier.db, atelier.db-wal and atelier.db-shm are there from one moment, or only atelier.db from a \
                 backup; then start it again"
            }
            Self::Damaged { .. } => {
                "nothing more is written; stop the server, keep a copy of the data directory, check the disk, and \
                 restore the newest backup that `atelier check` finds sound"
            }
        }
    }

    /// `replaced` or `damaged`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Replaced { .. } => "replaced",
            Self::Damaged { .. } => "damaged",
        }
    }

    /// Whether the server must stop: what it reads is not in the data directory any more.
    pub const fn ends_server(&self) -> bool {
        matches!(self, Self::Replaced { .. })
    }
}

impl From<&StoreFault> for Error {
    fn from(fault: &StoreFault) -> Self {
        Self::disk(DiskFault::Failing, fault.clone())
    }
}

/// Watches the files of an open store, and keeps the first permanent fault.
#[derive(Debug)]
pub(in crate::store) struct Watch {
    /// The paths that SQLite has opened, and the files that they led to: the data file, its log and its shared memory.
    places: [(PathBuf, FileId); 3],
    stamped: Option<Stamped>,
    fault: OnceLock<StoreFault>,
    /// When the files could not be read to their ends.
    unreadable: Mutex<Option<Instant>>,
    /// Kept open, so that no other file gets its inode.
    file: Arc<SharedFile>,
}

/// What is known of the contents of a stamped data file.
#[derive(Debug)]
struct Stamped {
    stamp: Stamp,
    /// The page with the row of `meta`.
    page: u32,
    /// The newest generation that was seen there. Checkpoints only increase it.
    generation: AtomicI64,
}

impl Watch {
    /// Watches a data file, which SQLite has just opened with this connection. Its log and its shared memory are beside
    /// `file_path`, which has no symbolic links.
    pub(super) fn begin(
        conn: &Connection,
        path: &Path,
        file_path: &Path,
        file: Arc<SharedFile>,
        stamp: Option<Stamp>,
    ) -> Result<Self> {
        let place = |end: &str| {
            let path = beside(file_path, end);
            FileId::at(&path).map(|id| (path, id)).map_err(Error::internal)
        };
        let places = [(path.to_owned(), file.id()), place("-wal")?, place("-shm")?];
        let stamped = match stamp.filter(|stamp| stamp.is_settled()) {
            Some(stamp) => {
                let sql = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
                let page = conn.query_row(sql, [], |row| row.get(0))?;
                Some(Stamped { stamp, page, generation: AtomicI64::new(0) })
            }
            None => None,
        };
        let watch = Self { places, stamped, fault: OnceLock::new(), unreadable: Mutex::new(None), file };
        match watch.look() {
            None => Ok(watch),
            Some(fault) => Err(Error::internal(fault.clone())),
        }
    }

    /// The fault that was found earlier.
    pub(in crate::store) fn fault(&self) -> Option<&StoreFault> {
        self.fault.get()
    }

    /// Refuses reads once the data file is known to be removed or replaced.
    pub(super) fn refuse_replaced(&self) -> Result<()> {
        self.fault().filter(|fault| fault.ends_server()).map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Looks at the files. Returns the fault that is found now or was found earlier.
    pub(in crate::store) fn look(&self) -> Option<&StoreFault> {
        if self.fault.get().is_none()
            && let Some((path, how)) = self.replaced()
        {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.note(StoreFault::Replaced { file, how });
        }
        self.fault()
    }

    /// Passes a result on, or the fault that is behind its error: the file is damaged, or no longer the one that was
    /// opened, so that reads find anything.
    pub(in crate::store) fn checked<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            let fault = match &error {
                Error::Internal(_) | Error::Disk { .. } if self.note_error(&error) => self.fault(),
                Error::Internal(_) | Error::Disk { .. } => self.look().filter(|fault| fault.ends_server()),
                _ => None,
            };
            fault.map_or(error, Error::from)
        })
    }

    /// Notes that the file is damaged, if this is what the error means. Returns whether it is.
    pub(super) fn note_error(&self, error: &Error) -> bool {
        match error {
            Error::Internal(cause) | Error::Disk { cause, .. } => {
                cause.get().is_some_and(|error| self.note_sqlite_error(error))
            }
            _ => false,
        }
    }

    /// The same for an error of SQLite.
    pub(super) fn note_sqlite_error(&self, error: &rusqlite::Error) -> bool {
        let is_damaged = is_damage(error)
            // A file that was overwritten is found damaged, too.
            && (self.look().is_some() || self.can_be_read());
        if is_damaged {
            self.note(StoreFault::Damaged { cause: error.to_string() });
        }
        is_damaged
    }

    /// Whether the data file and its log can be read to their ends. SQLite also calls a file damaged that the system
    /// could not read; this is a fault of the disk, which may pass.
    fn can_be_read(&self) -> bool {
        let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if unreadable.is_some_and(|at| at.elapsed() < READ_EVERY) {
            return false;
        }
        let [_, (log, _), _] = &self.places;
        let read = read_all(self.file.file()).and_then(|()| read_all(&File::open(log)?));
        *unreadable = read.is_err().then(Instant::now);
        read.is_ok()
    }

    fn note(&self, fault: StoreFault) {
        let mut is_first = false;
        let first = self.fault.get_or_init(|| {
            is_first = true;
            fault
        });
        if is_first {
            log::error!("{first}; {}", first.next());
        }
    }

    /// The first file that is not the opened one any more, and what happened to it.
    fn replaced(&self) -> Option<(&Path, &'static str)> {
        let changed = |(path, id): &(PathBuf, FileId)| match FileId::at(path) {
            Ok(now) => (now != *id).then_some("replaced"),
            Err(error) if is_absent(&error) => Some("removed"),
            // The disk does not say what is there.
            Err(_) => None,
        };
        let changed = self.places.iter().find_map(|place| Some((place.0.as_path(), changed(place)?)));
        let [(path, _), ..] = &self.places;
        changed.or_else(|| self.is_overwritten().then_some((path.as_path(), "overwritten")))
    }

    /// Whether all is as it was except for the write-ahead log, which this process still has open. Its writes can then be
    /// moved into the data file.
    pub(super) fn lacks_only_log(&self) -> bool {
        let is_same = |(path, id): &(PathBuf, FileId)| FileId::at(path).is_ok_and(|now| now == *id);
        let [file, log, memory] = &self.places;
        is_same(file) && !is_same(log) && is_same(memory) && !self.is_overwritten()
    }

    /// Whether the file has other contents than those that this server and the commands beside it have written.
    fn is_overwritten(&self) -> bool {
        let Some(stamped) = &self.stamped else { return false };
        (0..READS).all(|turn| {
            if turn > 0 {
                thread::sleep(PAUSE);
            }
            // A file that cannot be read is a fault of the disk.
            FileState::read(&self.file, Some(stamped.page)).is_ok_and(|state| !stamped.fits(&state))
        })
    }
}

impl Stamped {
    fn fits(&self, file: &FileState) -> bool {
        let Some(header) = file.header.as_ref().filter(|header| header.has_log) else { return false };
        let newest = |generation| self.generation.fetch_max(generation, Ordering::Relaxed);
        self.stamp.fits(header.cookie) && file.row.is_none_or(|row| newest(row.generation) <= row.generation)
    }
}

fn read_all(file: &File) -> io::Result<()> {
    let mut chunk = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        match file.read_at(&mut chunk, at) {
            Ok(0) => return Ok(()),
            Ok(read) => at += read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether SQLite has found a damaged file.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
