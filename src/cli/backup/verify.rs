//! `atelier backup verify`: restores backups into a temporary directory, and checks them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::bar::Bar;
use super::list;
use super::passphrase::PassphraseFile;
use super::words::{age, several};
use crate::app::backups::{self, BackupError, ModelsTo, Scratch, Unpacked};
use crate::cli::{CliError, print, say, signals};
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::files::archive::{FilesPlace, Manifest};
use crate::store::files::directory_of;
use crate::tokens::sealed_file::Passphrase;

/// The result for one backup.
struct Verified {
    manifest: Manifest,
    sealed: bool,
    left_out: u64,
    faults: Vec<String>,
}

pub(super) fn run(
    config: &Config,
    path: &Path,
    secret: &PassphraseFile,
    all: bool,
    as_json: bool,
) -> Result<(), CliError> {
    signals::clean_up_when_stopped();
    let passphrase = secret.read(config)?;
    let mut results = Vec::new();
    for path in chosen(path, all)? {
        let verified = verify(&path, passphrase.as_ref()).map_err(|error| match error {
            CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words) => words,
        });
        if signals::is_stopped() {
            return Err(BackupError::Stopped.into());
        }
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
                print(&format!("{}: {}\n", path.display(), words(verified, now)))?;
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
    let unpacked = backups::unpack(path, passphrase, &scratch.home, ModelsTo::Nowhere, &bar)?;
    let examined = backups::examine(&scratch.home, &unpacked).map_err(|error| match error {
        BackupError::Refused(words) => CliError::Failed(format!("{}: {words}", path.display())),
        other => other.into(),
    })?;
    examined.store.close();
    drop(bar);
    let mut faults = examined.faults;
    if !unpacked.absent.is_empty() {
        faults.push(format!("missing or damaged beside it: {}", several(unpacked.absent.len(), "model file")));
        set_aside(path, &unpacked, passphrase);
    }
    let files = &unpacked.manifest.files;
    if !files.missing.is_empty() || !files.damaged.is_empty() {
        faults.push(format!(
            "when it was made, {} missing and {} damaged",
            several(files.missing.len(), "model file"),
            several(files.damaged.len(), "model file")
        ));
    }
    let Unpacked { manifest, sealed, left_out, .. } = unpacked;
    Ok(Verified { manifest, sealed: sealed.0, left_out, faults })
}

/// Lets the next backup into the directory replace the damaged files.
fn set_aside(path: &Path, unpacked: &Unpacked, passphrase: Option<&Passphrase>) {
    let folder = directory_of(path).display();
    let done = backups::set_aside(path, unpacked, passphrase, &Bar::default());
    match done {
        Ok(0) => say(&format!("the next `atelier backup {folder}` copies what is missing from the server")),
        Ok(number) => say(&format!(
            "{} renamed to end in .damaged; the next `atelier backup {folder}` copies what is missing from the server",
            several(number, "damaged model file")
        )),
        Err(error) => say(&format!(
            "warning: the damaged model files keep their names, so that backups do not replace them: {}; run this command \
             again as a user who can write to {folder}",
            error.chain()
        )),
    }
}

fn words(Verified { manifest, left_out, .. }: &Verified, now: Timestamp) -> String {
    let left_out = *left_out;
    let made = manifest.label.made_at().map(|made| age(made.until(now))).unwrap_or_default();
    let files = match manifest.files.place {
        FilesPlace::Nowhere if left_out > 0 => format!("without its {}", several(left_out, "model file")),
        FilesPlace::Nowhere => "without model files".to_owned(),
        FilesPlace::Inside | FilesPlace::Beside => format!("and {}", several(manifest.files.count, "model file")),
    };
    format!(
        "sound, made {made} ago ({}) by atelier {} with schema version {}, with {} {files}",
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
        Ok(Verified { manifest, sealed, left_out, faults }) => json!({
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
            "files_left_out": left_out,
            "newest_audit_row": { "id": manifest.audit_row, "hash": manifest.audit_hash },
        }),
    }
}
