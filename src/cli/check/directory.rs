//! Checks of the data directory, its file system and the server that uses it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use super::advice::{AS_THE_SERVER, START};
use super::content::Content;
use super::{file, running};
use crate::cli::data::{self, error_details};
use crate::cli::finding::Finding;
use crate::cli::master_key::Source;
use crate::cli::{CliError, database};
use crate::config::Config;
use crate::store::data_dir::DataDir;
use crate::store::schema::{self, SchemaState};
use crate::store::{self, Store, health};

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
            if home.server().is_some() {
                let found = format!("{path} does not exist; commands need none, and a server creates it");
                let mut findings = vec![Finding::ok(WHAT, found)];
                findings.extend(of_database(config, home, false));
                return findings;
            }
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
    let holder = home.holder();
    let is_running = matches!(holder, Ok(Some(_)));
    match holder {
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
        findings.extend(of_database(config, home, is_running));
        return findings;
    }
    findings.push(sqlite());
    findings.extend(file::check(config, home));
    findings
}

/// Whether the database of PostgreSQL can be used, and what its servers share.
fn of_database(config: &Config, home: &DataDir, is_running: bool) -> Vec<Finding> {
    let state = home.server().map_or(Ok(SchemaState::Empty), Store::schema_of_postgres);
    let found = state.map_err(CliError::from).and_then(|state| match state {
        SchemaState::Empty => {
            let next = "correct database, or run `atelier serve`, which creates them";
            Ok(vec![Finding::fault("database", "PostgreSQL, without tables of atelier", next)])
        }
        SchemaState::Older(version) => {
            let found = format!("version {version}, but this atelier has version {}", schema::VERSION);
            let next = "back the database up with `pg_dump`, then run `atelier serve`, which upgrades it";
            Ok(vec![Finding::warning("schema", found, next)])
        }
        // Others are refused here.
        _ => of_current(config, home, is_running),
    });
    found.unwrap_or_else(|error| {
        let (CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) = error;
        let (found, next) = words.split_once("; ").unwrap_or((&words, "correct database, or start PostgreSQL"));
        vec![Finding::fault("database", found, next)]
    })
}

fn of_current(config: &Config, home: &DataDir, is_running: bool) -> Result<Vec<Finding>, CliError> {
    data::with(home, |store| {
        let generation = store.read(health::generation)?;
        let mut findings = vec![Finding::ok("database", format!("PostgreSQL, generation {generation}"))];
        findings.extend(database::findings(config, store, is_running)?);
        // If it cannot be loaded, the check of the master key says why.
        let key = Source::of(config, home).ok().and_then(|source| source.load().ok());
        let content = store.read(|view| Ok(Content::of(view, key.as_ref())))?;
        findings.extend(content.check(config, home, &|work| store.read(work)));
        Ok(findings)
    })
}

fn sqlite() -> Finding {
    let version = health::sqlite_version();
    match store::refuse_old_sqlite() {
        Ok(()) => Finding::ok("sqlite", version),
        Err(error) => Finding::fault("sqlite", error_details(&error), "build atelier with its bundled SQLite"),
    }
}
