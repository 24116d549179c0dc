//! The single thread that writes in batches: many savepoints, one commit, then the results.

mod counted;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

use counted::{Count, Counted};

use super::checkpoints::Checkpoints;
use super::watch::{StoreFault, Watch};
use super::{Conn, Tx, View, disk, fault, health};
use crate::domain::timestamp::Timestamp;
use crate::error::{DiskFault, Error, Result};

/// The maximum number of writes in one commit. It bounds the wait for a commit.
const MAX_BATCH: usize = 256;

/// A write that takes longer is logged.
const LONG_WRITE: Duration = Duration::from_millis(250);

/// After a longer pause, the files are looked at before anything is written.
const PAUSE: Duration = Duration::from_millis(100);

/// The retry delay while the queue is full.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The handle of the writer thread.
pub(in crate::store) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The writes that were queued and have no answer yet.
    unanswered: Count,
    capacity: usize,
}

impl Writer {
    pub(in crate::store) fn start(
        conn: Connection,
        mut checkpoints: Checkpoints,
        watch: Arc<Watch>,
        capacity: usize,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel(capacity.max(1));
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                run_queue(&conn, &mut checkpoints, &watch, &receiver);
                // Before the handles of the checkpoints and of the watch.
                drop(conn);
            })
            .map_err(Error::internal)?;
        let (queue, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { queue, thread, unanswered: Count::default(), capacity })
    }

    /// Queues a write. Fails as busy if the queue is full or closed.
    pub(in crate::store) fn send<T, F>(&self, work: F) -> Result<Pending<T>>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        let busy = || Error::Busy { retry_after: RETRY_AFTER };
        let queue = lock(&self.queue).clone().ok_or_else(busy)?;
        let (answer, pending) = oneshot::channel();
        match queue.try_send(Box::new(Task { work, outcome: None, answer, _counted: self.unanswered.one_more() })) {
            Ok(()) => Ok(Pending(pending)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(busy()),
        }
    }

    /// The number of writes that are queued or being done, and how many may be queued.
    pub(in crate::store) fn queued(&self) -> (usize, usize) {
        (self.unanswered.get(), self.capacity)
    }

    /// Finishes the queued writes and ends the thread.
    pub(in crate::store) fn close(&self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            log::error!("the writer thread panicked");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queued write.
pub(in crate::store) struct Pending<T>(oneshot::Receiver<Result<T>>);

impl<T> Pending<T> {
    pub(in crate::store) async fn answer(self) -> Result<T> {
        self.0.await.unwrap_or_else(|_| Err(Error::internal("the writer thread has stopped")))
    }

    pub(in crate::store) fn wait(self) -> Result<T> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Error::internal("the writer thread has stopped")))
    }
}

/// A write of any result type.
trait Job: Send {
    /// Discards the result of an earlier run, because its transaction is lost.
    fn reset(&mut self);
    /// Runs the work inside an open savepoint. Returns whether it succeeded.
    fn run(&mut self, tx: &Tx) -> bool;
    /// The error of the last run.
    fn error(&self) -> Option<&Error>;
    /// Sends the result, once the batch is committed or has failed.
    fn finish(self: Box<Self>, committed: std::result::Result<(), &TxError>);
}

/// Why a transaction failed. Every write of the batch gets this reason.
enum TxError {
    /// Another process held its lock for longer than the writer waits.
    Locked,
    Disk(DiskFault, String),
    /// The data file was removed, replaced or damaged.
    Fault(StoreFault),
    InternalError(String),
}

impl From<rusqlite::Error> for TxError {
    fn from(error: rusqlite::Error) -> Self {
        match disk::fault_of(&error) {
            _ if fault::is_lock(&error) => Self::Locked,
            Some(fault) => Self::Disk(fault, error.to_string()),
            None => Self::InternalError(error.to_string()),
        }
    }
}

