//! Checks of the data file.

use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::advice::{AS_THE_SERVER, RESTORE, START};
use super::content::{Content, MAX_FAULTS};
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::cli::master_key::Source;
use crate::cli::progress::{Progress, size};
use crate::config::Config;
use crate::error::Result;
use crate::store::data_dir::DataDir;
use crate::store::health::Room;
use crate::store::inspection::inspect;
use crate::store::schema::{self, SchemaState, Unfit};
use crate::store::{View, health};
use crate::tokens::seal::MasterKey;

/// Less free space is not worth a stop of the server, in bytes.
const MUCH: u64 = 256 << 20;

/// The facts from one snapshot of the data file.
struct Facts {
    standing: SchemaState,
    integrity: Result<Vec<String>>,
    foreign_keys: Result<Vec<String>>,
    room: Result<Room>,
    /// The facts that only the current schema contains.
    content: Option<Content>,
}

fn collect_facts(view: &View, key: Option<&MasterKey>) -> Result<Facts> {
    let standing = schema::state(view)?;
    let progress = Arc::new(Mutex::new(Progress::unknown()));
    let watched = |what: &str, work: fn(&View) -> Result<Vec<String>>| {
        lock(&progress).name(what);
        let shown = progress.clone();
        health::watched(view, move || lock(&shown).tick(), work)
    };
    Ok(Facts {
        standing,
        integrity: watched("integrity", health::integrity_faults),
        foreign_keys: watched("foreign keys", health::foreign_key_faults),
        room: health::room(view),
        content: (standing == SchemaState::Current).then(|| Content::of(view, key)),
    })
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn check(config: &Config, home: &DataDir) -> Vec<Finding> {
    const WHAT: &str = "data file";
    let path = home.database();
    let mode = match fs::metadata(&path) {
        Ok(found) => found.permissions().mode() & 0o7777,
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let found = format!("cannot inspect {}: {error}", path.display());
            return vec![Finding::fault(WHAT, found, AS_THE_SERVER)];
        }
        Err(error) => return vec![lost(home).unwrap_or_else(|| unreadable(&path, &error))],
    };
    if let Err(error) = fs::File::open(&path) {
        return vec![unreadable(&path, &error)];
    }
    let mut findings = vec![private(WHAT, &path, mode)];
    // If it cannot be loaded, the check of the master key says why.
    let key = Source::of(config, home).ok().and_then(|source| source.load().ok());
    match inspect(&path, |view| collect_facts(view, key.as_ref())) {
        Ok(facts) => {
            findings.push(version(home, facts.standing));
            if matches!(facts.standing, SchemaState::Empty | SchemaState::Foreign | SchemaState::NoDatabase) {
                findings.extend(lost(home));
                return findings;
            }
            findings.push(sound("integrity", facts.integrity));
            findings.push(sound("foreign keys", facts.foreign_keys));
            findings.extend(facts.room.ok().and_then(free_space));
            findings.extend(
                facts
                    .content
                    .map(|content| content.check(config, home, &|work| inspect(&path, work)))
                    .into_iter()
                    .flatten(),
            );
        }
        Err(error) => findings.push(Finding::fault("integrity", error_details(&error), RESTORE)),
    }
    findings
}

/// The rest of a server is there, but its data file is not.
fn lost(home: &DataDir) -> Option<Finding> {
    home.left_without_database().map(|left| {
        let found =
            format!("{} is missing or empty, but {} of a server is there", home.database().display(), left.display());
        Finding::fault("data file", found, "put the data file back, or restore the last backup into another directory")
    })
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Finding {
    const WHAT: &str = "data file";
    match error.kind() {
        io::ErrorKind::NotFound => Finding::fault(WHAT, format!("{} does not exist", path.display()), START),
        _ => Finding::fault(WHAT, format!("cannot read {}: {error}", path.display()), AS_THE_SERVER),
    }
}

fn private(what: &'static str, path: &Path, mode: u32) -> Finding {
    let path = path.display();
    let loose = mode & 0o077 != 0;
    if !loose {
        return Finding::ok(what, format!("{path}, mode {mode:o}"));
    }
    let found = format!("{path} is open to other users (mode {mode:o})");
    Finding::fault(what, found, format!("run `chmod 600 {path}`"))
}

pub(super) fn version(home: &DataDir, standing: SchemaState) -> Finding {
    const WHAT: &str = "schema";
    let ours = schema::VERSION;
    // In a refusal, the text after the semicolon is the next step.
    let refused = |unfit: Unfit| {
        let words = unfit.to_string();
        let (found, next) = words.split_once("; ").unwrap_or((&words, ""));
        Finding::fault(WHAT, found, next)
    };
    match standing {
        SchemaState::Current => Finding::ok(WHAT, format!("version {ours}, the version of this atelier")),
        SchemaState::Empty => Finding::fault(WHAT, format!("{} is empty", home.database().display()), START),
        SchemaState::Older(version) => Finding::warning(
            WHAT,
            format!("version {version}, but this atelier has version {ours}"),
            "run `atelier check --upgrade` to see how this version upgrades it, then `atelier serve`",
        ),
        SchemaState::Newer(_) | SchemaState::Foreign => match standing.fit(&home.database()) {
            Err(unfit) => refused(unfit),
            Ok(_) => Finding::ok(WHAT, "known"),
        },
        SchemaState::NoDatabase => Finding::fault(WHAT, "the data file is not a SQLite database", RESTORE),
    }
}

fn sound(what: &'static str, faults: Result<Vec<String>>) -> Finding {
    match faults {
        Ok(faults) if faults.is_empty() => Finding::ok(what, "sound"),
        Ok(faults) => {
            let mut found =
                faults.iter().take(MAX_FAULTS).map(|fault| fault.replace('\n', " ")).collect::<Vec<_>>().join(", ");
            if faults.len() > MAX_FAULTS {
                let _ = write!(found, " and {} more", faults.len() - MAX_FAULTS);
            }
            Finding::fault(what, found, RESTORE)
        }
        Err(error) => Finding::fault(what, error_details(&error), RESTORE),
    }
}

/// Most of a large file is free, after a first deletion of old rows for example.
fn free_space(room: Room) -> Option<Finding> {
    let found = || format!("{} of {} of the data file are free", size(room.free), size(room.total));
    (room.free >= MUCH && room.free > room.used())
        .then(|| Finding::warning("free space", found(), "stop the server and run `atelier compact`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_free_space_is_told() {
        let told = |free: u64, used: u64| free_space(Room { total: free + used, free });
        assert_eq!(told(MUCH - 1, 0), None);
        assert_eq!(told(MUCH, MUCH), None, "half of it is in use");
        let found = told(MUCH * 4, MUCH * 2).unwrap();
        assert_eq!(found.found, "1.00 GiB of 1.50 GiB of the data file are free");
    }
}
