//! A file that gets its name once it is whole and on the disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use uuid::Uuid;

use crate::files::directories::{create_file, folder_of, sync_folder};

/// The end of the name of an unfinished file.
pub(super) const PARTIAL: &str = ".partial";

/// An unfinished file of mode 0600 beside its place. It is removed when it is dropped. It is locked, so that one of a killed
/// process is told from one that is being written.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    /// None once it has its name.
    partial: Option<PathBuf>,
    file: File,
}

impl NewFile {
    /// Belongs to the user of this process. Removes what a killed process has left of a file of this name.
    pub fn create(path: &Path) -> io::Result<Self> {
        remove_left(path);
        Self::create_with(path, |partial| {
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(partial)
        })
    }

    /// Belongs to the owner of the directory, even if the superuser creates it.
    pub fn create_for_owner(path: &Path) -> io::Result<Self> {
        Self::create_with(path, create_file)
    }

    fn create_with(path: &Path, create: impl Fn(&Path) -> io::Result<File>) -> io::Result<Self> {
        let begin = beginning(path).ok_or(io::ErrorKind::InvalidInput)?;
        loop {
            let partial = folder_of(path).join(format!("{begin}{}{PARTIAL}", Uuid::new_v4().simple()));
            let file = create(&partial)?;
            // Another process may take it for one without an owner before it is locked, and remove it.
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {}
                Ok(()) if file.metadata()?.nlink() == 0 => {}
                // A file system without locks also hides which ones are left.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    return Ok(Self { path: path.to_owned(), partial: Some(partial), file });
                }
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Brings the file to the disk and gives it its name. Fails if there is a file of that name.
    pub fn name_new(self) -> io::Result<()> {
        self.name(|from, to| match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Some file systems cannot do that in one step.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
                fs::rename(from, to)
            }
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
            done => Ok(done?),
        })
    }

    /// The same, but replaces a file of that name.
    pub(super) fn name_over(self) -> io::Result<()> {
        self.name(|from, to| fs::rename(from, to))
    }

    fn name(mut self, rename: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(partial) = &self.partial {
            rename(partial, &self.path)?;
        }
        self.partial = None;
        sync_folder(folder_of(&self.path))
    }
}

/// How the name of an unfinished file begins. A long name must leave room for what is added.
fn beginning(path: &Path) -> Option<String> {
    let begin: String = path.file_name()?.to_string_lossy().chars().take(40).collect();
    Some(format!(".{begin}."))
}

/// Removes the unfinished files of killed processes. The new file will tell what is wrong with the folder.
fn remove_left(path: &Path) {
    let (Some(begin), Ok(entries)) = (beginning(path), fs::read_dir(folder_of(path))) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&begin)?.strip_suffix(PARTIAL));
        let is_ours = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !rest.is_some_and(is_ours) {
            continue;
        }
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let left = OpenOptions::new().read(true).write(true).custom_flags(flags).open(entry.path());
        if left.is_ok_and(|left| left.try_lock().is_ok())
            && let Err(error) = fs::remove_file(entry.path())
        {
            log::warn!("cannot remove {}, which a killed process has left: {error}", entry.path().display());
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial
            && let Err(error) = fs::remove_file(partial)
        {
            log::warn!("cannot remove {}: {error}; delete it", partial.display());
        }
    }
}
