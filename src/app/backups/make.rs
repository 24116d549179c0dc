//! Makes a backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{BackupError, Result, failed};
use super::models::{self, List, Padded, Total};
use super::observer::{Observed, Observer};
use super::target::{id_of, lock, require_directory, require_outside, require_own};
use super::workplace::Workplace;
use crate::app::identity::{master_keys, signing_keys};
use crate::app::runtime::file_storage::FileStorage;
use crate::domain::model::{Sha256, StoredFile};
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::error::Error;
use crate::files::archive::{ArchiveWriter, FORMAT, FilesPlace, FilesRecord, Folder, Label, Manifest, NewFile, Part};
use crate::store::audit::chain;
use crate::store::copy::copy;
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;
use crate::store::schema::{self, SchemaState};
use crate::store::{self, View, stored_files};
use crate::tokens::chain::to_hex;
use crate::tokens::seal::MasterKey;
use crate::tokens::sealed_file::Passphrase;

/// Where a backup goes.
#[derive(Clone, Copy, Debug)]
pub enum Target<'t> {
    /// One new file with everything.
    File(&'t Path),
    /// A directory of backups, which share the files of models.
    Folder(&'t Folder),
}

impl<'t> Target<'t> {
    fn path(self) -> &'t Path {
        match self {
            Self::File(path) => path,
            Self::Folder(folder) => folder.path(),
        }
    }
}

/// What is backed up, and where to.
pub struct Plan<'p> {
    pub home: &'p DataDir,
    /// The files of models; none to leave them out.
    pub files: Option<&'p FileStorage>,
    pub target: Target<'p>,
    pub passphrase: Option<&'p Passphrase>,
    /// Reads the master key in force, if there is one, and all others that are kept beside it. Called after the copy.
    pub keys: &'p dyn Fn() -> std::result::Result<Vec<Secret>, BackupError>,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub path: PathBuf,
    /// In bytes, without the files beside it.
    pub size: u64,
    pub label: Label,
    pub sealed: bool,
    pub files: FilesRecord,
    /// How many files were copied into the directory, because it did not have them.
    pub copied: u64,
}

/// The facts of the copied data file.
struct Facts {
    server: String,
    schema: u32,
    rows: BTreeMap<String, u64>,
    newest: Option<chain::Link>,
    files: Total,
}

/// Makes a backup while a server may write. It has its name only once it is whole and on the disk; if it fails, nothing is
/// left but files of models that the directory keeps for the next backup.
pub fn make(plan: &Plan, observer: &dyn Observer) -> Result<Made> {
    make_all(plan, observer).map_err(|error| if observer.is_stopped() { BackupError::Stopped } else { error })
}

fn make_all(plan: &Plan, observer: &dyn Observer) -> Result<Made> {
    let made_at = Timestamp::now();
    let is_sealed = plan.passphrase.is_some();
    if let Target::Folder(folder) = plan.target {
        require_directory(folder)?;
    }
    require_outside(plan.home, plan.target.path())?;
    let (path, _lock) = match plan.target {
        Target::File(path) => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(exists(path));
            }
            (path.to_owned(), None)
        }
        Target::Folder(folder) => {
            let lock = lock(folder)?;
            require_own(folder, plan.home, is_sealed)?;
            (folder.new_path(made_at, is_sealed), Some(lock))
        }
    };
    let cannot_write = failed("write", &path);
    // Before the copy, so that a place that cannot be written to is refused at once.
    let file = match plan.target {
        Target::File(_) => NewFile::create(&path),
        Target::Folder(_) => NewFile::create_for_owner(&path),
    };
    let file = file.map_err(&cannot_write)?;
    let work = Workplace::take(plan.home)?;
    let (database, list) = (work.file("database")?, work.file("files")?);
    copy_database(plan.home, &database, observer)?;
    let facts = inspect(&database, |view| Facts::read(view, &database, &list))?;
    let keys = chosen_keys(&database, &facts, (plan.keys)()?)?;

    let label = Label {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: facts.schema,
        made_at: made_at.to_string(),
        server: Some(facts.server),
    };
    let mut writer = ArchiveWriter::begin(file, label.clone(), plan.passphrase).map_err(&cannot_write)?;
    let mut add = |part: &Part, from: &Path| -> Result<()> {
        let size = fs::metadata(from).map_err(failed("read", from))?.len();
        let mut from = Observed { from: File::open(from).map_err(failed("read", from))?, observer };
        writer.add(part, size, &mut from).map(drop).map_err(&cannot_write)
    };
    add(&Part::Files, &list)?;
    observer.begin("writing", fs::metadata(&database).map_or(0, |found| found.len()));
    add(&Part::Database, &database)?;
    for (id, text) in &keys {
        let bytes = text.expose().as_bytes();
        writer.add(&Part::Key(id.clone()), bytes.len() as u64, &mut &bytes[..]).map_err(&cannot_write)?;
    }
    let (files, copied) = add_models(plan, &mut writer, (&list, facts.files), (&path, observer))?;
    let manifest = Manifest {
        label: label.clone(),
        rows: facts.rows,
        audit_row: facts.newest.map(|newest| newest.id),
        audit_hash: facts.newest.map(|newest| to_hex(&newest.hash)),
        files: files.clone(),
        parts: Vec::new(),
    };
    let size = writer.finish(manifest).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(&path),
        _ => cannot_write(error),
    })?;
    Ok(Made { path: path.clone(), size, label, sealed: is_sealed, files, copied })
}

