//! A directory of backups. The files of models are in its folder `files`, by SHA-256; all backups share them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::names::{BEGIN, END, SEALED, name_of, parse_name};
use super::new_file::PARTIAL;
use super::write::write_file;
use super::{ArchiveError, Label, NewFile, peek};
use crate::domain::model::{Sha256, StoredFile};
use crate::domain::timestamp::Timestamp;
use crate::files::directories::{create_file, create_folder, folder_of, sync_folder};
use crate::tokens::sealed_file::{self, MAGIC, OpeningReader, Passphrase};

const MODELS: &str = "files";

/// The end of the name of a file of a model that was found to be damaged.
const DAMAGED: &str = ".damaged";

/// A directory with backups.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A backup of a directory.
#[derive(Debug)]
pub struct Listed {
    pub path: PathBuf,
    /// As its name says.
    pub made_at: Timestamp,
    /// Of those with this time in their names.
    number: u32,
    pub size: u64,
    /// Whether its name says that it is sealed.
    pub sealed: bool,
    pub label: Result<Label, ArchiveError>,
}

impl Listed {
    /// As its label says.
    fn moment(&self) -> Option<Timestamp> {
        self.label.as_ref().ok().and_then(Label::made_at)
    }

    /// The id of the server that it is of, if it says that.
    pub fn server(&self) -> Option<&str> {
        self.label.as_ref().ok().and_then(|label| label.server.as_deref())
    }
}

/// Only one process adds to a directory or removes from it.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl Listed {
    /// The name of its file.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Opens the file, which must not be a link.
    pub fn open(&self) -> io::Result<File> {
        OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&self.path)
    }
}

impl Folder {
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the directory if it does not exist. Only its owner may use it.
    pub fn create(&self) -> io::Result<()> {
        create_folder(&self.path)
    }

