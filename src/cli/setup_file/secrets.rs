//! The secrets of new clients and service keys, each in a file of its own. They are never printed.
//!
//! A secret is written to a file that ends with `.part`, which gets its name after the commit. A command that was killed in
//! between leaves that file: the next one names it if the secret is stored, and removes it if it is not. The command that
//! writes it holds a lock on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::HEXLOWER;
use rustix::fs::OFlags;

use crate::app::declared_setup::{NewSecret, Plan};
use crate::cli::limits;
use crate::domain::secret::Secret;
use crate::error::Result as Done;
use crate::files::{rename_new, sync_folder};
use crate::store::files;
use crate::store::keys::StoredSecret;
use crate::tokens::opaque::{self, Fingerprint, Kind, redacted};

/// Whether a secret with this fingerprint is stored.
pub(super) type IsStored<'a> = &'a dyn Fn(&NewSecret, &Fingerprint) -> Done<bool>;

/// Where the secrets go, and those that were made.
#[derive(Debug)]
pub(super) struct SecretFiles {
    /// The directory of the set-up file, at which relative paths start.
    base: PathBuf,
    /// The directory for the secrets whose file is not named.
    directory: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    minted: HashMap<NewSecret, (Secret, Fingerprint)>,
    /// The files without their names, which are locked, by the paths that they are to get.
    unnamed: BTreeMap<PathBuf, File>,
}

impl SecretFiles {
    pub(super) fn of(file: &Path, directory: Option<PathBuf>) -> Self {
        Self { base: files::directory_of(file).to_owned(), directory, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a secret. `None` if neither the set-up file nor the command names one.
    pub(super) fn path(&self, secret: &NewSecret) -> Option<PathBuf> {
        match (&secret.file, &self.directory) {
            (Some(file), _) if self.base == Path::new(".") => Some(file.clone()),
            (Some(file), _) => Some(self.base.join(file)),
            (None, Some(directory)) => Some(directory.join(file_name(secret))),
            (None, None) => None,
        }
    }

    /// Refuses a plan with a secret that could not be written: one without a file, or with one that exists.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for secret in plan.secrets() {
            let path = self.path(secret).ok_or_else(|| {
                format!("{}: a secret is made, but no file is named for it; set secret_file{}", secret.path, FLAG)
            })?;
            let shown = path.display();
            if path.symlink_metadata().is_ok() {
                return Err(format!(
                    "{}: the file {shown} for the secret exists; it is not overwritten: move it away, or name another file",
                    secret.path
                ));
            }
            if !files::directory_of(&path).is_dir() {
                return Err(format!(
                    "{}: the directory of the file {shown} for the secret does not exist; create it first",
                    secret.path
                ));
            }
            let is_new = [path.clone(), unnamed(&path)].into_iter().all(|path| seen.insert(path));
            if !is_new {
                return Err(format!("{}: the file {shown} is named for another secret, too", secret.path));
            }
        }
        Ok(())
    }

    /// The stored form of a secret, which is made when it is first asked for.
    pub(super) fn stored(&self, secret: &NewSecret) -> StoredSecret {
        let kind = if secret.of_client { Kind::ClientSecret } else { Kind::Key };
        let mut state = self.state();
        let (text, fingerprint) = state.minted.entry(secret.clone()).or_insert_with(|| opaque::mint(kind));
        StoredSecret { fingerprint: *fingerprint, redacted: redacted(text.expose()) }
    }

    /// Writes the files that are not written yet, without their names, and waits until they are on the disk. The error
    /// names the file.
    pub(super) fn write(&self, plan: &Plan, is_stored: IsStored) -> Result<(), String> {
        // Each file is open until it has its name.
        limits::raise_open_files();
        let mut directories = BTreeSet::new();
        for secret in plan.secrets() {
            let Some(path) = self.path(secret) else { continue };
            self.stored(secret);
            let Some((text, _)) = self.state().minted.get(secret).cloned() else { continue };
            if self.state().unnamed.contains_key(&path) {
                continue;
            }
            let refused =
                |error: String| format!("{}: cannot write the secret to {}: {error}", secret.path, path.display());
            let file = write(&unnamed(&path), &text, &|fingerprint| {
                is_stored(secret, fingerprint).map_err(|error| io::Error::other(error.chain()))
            });
            let file = file.map_err(|error| refused(error.to_string()))?;
            directories.insert(files::directory_of(&path).to_owned());
            self.state().unnamed.insert(path, file);
        }
        for directory in directories {
            sync_folder(&directory)
                .map_err(|error| format!("cannot write the secrets to {}: {error}", directory.display()))?;
        }
        Ok(())
    }

