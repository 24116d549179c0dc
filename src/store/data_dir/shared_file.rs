//! Handles of files that SQLite has open, too.
//!
//! A process that closes any handle of a file loses all of its POSIX locks on that file, also those of its SQLite
//! connections (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
//! For this reason all users of a file share one handle, and drop it after their connections.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Identifies a file as long as it is open somewhere: its device and its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that a path leads to now.
    pub(in crate::store) fn at(path: &Path) -> io::Result<Self> {
        path.metadata().map(|found| Self::of(&found))
    }

    fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

static OPEN: Mutex<BTreeMap<FileId, Weak<SharedFile>>> = Mutex::new(BTreeMap::new());

/// The one handle of this process to a file.
#[derive(Debug)]
pub(in crate::store) struct SharedFile {
    file: File,
    id: FileId,
    /// Whether this process holds the lock of [`SharedFile::try_lock`].
    is_locked: Mutex<bool>,
}

impl SharedFile {
    /// Opens a file for reading.
    pub(in crate::store) fn open(path: &Path) -> io::Result<Arc<Self>> {
        let mut open = registry();
        if let Some(shared) = open.get(&FileId::at(path)?).and_then(Weak::upgrade) {
            return Ok(shared);
        }
        adopt(&mut open, File::open(path)?)
    }

    /// Opens a file for reading. Creates it with access for its owner only if it does not exist.
    pub(in crate::store) fn open_or_create(path: &Path) -> io::Result<Arc<Self>> {
        let created = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path);
        match created {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::open(path),
            created => adopt(&mut registry(), created?),
        }
    }

    /// Shares a handle that is open already.
    pub(super) fn share(file: File) -> io::Result<Arc<Self>> {
        adopt(&mut registry(), file)
    }

    pub(in crate::store) const fn file(&self) -> &File {
        &self.file
    }

    pub(in crate::store) const fn id(&self) -> FileId {
        self.id
    }

    /// Reads from an offset. Returns the number of bytes, which is less than asked for at the end of the file.
    pub(in crate::store) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    /// Locks the file itself (flock). SQLite's own locks are of another kind and do not meet this one. Fails as
    /// `WouldBlock` if another process holds the lock, or this one.
    pub(super) fn try_lock(&self) -> Result<(), TryLockError> {
        let mut is_locked = self.is_locked();
        if *is_locked {
            return Err(TryLockError::WouldBlock);
        }
        self.file.try_lock()?;
        *is_locked = true;
        Ok(())
    }

    pub(super) fn unlock(&self) -> io::Result<()> {
        let mut is_locked = self.is_locked();
        *is_locked = false;
        self.file.unlock()
    }

    /// Whether nobody holds the lock. Keeps no lock. Fails as `WouldBlock` if somebody does.
    pub(super) fn try_unlocked(&self) -> Result<(), TryLockError> {
        let is_locked = self.is_locked();
        if *is_locked {
            return Err(TryLockError::WouldBlock);
        }
        self.file.try_lock_shared()?;
        self.file.unlock().map_err(TryLockError::Error)
    }

    fn is_locked(&self) -> MutexGuard<'_, bool> {
        self.is_locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for SharedFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn registry() -> MutexGuard<'static, BTreeMap<FileId, Weak<SharedFile>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn adopt(open: &mut BTreeMap<FileId, Weak<SharedFile>>, file: File) -> io::Result<Arc<SharedFile>> {
    let id = FileId::of(&file.metadata()?);
    if let Some(shared) = open.get(&id).and_then(Weak::upgrade) {
        // Closing this one would drop the locks.
        let _ = file.into_raw_fd();
        return Ok(shared);
    }
    let shared = Arc::new(SharedFile { file, id, is_locked: Mutex::new(false) });
    open.retain(|_, file| file.strong_count() > 0);
    open.insert(id, Arc::downgrade(&shared));
    Ok(shared)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_has_one_handle() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        let first = SharedFile::open_or_create(&path).unwrap();
        let link = place.path().join("link");
        fs::hard_link(&path, &link).unwrap();
        assert!(Arc::ptr_eq(&first, &SharedFile::open(&link).unwrap()));
        assert!(Arc::ptr_eq(&first, &SharedFile::open_or_create(&path).unwrap()));
        assert!(Arc::ptr_eq(&first, &SharedFile::share(File::open(&path).unwrap()).unwrap()));

        fs::rename(&path, place.path().join("away")).unwrap();
        fs::write(&path, "other").unwrap();
        let second = SharedFile::open(&path).unwrap();
        assert_ne!(first.id(), second.id());
        let mut bytes = [0; 9];
        assert_eq!(second.read_at(&mut bytes, 1).unwrap(), 4);
        assert_eq!(&bytes[..4], b"ther");
    }

    #[test]
    fn a_lock_is_seen_in_this_process_and_in_others() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        let ours = SharedFile::open_or_create(&path).unwrap();
        let theirs = File::open(&path).unwrap();
        ours.try_unlocked().unwrap();
        ours.try_lock().unwrap();
        assert!(matches!(ours.try_lock(), Err(TryLockError::WouldBlock)));
        assert!(matches!(ours.try_unlocked(), Err(TryLockError::WouldBlock)));
        assert!(matches!(theirs.try_lock_shared(), Err(TryLockError::WouldBlock)));
        ours.unlock().unwrap();
        theirs.try_lock().unwrap();
        assert!(matches!(ours.try_unlocked(), Err(TryLockError::WouldBlock)));
    }
}
