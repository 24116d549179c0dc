//! The folder in the data directory in which the copy of the data file is made. It is as private as the data file.

use std::fs;
use std::path::PathBuf;

use super::error::{BackupError, Result, failed};
use super::temporary::{self, Temporary};
use super::{scratch, staging};
use crate::domain::quota;
use crate::store::data_dir::{BACKING_UP, DataDir};
use crate::store::files;

/// The free bytes of the disk that a backup leaves to the data file.
const RESERVE: u64 = 64 << 20;

/// The folder, locked. It is removed when this is dropped; what a killed process has left is removed by the next one.
#[derive(Debug)]
pub(super) struct Workplace(Temporary);

fn folder(home: &DataDir) -> PathBuf {
    home.path().join(BACKING_UP)
}

impl Workplace {
    /// Refused if another process makes a backup of this directory, or the disk has no room for a copy.
    pub(super) fn take(home: &DataDir) -> Result<Self> {
        let path = folder(home);
        let taken = Temporary::take(&path).map_err(failed("create", &path))?;
        let Some(taken) = taken else {
            return Err(BackupError::Refused(format!(
                "another backup of {} is being made; wait until it is finished",
                home.path().display()
            )));
        };
        require_room(home)?;
        Ok(Self(taken))
    }

    /// Creates an empty file of mode 0600.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.path().join(name);
        files::create(&path).map_err(failed("create", &path))?;
        Ok(path)
    }
}

/// Removes what killed backups and restores have left in a data directory and beside it, and what killed verifications
/// have left in `TMPDIR`. To be called at the start of a server.
pub fn clean_up(home: &DataDir) {
    let path = folder(home);
    if let Err(error) = temporary::remove_unused(&path) {
        log::warn!("cannot remove {}: {error}; the next backup removes it", path.display());
    }
    staging::clean_up(home);
    scratch::clean_up();
}

fn require_room(home: &DataDir) -> Result<()> {
    let size = fs::metadata(home.database()).map_or(0, |found| found.len());
    // A file system that does not tell its free space has no such limit.
    let Some(free) = home.free_space() else { return Ok(()) };
    if free < size + RESERVE {
        return Err(BackupError::Refused(format!(
            "a backup needs room for a copy of the data file, {}, on the disk of {}; free space on it",
            quota::size(size),
            home.path().display()
        )));
    }
    Ok(())
}