    /// Locks the directory, and removes what a killed process has left. None if another process holds the lock.
    pub fn lock(&self) -> io::Result<Option<FolderLock>> {
        let path = self.path.join(".atelier-backups.lock");
        let file = match create_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let flags = OFlags::NOFOLLOW.bits().cast_signed();
                OpenOptions::new().read(true).append(true).custom_flags(flags).open(&path)?
            }
            created => created?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        for entry in fs::read_dir(&self.path)? {
            remove_if_partial(&entry?.path(), BEGIN)?;
        }
        for part in self.parts()? {
            for entry in fs::read_dir(part)? {
                remove_if_partial(&entry?.path(), "")?;
            }
        }
        Ok(Some(FolderLock { _file: file }))
    }

    /// The folders of the files of models. A symbolic link is none: it may lead to the files of another server.
    fn parts(&self) -> io::Result<Vec<PathBuf>> {
        let folder = self.path.join(MODELS);
        if !is_directory(&folder)? {
            return Ok(Vec::new());
        }
        let mut parts = entries(&folder)?;
        parts.retain(|part| is_directory(part).unwrap_or(false));
        Ok(parts)
    }

    /// A symbolic link in the place of a folder of the files of models, if there is one.
    pub fn link(&self) -> io::Result<Option<PathBuf>> {
        let folder = self.path.join(MODELS);
        if is_link(&folder) {
            return Ok(Some(folder));
        }
        Ok(entries(&folder)?.into_iter().find(|part| is_link(part)))
    }

    /// The backups, the oldest first.
    pub fn list(&self) -> io::Result<Vec<Listed>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((made_at, number, sealed)) = name.to_str().and_then(parse_name) else { continue };
            let about = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                about => about?,
            };
            if about.is_file() {
                let path = entry.path();
                let label = peek(&path).map(|(label, _)| label);
                found.push(Listed { path, made_at, number, size: about.len(), sealed, label });
            }
        }
        // A name has no fractions of a second, and numbers of sealed ones and others are apart.
        found.sort_by_cached_key(|one| (one.made_at, one.moment(), one.number, one.path.clone()));
        Ok(found)
    }

    /// All archives, whatever their names: a backup that somebody renamed or linked still needs its files.
    pub fn archives(&self) -> io::Result<Vec<PathBuf>> {
        let is_archive = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let name = name.strip_suffix(SEALED).unwrap_or(name);
            Path::new(name).extension().is_some_and(|end| end == "tar") && path.is_file()
        };
        Ok(entries(&self.path)?.into_iter().filter(is_archive).collect())
    }

    /// The path of a new backup.
    pub fn new_path(&self, made_at: Timestamp, sealed: bool) -> PathBuf {
        let end = if sealed { SEALED } else { "" };
        let stamp = name_of(made_at);
        let mut number = 1;
        loop {
            let more = if number == 1 { String::new() } else { format!("-{number}") };
            let path = self.path.join(format!("{BEGIN}{stamp}{more}{END}{end}"));
            if fs::symlink_metadata(&path).is_err() {
                return path;
            }
            number += 1;
        }
    }

    fn model(&self, sha256: &Sha256, sealed: bool) -> PathBuf {
        let name = sha256.to_string();
        let folder = self.path.join(MODELS).join(name.get(..2).unwrap_or_default());
        folder.join(name + if sealed { SEALED } else { "" })
    }

    /// Whether the directory has a file of a model, sealed with this passphrase if there is one. Its bytes are not read.
    ///
    /// Fails if the file is sealed with another passphrase: older backups need it as it is.
    pub fn has_model(&self, file: &StoredFile, passphrase: Option<&Passphrase>) -> io::Result<bool> {
        let path = self.model(&file.sha256, passphrase.is_some());
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => found?,
        };
        let Some(passphrase) = passphrase else { return Ok(found.is_file() && found.len() == file.size) };
        let size = sealed_file::sealed_size(file.sha256.to_string().len(), file.size);
        if !found.is_file() || found.len() != size {
            return Ok(false);
        }
        let mut from = BufReader::new(File::open(&path)?);
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Ok(false);
        }
        if sealed_file::fits(passphrase, &mut from)? {
            return Ok(true);
        }
        Err(io::Error::other(format!(
            "{} is sealed with another passphrase; choose another directory for backups with this one",
            path.display()
        )))
    }

    /// Stores a file of a model, instead of a damaged one. Returns false, and stores nothing, if its bytes do not have its
    /// SHA-256.
    pub fn put_model(
        &self,
        file: &StoredFile,
        from: &mut dyn Read,
        passphrase: Option<&Passphrase>,
    ) -> io::Result<bool> {
        let path = self.model(&file.sha256, passphrase.is_some());
        create_folder(folder_of(&path))?;
        let new = NewFile::create_for_owner(&path)?;
        let sha256 = write_file(&new, from, passphrase, file.sha256.to_string().as_bytes())?;
        if sha256 != file.sha256 {
            return Ok(false);
        }
        new.name_over()?;
        match fs::remove_file(damaged(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    /// Renames a file of a model that is damaged, so that the next backup copies it anew. Returns whether there was one.
    pub fn set_aside(&self, _lock: &FolderLock, sha256: &Sha256, passphrase: Option<&Passphrase>) -> io::Result<bool> {
        let path = self.model(sha256, passphrase.is_some());
        match fs::rename(&path, damaged(&path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            renamed => renamed.and_then(|()| sync_folder(folder_of(&path))).map(|()| true),
        }
    }

    /// Reads a file of a model, which is sealed if there is a passphrase. None if the directory does not have it.
    pub fn open_model(
        &self,
        sha256: &Sha256,
        passphrase: Option<&Passphrase>,
    ) -> Result<Option<Box<dyn Read>>, ArchiveError> {
        let mut from = match File::open(self.model(sha256, passphrase.is_some())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => BufReader::new(found?),
        };
        let Some(passphrase) = passphrase else { return Ok(Some(Box::new(from))) };
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic)?;
        let (label, from) = OpeningReader::begin(from, passphrase)?;
        if magic != *MAGIC || label != sha256.to_string().as_bytes() {
            return Err(ArchiveError::Damaged(format!("the file {sha256} is another one")));
        }
        Ok(Some(Box::new(from)))
    }

    /// Removes the files of models that are not among these. Returns how many there were.
    pub fn remove_other_models(&self, _lock: &FolderLock, kept: &BTreeSet<Sha256>) -> io::Result<usize> {
        let mut removed = 0;
        for part in self.parts()? {
            for path in entries(&part)? {
                if remove_if_partial(&path, "")? {
                    continue;
                }
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let name = name.strip_suffix(DAMAGED).unwrap_or(name);
                let sha256 = name.strip_suffix(SEALED).unwrap_or(name).parse::<Sha256>();
                if sha256.is_ok_and(|sha256| !kept.contains(&sha256)) {
                    fs::remove_file(&path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Removes a backup.
    pub fn remove(&self, _lock: &FolderLock, backup: &Listed) -> io::Result<()> {
        fs::remove_file(&backup.path)?;
        sync_folder(&self.path)
    }
}

fn damaged(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(DAMAGED);
    name.into()
}

/// Whether there is a directory, and no link to one.
fn is_directory(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => Ok(found?.is_dir()),
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// The entries of a folder; none if it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        entries => entries?.map(|entry| entry.map(|entry| entry.path())).collect(),
    }
}

/// Removes an unfinished file whose name begins so.
fn remove_if_partial(path: &Path, begin: &str) -> io::Result<bool> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_partial = name.strip_prefix('.').is_some_and(|name| name.starts_with(begin) && name.ends_with(PARTIAL));
    if is_partial {
        fs::remove_file(path)?;
    }
    Ok(is_partial)
}
