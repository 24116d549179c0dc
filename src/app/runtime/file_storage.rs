//! The place of the files, and how much may be stored there.

use std::path::Path;

use crate::error::Result;
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
}

impl FileStorage {
    /// Opens the storage of a data directory, without limits.
    pub fn open(data_dir: &Path, place: &Place) -> Result<Self> {
        let (store, spool) = files::open(data_dir, place)?;
        Ok(Self { store, spool, max_file: u64::MAX, max_organization: None })
    }

    /// Files in a folder of a data directory, for tests.
    #[cfg(test)]
    pub(crate) fn local(data_dir: &Path) -> Self {
        Self::open(data_dir, &Place::Local).unwrap()
    }

    pub const fn limit(&self) -> Limit {
        Limit { bytes: self.max_file, rule: TOO_LARGE }
    }
}
