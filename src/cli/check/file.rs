//! Checks of the data file.

use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::advice::{AS_THE_SERVER, RESTORE, START};
use super::{backups, files, master_key};
use crate::app;
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::cli::master_key::Source;
use crate::cli::progress::{Progress, size};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::error::Result;
use crate::store::audit::chain::{Fault, Verdict};
use crate::store::data_dir::DataDir;
use crate::store::health::Room;
use crate::store::inspection::inspect;
use crate::store::names::{self, OldForm};
use crate::store::schema::{self, SchemaState, Unfit};
use crate::store::signing_keys::SealedKey;
use crate::store::{self, View, health};
use crate::tokens::seal::MasterKey;

/// The maximum number of faults in a report.
const MAX_FAULTS: usize = 5;

/// Less free space is not worth a stop of the server, in bytes.
const MUCH: u64 = 256 << 20;

/// The facts from one snapshot of the data file.
struct Facts {
    standing: SchemaState,
    integrity: Result<Vec<String>>,
    foreign_keys: Result<Vec<String>>,
    room: Result<Room>,
    /// The facts that only the current schema contains.
    known: Option<Known>,
}

struct Known {
    signing_keys: Result<Vec<SealedKey>>,
    /// The number of connections, and those that the master key does not open. `None` without a master key.
    connections: Option<Result<(usize, Vec<Uuid>)>>,
    administrators: Result<(bool, bool)>,
    audit: Result<Verdict>,
    names: Result<(Vec<OldForm>, usize)>,
    backups: Result<app::backups::Outcomes>,
    files: Result<files::Facts>,
}

fn collect_facts(view: &View, key: Option<&MasterKey>) -> Result<Facts> {
    let standing = schema::state(view)?;
    let progress = Arc::new(Mutex::new(Progress::unknown()));
    let watched = |what: &str, work: fn(&View) -> Result<Vec<String>>| {
        lock(&progress).name(what);
        let shown = progress.clone();
        health::watched(view, move || lock(&shown).tick(), work)
    };
    let administrators =
        || Ok((store::users::any_administrator(view)?, store::users::any_enabled_administrator(view)?));
    Ok(Facts {
        standing,
        integrity: watched("integrity", health::integrity_faults),
        foreign_keys: watched("foreign keys", health::foreign_key_faults),
        room: health::room(view),
        known: (standing == SchemaState::Current).then(|| Known {
            signing_keys: store::signing_keys::list_sealed(view),
            connections: key.map(|key| app::connections::unopened(view, key)),
            administrators: administrators(),
            audit: verify_audit(view, key),
            names: names::list(view, MAX_FAULTS),
            backups: app::backups::last_outcomes(view),
            files: files::collect_facts(view),
        }),
    })
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn verify_audit(view: &View, key: Option<&MasterKey>) -> Result<Verdict> {
    let newest = app::audit::newest(view).map_or(0, |newest| newest.id);
    let progress = Progress::items(newest.try_into().unwrap_or_default());
    progress.name("audit");
    app::audit::verify_watched(view, &Actor::operator(), None, key, &mut |rows| progress.set(rows))
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
            if let Some(known) = facts.known {
                findings.extend(master_key::check(config, home, known.signing_keys));
                findings.extend(known.connections.and_then(connections));
                findings.push(administrator(known.administrators));
                findings.push(audit(known.audit));
                findings.extend(old_forms(known.names));
                findings.extend(backups::check(config, known.backups));
                findings.extend(files::check(config, home, known.files));
            }
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

/// Nothing if there are no connections.
fn connections(opened: Result<(usize, Vec<Uuid>)>) -> Option<Finding> {
    const WHAT: &str = "connections";
    Some(match opened {
        Ok((0, _)) => return None,
        Ok((number, unopened)) if unopened.is_empty() => {
            Finding::ok(WHAT, format!("the master key opens the details of all {number}"))
        }
        Ok((number, unopened)) => {
            let ids: Vec<_> = unopened.iter().take(MAX_FAULTS).map(Uuid::to_string).collect();
            let found = format!(
                "the master key does not open the details of {} of {number}, such as {}",
                unopened.len(),
                ids.join(", ")
            );
            Finding::fault(
                WHAT,
                found,
                "use the master key of this data file, or delete these connections and create them again",
            )
        }
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    })
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

/// Names and emails that an upgrade could not convert into their canonical form.
fn old_forms(found: Result<(Vec<OldForm>, usize)>) -> Option<Finding> {
    const WHAT: &str = "names";
    match found {
        Ok((old, _)) if old.is_empty() => None,
        Ok((old, more)) => {
            let mut list = old.iter().map(OldForm::to_string).collect::<Vec<_>>().join(", ");
            if more > 0 {
                let _ = write!(list, " and {more} more");
            }
            Some(Finding::warning(WHAT, list, "rename each of them, and revoke API keys with such names"))
        }
        Err(error) => Some(Finding::fault(WHAT, error_details(&error), RESTORE)),
    }
}

fn administrator(found: Result<(bool, bool)>) -> Finding {
    const WHAT: &str = "administrator";
    match found {
        Ok((_, true)) => Finding::ok(WHAT, "an enabled administrator exists"),
        Ok((true, false)) => {
            Finding::fault(WHAT, "all administrators are disabled", "enable one with `atelier user enable EMAIL`")
        }
        Ok((false, false)) => Finding::warning(
            WHAT,
            "no administrator exists",
            "run `atelier serve` to create one, or `atelier user add --admin EMAIL`",
        ),
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    }
}

fn audit(verdict: Result<Verdict>) -> Finding {
    const WHAT: &str = "audit";
    match verdict {
        Ok(verdict) => match verdict.faults.first() {
            None if verdict.start.id == 0 => Finding::ok(WHAT, format!("{} rows, unchanged", verdict.rows)),
            None => {
                let (rows, deleted) = (verdict.rows, verdict.start.id);
                Finding::ok(
                    WHAT,
                    format!("{rows} rows, unchanged; the rows up to {deleted} were deleted because of their age"),
                )
            }
            Some(Fault::Unchecked(_)) if verdict.faults.len() == 1 => {
                let found =
                    format!("{} rows, unchanged; the checkpoint before them needs the master key", verdict.rows);
                Finding::warning(WHAT, found, "run this command as the user and with the master key of the server")
            }
            Some(first) => {
                let more = verdict.faults.len() - 1 + verdict.more;
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                let next = "run `atelier audit verify`, keep a copy of the directory, and compare it with a backup";
                Finding::fault(WHAT, format!("{first}{more}"), next)
            }
        },
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    }
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
