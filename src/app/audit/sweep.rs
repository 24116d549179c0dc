//! Deletes audit rows that are older than `audit_life`, in small writes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{checkpoint, export};
use crate::app::audit;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::retention::Retention;
use crate::error::Result;
use crate::store::audit::chain::Link;
use crate::store::audit::old;
use crate::store::{Store, View};
use crate::tokens::seal::MasterKey;

/// A run begins when the oldest row is too old by this much, so that there is at most one run, with one audit row, a day.
const BEGIN_AFTER: Duration = Duration::from_hours(24);

/// A run over the rows that are too old at its beginning.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Run {
    /// The first and the last row to delete.
    first: i64,
    last: i64,
    is_recorded: bool,
}

/// Deletes old audit rows, a few with each step.
#[derive(Debug, Default)]
pub struct Sweeper {
    run: Option<Run>,
}

impl Sweeper {
    /// Deletes some rows. Returns whether there is more to do.
    ///
    /// Deletes nothing if the rows cannot be exported, or if the log is not as atelier has written it.
    pub async fn step(&mut self, state: &AppState) -> Result<bool> {
        let (store, key, retention) = (state.store.clone(), state.master_key.clone(), state.retention.clone());
        let run = self.run.take();
        let work = move || advance(&store, &key, &retention, run);
        self.run = state.place_pool.run(Lane::Server, work).await??;
        Ok(self.run.is_some())
    }
}

/// Deletes some rows. Returns the run, if it is not at its end.
pub(in crate::app) fn advance(
    store: &Store,
    key: &MasterKey,
    retention: &Retention,
    run: Option<Run>,
) -> Result<Option<Run>> {
    let Some(life) = retention.audit else { return Ok(None) };
    let Some(run) = run.map_or_else(|| begin(store, life), |run| Ok(Some(run)))? else { return Ok(None) };
    let (start, rows) = store.read(|view| {
        let start = checkpoint::require(view, key)?;
        Ok((start, old::first(view, &start, run.last)?))
    })?;
    let Some(newest) = rows.last() else {
        log::info!("audit log: deleted the rows {} to {}, which were older than audit_life", run.first, run.last);
        return Ok(None);
    };
    if let Some(directory) = &retention.audit_export {
        export::append(directory, &rows)?;
    }
    let last = Link { id: newest.id, hash: newest.hash };
    let seal = checkpoint::seal(key, &last)?;
    let export = retention.audit_export.clone();
    let is_done = store.write_and_wait(move |tx| {
        let is_done = old::delete(tx, &start, &last, &seal)?;
        if !is_done || run.is_recorded {
            return Ok(is_done);
        }
        let before = json!({ "first": run.first, "last": run.last });
        let after =
            export.as_deref().map_or(Value::Null, |path| json!({ "exported_to": Path::display(path).to_string() }));
        audit::record(tx, &Actor::server(), "audit.sweep", (ObjectKind::Audit, run.last), (before, after))?;
        Ok(true)
    })?;
    Ok(Some(Run { is_recorded: run.is_recorded || is_done, ..run }))
}

/// A new run, if there is enough to do.
fn begin(store: &Store, life: Duration) -> Result<Option<Run>> {
    store.read(|view| {
        let start = old::start(view)?.link.id;
        let last = last_due(view, start, life)?;
        Ok(last.map(|last| Run { first: start + 1, last, is_recorded: false }))
    })
}

/// The last row of a run that begins after this one, if there is enough to do.
fn last_due(view: &View, start: i64, life: Duration) -> Result<Option<i64>> {
    let too_old = view.now.before(life);
    if old::last_before(view, start, too_old.before(BEGIN_AFTER))?.is_none() {
        return Ok(None);
    }
    old::last_before(view, start, too_old)
}

/// The number of rows that runs would delete now.
pub(in crate::app) fn count_due(view: &View, retention: &Retention) -> Result<u64> {
    let Some(life) = retention.audit else { return Ok(0) };
    let (mut start, mut number) = (old::start(view)?.link.id, 0);
    while let Some(last) = last_due(view, start, life)? {
        number += old::count(view, start, last)?;
        start = last;
    }
    Ok(number)
}
