//! `atelier master-key rotate`: replaces the master key.
//!
//! The new key is written beside the old one (`master.key.new`), everything is resealed in one transaction, and the new
//! file is renamed over the old one. A data file is therefore always sealed with one of two existing keys, even if the
//! command is killed. The next run, or the next start of the server, finishes the rotation. A running server reloads
//! the file when its key does not open a value.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::source::Source;
use crate::app::identity::master_keys::{self, Resealed};
use crate::app::identity::signing_keys;
use crate::cli::{CliError, data, database, password, print, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::secret::Secret;
use crate::store::data_dir::{DataDir, DataDirError};
use crate::store::lock::Lock;
use crate::store::{Store, files};
use crate::tokens::seal::{FileError, MasterKey, next_file};

/// What can be done about the master key.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Seal everything under a new key, which replaces the old one in its file; the old key is kept beside it for older
    /// backups. Works while the server runs, and resumes if it was interrupted. If the key does not come from a file,
    /// stop the server first and give the new key.
    #[command(
        after_help = "Examples:\n  atelier master-key rotate\n  atelier master-key rotate --new-key-file new.key"
    )]
    Rotate {
        /// The new key, where it is not to be made here.
        #[command(flatten)]
        key: NewKey,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Where the new key comes from; without either, it is made here.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct NewKey {
    /// Read the new key from a file, which contains one line of base64 (`openssl rand -base64 32`).
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// Read the new key from stdin.
    #[arg(long)]
    new_key_stdin: bool,
}

impl NewKey {
    fn read(&self) -> Result<Option<Secret>, CliError> {
        let source = password::Source { password_stdin: self.new_key_stdin, password_file: None };
        let text = match &self.new_key_file {
            Some(path) => Some(fs::read_to_string(path).map(Secret::new).map_err(|error| {
                CliError::Failed(format!("cannot read the new key from {}: {error}; check the path", path.display()))
            })?),
            None => source.read()?,
        };
        if let Some(text) = &text {
            MasterKey::parse(text)
                .map_err(|rule| CliError::Usage(format!("{rule}; create one with `openssl rand -base64 32`")))?;
        }
        Ok(text)
    }
}

/// The result of a rotation.
struct Rotated {
    before: String,
    now: String,
    resealed: Resealed,
    /// The path of the old key, if it came from a file.
    kept: Option<PathBuf>,
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let Self::Rotate { key, json } = self;
        let home = database::existing(config)?;
        let new_key = key.read()?;
        let source = Source::of(config, &home)?;
        let _rotation = lock_rotation(&home)?;
        let rotated = data::with(&home, |store| {
            signing_keys::required(store)?;
            match source.file() {
                Some(path) => rotate_file(&home, store, &path, new_key.as_ref()),
                None => rotate_external(&home, store, &source, new_key.as_ref()),
            }
        })?;
        print_result(&source, &rotated, json)
    }
}

fn print_result(source: &Source, rotated: &Rotated, json: bool) -> Result<(), CliError> {
    let Rotated { before, now, resealed, kept } = rotated;
    if json {
        let value = json!({
            "master_key": now, "before": before, "signing_keys": resealed.signing_keys,
            "second_factors": resealed.second_factors, "connections": resealed.connections, "kept": kept.as_ref().map(|path| path.display().to_string()),
        });
        print(&format!("{value:#}\n"))?;
    } else {
        print(&format!("{now}\n"))?;
        say(&format!(
            "everything is sealed under the master key {now}: {} signing keys, {} second factors and {} connections were \
             resealed",
            resealed.signing_keys, resealed.second_factors, resealed.connections
        ));
    }
    match kept {
        Some(kept) => {
            say(&format!("the old key is kept in {}: move it to your older backups, which need it", kept.display()));
        }
        None => say(&format!(
            "replace {source} with the new key before the server starts again, and keep the old one with your older \
             backups, which need it"
        )),
    }
    Ok(())
}

