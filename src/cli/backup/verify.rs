//! `atelier backup verify`: restores backups into a temporary directory, and checks them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use super::bar::Bar;
use super::list;
use super::passphrase::PassphraseFile;
use super::words::{age, several};
use crate::app::backups::{self, BackupError, ModelsTo};
use crate::cli::{CliError, print, say};
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::files::archive::{FilesPlace, Manifest};
use crate::store::data_dir::DataDir;
use crate::tokens::sealed_file::Passphrase;

/// A temporary data directory. It is removed when this is dropped.
struct Scratch(DataDir);

impl Scratch {
    fn create() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!("atelier-verify-{}", Uuid::new_v4().simple()));
        Ok(Self(DataDir::open(path)?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(self.0.path()) {
            say(&format!("warning: cannot remove {}: {error}; delete it", self.0.path().display()));
        }
    }
}

/// The result for one backup.
struct Verified {
    manifest: Manifest,
    sealed: bool,
    faults: Vec<String>,
}

pub(super) fn run(
    config: &Config,
    path: &Path,
    secret: &PassphraseFile,
    all: bool,
    as_json: bool,
) -> Result<(), CliError> {
    let passphrase = secret.read(config)?;
    let mut results = Vec::new();
    for path in chosen(path, all)? {
        let verified = verify(&path, passphrase.as_ref()).map_err(|error| match error {
            CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words) => words,
        });
        results.push((path, verified));
    }
    let now = Timestamp::now();
    if as_json {
        let report = results.iter().map(|(path, verified)| to_json(path, verified, now)).collect::<Value>();
        print(&format!("{report:#}\n"))?;
    } else {
        for (path, verified) in &results {
            if let Ok(verified) = verified
                && verified.faults.is_empty()
            {
                print(&format!("{}: {}\n", path.display(), words(&verified.manifest, now)))?;
            }
        }
    }
    let mut faults = Vec::new();
    for (path, verified) in results {
        match verified {
            Err(words) => faults.push(words),
            Ok(verified) if verified.faults.is_empty() => {}
            Ok(verified) => {
                faults.push(format!(
                    "{} is not sound: {}; use another backup",
                    path.display(),
                    verified.faults.join(", ")
                ));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(CliError::Failed(faults.join("\nerror: "))) }
}

/// The backups to verify.
fn chosen(path: &Path, all: bool) -> Result<Vec<PathBuf>, CliError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found: Vec<PathBuf> = list::of(path)?.into_iter().map(|listed| listed.path).collect();
    if found.is_empty() {
        let path = path.display();
        return Err(CliError::Failed(format!("there are no backups in {path}; `atelier backup {path}` makes one")));
    }
    if !all {
        found.drain(..found.len() - 1);
    }
    Ok(found)
}

fn verify(path: &Path, passphrase: Option<&Passphrase>) -> Result<Verified, CliError> {
    let scratch = Scratch::create()?;
    let bar = Bar::default();
    let unpacked = backups::unpack(path, passphrase, &scratch.0, ModelsTo::Nowhere, &bar)?;
    let examined = backups::examine(&scratch.0, &unpacked).map_err(|error| match error {
        BackupError::Refused(words) => CliError::Failed(format!("{}: {words}", path.display())),
        other => other.into(),
    })?;
    examined.store.close();
    let mut faults = examined.faults;
    if !unpacked.absent.is_empty() {
        faults.push(format!("missing or damaged beside it: {}", several(unpacked.absent.len(), "model file")));
    }
    let files = &unpacked.manifest.files;
    if !files.missing.is_empty() || !files.damaged.is_empty() {
        faults.push(format!(
            "when it was made, {} missing and {} damaged",
            several(files.missing.len(), "model file"),
            several(files.damaged.len(), "model file")
        ));
    }
    Ok(Verified { manifest: unpacked.manifest, sealed: unpacked.sealed.0, faults })
}

fn words(manifest: &Manifest, now: Timestamp) -> String {
    let made = manifest.label.made_at().map(|made| age(made.until(now))).unwrap_or_default();
    let files = match manifest.files.place {
        FilesPlace::Nowhere => "no model files".to_owned(),
        FilesPlace::Inside | FilesPlace::Beside => several(manifest.files.count, "model file"),
    };
    format!(
        "sound, made {made} ago ({}) by atelier {} with schema version {}, with {} and {files}",
        manifest.label.made_at,
        manifest.label.program,
        manifest.label.schema,
        several(manifest.rows.values().sum::<u64>(), "row"),
    )
}

fn to_json(path: &Path, verified: &Result<Verified, String>, now: Timestamp) -> Value {
    let path = path.display().to_string();
    match verified {
        Err(words) => json!({ "path": path, "sound": false, "faults": [words] }),
        Ok(Verified { manifest, sealed, faults }) => json!({
            "path": path,
            "sound": faults.is_empty(),
            "faults": faults,
            "made_at": manifest.label.made_at,
            "age_seconds": manifest.label.made_at().map(|made| made.until(now).as_secs()),
            "version": manifest.label.program,
            "schema": manifest.label.schema,
            "sealed": sealed,
            "rows": manifest.rows,
            "files": manifest.files.count,
            "newest_audit_row": { "id": manifest.audit_row, "hash": manifest.audit_hash },
        }),
    }
}
