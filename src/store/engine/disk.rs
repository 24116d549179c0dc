//! The state of the disk: which faults were seen, and whether the write-ahead log gets into the data file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, ffi};

use super::StoreFault;
use crate::error::{DiskFault, Error, Result};

/// How often the same fault is logged, however many requests meet it.
const LOGGED_EVERY: Duration = Duration::from_mins(1);

/// The fault of the disk that an error of SQLite means, if it means one. SQLite says that the file is damaged also where
/// the system could not read it (`EIO`).
pub(in crate::store) fn fault_of(error: &rusqlite::Error) -> Option<DiskFault> {
    let memory = |extended: i32| extended == ffi::SQLITE_IOERR_NOMEM;
    match error.sqlite_error()? {
        ffi::Error { code: ErrorCode::DiskFull, .. } => Some(DiskFault::Full),
        ffi::Error { code: ErrorCode::SystemIoFailure, extended_code } if !memory(*extended_code) => {
            Some(DiskFault::Failing)
        }
        ffi::Error { code: ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, .. } => Some(DiskFault::Failing),
        _ => None,
    }
}

/// What was tried on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Access {
    Read,
    Write,
    /// Moving the write-ahead log into the data file.
    Checkpoint,
}

impl Access {
    const fn failed(self) -> &'static str {
        match self {
            Self::Read => "cannot read the data file",
            Self::Write => "cannot write to the data file",
            Self::Checkpoint => "cannot move the write-ahead log into the data file",
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// The state of the disk of one data file, shared by its readers and its writer.
#[derive(Debug, Default)]
pub(super) struct Disk {
    state: Mutex<State>,
    /// Whether a check asks the writer for a checkpoint.
    checkpoint_wanted: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// When each fault was last logged, by access and by fault.
    logged: [[Option<Instant>; 3]; 3],
    /// Why the last checkpoint failed.
    checkpoint: Option<String>,
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a result on, and logs a fault of the disk.
    pub(super) fn watched<T>(&self, access: Access, result: Result<T>) -> Result<T> {
        // A permanent fault is logged once.
        if let Err(Error::Disk { fault, cause }) = &result
            && cause.get::<StoreFault>().is_none()
        {
            self.log(access, *fault, &cause.to_string());
        }
        result
    }

    fn log(&self, access: Access, fault: DiskFault, cause: &str) {
        let last = &mut self.state().logged[access as usize][fault as usize];
        if last.is_some_and(|last| last.elapsed() < LOGGED_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let next = match fault {
            DiskFault::Full => "free space on the disk of the data directory",
            DiskFault::Failing | DiskFault::Storage => "check the disk of the data directory and the log of the kernel",
        };
        log::error!("{}: {cause}; {next}; the server goes on as soon as the disk works", access.failed());
    }

    /// Records the result of a checkpoint.
    pub(super) fn note_checkpoint(&self, failure: Option<&rusqlite::Error>) {
        let text = failure.map(ToString::to_string);
        let before = std::mem::replace(&mut self.state().checkpoint, text.clone());
        match text {
            Some(text) => {
                let fault = failure.and_then(fault_of).unwrap_or(DiskFault::Failing);
                self.log(Access::Checkpoint, fault, &text);
            }
            None if before.is_some() => log::info!("the write-ahead log can be moved into the data file again"),
            None => {}
        }
    }

    pub(super) fn want_checkpoint(&self) {
        self.checkpoint_wanted.store(true, Ordering::Release);
    }

    pub(super) fn takes_wanted_checkpoint(&self) -> bool {
        self.checkpoint_wanted.swap(false, Ordering::AcqRel)
    }

    /// Why the last checkpoint failed, if it did.
    pub(super) fn checkpoint_failure(&self) -> Option<Unready> {
        self.state().checkpoint.clone().map(|cause| Unready { failed: Access::Checkpoint, cause })
    }
}

/// What the data file cannot do now, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", failed.failed())]
pub struct Unready {
    failed: Access,
    cause: String,
}

impl Unready {
    pub(in crate::store) fn new(access: Access, error: &Error) -> Self {
        let cause = match error {
            Error::Disk { cause, .. } | Error::Internal(cause) => cause.to_string(),
            other => other.to_string(),
        };
        Self { failed: access, cause }
    }

    /// `read`, `write` or `checkpoint`.
    pub const fn access(&self) -> &'static str {
        self.failed.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(extended: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(extended), None)
    }

    #[test]
    fn faults_of_the_disk_are_told_from_other_errors() {
        assert_eq!(fault_of(&sqlite(ffi::SQLITE_FULL)), Some(DiskFault::Full));
        for code in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_CORRUPTFS,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
        ] {
            assert_eq!(fault_of(&sqlite(code)), Some(DiskFault::Failing), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_NOMEM, ffi::SQLITE_BUSY, ffi::SQLITE_CONSTRAINT_UNIQUE] {
            assert_eq!(fault_of(&sqlite(code)), None, "{code}");
        }
        assert_eq!(fault_of(&rusqlite::Error::QueryReturnedNoRows), None);
    }

    #[test]
    fn the_last_checkpoint_is_known() {
        let disk = Disk::default();
        assert_eq!(disk.checkpoint_failure(), None);
        disk.note_checkpoint(Some(&sqlite(ffi::SQLITE_IOERR_WRITE)));
        let failure = disk.checkpoint_failure().unwrap().to_string();
        assert!(failure.starts_with("cannot move the write-ahead log into the data file: "), "{failure}");
        disk.note_checkpoint(None);
        assert_eq!(disk.checkpoint_failure(), None);
    }
}
