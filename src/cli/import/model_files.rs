//! The folder with the files of models that an import brings.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;

use crate::app::runtime::file_storage::FileStorage;
use crate::app::transfer;
use crate::cli::progress::Progress;
use crate::cli::{CliError, say};
use crate::domain::model::{Sha256, StoredFile};
use crate::error::Result as Done;
use crate::files::Spooled;
use crate::store::Store;
use crate::tokens::file_hash::FileHash;

/// The bytes that are copied at once.
const CHUNK: usize = 1 << 20;

/// The maximum number of files that are remembered as compared.
const MAX_COMPARED: usize = 100_000;

/// Where the files are, and what happens to versions without one.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(skip)]
pub(super) struct Options {
    /// The folder with the files of models: `files` of the other server's data directory, or a copy of it.
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Leave out the versions of models whose file is missing.
    #[arg(long)]
    pub(super) without_files: bool,
    /// Accept every file that this server stores, also one that only other organizations have; for a file storage that
    /// both servers use.
    #[arg(long)]
    stored_files: bool,
}

#[derive(Debug)]
pub(super) struct GivenFiles {
    folder: Option<PathBuf>,
    /// Whether an import brings each file that is stored here.
    accept_stored: bool,
    /// The files whose bytes have the SHA-256 of their names. A file may belong to many versions.
    compared: Mutex<HashSet<Sha256>>,
}

impl GivenFiles {
    pub(super) fn new(options: &Options) -> Self {
        Self { folder: options.files.clone(), accept_stored: options.stored_files, compared: Mutex::default() }
    }

    /// The path of a file in the folder, if it is there.
    pub(super) fn path(&self, file: StoredFile) -> Option<PathBuf> {
        let folder = self.folder.as_deref()?;
        let name = file.sha256.to_string();
        let paths = [folder.join(name.get(..2)?).join(&name), folder.join(&name)];
        paths.into_iter().find(|path| path.metadata().is_ok_and(|found| found.is_file() && found.len() == file.size))
    }

    /// Whether the import brings a file, as far as is known before it is stored.
    pub(super) fn is_brought(&self, file: StoredFile, storage: &FileStorage) -> Done<bool> {
        if self.accept_stored {
            return Ok(true);
        }
        let Some(path) = self.path(file) else { return Ok(false) };
        // One that is not stored yet is compared when it is stored.
        if storage.store.size(&file.sha256)? != Some(file.size) {
            return Ok(true);
        }
        let is_it = self.compare(&path, file);
        if let Err(CliError::Failed(words)) = &is_it {
            say(&format!("warning: {words}"));
        }
        Ok(is_it.is_ok())
    }

    /// The same, once all files are stored.
    pub(super) fn was_brought(&self, file: StoredFile) -> bool {
        self.accept_stored || self.path(file).is_some()
    }

    /// Stores a file of the folder, unless it is stored already. Refuses one whose bytes do not have its SHA-256, and one that
    /// is in neither place.
    pub(super) fn store(&self, file: StoredFile, store: &Store, storage: &FileStorage) -> Result<(), CliError> {
        let is_stored = storage.store.size(&file.sha256)? == Some(file.size);
        let Some(path) = self.path(file) else {
            return if is_stored { Ok(()) } else { Err(removed(file)) };
        };
        if is_stored {
            return self.compare(&path, file);
        }
        transfer::store_file(store, storage, copy(&path, file, storage)?)?;
        self.note(file);
        Ok(())
    }

    fn note(&self, file: StoredFile) {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if compared.len() >= MAX_COMPARED {
            compared.clear();
        }
        compared.insert(file.sha256);
    }

    fn compare(&self, path: &Path, file: StoredFile) -> Result<(), CliError> {
        if self.compared.lock().unwrap_or_else(PoisonError::into_inner).contains(&file.sha256) {
            return Ok(());
        }
        let mut hash = FileHash::new();
        read(path, file.size, |bytes| {
            hash.update(bytes);
            Ok(())
        })?;
        if hash.finish() != file.sha256 {
            return Err(another(path));
        }
        self.note(file);
        Ok(())
    }
}

/// Receives a file, and compares it with its SHA-256.
fn copy(path: &Path, file: StoredFile, storage: &FileStorage) -> Result<Spooled, CliError> {
    let mut incoming = storage.spool.begin(storage.limit())?;
    read(path, file.size, |bytes| Ok(incoming.write(bytes)?))?;
    let spooled = incoming.finish()?;
    if spooled.sha256() != file.sha256 || spooled.size() != file.size {
        return Err(another(path));
    }
    Ok(spooled)
}

/// Nobody needed the file when it was looked for.
fn removed(file: StoredFile) -> CliError {
    CliError::Failed(format!("the file {} of a model was removed meanwhile; import the file again", file.sha256))
}

fn another(path: &Path) -> CliError {
    CliError::Failed(format!(
        "{} is not the file of its name: its SHA-256 is another; copy the folder again",
        path.display()
    ))
}

fn read(path: &Path, size: u64, mut each: impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
    let unreadable =
        |error: io::Error| CliError::Failed(format!("cannot read {}: {error}; check the folder", path.display()));
    let mut from = File::open(path).map_err(unreadable)?;
    let progress = Progress::bytes(size);
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                each(chunk.get(..read).unwrap_or_default())?;
                progress.add(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}
