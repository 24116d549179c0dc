//! Checks of the master key: its source, and whether it opens the sealed values.

use super::advice::{AS_THE_SERVER, RESTORE};
use crate::app::identity::signing_keys;
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::cli::master_key::{Source, Unusable};
use crate::cli::{CliError, master_key};
use crate::config::Config;
use crate::error::Result;
use crate::store::data_dir::DataDir;
use crate::store::signing_keys::SealedKey;
use crate::tokens::seal::{FileError, next_file};

const WHAT: &str = "master key";

pub(super) fn check(config: &Config, home: &DataDir, sealed: Result<Vec<SealedKey>>) -> Vec<Finding> {
    let source = match Source::of(config, home) {
        Ok(source) => source,
        Err(CliError::Usage(words) | CliError::Failed(words) | CliError::Replaced(words)) => {
            let (found, next) = words.split_once("; ").unwrap_or((&words, master_key::ONE_PLACE));
            return vec![Finding::fault(WHAT, found, next)];
        }
    };
    let mut findings = vec![match sealed {
        Ok(sealed) if !sealed.is_empty() && matches!(source, Source::DataDir(_)) && is_for_commands_only(home) => {
            let found = "none is on this machine, so no server can run here, and commands do not read secrets";
            Finding::warning(WHAT, found, "set master_key_file to a copy of the key of the servers")
        }
        Ok(sealed) => opens(&source, &sealed),
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    }];
    let next = source.file().map(|path| next_file(&path)).filter(|next| next.exists());
    if let Some(next) = next {
        let found = format!("a rotation was interrupted: {} exists", next.display());
        findings.push(Finding::warning(WHAT, found, "run `atelier master-key rotate` to finish it"));
    }
    let idle = home.master_key();
    if !matches!(source, Source::DataDir(_)) && idle.exists() {
        let found = format!("{} also exists but is not used", idle.display());
        findings.push(Finding::warning(WHAT, found, "move it to a safe place"));
    }
    findings
}

/// Whether a machine has no data directory, because its data is in PostgreSQL and no server runs on it.
fn is_for_commands_only(home: &DataDir) -> bool {
    home.server().is_some() && !home.path().exists()
}

fn opens(source: &Source, sealed: &[SealedKey]) -> Finding {
    let key = match source.load() {
        Ok(key) => key,
        Err(Unusable::File(FileError::Missing { .. })) if matches!(source, Source::DataDir(_)) && sealed.is_empty() => {
            return Finding::ok(WHAT, "no master key exists yet; the server creates it at its first start");
        }
        Err(error) => return unusable(source, &error),
    };
    for one in sealed {
        if let Err(error) = signing_keys::prove(&key, one) {
            let next = match source {
                Source::DataDir(_) | Source::File(..) => {
                    format!("restore the {source} that belongs to this data from the backup")
                }
                Source::Text(..) | Source::Credential(_) => "use the one that belongs to this data".to_owned(),
            };
            let found = format!("it does not open the signing key {}: {}", one.kid, error_details(&error));
            return Finding::fault(WHAT, found, next);
        }
    }
    let number = sealed.len();
    Finding::ok(WHAT, format!("{source}, opens {number} signing key{}", if number == 1 { "" } else { "s" }))
}

fn unusable(source: &Source, error: &Unusable) -> Finding {
    let from_backup = "restore it from the backup; nothing that it sealed can be opened without it";
    match error {
        Unusable::Text(reason) => Finding::fault(WHAT, format!("{source} is malformed: {reason}"), from_backup),
        Unusable::File(error) => match error {
            FileError::Missing { .. } => Finding::fault(WHAT, format!("{source} is missing"), from_backup),
            FileError::TooWide { path, mode } => {
                let found = format!("{source} is open to other users (mode {mode:o})");
                Finding::fault(WHAT, found, format!("run `chmod 600 {}`", path.display()))
            }
            FileError::Malformed { reason, .. } => {
                Finding::fault(WHAT, format!("{source} is malformed: {reason}"), from_backup)
            }
            FileError::Io { source: why, .. } => {
                Finding::fault(WHAT, format!("cannot read {source}: {why}"), AS_THE_SERVER)
            }
            FileError::Exists { .. } => Finding::fault(WHAT, error.to_string(), from_backup),
        },
    }
}
