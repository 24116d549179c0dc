//! The queue of writes, which one thread takes in batches, and the answers to them. It does not know which database they
//! are for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::counted::{Count, Counted};
use super::measures::{Counter, QueueState, WriteMeasures};
use super::watch::StoreFault;
use super::{Tx, disk, fault};
use crate::error::{DiskFault, Error, Result};

/// The maximum number of writes in one commit. It bounds the wait for a commit.
pub(super) const MAX_BATCH: usize = 256;

/// A write that takes longer is logged.
pub(super) const LONG_WRITE: Duration = Duration::from_millis(250);

/// The retry delay while the queue is full.
pub(in crate::store) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The handle of the writer thread.
pub(in crate::store) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The writes that were queued and have no answer yet.
    unanswered: Count,
    capacity: usize,
    refused: Counter,
    measures: Arc<WriteMeasures>,
}

impl Writer {
    /// Starts the thread, which takes the queued writes until the queue is closed.
    pub(in crate::store) fn run(
        capacity: usize,
        measures: Arc<WriteMeasures>,
        work: impl FnOnce(&Receiver<Box<dyn Job>>) + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel(capacity.max(1));
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || work(&receiver));
        let (queue, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread.map_err(Error::internal)?)));
        Ok(Self { queue, thread, unanswered: Count::default(), capacity, refused: Counter::default(), measures })
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
            Err(TrySendError::Full(_)) => {
                self.refused.count();
                Err(busy())
            }
            Err(TrySendError::Disconnected(_)) => Err(busy()),
        }
    }

    pub(in crate::store) fn queue(&self) -> QueueState {
        QueueState { waiting: self.unanswered.get(), capacity: self.capacity, refused: self.refused.get() }
    }

    pub(in crate::store) fn measures(&self) -> &WriteMeasures {
        &self.measures
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
pub(in crate::store) struct Pending<T>(pub(super) oneshot::Receiver<Result<T>>);

impl<T> Pending<T> {
    pub(in crate::store) async fn answer(self) -> Result<T> {
        self.0.await.unwrap_or_else(|_| Err(Error::internal("the writer thread has stopped")))
    }

    pub(in crate::store) fn wait(self) -> Result<T> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Error::internal("the writer thread has stopped")))
    }
}

/// A write of any result type.
pub(in crate::store) trait Job: Send {
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
pub(in crate::store) enum TxError {
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

/// A write, and those that wait behind it.
pub(in crate::store) fn batch(
    first: Box<dyn Job>,
    queue: &Receiver<Box<dyn Job>>,
    measures: &WriteMeasures,
) -> Vec<Box<dyn Job>> {
    let mut batch = vec![first];
    batch.extend(queue.try_iter().take(MAX_BATCH - 1));
    measures.batches.count(batch.len() as u64);
    batch
}

/// Answers all writes of a batch with this error.
pub(in crate::store) fn refuse(batch: Vec<Box<dyn Job>>, error: &TxError) {
    for job in batch {
        job.finish(Err(error));
    }
}

/// What the log says about a write that held the writer for long, because all others had to wait for it.
pub(in crate::store) fn long_write(elapsed: Duration, verb: Option<&str>, rows: u64) -> Option<String> {
    let verb = verb.unwrap_or("a write without an audit row");
    let line = || format!("{verb} held the writer for {} ms and changed {rows} rows", elapsed.as_millis());
    (elapsed > LONG_WRITE).then(line)
}
