//! Imports the staged rows of a file: a preview, which changes nothing, and the one write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::format::{Header, Trailer, require_operator};
use super::plan::{AskFile, Files, Plan};
use super::reader::Ended;
use super::report::{Detail, Report};
use crate::app::audit;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::model::Sha256;
use crate::domain::transfer::{Cell, Kind};
use crate::error::{Error, Result};
use crate::store::stored_files::{self, NotedIn};
use crate::store::transfer::staging::{Staging, State};
use crate::store::{Store, View};
use crate::tokens::seal::MasterKey;

/// The maximum number of new administrators, and of rights, in the audit row of an import. It has the number of all.
const MAX_IN_AUDIT: usize = 100;

/// A staged file that can be imported.
#[derive(Clone, Debug)]
pub struct Source {
    header: Header,
    trailer: Trailer,
    /// SQLite's connections cannot be used by two threads at once.
    pub(super) staging: Arc<Mutex<Staging>>,
    master_key: Option<Arc<MasterKey>>,
    /// Whether versions without a file are left out. Otherwise they are refused.
    without_files: bool,
}

impl Source {
    /// Returns the report of the reading, too: if it refuses a row, nothing can be imported.
    pub fn new(ended: Ended, without_files: bool) -> (Self, Report) {
        let Ended { header, trailer, staging, master_key, report } = ended;
        (Self { header, trailer, staging: Arc::new(Mutex::new(staging)), master_key, without_files }, report)
    }

    pub const fn rows(&self) -> u64 {
        self.trailer.rows
    }
}

/// Tells what an import would do now. Calls `progress` with the number of rows so far.
///
/// Requires the operator.
pub fn preview(view: &View, actor: &Actor, source: &Source, files: Files, progress: &dyn Fn(u64)) -> Result<Report> {
    require_operator(actor)?;
    let staging = source.staging.lock().unwrap_or_else(PoisonError::into_inner);
    let mut plan = Plan {
        view,
        tx: None,
        staging: &staging,
        master_key: None,
        files,
        without_files: source.without_files,
        report: Report::new(),
        ranges: BTreeMap::new(),
    };
    plan.run(progress)?;
    Ok(plan.report)
}

/// Imports a file in one write. If a row is refused, nothing is changed, and the report says why. Calls `progress` with
/// the number of rows so far.
///
/// Requires the operator. The files of the versions must be there, and have been seen or stored since they were registered.
/// `is_brought` tells whether the import has brought a file.
pub fn apply(
    store: &Store,
    actor: &Actor,
    source: &Source,
    noted: NotedIn,
    is_brought: impl Fn(Sha256, u64) -> bool + Send + 'static,
    progress: impl Fn(u64) + Send + 'static,
) -> Result<Report> {
    require_operator(actor)?;
    let (source, actor) = (source.clone(), actor.clone());
    let refused = Arc::new(Mutex::new(None));
    let note = refused.clone();
    let done = store.write_and_wait(move |tx| {
        let staging = source.staging.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there: AskFile =
            &|sha256, _| Ok(stored_files::is_referenced(tx, sha256)? || stored_files::is_unreferenced(tx, sha256)?);
        let mut plan = Plan {
            view: tx,
            tx: Some((tx, noted)),
            staging: &staging,
            master_key: source.master_key.as_deref(),
            files: Files { is_there, is_brought: &|sha256, size| Ok(is_brought(sha256, size)) },
            without_files: source.without_files,
            report: Report::new(),
            ranges: BTreeMap::new(),
        };
        plan.run(&progress)?;
        let (report, ranges) = (plan.report, plan.ranges);
        if report.is_refused() {
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
            // An error undoes the write.
            return Err(Error::Refused { rule: "a row of the file is refused" });
        }
        let after = to_audit(&source, &report, &ranges);
        let object = (ObjectKind::Import, source.trailer.sha256.as_str());
        audit::record(tx, &actor, "transfer.import", object, (Value::Null, after))?;
        Ok(report)
    });
    match (done, refused.lock().unwrap_or_else(PoisonError::into_inner).take()) {
        (Err(Error::Refused { .. }), Some(report)) => Ok(report),
        (done, _) => done,
    }
}

fn to_audit(source: &Source, report: &Report, ranges: &BTreeMap<Kind, (i64, i64)>) -> Value {
    let created: Map<_, _> = report
        .counts()
        .filter(|(_, counts)| counts.created > 0)
        .map(|(kind, counts)| {
            let ids = ranges.get(&kind).map(|(first, last)| json!([first, last]));
            (kind.as_str().to_owned(), json!({ "rows": counts.created, "ids": ids }))
        })
        .collect();
    let total = report.total();
    json!({
        "program": source.header.program,
        "made_at": source.header.made_at,
        "with_secrets": source.master_key.is_some(),
        "audit": { "id": source.header.audit.id, "hash": source.header.audit.hash },
        "created": created,
        "administrators": summary(&report.administrators, report.number_of_administrators),
        "rights": summary(&report.rights, report.number_of_rights),
        "matched": total.matched,
        "differ": total.differ,
        "left_out": total.left_out,
    })
}

/// The number of details, and the first ones.
fn summary(details: &[Detail], number: u64) -> Value {
    let first = details.iter().take(MAX_IN_AUDIT).map(|one| json!({ "name": one.name, "words": one.words }));
    json!({ "number": number, "first": first.collect::<Value>() })
}

/// Calls `each` with every row that has an id in the file and here: its kind, both ids, and whether it is new.
pub fn for_each_mapped(source: &Source, mut each: impl FnMut(Kind, &Cell, &Cell, bool) -> Result<()>) -> Result<()> {
    let staging = source.staging.lock().unwrap_or_else(PoisonError::into_inner);
    for kind in Kind::ALL {
        let mut after = 0;
        loop {
            let batch = staging.batch(kind, after)?;
            let Some(last) = batch.last() else { break };
            after = last.line;
            for row in batch.iter().filter(|row| !row.source.is_null() && !row.target.is_null()) {
                each(kind, &row.source, &row.target, row.state == State::New)?;
            }
        }
    }
    Ok(())
}
