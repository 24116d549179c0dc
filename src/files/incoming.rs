//! The spool: files that are being received. A file is hashed while it arrives, is never whole in memory, and is removed
//! when it is dropped.
//!
//! The process that receives a file locks it. A file without a lock is of a process that was killed.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::statvfs;
use uuid::Uuid;

use super::directories::{create_file, create_folder};
use super::disk_error;
use crate::domain::model::Sha256;
use crate::domain::quota;
use crate::error::{DiskFault, Error, Result};
use crate::tokens::file_hash::FileHash;

/// The folder of the spool, in the folder of the files.
pub(super) const FOLDER: &str = "incoming";

/// The maximum size of one file, and the rule that a larger one breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In bytes.
    pub bytes: u64,
    pub rule: &'static str,
}

/// The free bytes of the disk that uploads leave to the data file.
const RESERVE: u64 = 256 << 20;

/// Refuses to receive more when the disk is nearly full, because then nobody could write anything.
fn require_reserve(folder: &Path) -> Result<()> {
    // A file system that does not tell its free space has no such limit.
    let Ok(disk) = statvfs(folder) else { return Ok(()) };
    if disk.f_bavail.saturating_mul(disk.f_frsize) < RESERVE {
        return Err(Error::disk(
            DiskFault::Full,
            format!("less than {} are free at {}", quota::size(RESERVE), folder.display()),
        ));
    }
    Ok(())
}

/// The folder of the files that are being received.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The spool in a folder, which is created with the first file.
    pub(super) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Begins to receive a file.
    ///
    /// Refused when the disk is nearly full.
    pub fn begin(&self, limit: Limit) -> Result<Incoming> {
        require_reserve(&self.folder)?;
        let (file, path) = self.create().map_err(|error| disk_error("create a file in", &self.folder, &error))?;
        let (entry, file) = (Entry(Some(path)), Arc::new(file));
        Ok(Incoming { entry, file, spool: self.clone(), hash: FileHash::new(), size: 0, limit })
    }

    /// A new locked file. Another process may take it for one without an owner before it is locked, and remove it.
    fn create(&self) -> io::Result<(File, PathBuf)> {
        loop {
            let path = self.folder.join(Uuid::new_v4().to_string());
            let file = match create_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    create_folder(&self.folder)?;
                    create_file(&path)?
                }
                created => created?,
            };
            match file.try_lock() {
                Ok(()) if file.metadata()?.nlink() > 0 => return Ok((file, path)),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    // The error of the lock is the one to report.
                    let _ = fs::remove_file(&path);
                    return Err(error);
                }
            }
        }
    }

    /// Removes the files of processes that have ended. Returns how many there were.
    pub fn clean(&self) -> Result<usize> {
        self.each_unfinished(|path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }

    /// Counts the files of processes that have ended.
    pub fn unfinished(&self) -> Result<usize> {
        self.each_unfinished(|_| Ok(()))
    }

    fn each_unfinished(&self, each: impl Fn(&Path) -> io::Result<()>) -> Result<usize> {
        let failed = |error: io::Error| disk_error("read the folder", &self.folder, &error);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries.map_err(failed)?,
        };
        let mut found = 0;
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.map_err(|error| disk_error("open", &path, &error))?,
            };
            match file.try_lock() {
                Ok(()) => {
                    found += 1;
                    each(&path).map_err(|error| disk_error("remove", &path, &error))?;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(disk_error("lock", &path, &error)),
            }
        }
        Ok(found)
    }
}

/// A file in the spool, which is removed when this is dropped.
#[derive(Debug)]
struct Entry(Option<PathBuf>);

impl Entry {
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or_else(|| Path::new(""))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = fs::remove_file(path)
        {
            log::warn!("cannot remove {}: {error}; the next start removes it", path.display());
        }
    }
}

/// A file that is being received.
pub struct Incoming {
    // The first field, because the file is unlocked after it was removed.
    entry: Entry,
    file: Arc<File>,
    spool: Spool,
    hash: FileHash,
    size: u64,
    limit: Limit,
}

impl Incoming {
    /// Adds bytes. Refused beyond the limit, and when the disk is full or fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit.bytes {
            return Err(Error::TooLarge { rule: self.limit.rule });
        }
        (&*self.file).write_all(bytes).map_err(|error| disk_error("write", self.entry.path(), &error))?;
        self.hash.update(bytes);
        Ok(())
    }

    /// The bytes that were added.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// A handle that brings to the disk what was added so far, also while more is added. It shortens the wait at the end.
    ///
    /// Refused when the disk is nearly full.
    pub fn flush(&self) -> impl FnOnce() -> Result<()> + Send + 'static {
        let (file, path, folder) = (self.file.clone(), self.entry.path().to_owned(), self.spool.folder.clone());
        move || {
            file.sync_data().map_err(|error| disk_error("write", &path, &error))?;
            require_reserve(&folder)
        }
    }

    /// Ends the file and brings it to the disk.
    pub fn finish(self) -> Result<Spooled> {
        self.flush()()?;
        let Self { entry, file, spool, hash, size, .. } = self;
        Ok(Spooled { entry, file, spool, sha256: hash.finish(), size })
    }
}

/// A file that was received whole, and is on the disk.
#[derive(Debug)]
pub struct Spooled {
    entry: Entry,
    file: Arc<File>,
    spool: Spool,
    sha256: Sha256,
    size: u64,
}

impl Spooled {
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// In bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes, from the first one.
    pub(super) fn rewound(&mut self) -> io::Result<&File> {
        (&*self.file).rewind()?;
        Ok(&self.file)
    }

    /// Moves the file to a path, and replaces what is there. It can be moved again after it was removed there.
    pub(super) fn move_to(&mut self, path: &Path) -> io::Result<()> {
        if self.entry.0.is_none() {
            let (copy, path) = self.spool.create()?;
            let entry = Entry(Some(path));
            io::copy(&mut self.rewound()?, &mut &copy)?;
            copy.sync_data()?;
            (self.entry, self.file) = (entry, Arc::new(copy));
        }
        fs::rename(self.entry.path(), path)?;
        self.entry.0 = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
