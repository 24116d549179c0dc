//! A file that gets its name once it is whole and on the disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::files::directories::{create_file, folder_of, rename_new, sync_folder};

/// The end of the name of an unfinished file.
pub(super) const PARTIAL: &str = ".partial";

/// An unfinished file of mode 0600 beside its place. It is removed when it is dropped.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    /// None once it has its name.
    partial: Option<PathBuf>,
    file: File,
}

impl NewFile {
    /// Belongs to the user of this process.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::create_with(path, |partial| {
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(partial)
        })
    }

    /// Belongs to the owner of the directory, even if the superuser creates it.
    pub fn create_for_owner(path: &Path) -> io::Result<Self> {
        Self::create_with(path, create_file)
    }

    fn create_with(path: &Path, create: impl FnOnce(&Path) -> io::Result<File>) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        // A long name must leave room for what is added.
        let begin: String = name.chars().take(40).collect();
        let partial = folder_of(path).join(format!(".{begin}.{}{PARTIAL}", Uuid::new_v4().simple()));
        let file = create(&partial)?;
        Ok(Self { path: path.to_owned(), partial: Some(partial), file })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Brings the file to the disk and gives it its name. Fails if there is a file of that name.
    pub fn name_new(self) -> io::Result<()> {
        self.name(rename_new)
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

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial
            && let Err(error) = fs::remove_file(partial)
        {
            log::warn!("cannot remove {}: {error}; delete it", partial.display());
        }
    }
}
