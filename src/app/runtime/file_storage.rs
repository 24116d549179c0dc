//! The place of the files, and how much may be stored there.

use std::path::Path;
use std::time::Duration;

use super::log_limiter::LogLimiter;
use crate::error::{DiskFault, Error, Result};
use crate::files::{self, FileStore, Limit, Place, Spool};

/// The rule of `max_file`.
const TOO_LARGE: &str = "must not be larger than the server's max_file";

/// Where files are stored, and their limits.
#[derive(Debug)]
pub struct FileStorage {
    pub store: Box<dyn FileStore>,
    /// The files that are being received.
    pub spool: Spool,
    /// The maximum size of a file, in bytes.
    pub max_file: u64,
    /// The maximum size of all files of an organization, in bytes. `None` for no maximum.
    pub max_organization: Option<u64>,
    /// Limits the log lines about faults.
    pub(crate) log: LogLimiter,
}

/// The interval between two log lines about the same fault, however many requests meet it.
const LOGGED_EVERY: Duration = Duration::from_mins(1);

impl FileStorage {
    /// Opens the storage of a data directory, without limits.
    pub fn open(data_dir: &Path, place: &Place) -> Result<Self> {
        let (store, spool) = files::open(data_dir, place)?;
        Ok(Self { store, spool, max_file: u64::MAX, max_organization: None, log: LogLimiter::new(LOGGED_EVERY) })
    }

    /// Files in a folder of a data directory, for tests.
    #[cfg(test)]
    pub(crate) fn local(data_dir: &Path) -> Self {
        Self::open(data_dir, &Place::Local).unwrap()
    }

    /// Passes a result on, and logs a fault of the place of the files.
    pub(in crate::app) fn watched<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(Error::Disk { fault, cause }) = &result
            && self.log.allows(&fault.to_string())
        {
            let next = match fault {
                DiskFault::Full => "free space on the disk of the data directory",
                DiskFault::Failing => "check the disk of the data directory and the log of the kernel",
                DiskFault::Storage => "check the network and the settings that begin with files",
            };
            log::error!("{cause}; {next}");
        }
        result
    }

    pub const fn limit(&self) -> Limit {
        Limit { bytes: self.max_file, rule: TOO_LARGE }
    }
}
