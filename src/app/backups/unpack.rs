//! Takes a backup apart, and verifies every byte of it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;

use rustix::io::Errno;

use super::error::{BackupError, Result, failed};
use super::models::{self, List};
use super::observer::{Observed, Observer};
use crate::app::runtime::file_storage::FileStorage;
use crate::domain::model::{Sha256, StoredFile};
use crate::domain::secret::Secret;
use crate::error::{DiskFault, Error};
use crate::files::Limit;
use crate::files::archive::{ArchiveError, ArchiveReader, FilesPlace, Folder, Label, Manifest, Part, Sealed, peek};
use crate::store::data_dir::DataDir;
use crate::store::files;
use crate::store::schema::{self, Unfit};
use crate::tokens::file_hash::FileHash;
use crate::tokens::sealed_file::Passphrase;

const CHUNK: usize = 256 << 10;

/// The maximum size of a key, and the maximum number of keys.
const MAX_KEY: u64 = 4096;
const MAX_KEYS: usize = 1000;

const NO_LIMIT: Limit = Limit { bytes: u64::MAX, rule: "" };

/// Where the files of models go.
#[derive(Clone, Copy, Debug)]
pub enum ModelsTo<'f> {
    /// Only their hashes are verified.
    Nowhere,
    Store(&'f FileStorage),
}

/// The parts of a backup, all of them verified.
pub struct Unpacked {
    pub manifest: Manifest,
    pub sealed: Sealed,
    /// The master key, and with their ids the older ones.
    pub keys: Vec<(Option<String>, Secret)>,
    /// Files of models that are not beside the backup, or are damaged there.
    pub absent: Vec<Sha256>,
    /// The number of files of models that a backup without files has left out.
    pub left_out: u64,
}

/// Refuses a backup of a newer schema, before anything is unpacked.
fn require_known_schema(path: &Path, label: &Label) -> Result<()> {
    if label.schema <= schema::VERSION {
        return Ok(());
    }
    let newer = Unfit::Newer { version: i32::try_from(label.schema).unwrap_or(i32::MAX), copy: None };
    Err(BackupError::Refused(format!("{} is of atelier {}: {newer}", path.display(), label.program)))
}

/// Unpacks the data file of a backup into an empty data directory, and the files of models where they are wanted.
///
/// Refused if any byte of it is not as it was written, if it is of a newer format or schema, and if the passphrase is wrong.
pub fn unpack(
    path: &Path,
    passphrase: Option<&Passphrase>,
    into: &DataDir,
    to: ModelsTo,
    observer: &dyn Observer,
) -> Result<Unpacked> {
    let unpacked = unpack_all(path, passphrase, into, to, observer);
    // What was not read any more looks like damage.
    if observer.is_stopped() { Err(BackupError::Stopped) } else { unpacked }
}

fn unpack_all(
    path: &Path,
    passphrase: Option<&Passphrase>,
    into: &DataDir,
    to: ModelsTo,
    observer: &dyn Observer,
) -> Result<Unpacked> {
    let of_archive = |source| BackupError::Archive { path: path.to_owned(), source };
    let (label, _) = peek(path).map_err(of_archive)?;
    require_known_schema(path, &label)?;
    let reader = ArchiveReader::open(path, passphrase).map_err(of_archive)?;
    let sealed = reader.sealed;
    observer.begin("reading", fs::metadata(path).map_or(0, |found| found.len()));
    let list = into.path().join("model-files");
    let mut unpacking =
        Unpacking { path, into, list: &list, to, observer, keys: Vec::new(), expected: None, skipped: vec![] };
    let read = reader.read(&mut |part, size, from| unpacking.part(part, size, from));
    let Unpacking { keys, expected, skipped, .. } = unpacking;
    let manifest = read.map_err(|error: BackupError| error.at(path))?;
    let damaged = |what: String| of_archive(ArchiveError::Damaged(what));
    let (mut absent, mut left_out) = (Vec::new(), 0);
    match manifest.files.place {
        FilesPlace::Nowhere => {
            for file in List::open(&list).map_err(failed("read", &list))? {
                file.map_err(|error| damaged(error.to_string()))?;
                left_out += 1;
            }
        }
        FilesPlace::Inside => {
            let rest = match expected {
                Some(rest) => rest,
                None => List::open(&list).map_err(failed("read", &list))?,
            };
            let rest = rest.map(|file| file.map(|file| file.sha256));
            for sha256 in skipped.into_iter().map(Ok).chain(rest) {
                let sha256 = sha256.map_err(|error| damaged(error.to_string()))?;
                if !manifest.files.lacks(&sha256) {
                    return Err(damaged(format!("the file {sha256} is missing")));
                }
            }
        }
        FilesPlace::Beside => {
            let folder = Folder::at(files::directory_of(path).to_owned());
            observer.begin("files", manifest.files.bytes);
            absent = read_beside(&folder, &manifest, passphrase.filter(|_| sealed.0), &list, to, observer)?;
        }
    }
    fs::remove_file(&list).map_err(failed("remove", &list))?;
    Ok(Unpacked { manifest, sealed, keys, absent, left_out })
}

