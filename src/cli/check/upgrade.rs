//! `atelier check --upgrade`: what an upgrade would do, and how long it would take. The upgrade is tried on a copy.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::advice::RESTORE;
use super::file;
use crate::app::ended::{self, FirstSweep};
use crate::cli::backup::several;
use crate::cli::data::error_details;
use crate::cli::finding::{Finding, Level};
use crate::cli::progress::size;
use crate::cli::{CliError, database, finding, print, upgrade_progress};
use crate::config::Config;
use crate::domain::retention::Retention;
use crate::error::Error;
use crate::store::data_dir::DataDir;
use crate::store::schema::{self, SchemaState};
use crate::store::upgrade::rehearsal::{self, Rehearsal};
use crate::store::upgrade::space::Room;

/// What is known of the upgrade of an older data file.
struct Outlook {
    from: u32,
    room: Room,
    /// The upgrade of a copy, and the first sweep in it.
    tried: Option<(Rehearsal, FirstSweep)>,
}

/// Prints the findings. Fails if the upgrade would fail.
pub(super) fn run(config: &Config, as_json: bool) -> Result<(), CliError> {
    database::require_file(
        config,
        "the server itself upgrades a database of PostgreSQL; `pg_dump` backs it up before",
    )?;
    let home = database::at(config)?;
    let (outlook, findings) = check(config, &home);
    let faults = findings.iter().filter(|finding| finding.level == Level::Fault).count();
    if as_json {
        let findings = findings.iter().map(Finding::to_json).collect::<Value>();
        let upgrade = outlook.as_ref().map(to_json);
        print(&format!("{:#}\n", json!({ "upgrade": upgrade, "findings": findings, "sound": faults == 0 })))?;
    } else {
        print(&finding::lines(&findings))?;
    }
    if faults == 0 {
        Ok(())
    } else {
        Err(CliError::Failed("the data file cannot be upgraded; follow the instructions above".to_owned()))
    }
}

fn to_json(outlook: &Outlook) -> Value {
    let tried = outlook.tried.as_ref();
    let step = |step: schema::Step| json!({ "version": step.version, "does": step.words });
    json!({
        "from": outlook.from,
        "to": schema::VERSION,
        "steps": schema::steps_from(outlook.from).map(step).collect::<Value>(),
        "bytes": outlook.room.file,
        "bytes_needed": outlook.room.needed,
        "bytes_free": outlook.room.free,
        "rows": tried.map(|(rehearsal, _)| rehearsal.rows),
        "seconds": tried.map(|(rehearsal, _)| rehearsal.took.as_secs_f64()),
        "first_start_deletes": tried.map(|(_, sweep)| json!({
            "audit_rows": sweep.audit_rows,
            "sessions": sweep.sessions,
            "codes": sweep.codes,
            "keys": sweep.keys,
        })),
    })
}

fn check(config: &Config, home: &DataDir) -> (Option<Outlook>, Vec<Finding>) {
    let path = home.database();
    if let Err(error) = fs::File::open(&path) {
        return (None, vec![file::unreadable(&path, &error)]);
    }
    let (state, room) = match rehearsal::outlook(&path) {
        Ok(found) => found,
        Err(error) => return (None, vec![Finding::fault("data file", error_details(&error), RESTORE)]),
    };
    let mut findings = vec![Finding::ok("data file", format!("{}, {}", path.display(), size(room.file)))];
    let SchemaState::Older(from) = state else {
        findings.push(match state {
            SchemaState::Current => {
                let found =
                    format!("version {}, the version of this atelier: nothing is to be upgraded", schema::VERSION);
                Finding::ok("schema", found)
            }
            other => file::version(home, other),
        });
        return (None, findings);
    };
    findings.push(Finding::ok("schema", format!("version {from}; it is upgraded to version {}", schema::VERSION)));
    let step = |step: schema::Step| Finding::ok("step", format!("{} {}", step.version, step.words));
    findings.extend(schema::steps_from(from).map(step));
    let mut outlook = Outlook { from, room, tried: None };
    let found = format!("{} needed, {} free", size(room.needed), size(room.free));
    if !room.is_enough() {
        let next = "free space on the disk of the data directory, or move the directory to a larger disk";
        findings.push(Finding::fault("disk space", found, next));
        return (Some(outlook), findings);
    }
    findings.push(Finding::ok("disk space", found));
    let retention = config.retention();
    let sweep = |copy: &Path| ended::try_first_sweep(copy, &retention);
    match rehearsal::rehearse(&path, &upgrade_progress::watcher(), sweep) {
        Ok((rehearsal, sweep)) => {
            findings.push(Finding::ok(
                "trial",
                format!(
                    "upgraded a copy with {} rows in {:.1} s; the server does not serve during an upgrade",
                    rehearsal.rows,
                    rehearsal.took.as_secs_f64()
                ),
            ));
            findings.push(Finding::ok(
                "copy",
                format!("the upgrade keeps the old data file as backup/before-schema-{}", schema::VERSION),
            ));
            findings.push(deleted(sweep, &retention));
            outlook.tried = Some((rehearsal, sweep));
        }
        Err(error) => findings.push(failed(&error)),
    }
    (Some(outlook), findings)
}

/// What the first start deletes because of its age.
fn deleted(sweep: FirstSweep, retention: &Retention) -> Finding {
    const WHAT: &str = "old rows";
    let FirstSweep { audit_rows, sessions, codes, keys } = sweep;
    let number = |number: u64, what: &str| (number > 0).then(|| several(number, what));
    let kinds = [
        number(audit_rows, "audit row"),
        number(sessions, "ended session"),
        number(codes, "expired code"),
        number(keys, "ended key"),
    ];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    if kinds.is_empty() {
        return Finding::ok(WHAT, "the first start deletes nothing");
    }
    let found = format!("the first start deletes {}, as audit_life and ended_key_life say", kinds.join(", "));
    if audit_rows > 0 && retention.audit_export.is_none() {
        let next = "set audit_export to keep the audit rows in files, or a longer audit_life, before the first start";
        return Finding::warning(WHAT, found, next);
    }
    Finding::ok(WHAT, found)
}

fn failed(error: &Error) -> Finding {
    let next = match error {
        Error::Refused { .. } | Error::Busy { .. } => "try again",
        Error::Disk { .. } => {
            "see that this user can write in the data directory and that its disk has room, and run this command again"
        }
        _ => "run `atelier check` of the version that you use now, and keep that version",
    };
    Finding::fault("trial", error_details(error), next)
}
