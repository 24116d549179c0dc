//! `atelier compact`: gives the free pages of the data file back to the disk.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::cli::progress::{Progress, size};
use crate::cli::{CliError, database, print, say};
use crate::config::Config;
use crate::error::{DiskFault, Error};
use crate::store::compaction::{Compaction, written};
use crate::store::data_dir::DataDirError;

/// How often the bar moves.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(super) fn run(config: &Config, json: bool) -> Result<(), CliError> {
    database::require_file(config, "PostgreSQL frees its space by itself (autovacuum)")?;
    let home = database::existing(config)?;
    let _lock = home.lock().map_err(|error| match error {
        DataDirError::Taken { path, pid } => {
            let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            CliError::Failed(format!("a server{process} is using {}; stop it first", path.display()))
        }
        other => other.into(),
    })?;
    let path = home.database();
    let compaction = Compaction::begin(&path).map_err(or_full)?;
    let before = compaction.room();
    let progress = Progress::bytes(before.used().saturating_mul(2));
    progress.name("compacting");
    let after = thread::scope(|scope| {
        let (done, ended) = channel();
        let work = scope.spawn(move || {
            let room = compaction.run();
            // Nobody waits if this fails.
            let _ = done.send(());
            room
        });
        while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            progress.set(written(&path));
        }
        work.join().unwrap_or_else(|_| Err(Error::internal("the compaction panicked")))
    });
    drop(progress);
    let after = after.map_err(or_full)?;
    if json {
        return print(&format!("{:#}\n", json!({ "bytes_before": before.total, "bytes": after.total })));
    }
    print(&format!("{} before, {} now\n", size(before.total), size(after.total)))?;
    if before.free == 0 {
        say("the file had no free pages");
    }
    Ok(())
}

/// Says what to do when the disk has no room for the copies.
fn or_full(error: Error) -> CliError {
    match error {
        Error::Disk { fault: DiskFault::Full, cause } => CliError::Failed(format!(
            "the disk has no room for two copies of the data: {cause}; free some, the data file is as it was"
        )),
        error => error.into(),
    }
}