struct Unpacking<'u> {
    path: &'u Path,
    into: &'u DataDir,
    list: &'u Path,
    to: ModelsTo<'u>,
    observer: &'u dyn Observer,
    keys: Vec<(Option<String>, Secret)>,
    /// The files that are still to come.
    expected: Option<List>,
    /// Those that did not come.
    skipped: Vec<Sha256>,
}

impl Unpacking<'_> {
    fn damaged(&self, what: impl Into<String>) -> BackupError {
        (self.path, ArchiveError::Damaged(what.into())).into()
    }

    fn part(&mut self, part: &Part, size: u64, from: &mut dyn Read) -> Result<()> {
        let mut from = Observed { from, observer: self.observer };
        match part {
            Part::Files => {
                files::create(self.list).map_err(failed("write", self.list))?;
                write(self.path, &mut from, self.list)
            }
            Part::Database => write(self.path, &mut from, &self.into.database()),
            Part::Key(id) => {
                let mut text = String::new();
                if size > MAX_KEY || self.keys.len() >= MAX_KEYS {
                    return Err(self.damaged("a master key is too long"));
                }
                from.read_to_string(&mut text).map_err(|error| BackupError::from((self.path, error)))?;
                self.keys.push((id.clone(), Secret::new(text)));
                Ok(())
            }
            Part::Model(sha256) => {
                if self.expected.is_none() {
                    self.expected = Some(List::open(self.list).map_err(failed("read", self.list))?);
                }
                let found = loop {
                    match self.expected.as_mut().and_then(Iterator::next) {
                        Some(Ok(file)) if file.sha256 == *sha256 => break file,
                        Some(Ok(file)) => self.skipped.push(file.sha256),
                        Some(Err(error)) => return Err(self.damaged(error.to_string())),
                        None => return Err(self.damaged(format!("the file {sha256} is not in its list"))),
                    }
                };
                if found.size != size {
                    return Err(self.damaged(format!("the file {sha256} has another size")));
                }
                match self.to {
                    // Read here, so that the observer sees it.
                    ModelsTo::Nowhere => each_chunk(self.path, &mut from, |_| Ok(())),
                    ModelsTo::Store(files) => place(files, &found, &mut from, self.path).map(drop),
                }
            }
        }
    }
}

/// Writes a part into an empty file, and brings it to the disk.
fn write(archive: &Path, from: &mut dyn Read, to: &Path) -> Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(to).map_err(failed("write", to))?;
    each_chunk(archive, from, |chunk| file.write_all(chunk).map_err(failed("write", to)))?;
    file.sync_all().map_err(failed("write", to))
}

/// The errors of reading are those of the backup.
fn each_chunk(archive: &Path, from: &mut dyn Read, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => each(chunk.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((archive, error).into()),
        }
    }
}

fn hash_of(from: &mut dyn Read, archive: &Path) -> Result<Sha256> {
    let mut hash = FileHash::new();
    each_chunk(archive, from, |chunk| {
        hash.update(chunk);
        Ok(())
    })?;
    Ok(hash.finish())
}

/// Stores a file, unless the store has the same bytes or these do not have its SHA-256. Returns whether they do.
fn place(files: &FileStorage, file: &StoredFile, from: &mut dyn Read, archive: &Path) -> Result<bool> {
    if has_whole(files, file)? {
        return hash_of(from, archive).map(|sha256| sha256 == file.sha256);
    }
    let mut incoming = files.spool.begin(NO_LIMIT)?;
    each_chunk(archive, from, |chunk| Ok(incoming.write(chunk)?))?;
    let mut spooled = incoming.finish()?;
    let is_whole = spooled.sha256() == file.sha256;
    if is_whole {
        files.store.place(&mut spooled)?;
    }
    Ok(is_whole)
}

