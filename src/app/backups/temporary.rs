//! A temporary directory, which holds decrypted data. It is locked while it is in use, so that the next run removes what a
//! killed process has left.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use uuid::Uuid;

use crate::store::files;

/// A locked directory of mode 0700. It is removed when this is dropped.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    lock: File,
}

impl Temporary {
    /// Creates a directory, or empties the one that a killed process has left. None if another process uses it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let is_new = match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                created => created.is_ok(),
            };
            let lock = match open(path) {
                // Another process has removed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            if is_new {
                files::change_to_directory_owner(&lock, path)?;
            }
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if is_at(&lock, path) {
                for entry in fs::read_dir(path)? {
                    remove(&entry?.path())?;
                }
                return Ok(Some(Self { path: path.to_owned(), lock }));
            }
        }
    }

    /// Creates a directory with a new name that begins so, and removes those of killed processes.
    pub fn create(folder: &Path, begin: &str) -> io::Result<Self> {
        clean(folder, begin);
        loop {
            let path = folder.join(format!("{begin}{}", Uuid::new_v4().simple()));
            // Another process may have found it before it was locked.
            if let Some(taken) = Self::take(&path)? {
                return Ok(taken);
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the directory another name, under which it stays. Fails, and removes it, if there is one that is not empty.
    pub(super) fn keep_as(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After it was renamed there is nothing to remove.
        if is_at(&self.lock, &self.path)
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            log::warn!("cannot remove {}: {error}; delete it", self.path.display());
        }
    }
}

/// Removes a directory that a killed process has left. Returns whether one is left, because another process uses it.
pub(super) fn remove_unused(path: &Path) -> io::Result<bool> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(false);
    }
    Ok(Temporary::take(path)?.is_none())
}

/// Removes the directories of killed processes whose names begin so. Those of other users stay.
pub(super) fn clean(folder: &Path, begin: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(begin));
        let is_ours = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = entry.path();
        if rest.is_some_and(is_ours)
            && belongs_to_us(&path, folder)
            && let Err(error) = remove_unused(&path)
        {
            log::warn!("cannot remove {}, which a killed process has left: {error}; delete it", path.display());
        }
    }
}

/// Whether this user has created it, or the superuser for the owner of the folder.
fn belongs_to_us(path: &Path, folder: &Path) -> bool {
    let (Ok(found), Ok(above)) = (fs::symlink_metadata(path), fs::metadata(folder)) else { return false };
    let us = geteuid();
    found.is_dir() && (found.uid() == us.as_raw() || us.is_root() && found.uid() == above.uid())
}

/// Opens a directory, but follows no symbolic link.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Whether the opened directory still has this path.
fn is_at(directory: &File, path: &Path) -> bool {
    let (Ok(one), Ok(other)) = (directory.metadata(), fs::symlink_metadata(path)) else { return false };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_directories_without_a_lock_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let hex = "0123456789abcdef0123456789abcdef";
        for name in [format!("try-{hex}"), "try-mine".to_owned(), format!("other-{hex}")] {
            fs::create_dir(folder.join(&name)).unwrap();
            fs::write(folder.join(&name).join("file"), "x").unwrap();
        }
        symlink(folder.join("try-mine"), folder.join(format!("try-{}", "a".repeat(32)))).unwrap();
        let one = Temporary::create(folder, "try-").unwrap();
        fs::create_dir(one.path().join("inside")).unwrap();
        let two = Temporary::create(folder, "try-").unwrap();
        assert!(one.path().join("inside").exists() && one.path() != two.path());
        assert!(!folder.join(format!("try-{hex}")).exists());
        assert!(Temporary::take(two.path()).unwrap().is_none());
        two.keep_as(&folder.join("kept")).unwrap();
        drop(one);
        let left = [format!("other-{hex}"), format!("try-{}", "a".repeat(32)), "try-mine".to_owned()];
        assert_eq!(names(folder), ["kept".to_owned()].into_iter().chain(left).collect::<Vec<_>>());
        assert!(folder.join("try-mine/file").exists());
    }

    #[test]
    fn a_directory_that_was_left_is_emptied() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("work");
        fs::create_dir_all(path.join("inside/deep")).unwrap();
        symlink("/none", path.join("link")).unwrap();
        let taken = Temporary::take(&path).unwrap().unwrap();
        assert!(names(&path).is_empty());
        assert!(remove_unused(&path).unwrap(), "it is in use");
        drop(taken);
        assert!(!path.exists() && !remove_unused(&path).unwrap());
        fs::write(&path, "").unwrap();
        assert!(Temporary::take(&path).is_err());
    }
}
