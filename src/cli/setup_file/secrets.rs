//! The secrets of new clients and service keys, each in a file of its own. They are never printed.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::HEXLOWER;

use crate::app::declared_setup::{NewSecret, Plan};
use crate::domain::secret::Secret;
use crate::store::files;
use crate::store::keys::StoredSecret;
use crate::tokens::opaque::{self, Fingerprint, Kind, redacted};

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
    written: BTreeSet<PathBuf>,
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
            if path.symlink_metadata().is_ok() && !self.state().written.contains(&path) {
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
            if !seen.insert(path.clone()) {
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

    /// Writes the files that are not written yet, and waits until they are on the disk. The error names the file.
    pub(super) fn write(&self, plan: &Plan) -> Result<(), String> {
        let mut directories = BTreeSet::new();
        for secret in plan.secrets() {
            let Some(path) = self.path(secret) else { continue };
            self.stored(secret);
            let Some((text, _)) = self.state().minted.get(secret).cloned() else { continue };
            if self.state().written.contains(&path) {
                continue;
            }
            write(&path, &text)
                .map_err(|error| format!("{}: cannot write the secret to {}: {error}", secret.path, path.display()))?;
            directories.insert(files::directory_of(&path).to_owned());
            self.state().written.insert(path);
        }
        for directory in directories {
            File::open(&directory)
                .and_then(|directory| directory.sync_all())
                .map_err(|error| format!("cannot write the secrets to {}: {error}", directory.display()))?;
        }
        Ok(())
    }

    /// Removes what was written, because the secrets are not valid.
    pub(super) fn remove(&self) {
        for path in std::mem::take(&mut self.state().written) {
            // A secret that is not valid does no harm.
            let _ = std::fs::remove_file(path);
        }
    }
}

const FLAG: &str = ", or give `atelier apply` a directory with --secrets-dir";

/// Creates a file for its owner only. On failure there is none.
fn write(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = files::create(path)?;
    let written = file.write_all(format!("{}\n", secret.expose()).as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
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
