//! The single thread that writes in batches: many savepoints, one commit, then the results.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::checkpoints::{self, Checkpoints};
use super::measures::WriteMeasures;
use super::watch::Watch;
use super::write_queue::{Job, TxError, Writer, batch, long_write, refuse};
use super::{Conn, Tx, View, disk, health};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// After a longer pause, the files are looked at before anything is written.
const PAUSE: Duration = Duration::from_millis(100);

impl Writer {
    /// Starts the writer of a data file.
    pub(in crate::store) fn start(
        conn: Connection,
        mut checkpoints: Checkpoints,
        watch: Arc<Watch>,
        capacity: usize,
        measures: Arc<WriteMeasures>,
    ) -> Result<Self> {
        let counted = measures.clone();
        Self::run(capacity, measures, move |queue| {
            run_queue(&conn, &mut checkpoints, (&watch, &counted), queue);
            // Before the handles of the checkpoints and of the watch.
            drop(conn);
        })
    }
}

fn run_queue(
    conn: &Connection,
    checkpoints: &mut Checkpoints,
    (watch, measures): (&Watch, &WriteMeasures),
    queue: &Receiver<Box<dyn Job>>,
) {
    loop {
        // A killed server leaves a long log. Nothing is moved into a file that may be another one.
        if watch.fault().is_none() {
            checkpoints.keep(conn);
        }
        let waiting = Instant::now();
        let first = match checkpoints.wait().filter(|_| watch.fault().is_none()) {
            Some(wait) => queue.recv_timeout(wait),
            None => queue.recv().map_err(RecvTimeoutError::from),
        };
        let first = match first {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                watch.look();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let batch = batch(first, queue, measures);
        // While batches follow one another, the look after each commit is enough.
        if waiting.elapsed() > PAUSE {
            watch.look();
        }
        if let Some(fault) = watch.fault() {
            refuse(batch, &TxError::Fault(fault.clone()));
            continue;
        }
        checkpoints.serve_check(conn);
        match checkpoints.refusal().map(TxError::from) {
            Some(error) => refuse(batch, &error),
            None => commit(conn, batch, (watch, measures)),
        }
    }
    if watch.look().is_some() && !watch.lacks_only_log() {
        // The log is all that is left of the writes since the last checkpoint.
        if let Err(error) = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            log::error!("cannot keep the write-ahead log: {error}");
        }
        return;
    }
    // `PRAGMA optimize` is not run: its statistics change SQLite's plans, and the plans without statistics are the
    // tested ones.
    checkpoints::finish(conn);
}

/// Runs a batch and sends the results. If the commit of the batch fails, each write is retried in a commit of its own,
/// so that a write that breaks the transaction does not fail the others.
///
/// After a permanent fault of the data file, nothing is committed, and a commit that may be lost by it is not acknowledged.
fn commit(conn: &Connection, mut batch: Vec<Box<dyn Job>>, (watch, measures): (&Watch, &WriteMeasures)) {
    // Without a transaction nothing was run, and no write caused the failure. A retry for each write would only make
    // the queue longer.
    if let Err(error) = run(conn, "BEGIN IMMEDIATE") {
        watch.note_sqlite_error(&error);
        let fault = watch.fault().cloned().map(TxError::Fault);
        return refuse(batch, &fault.unwrap_or_else(|| error.into()));
    }
    let committed = try_commit(conn, &mut batch, (watch, measures));
    if let Err(error) = &committed {
        watch.note_sqlite_error(error);
    }
    if let Some(fault) = watch.look() {
        return refuse(batch, &TxError::Fault(fault.clone()));
    }
    match committed {
        Ok(()) => batch.into_iter().for_each(|job| job.finish(Ok(()))),
        Err(error) if batch.len() == 1 => refuse(batch, &TxError::from(error)),
        Err(error) => {
            // Faults of the disk are logged by those who wait for the writes.
            let level = if disk::fault_of(&error).is_some() { log::Level::Debug } else { log::Level::Warn };
            log::log!(level, "batch commit failed, retrying its {} writes one by one: {error}", batch.len());
            for mut job in batch {
                job.reset();
                commit(conn, vec![job], (watch, measures));
            }
        }
    }
}

fn try_commit(
    conn: &Connection,
    batch: &mut [Box<dyn Job>],
    (watch, measures): (&Watch, &WriteMeasures),
) -> rusqlite::Result<()> {
    let done = run_all(conn, batch, watch).and_then(|changed| {
        let start = Instant::now();
        run(conn, "COMMIT")?;
        if changed {
            measures.commits.count_duration(start.elapsed());
        }
        Ok(())
    });
    if done.is_err() && !conn.is_autocommit() {
        run(conn, "ROLLBACK")?;
    }
    done
}

/// Runs a batch. Returns whether anything was changed.
fn run_all(conn: &Connection, batch: &mut [Box<dyn Job>], watch: &Watch) -> rusqlite::Result<bool> {
    let mut changed = false;
    let mut audit = None;
    for job in batch {
        run(conn, "SAVEPOINT job")?;
        let changes_before = conn.total_changes();
        let view = View { conn: Conn::Sqlite(conn), now: Timestamp::now(), names: None };
        let tx = Tx { view, audit: Cell::new(audit), verb: Cell::new(None) };
        let start = Instant::now();
        let succeeded = job.run(&tx);
        if let Some(line) = long_write(start.elapsed(), tx.verb.get(), conn.total_changes() - changes_before) {
            log::warn!("{line}");
        }
        if succeeded {
            audit = tx.audit.get();
            changed |= conn.total_changes() != changes_before;
        } else if job.error().is_some_and(|error| watch.note_error(error)) || conn.is_autocommit() {
            // SQLite rolled back the whole transaction, as it does when the disk is full, or the file is damaged.
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                Some("SQLite rolled the transaction back".to_owned()),
            ));
        } else {
            run(conn, "ROLLBACK TO job")?;
        }
        run(conn, "RELEASE job")?;
    }
    // A write that changed nothing needs no commit to the disk and invalidates no cache.
    if changed {
        health::grow(Conn::Sqlite(conn))?;
        if let Some(end) = audit {
            end.update(Conn::Sqlite(conn))?;
        }
    }
    Ok(changed)
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests;
