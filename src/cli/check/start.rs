//! Checks of what the start of a server reads, beside its data. The limits of the process are not checked: this command has
//! its own.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access};

use super::advice::AS_THE_SERVER;
use super::master_key;
use crate::app::backups;
use crate::cli::finding::{Finding, Level};
use crate::cli::first_administrator::Planned;
use crate::cli::{CliError, backup, data, requirements, sockets};
use crate::config::Config;
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;
use crate::store::schema::SchemaState;
use crate::store::{self, Store};

/// Only faults are told.
pub(super) fn check(config: &Config, home: &DataDir) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(requirements::unmet(config, home).into_iter().map(|(what, error)| fault(what, error)));
    if home.holder().is_ok_and(|holder| holder.is_none()) {
        // A server that runs listens on its own.
        findings.extend(sockets::require_usable(config).err().map(|error| fault("addresses", error)));
    }
    let is_new = is_new(home);
    if is_new {
        // Otherwise they are checked with the data.
        findings.extend(master_key::check(config, home, Ok(Vec::new())));
    }
    if is_new || lacks_administrator(home) {
        findings.extend(Planned::read(config).err().map(|error| fault("first start", error)));
    }
    // Its fault is among the first.
    if let Ok(Some((_, folder, passphrase))) = backup::planned(config, home) {
        let found = unusable("backup", folder.path()).or_else(|| {
            let fits = backups::require_own(&folder, home, passphrase.is_some());
            fits.err().map(|error| fault("backup", error.into()))
        });
        findings.extend(found);
    }
    let export = config.audit_export.as_deref().filter(|_| config.audit_life.limit().is_some());
    findings.extend(export.and_then(|path| unusable("audit export", path)));
    findings.retain(|finding| finding.level == Level::Fault);
    findings
}

fn is_new(home: &DataDir) -> bool {
    match home.server() {
        Some(address) => Store::schema_of_postgres(address).is_ok_and(|state| state == SchemaState::Empty),
        None => fs::metadata(home.database()).map_or(true, |found| found.len() == 0),
    }
}

/// Whether data of the current schema has no administrator.
fn lacks_administrator(home: &DataDir) -> bool {
    let found = match home.server() {
        Some(address) => match Store::schema_of_postgres(address) {
            Ok(SchemaState::Current) => data::with(home, |store| Ok(store.read(store::users::any_administrator)?)).ok(),
            _ => None,
        },
        None => inspect(&home.database(), store::users::any_administrator).ok(),
    };
    found == Some(false)
}

fn fault(what: &'static str, error: CliError) -> Finding {
    let (CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) = error;
    // The faults of a set-up file are on lines of their own.
    let words = words.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
    let (found, next) = words.rsplit_once("; ").unwrap_or((&words, "correct the configuration"));
    Finding::fault(what, found, next)
}

/// Whether a directory could not be created, or nothing be written into it.
fn unusable(what: &'static str, path: &Path) -> Option<Finding> {
    let path = std::path::absolute(path).ok()?;
    let there = path.ancestors().find(|above| fs::symlink_metadata(above).is_ok())?;
    match fs::metadata(there) {
        Ok(found) if !found.is_dir() => {
            let found = format!("{} is not a directory", there.display());
            Some(Finding::fault(what, found, "choose another directory, or move the file away"))
        }
        Err(error) => Some(Finding::fault(what, format!("cannot inspect {}: {error}", there.display()), AS_THE_SERVER)),
        Ok(_) => access(there, Access::WRITE_OK | Access::EXEC_OK).err().map(|error| {
            let found = format!("cannot write to {}: {error}", there.display());
            Finding::fault(what, found, "give it to the user that runs the server, and run this command as that user")
        }),
    }
}
