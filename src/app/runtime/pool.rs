//! Small thread pools for slow work. They take the jobs of different callers in turn. Their threads have the priority of
//! all others: with a lower one, they would starve beside other programs of the machine.

mod begun;

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

pub use begun::Begun;
use begun::{Full, Outcome};

use crate::app::runtime::places::network;
use crate::domain::actor::{Actor, Origin};
use crate::domain::ids::UserId;
use crate::error::{Error, Result};
use crate::store::measures::{Counter, QueueState};
use crate::tokens::password;

/// A job, which learns whether it runs or is displaced.
type Job = Box<dyn FnOnce(Fate) + Send>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Displaced,
}

/// Whose jobs take turns with the jobs of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A person who has signed in, or who signs in from an address that they signed in from before.
    Member(UserId),
    /// All others of this network.
    Stranger(IpAddr),
    /// The server itself, and jobs that nobody waits for.
    Server,
}

impl Lane {
    pub fn stranger(origin: &Origin) -> Self {
        origin.address.map_or(Self::Server, |address| Self::Stranger(network(address)))
    }

    const fn is_strange(self) -> bool {
        matches!(self, Self::Stranger(_))
    }
}

impl From<&Actor> for Lane {
    fn from(actor: &Actor) -> Self {
        actor.user().map_or_else(|| Self::stranger(&actor.origin), Self::Member)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Hashes passwords: tens of milliseconds and much memory each.
    Hashing,
    /// Signs tokens: at most a millisecond each.
    Signing,
    /// Reads long lists. It has few threads, because each keeps memory of its own.
    Reading,
    /// Reads and writes the bytes of files, a chunk at a time.
    Files,
    /// Brings received files to their place: waits for the disk or the object storage.
    Placing,
}

impl PoolKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Hashing => "password_pool",
            Self::Signing => "signer",
            Self::Reading => "reader",
            Self::Files => "files",
            Self::Placing => "placing",
        }
    }

    /// When to retry after the queue was full.
    const fn come_back(self) -> Duration {
        match self {
            Self::Hashing => Duration::from_secs(2),
            Self::Signing | Self::Reading | Self::Files | Self::Placing => Duration::from_secs(1),
        }
    }

    /// Runs before a thread waits for the next job.
    fn rest(self) {
        match self {
            // Memory is kept while there is work.
            Self::Hashing => password::release_memory(),
            Self::Signing | Self::Reading | Self::Files | Self::Placing => {}
        }
    }
}

/// Named threads (`passwords-0`, ...) behind a bounded queue. Dropping the pool finishes the accepted jobs, then ends
/// the threads.
pub struct Pool {
    kind: PoolKind,
    queue: Arc<Queue>,
    waiting: NonZeroUsize,
    threads: Vec<JoinHandle<()>>,
    /// How many jobs were turned away.
    refused: Counter,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Those who have jobs, in the order of their turns.
    lanes: VecDeque<(Lane, VecDeque<Job>)>,
    /// The number of jobs over all lanes.
    waiting: usize,
    open: bool,
    /// How many jobs were ever queued.
    #[cfg(test)]
    taken: usize,
}

