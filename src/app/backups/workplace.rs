//! The folder in the data directory in which the copy of the data file is made. It is as private as the data file.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::error::{BackupError, Result, failed};
use crate::domain::quota;
use crate::store::data_dir::{BACKING_UP, DataDir};
use crate::store::files;

/// The free bytes of the disk that a backup leaves to the data file.
const RESERVE: u64 = 64 << 20;

/// The folder, locked. It is removed when this is dropped; what a killed process has left is removed by the next one.
#[derive(Debug)]
pub(super) struct Workplace {
    path: PathBuf,
    _lock: File,
}

fn folder(home: &DataDir) -> PathBuf {
    home.path().join(BACKING_UP)
}

impl Workplace {
    /// Refused if another process makes a backup of this directory, or the disk has no room for a copy.
    pub(super) fn take(home: &DataDir) -> Result<Self> {
        let path = folder(home);
        require_room(home)?;
        let lock = create_and_lock(&path).map_err(failed("create", &path))?;
        let Some(lock) = lock else {
            return Err(BackupError::Refused(format!(
                "another backup of {} is being made; wait until it is finished",
                home.path().display()
            )));
        };
        let work = Self { path, _lock: lock };
        remove_files(&work.path).map_err(failed("empty", &work.path))?;
        Ok(work)
    }

    /// Creates an empty file of mode 0600.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        files::create(&path).map_err(failed("create", &path))?;
        Ok(path)
    }
}

fn create_and_lock(path: &Path) -> io::Result<Option<File>> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !fs::symlink_metadata(path)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let folder = File::open(path)?;
    files::change_to_directory_owner(&folder, path)?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn remove_files(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

fn require_room(home: &DataDir) -> Result<()> {
    let size = fs::metadata(home.database()).map_or(0, |found| found.len());
    // A file system that does not tell its free space has no such limit.
    let Ok(disk) = statvfs(home.path()) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < size + RESERVE {
        return Err(BackupError::Refused(format!(
            "a backup needs room for a copy of the data file, {}, on the disk of {}; free space on it",
            quota::size(size),
            home.path().display()
        )));
    }
    Ok(())
}

impl Drop for Workplace {
    fn drop(&mut self) {
        let removed = remove_files(&self.path).and_then(|()| fs::remove_dir(&self.path));
        if let Err(error) = removed {
            log::warn!("cannot remove {}: {error}; the next backup removes it", self.path.display());
        }
    }
}

/// Removes the copy that a killed process has left. To be called at the start of a server.
pub fn clean_up(home: &DataDir) {
    let path = folder(home);
    if !path.exists() {
        return;
    }
    let removed = create_and_lock(&path).and_then(|lock| match lock {
        Some(_lock) => remove_files(&path).and_then(|()| fs::remove_dir(&path)),
        None => Ok(()),
    });
    if let Err(error) = removed {
        log::warn!("cannot remove {}: {error}; the next backup removes it", path.display());
    }
}