    /// Gives the files their names, once the secrets are stored. The error says where a secret is.
    pub(super) fn name(&self) -> Result<(), String> {
        let mut failed = Vec::new();
        // Each is locked until it has its name.
        for (path, _file) in std::mem::take(&mut self.state().unnamed) {
            let from = unnamed(&path);
            if let Err(error) = rename_new(&from, &path).and_then(|()| sync_folder(files::directory_of(&path))) {
                failed.push(format!("the secret for {} is in {}: {error}; move it", path.display(), from.display()));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
    }

    /// Names or removes the files of these secrets that a killed command has left. Returns the named ones.
    pub(super) fn finish(
        &self,
        secrets: impl Iterator<Item = NewSecret>,
        is_stored: IsStored,
    ) -> Result<Vec<PathBuf>, String> {
        let mut named = Vec::new();
        for secret in secrets {
            let Some(path) = self.path(&secret) else { continue };
            let from = unnamed(&path);
            let refused = |error: String| {
                format!("{}: cannot take over {} of an interrupted command: {error}", secret.path, from.display())
            };
            let Some(mut left) = open_left(&from).map_err(|error| refused(error.to_string()))? else { continue };
            let fingerprint = fingerprint(&mut left).map_err(|error| refused(error.to_string()))?;
            if is_stored(&secret, &fingerprint).map_err(|error| refused(error.chain()))? {
                rename_new(&from, &path)
                    .and_then(|()| sync_folder(files::directory_of(&path)))
                    .map_err(|error| refused(format!("{}: {error}; move it away", path.display())))?;
                named.push(path);
            } else {
                fs::remove_file(&from).map_err(|error| refused(error.to_string()))?;
            }
        }
        Ok(named)
    }

    /// Removes what was written, because the secrets are not valid.
    pub(super) fn remove(&self) {
        for path in std::mem::take(&mut self.state().unnamed).into_keys() {
            // A secret that is not valid does no harm.
            let _ = fs::remove_file(unnamed(&path));
        }
    }
}

const FLAG: &str = ", or give `atelier apply` a directory with --secrets-dir";

/// The path of a file that does not have its name yet.
fn unnamed(path: &Path) -> PathBuf {
    let mut unnamed = path.as_os_str().to_owned();
    unnamed.push(".part");
    unnamed.into()
}

/// Creates a locked file for its owner only, instead of one that a killed command has left. On failure there is none.
fn write(path: &Path, secret: &Secret, is_stored: &dyn Fn(&Fingerprint) -> io::Result<bool>) -> io::Result<File> {
    let mut file = loop {
        match files::create(path) {
            Ok(file) if file.try_lock().is_ok() && is_at(&file, path) => break file,
            // Another command took it for one that was left.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let Some(mut left) = open_left(path)? else { continue };
                if is_stored(&fingerprint(&mut left)?)? {
                    return Err(io::Error::other("an interrupted command has stored one; run the command again"));
                }
                fs::remove_file(path)?;
            }
            Err(error) => return Err(error),
        }
    };
    let written = file.write_all(format!("{}\n", secret.expose()).as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })?;
    Ok(file)
}

/// Opens and locks a file that a killed command has left. `None` if there is none.
fn open_left(path: &Path) -> io::Result<Option<File>> {
    // A pipe does not wait for its writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file; move it away"));
    }
    match file.try_lock() {
        Ok(()) if is_at(&file, path) => Ok(Some(file)),
        // It has its name now, or was removed.
        Ok(()) => Ok(None),
        Err(fs::TryLockError::WouldBlock) => {
            Err(io::Error::other("another command is writing it; try again when that has ended"))
        }
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |file: &fs::Metadata, at: &fs::Metadata| (file.dev(), file.ino()) == (at.dev(), at.ino());
    file.metadata().and_then(|file| Ok(same(&file, &path.symlink_metadata()?))).unwrap_or(false)
}

/// The fingerprint of the secret in a file. That of a part of one if the file is not whole.
fn fingerprint(file: &mut File) -> io::Result<Fingerprint> {
    const MAX: u64 = 1024;
    let mut bytes = Vec::new();
    file.take(MAX).read_to_end(&mut bytes)?;
    Ok(Fingerprint::of(String::from_utf8_lossy(&bytes).trim_end()))
}

/// A name for the file of a secret: readable, and different for different secrets.
fn file_name(secret: &NewSecret) -> String {
    let kind = if secret.of_client { "client" } else { "service-key" };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain: String = secret.name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(100).collect();
    if plain == secret.name {
        return format!("{kind}-{plain}");
    }
    let hash = Fingerprint::of(&secret.name);
    let hash = HEXLOWER.encode(hash.as_bytes().get(..4).unwrap_or_default());
    format!("{kind}-{plain}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> String {
        file_name(&NewSecret { of_client: true, name: name.to_owned(), file: None, path: String::new() })
    }

    #[test]
    fn a_file_name_stays_in_its_directory_and_tells_names_apart() {
        assert_eq!(named("grafana"), "client-grafana");
        for awkward in ["../../etc/passwd", "a/b", "ä", "\u{1f642}", "a:b"] {
            let name = named(awkward);
            assert!(!name.contains('/') && name.is_ascii(), "{name}");
        }
        assert_ne!(named("a/b"), named("a:b"));
        assert_ne!(named(&"é".repeat(255)), named(&"é".repeat(254)));
        assert!(named(&"é".repeat(255)).len() < 200);
    }
}