impl Pool {
    /// `waiting` is the queue's length for each thread. Fails when the system cannot start a thread.
    pub fn start(kind: PoolKind, threads: NonZeroUsize, waiting: NonZeroUsize) -> io::Result<Self> {
        let state = State {
            lanes: VecDeque::new(),
            waiting: 0,
            open: true,
            #[cfg(test)]
            taken: 0,
        };
        let queue = Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() });
        // The pool owns the threads from the first one on, so that a failure ends those that run.
        let mut pool =
            Self { kind, queue, waiting, threads: Vec::with_capacity(threads.get()), refused: Counter::default() };
        for number in 0..threads.get() {
            let queue = Arc::clone(&pool.queue);
            let thread =
                thread::Builder::new().name(format!("{}-{number}", kind.name())).spawn(move || queue.work(kind))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// The default number of threads of a pool: one for each core. Hashing leaves one core to the requests, if there is
    /// more than one.
    pub fn default_threads(kind: PoolKind) -> NonZeroUsize {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        match kind {
            PoolKind::Hashing => NonZeroUsize::new(cores.get() - 1).unwrap_or(NonZeroUsize::MIN),
            PoolKind::Signing | PoolKind::Reading => cores,
            // Their threads wait for disks and networks, not for cores.
            PoolKind::Files => NonZeroUsize::MIN.saturating_add(7),
            PoolKind::Placing => NonZeroUsize::MIN.saturating_add(3),
        }
    }

    /// Runs a job on one of the threads, in the turn of its lane. A job whose caller is gone before its turn is
    /// skipped.
    ///
    /// Refused as busy when the queue is full, or half of it is the lane's own; also later, to make room for lanes with
    /// fewer jobs. Fails when the job panics.
    pub async fn run<T, F>(&self, lane: Lane, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.begin(lane, job)?.await
    }

    /// Queues a job as [`Pool::run`] does, and returns its result as a future. Dropping the future before the turn of
    /// the job skips the job.
    pub fn begin<T, F>(&self, lane: Lane, job: F) -> Result<Begun<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let retry_after = self.kind.come_back();
        let answer = self.submit(lane, job).map_err(|Full| Error::Busy { retry_after })?;
        Ok(Begun::new(answer, retry_after))
    }

    /// Queues a job; the receiver returns its result, and fails when the job panics.
    fn submit<T, F>(&self, lane: Lane, job: F) -> std::result::Result<oneshot::Receiver<Outcome<T>>, Full>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let job: Job = Box::new(move |fate| {
            if !answer.is_closed() {
                // The receiver may be gone by now.
                let _ = answer.send(match fate {
                    Fate::Done => Ok(job()),
                    Fate::Displaced => Err(Full),
                });
            }
        });
        let mut state = self.queue.state();
        let room = state.make_room(lane, self.waiting.get()).inspect_err(|Full| self.refused.count());
        let displaced = room?;
        state.add(lane, job);
        #[cfg(test)]
        {
            state.taken += 1;
        }
        drop(state);
        self.queue.changed.notify_one();
        if let Some(displaced) = displaced {
            self.refused.count();
            displaced(Fate::Displaced);
        }
        Ok(receiver)
    }

    pub(in crate::app) fn state(&self) -> QueueState {
        let waiting = self.queue.state().waiting;
        QueueState { waiting, capacity: self.waiting.get(), refused: self.refused.get() }
    }

    /// How many jobs were ever queued.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.queue.state().taken
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("kind", &self.kind)
            .field("threads", &self.threads.len())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.state().open = false;
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A job that holds the last handle drops the pool on one of its own threads, which cannot join itself.
            if thread.thread().id() != thread::current().id() {
                let _: Result<(), Box<dyn Any + Send>> = thread.join();
            }
        }
    }
}

impl State {
    /// Makes room for one more job of a lane; returns the displaced job. It is taken from the lane with the most jobs,
    /// a stranger's before a member's, so that a burst turns away only those who caused it.
    fn make_room(&mut self, lane: Lane, most: usize) -> std::result::Result<Option<Job>, Full> {
        let own = self.lanes.iter().find(|(whose, _)| *whose == lane).map_or(0, |(_, jobs)| jobs.len());
        if lane != Lane::Server && own >= most.div_ceil(2) {
            return Err(Full);
        }
        if self.waiting < most {
            return Ok(None);
        }
        let rank = |lane: Lane, jobs: usize| (lane.is_strange(), jobs);
        let largest = self.lanes.iter_mut().filter(|(whose, _)| *whose != Lane::Server);
        let largest = largest.max_by_key(|(whose, jobs)| rank(*whose, jobs.len())).ok_or(Full)?;
        if rank(largest.0, largest.1.len()) <= rank(lane, own + 1) {
            return Err(Full);
        }
        let job = largest.1.pop_back();
        self.waiting -= 1;
        self.lanes.retain(|(_, jobs)| !jobs.is_empty());
        Ok(job)
    }

    fn add(&mut self, lane: Lane, job: Job) {
        self.waiting += 1;
        match self.lanes.iter_mut().find(|(whose, _)| *whose == lane) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.lanes.push_back((lane, VecDeque::from([job]))),
        }
    }

    /// The next job. Its lane then waits for all others.
    fn next(&mut self) -> Option<Job> {
        let (lane, mut jobs) = self.lanes.pop_front()?;
        let job = jobs.pop_front()?;
        self.waiting -= 1;
        if !jobs.is_empty() {
            self.lanes.push_back((lane, jobs));
        }
        Some(job)
    }
}

impl Queue {
    /// No job runs under the lock, so a poisoned lock guards nothing half-done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, kind: PoolKind) {
        while let Some(job) = self.next(kind) {
            if catch_unwind(AssertUnwindSafe(|| job(Fate::Done))).is_err() {
                log::error!("a job of a {} panicked", kind.name());
            }
        }
    }

    fn next(&self, kind: PoolKind) -> Option<Job> {
        let mut state = self.state();
        if let Some(job) = state.next() {
            return Some(job);
        }
        drop(state);
        kind.rest();
        state = self.state();
        loop {
            if let Some(job) = state.next() {
                return Some(job);
            }
            if !state.open {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests;