/// Whether the store, an object storage that survived the server, has the bytes of a file. One of the right size may be
/// damaged.
fn has_whole(files: &FileStorage, file: &StoredFile) -> Result<bool> {
    if files.store.size(&file.sha256)? != Some(file.size) {
        return Ok(false);
    }
    let Some(mut found) = files.store.open(&file.sha256, 0..file.size)? else { return Ok(false) };
    let (mut hash, mut chunk) = (FileHash::new(), vec![0; CHUNK]);
    loop {
        match found.read(&mut chunk) {
            Ok(0) => return Ok(hash.finish() == file.sha256),
            Ok(read) => hash.update(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let cause = format!("cannot read the file {} in the place of the files: {error}", file.sha256);
                return Err(Error::disk(DiskFault::Storage, cause).into());
            }
        }
    }
}

/// Reads the files beside a backup. Returns those that are not there or are damaged.
fn read_beside(
    folder: &Folder,
    manifest: &Manifest,
    passphrase: Option<&Passphrase>,
    list: &Path,
    to: ModelsTo,
    observer: &dyn Observer,
) -> Result<Vec<Sha256>> {
    let mut absent = Vec::new();
    for file in List::open(list).map_err(failed("read", list))? {
        let file = file.map_err(failed("read", list))?;
        if manifest.files.lacks(&file.sha256) {
            continue;
        }
        if !read_one(folder, &file, passphrase, to, observer)? {
            absent.push(file.sha256);
        }
    }
    Ok(absent)
}

/// Reads a file beside a backup, with the passphrase of a sealed one. Returns whether it is there and whole.
pub(super) fn read_one(
    folder: &Folder,
    file: &StoredFile,
    passphrase: Option<&Passphrase>,
    to: ModelsTo,
    observer: &dyn Observer,
) -> Result<bool> {
    let path = folder.path();
    let read = || {
        let found = folder.open_model(&file.sha256, passphrase).map_err(|error| BackupError::from((path, error)))?;
        let Some(from) = found else { return Ok(false) };
        let mut from = Observed { from, observer };
        match to {
            ModelsTo::Store(files) => place(files, file, &mut from, path),
            ModelsTo::Nowhere => Ok(hash_of(&mut from, path)? == file.sha256),
        }
    };
    match read() {
        _ if observer.is_stopped() => Err(BackupError::Stopped),
        Err(BackupError::Archive { source, .. }) if is_damage(&source) => Ok(false),
        read => read,
    }
}

/// Whether a file of a model is damaged, and not only out of reach.
fn is_damage(error: &ArchiveError) -> bool {
    match error {
        ArchiveError::Damaged(_) | ArchiveError::WrongPassphrase => true,
        // A disk that cannot read the file has damaged it.
        ArchiveError::Unreadable(error) => error.raw_os_error() == Some(Errno::IO.raw_os_error()),
        _ => false,
    }
}

/// The files of models that a backup refers to. It reads no further than needed.
pub(super) fn referenced(path: &Path, passphrase: Option<&Passphrase>, into: &mut BTreeSet<Sha256>) -> Result<()> {
    let mut is_done = false;
    let reader = ArchiveReader::open(path, passphrase).map_err(|error| BackupError::from((path, error)))?;
    let read = reader.read::<BackupError>(&mut |part, _, from| {
        if *part != Part::Files {
            return Err(ArchiveError::Damaged("it has no list of files".to_owned()).into());
        }
        for line in BufReader::new(from).lines() {
            let file = models::parse(&line.map_err(ArchiveError::from)?);
            into.insert(file.ok_or_else(|| ArchiveError::Damaged("its list of files is malformed".to_owned()))?.sha256);
        }
        is_done = true;
        // Ends the reading.
        Err(BackupError::Stopped)
    });
    match read {
        Err(BackupError::Stopped) if is_done => Ok(()),
        Err(error) => Err(error.at(path)),
        Ok(_) => Err((path, ArchiveError::Damaged("it has no list of files".to_owned())).into()),
    }
}

/// Creates the files of the keys of a backup in a data directory.
pub(super) fn write_keys(home: &DataDir, keys: &[(Option<String>, Secret)]) -> Result<()> {
    for (id, text) in keys {
        let mut path = home.master_key();
        if let Some(id) = id {
            path.as_mut_os_string().push(format!(".{id}"));
        }
        let written = files::create(&path).and_then(|mut file: File| {
            file.write_all(text.expose().as_bytes())?;
            file.sync_all()
        });
        written.map_err(failed("write", &path))?;
    }
    Ok(())
}