impl From<&TxError> for Error {
    fn from(error: &TxError) -> Self {
        match error {
            TxError::Locked => Self::Busy { retry_after: RETRY_AFTER },
            TxError::Disk(fault, cause) => Self::disk(*fault, cause.as_str()),
            TxError::Fault(fault) => fault.into(),
            TxError::InternalError(reason) => Self::internal(reason.as_str()),
        }
    }
}

struct Task<T, F> {
    work: F,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
    _counted: Counted,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&Tx) -> Result<T> + Send,
{
    fn reset(&mut self) {
        self.outcome = None;
    }

    fn run(&mut self, tx: &Tx) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)))
            .unwrap_or_else(|_| Err(Error::internal("a write panicked")));
        let succeeded = outcome.is_ok();
        self.outcome = Some(outcome);
        succeeded
    }

    fn error(&self) -> Option<&Error> {
        self.outcome.as_ref()?.as_ref().err()
    }

    fn finish(self: Box<Self>, committed: std::result::Result<(), &TxError>) {
        let answer = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(outcome), Ok(())) => outcome,
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::internal("a write was not executed")),
        };
        // The caller may have stopped waiting. The write is committed all the same.
        let _ = self.answer.send(answer);
    }
}

fn run_queue(conn: &Connection, checkpoints: &mut Checkpoints, watch: &Watch, queue: &Receiver<Box<dyn Job>>) {
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
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(MAX_BATCH - 1));
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
            None => commit(conn, batch, watch),
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
    if let Err(error) = conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        log::warn!("cannot fold the write-ahead log into the data file: {error}");
    }
}

/// Runs a batch and sends the results. If the commit of the batch fails, each write is retried in a commit of its own,
/// so that a write that breaks the transaction does not fail the others.
///
/// After a permanent fault of the data file, nothing is committed, and a commit that may be lost by it is not acknowledged.
fn commit(conn: &Connection, mut batch: Vec<Box<dyn Job>>, watch: &Watch) {
    // Without a transaction nothing was run, and no write caused the failure. A retry for each write would only make
    // the queue longer.
    if let Err(error) = run(conn, "BEGIN IMMEDIATE") {
        watch.note_sqlite_error(&error);
        let fault = watch.fault().cloned().map(TxError::Fault);
        return refuse(batch, &fault.unwrap_or_else(|| error.into()));
    }
    let committed = try_commit(conn, &mut batch, watch);
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
                commit(conn, vec![job], watch);
            }
        }
    }
}

fn refuse(batch: Vec<Box<dyn Job>>, error: &TxError) {
    for job in batch {
        job.finish(Err(error));
    }
}

fn try_commit(conn: &Connection, batch: &mut [Box<dyn Job>], watch: &Watch) -> rusqlite::Result<()> {
    let done = run_all(conn, batch, watch).and_then(|()| run(conn, "COMMIT"));
    if done.is_err() && !conn.is_autocommit() {
        run(conn, "ROLLBACK")?;
    }
    done
}

fn run_all(conn: &Connection, batch: &mut [Box<dyn Job>], watch: &Watch) -> rusqlite::Result<()> {
    let mut changed = false;
    let mut audit = None;
    for job in batch {
        run(conn, "SAVEPOINT job")?;
        let changes_before = conn.total_changes();
        let view = View { conn: Conn::on_sqlite(conn), now: Timestamp::now(), names: None };
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
        health::grow(Conn::on_sqlite(conn))?;
        if let Some(end) = audit {
            end.update(Conn::on_sqlite(conn))?;
        }
    }
    Ok(())
}

/// What the log says about a write that held the writer for long, because all others had to wait for it.
fn long_write(elapsed: Duration, verb: Option<&str>, rows: u64) -> Option<String> {
    let verb = verb.unwrap_or("a write without an audit row");
    let line = || format!("{verb} held the writer for {} ms and changed {rows} rows", elapsed.as_millis());
    (elapsed > LONG_WRITE).then(line)
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests;
