//! Checks of the data directory, its file system and the server that uses it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use super::advice::{AS_THE_SERVER, START};
use super::{file, running};
use crate::cli::CliError;
use crate::cli::data::{self, error_details};
use crate::cli::finding::Finding;
use crate::config::Config;
use crate::store::data_dir::DataDir;
use crate::store::{self, health};

pub(super) fn check(config: &Config, home: &DataDir) -> Vec<Finding> {
    const WHAT: &str = "data directory";
    let path = home.path().display();
    let mode = match fs::metadata(home.path()) {
        Ok(found) if found.is_dir() => found.permissions().mode() & 0o7777,
        Ok(_) => {
            let next = "choose another directory with --data-dir";
            return vec![Finding::fault(WHAT, format!("{path} is not a directory"), next)];
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::fault(WHAT, format!("{path} does not exist"), START)];
        }
        Err(error) => {
            return vec![Finding::fault(WHAT, format!("cannot inspect {path}: {error}"), AS_THE_SERVER)];
        }
    };
    let mut findings = vec![match mode & 0o077 {
        0 => Finding::ok(WHAT, format!("{path}, mode {mode:o}")),
        _ => Finding::warning(
            WHAT,
            format!("{path} is open to other users (mode {mode:o})"),
            format!("run `chmod 700 {path}`"),
        ),
    }];
    findings.push(match home.network_file_system() {
        None => Finding::ok("file system", "not a network file system"),
        Some(kind) => Finding::warning(
            "file system",
            format!("a network file system ({kind}), where SQLite can lose data"),
            "move the data directory to a local disk",
        ),
    });
    match home.holder() {
        Ok(None) => findings.push(Finding::ok("server", "not running")),
        Ok(Some(holder)) => {
            let process = holder.pid.map(|pid| format!(", as process {pid}")).unwrap_or_default();
            findings.push(Finding::ok("server", format!("running{process}")));
            findings.extend(holder.in_force.map(|in_force| running::check(config, &in_force)));
        }
        Err(error) => {
            findings.push(Finding::warning("server", "unknown whether a server is running", error.to_string()));
        }
    }
    if home.server().is_some() {
        findings.push(database(home));
        return findings;
    }
    findings.push(sqlite());
    findings.extend(file::check(config, home));
    findings
}

/// Whether the database of PostgreSQL can be used.
fn database(home: &DataDir) -> Finding {
    match data::with(home, |store| Ok(store.read(health::generation)?)) {
        Ok(generation) => Finding::ok("database", format!("PostgreSQL, generation {generation}")),
        Err(CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) => {
            Finding::fault("database", words, "correct database, or start PostgreSQL")
        }
    }
}

fn sqlite() -> Finding {
    let version = health::sqlite_version();
    match store::refuse_old_sqlite() {
        Ok(()) => Finding::ok("sqlite", version),
        Err(error) => Finding::fault("sqlite", error_details(&error), "build atelier with its bundled SQLite"),
    }
}