fn exists(path: &Path) -> BackupError {
    BackupError::Refused(format!(
        "{} exists, and a backup overwrites nothing; choose another name, or a directory, in which each backup gets its \
         own name",
        path.display()
    ))
}

fn copy_database(home: &DataDir, to: &Path, observer: &dyn Observer) -> Result<()> {
    observer.begin("copying", fs::metadata(home.database()).map_or(0, |found| found.len()));
    let copied = std::cell::Cell::new(0);
    copy(&home.database(), to, |done, _| {
        observer.add(done.saturating_sub(copied.replace(done)));
        if observer.is_stopped() { Err(Error::internal("stopped")) } else { Ok(()) }
    })?;
    Ok(())
}

/// The schema version that introduced files of models.
const FILES_SINCE: u32 = 9;

impl Facts {
    fn read(view: &View, database: &Path, list: &Path) -> crate::error::Result<Self> {
        let schema = match schema::state(view)?.fit(database)? {
            SchemaState::Older(version) => version,
            SchemaState::Current => schema::VERSION,
            _ => return Err(Error::internal("the data file is empty; start the server once")),
        };
        let rows = store::backups::counts(view)?;
        // Older files have no chain, or no files.
        let newest = rows.contains_key("audit_chain").then(|| chain::last(view)).transpose()?;
        let files = if schema >= FILES_SINCE { models::write_list(view, list)? } else { Total::default() };
        Ok(Self { server: id_of(view)?, schema, rows, newest, files })
    }
}

/// The master key that opens the copied data file, and with their ids the other ones.
///
/// Refused if none opens it: the backup would be worthless.
fn chosen_keys(database: &Path, facts: &Facts, found: Vec<Secret>) -> Result<Vec<(Option<String>, Secret)>> {
    let mut keys: Vec<(MasterKey, Secret)> = Vec::new();
    for text in found {
        // A malformed file is no key.
        let Ok(key) = MasterKey::parse(&text) else { continue };
        if !keys.iter().any(|(other, _)| other.id() == key.id()) {
            keys.push((key, text));
        }
    }
    let mut first = Some(0);
    if facts.schema == schema::VERSION {
        first = inspect(database, |view| {
            if !signing_keys::anything_sealed(view)? {
                return Ok(Some(0));
            }
            for (at, (key, _)) in keys.iter().enumerate() {
                if master_keys::opens_all(view, key)? {
                    return Ok(Some(at));
                }
            }
            Ok(None)
        })?;
    }
    let Some(first) = first else {
        return Err(BackupError::Refused(
            "no master key opens the signing keys of the data file, so that a backup of it would be worthless; run \
             `atelier check` for details"
                .to_owned(),
        ));
    };
    let name = |(at, (key, text)): (usize, (MasterKey, Secret))| ((at != first).then(|| key.id()), text);
    Ok(keys.into_iter().enumerate().map(name).collect())
}

/// Adds the files of models to the backup or to its directory.
fn add_models(
    plan: &Plan,
    writer: &mut ArchiveWriter,
    (list, total): (&Path, Total),
    (path, observer): (&Path, &dyn Observer),
) -> Result<(FilesRecord, u64)> {
    let mut record = FilesRecord {
        place: FilesPlace::Nowhere,
        count: 0,
        bytes: 0,
        deleted: Vec::new(),
        missing: Vec::new(),
        damaged: Vec::new(),
    };
    let Some(files) = plan.files else { return Ok((record, 0)) };
    record.place = if matches!(plan.target, Target::File(_)) { FilesPlace::Inside } else { FilesPlace::Beside };
    observer.begin("files", total.bytes);
    let mut copied = 0;
    for file in List::open(list).map_err(failed("read", list))? {
        let file = file.map_err(failed("read", list))?;
        let has_it = match plan.target {
            Target::File(_) => false,
            Target::Folder(folder) => {
                folder.has_model(&file, plan.passphrase).map_err(failed("read a file of", folder.path()))?
            }
        };
        if has_it {
            observer.add(file.size);
        } else {
            let Some(from) = opened(files, &file)? else {
                let list =
                    if is_referenced(plan.home, file.sha256)? { &mut record.missing } else { &mut record.deleted };
                list.push(file.sha256.to_string());
                continue;
            };
            let mut from = Observed { from, observer };
            let is_whole = match plan.target {
                Target::File(_) => {
                    let added = writer.add(&Part::Model(file.sha256), file.size, &mut from);
                    added.map_err(failed("write", path))? == file.sha256
                }
                Target::Folder(folder) => folder
                    .put_model(&file, &mut from, plan.passphrase)
                    .map_err(failed("write a file of a model into", folder.path()))?,
            };
            if !is_whole {
                record.damaged.push(file.sha256.to_string());
                continue;
            }
            copied += 1;
        }
        record.count += 1;
        record.bytes += file.size;
    }
    Ok((record, copied))
}

/// Reads a file of a model. None if the server does not have it.
fn opened(files: &FileStorage, file: &StoredFile) -> Result<Option<Padded>> {
    if files.store.size(&file.sha256)?.is_none() {
        return Ok(None);
    }
    Ok(files.store.open(&file.sha256, 0..file.size)?.map(|from| Padded::new(from, file.size)))
}

/// Whether a model still has a file, now.
fn is_referenced(home: &DataDir, sha256: Sha256) -> Result<bool> {
    Ok(inspect(&home.database(), |view| stored_files::is_referenced(view, sha256))?)
}