/// Locks the rotation, so that only one process rotates at a time.
fn lock_rotation(home: &DataDir) -> Result<File, CliError> {
    let failed = |error: io::Error| {
        CliError::Failed(format!(
            "cannot lock {}: {error}; run this command as the user that runs the server",
            home.path().display()
        ))
    };
    let directory = File::open(home.path()).map_err(failed)?;
    match directory.try_lock() {
        Ok(()) => Ok(directory),
        Err(TryLockError::WouldBlock) => {
            Err(CliError::Failed("another process is rotating the master key; wait until it has finished".to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Prevents the start of a server. `None` if a running server reloads its key from that file.
fn no_other_server(home: &DataDir, path: Option<&Path>) -> Result<Option<Lock>, CliError> {
    let same = |theirs: &Path, ours: &Path| match (theirs.canonicalize(), ours.canonicalize()) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        _ => theirs == ours,
    };
    match home.lock() {
        Ok(lock) => Ok(Some(lock)),
        Err(DataDirError::Taken { pid, .. }) => {
            let theirs = home.holder()?.and_then(|holder| holder.in_force).and_then(|there| there.master_key_file);
            if let (Some(theirs), Some(ours)) = (&theirs, path)
                && same(theirs, ours)
            {
                return Ok(None);
            }
            let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            Err(CliError::Failed(format!(
                "the running server{process} does not read its master key from a file that this command can replace; stop \
                 the server first"
            )))
        }
        Err(error) => Err(error.into()),
    }
}

fn rotate_file(home: &DataDir, store: &Store, path: &Path, new_key: Option<&Secret>) -> Result<Rotated, CliError> {
    // If the path is a symbolic link, its target is replaced, not the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let _lock = no_other_server(home, Some(path))?;
    let next = next_file(path);
    if let Some(Former { id: before, kept }) = finish_interrupted(path, store)? {
        let now = load(path)?;
        if let Some(new_key) = new_key
            && MasterKey::parse(new_key).is_ok_and(|new_key| new_key.id() != now.id())
        {
            return Err(CliError::Failed(format!(
                "an interrupted rotation to the key {} has been finished; run this command again to rotate to another \
                 key",
                now.id()
            )));
        }
        return Ok(Rotated { before, now: now.id(), resealed: Resealed::default(), kept });
    }
    let current = load(path)?.fixed();
    if !store.read(|view| master_keys::opens_all(view, &current))? {
        return Err(CliError::Failed(format!(
            "the signing keys were not sealed under {}; run `atelier check` for details",
            path.display()
        )));
    }
    // A key in this file was never used, because otherwise everything would be sealed with it. It may be incomplete, or
    // not the wanted one.
    if new_key.is_some() || !MasterKey::load(&next).is_ok_and(|new| new.id() != current.id()) {
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(&next, &error)),
            Ok(()) | Err(_) => {}
        }
        let generated = MasterKey::generate();
        MasterKey::write_new(&next, new_key.unwrap_or(&generated), files::create).map_err(|error| match error {
            FileError::Io { source, .. } => unwritable(&next, &source),
            error => CliError::Failed(error.to_string()),
        })?;
    }
    let new = load(&next)?.fixed();
    let (before, now) = (current.id(), new.id());
    if before == now {
        let _ = fs::remove_file(&next);
        return Err(CliError::Usage("the new key is already in use; give another one".to_owned()));
    }
    let actor = Actor::operator();
    let resealed = store.write_and_wait(move |tx| master_keys::reseal(tx, &actor, &current, &new))?;
    let Former { kept, .. } = install_next(path)?;
    Ok(Rotated { before, now, resealed, kept })
}

/// Reseals everything with a given key. The operator then replaces the old key at its source.
fn rotate_external(
    home: &DataDir,
    store: &Store,
    source: &Source,
    new_key: Option<&Secret>,
) -> Result<Rotated, CliError> {
    let _lock = no_other_server(home, None)?;
    let Some(new_key) = new_key else {
        return Err(CliError::Usage(format!(
            "the master key comes from {source}, which this command cannot change; give the new key with \
             --new-key-file or --new-key-stdin"
        )));
    };
    let new = MasterKey::parse(new_key).map_err(|rule| CliError::Usage(rule.to_string()))?;
    let now = new.id();
    let current = source.loaded()?.fixed();
    let before = current.id();
    if before == now {
        return Err(CliError::Usage("the new key is already in use; give another one".to_owned()));
    }
    let (opens, is_done) =
        store.read(|view| Ok((master_keys::opens_all(view, &current)?, master_keys::opens_all(view, &new)?)))?;
    if is_done {
        return Ok(Rotated { before, now, resealed: Resealed::default(), kept: None });
    }
    if !opens {
        return Err(CliError::Failed(format!(
            "the signing keys were not sealed under {source}; run `atelier check` for details"
        )));
    }
    let actor = Actor::operator();
    let resealed = store.write_and_wait(move |tx| master_keys::reseal(tx, &actor, &current, &new))?;
    Ok(Rotated { before, now, resealed, kept: None })
}

/// Installs the new key if everything is already sealed with it, and returns the key that it replaced.
pub(super) fn finish_interrupted(path: &Path, store: &Store) -> Result<Option<Former>, CliError> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // An incomplete key has sealed nothing.
    let Ok(new) = MasterKey::load(&next_file(path)) else { return Ok(None) };
    let new = new.fixed();
    let is_used = store.read(|view| Ok(signing_keys::anything_sealed(view)? && master_keys::opens_all(view, &new)?))?;
    if !is_used {
        return Ok(None);
    }
    let former = install_next(path)?;
    log::warn!("finished an interrupted rotation of the master key; the key is now {}", new.id());
    Ok(Some(former))
}

pub(super) struct Former {
    id: String,
    /// Its current path, if it existed.
    kept: Option<PathBuf>,
}

/// Renames the old key to a name with its id, and the new one to the name of the key.
fn install_next(path: &Path) -> Result<Former, CliError> {
    let former = match MasterKey::load(path) {
        Ok(old) => {
            let kept = kept_file(path, &old.id());
            match fs::hard_link(path, &kept) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Some file systems do not support hard links.
                Err(_) => {
                    let text = fs::read_to_string(path).map(Secret::new).map_err(|error| unwritable(&kept, &error))?;
                    MasterKey::write_new(&kept, &text, files::create)
                        .map_err(|error| CliError::Failed(error.to_string()))?;
                }
            }
            Former { id: old.id(), kept: Some(kept) }
        }
        Err(FileError::Missing { .. }) => Former { id: String::new(), kept: None },
        Err(error) => return Err(CliError::Failed(error.to_string())),
    };
    let renamed = fs::rename(next_file(path), path).and_then(|()| File::open(files::directory_of(path))?.sync_all());
    renamed.map_err(|error| unwritable(path, &error))?;
    Ok(former)
}

fn kept_file(path: &Path, id: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(id);
    PathBuf::from(name)
}

fn load(path: &Path) -> Result<MasterKey, CliError> {
    MasterKey::load(path).map_err(|error| CliError::Failed(error.to_string()))
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!(
        "cannot write {}: {error}; if the master key file is managed elsewhere, stop the server, set master_key to the \
         current key, and give the new one with --new-key-file",
        path.display()
    ))
}
