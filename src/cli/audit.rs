//! `atelier audit`: lists the audit log, and verifies its hash chain.

mod list;

use clap::Subcommand;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

use crate::app::audit;
use crate::cli::master_key::Source;
use crate::cli::progress::Progress;
use crate::cli::{CliError, data, database, print, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::error::Result;
use crate::store::View;
use crate::store::audit::chain::{Fault, Verdict};
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;
use crate::store::schema::{self, SchemaState};
use crate::tokens::chain::{Hash, from_hex, to_hex};
use crate::tokens::seal::MasterKey;

/// What can be done about the audit.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// List what was changed, by whom and when, the newest first.
    #[command(after_help = "Examples:\n  atelier audit list --since 7d\n  atelier audit list --user ada@example.com \
                            --verb workspaces.delete --json\n  atelier audit list --object workspace/7 --since \
                            2027-01-01")]
    List {
        /// Which rows to list.
        #[command(flatten)]
        search: Box<list::Search>,
    },
    /// Compare all rows with their hashes, and print the hash of the newest one. Fails if a row was changed, added,
    /// moved or removed.
    #[command(after_help = "Examples:\n  atelier audit verify")]
    Verify {
        /// The hash of the newest row, from an earlier run or from the server's log. A person who can write the data
        /// file can also recompute all hashes; only a hash that is kept elsewhere reveals that.
        #[arg(long, value_name = "HASH", value_parser = hash)]
        expect: Option<Hash>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

fn hash(text: &str) -> std::result::Result<Hash, String> {
    from_hex(text.trim())
        .ok_or_else(|| "must be the 64 hexadecimal digits that `atelier audit verify` prints".to_owned())
}

impl Command {
    pub fn run(self, config: &Config) -> std::result::Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::List { search } => list::list(&home, &search),
            Self::Verify { expect, json } => {
                // Without the key, a checkpoint is reported as unchecked.
                let key = Source::of(config, &home).ok().and_then(|source| source.load().ok());
                verify(&home, expect.as_ref(), key.as_ref(), json)
            }
        }
    }
}

fn verify(
    home: &DataDir,
    expected: Option<&Hash>,
    key: Option<&MasterKey>,
    json: bool,
) -> std::result::Result<(), CliError> {
    let path = home.database();
    let verdict = match home.server() {
        None => inspect(&path, |view| verdict_of(view, &path, expected, key))?,
        Some(_) => data::with(home, |store| Ok(store.read(|view| Ok(Some(verify_rows(view, expected, key)?)))?))?,
    };
    let Some(verdict) = verdict else {
        return Err(CliError::Failed(
            "the data file has an older schema version; run `atelier check --upgrade`, and start the server to upgrade it"
                .to_owned(),
        ));
    };
    let head = to_hex(&verdict.last.hash);
    if json {
        let fault = |fault: &Fault| {
            let (kind, rows) = kind(fault);
            json!({ "fault": kind, "first": rows.map(|rows| rows.0), "last": rows.map(|rows| rows.1), "message": fault.to_string() })
        };
        let value = json!({
            "sound": verdict.is_sound(),
            "rows": verdict.rows,
            "deleted_up_to": verdict.start.id,
            "newest": { "id": verdict.last.id, "hash": head },
            "faults": verdict.faults.iter().map(fault).collect::<Value>(),
            "more": verdict.more,
        });
        print(&format!("{value:#}\n"))?;
    } else {
        let mut text: String = verdict.faults.iter().map(|fault| fault.to_string() + "\n").collect();
        if verdict.more > 0 {
            // Writing to a String never fails.
            let _ = writeln!(text, "and {} more faults", verdict.more);
        }
        if verdict.is_sound() {
            text = format!("{head}\n");
        }
        print(&text)?;
    }
    if let [Fault::Unchecked(_)] = verdict.faults.as_slice() {
        return Err(CliError::Failed(
            "the rows that are left are unchanged, but the checkpoint needs the master key; run this command as the user \
             and with the master key of the server"
                .to_owned(),
        ));
    }
    if !verdict.is_sound() {
        return Err(CliError::Failed(
            "the audit log has been changed; keep a copy of the data directory, and compare it with a backup"
                .to_owned(),
        ));
    }
    if !json {
        let rows = if verdict.rows == 1 { "row is" } else { "rows are" };
        if verdict.start.id > 0 {
            say(&format!(
                "the rows up to {} were deleted because of their age, as a checkpoint proves",
                verdict.start.id
            ));
        }
        say(&format!(
            "{} {rows} unchanged; stdout has the hash of the newest one, number {}: keep it elsewhere for --expect",
            verdict.rows, verdict.last.id
        ));
    }
    Ok(())
}

/// `None` if the data file must be upgraded first.
fn verdict_of(view: &View, path: &Path, expected: Option<&Hash>, key: Option<&MasterKey>) -> Result<Option<Verdict>> {
    if schema::state(view)?.fit(path)? != SchemaState::Current {
        return Ok(None);
    }
    verify_rows(view, expected, key).map(Some)
}

fn verify_rows(view: &View, expected: Option<&Hash>, key: Option<&MasterKey>) -> Result<Verdict> {
    // The record of the newest row may be missing, which the verdict says.
    let newest = audit::newest(view).map_or(0, |newest| newest.id);
    let progress = Progress::items(newest.try_into().unwrap_or_default());
    progress.name("audit");
    audit::verify_watched(view, &Actor::operator(), expected, key, &mut |rows| progress.set(rows))
}

/// The kind of a fault, with the first and the last row that it affects.
fn kind(fault: &Fault) -> (&'static str, Option<(i64, i64)>) {
    match fault {
        Fault::Missing(rows) => ("missing", Some((*rows.start(), *rows.end()))),
        Fault::Changed(id) => ("changed", Some((*id, *id))),
        Fault::Rehashed(id) => ("rehashed", Some((*id, *id))),
        Fault::Added(id) => ("added", Some((*id, *id))),
        Fault::Unlinked(id) => ("unlinked", Some((*id, *id))),
        Fault::Unsealed(id) => ("unsealed", Some((1, *id))),
        Fault::Unchecked(id) => ("unchecked", Some((1, *id))),
        Fault::NoEnd => ("no_end", None),
        Fault::NotExpected => ("not_expected", None),
    }
}
