//! Small pools of threads for what takes a core for long: they take the cores that they are given and no more, and give
//! way to those that answer requests.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::password;

type Job = Box<dyn FnOnce() + Send>;

/// The queue is full: answer 503 with `Retry-After` rather than let it grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many jobs are waiting for a thread")]
pub struct Full;

/// What the threads of a pool do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trade {
    /// Hash passwords: some ten milliseconds, and much memory.
    Hashing,
    /// Sign tokens: a millisecond at most.
    Signing,
}

impl Trade {
    const fn name(self) -> &'static str {
        match self {
            Self::Hashing => "hashery",
            Self::Signing => "signer",
        }
    }

    /// How far they give way, from 0 to 19 (`setpriority(2)`). Signing must not wait for passwords.
    #[cfg(target_os = "linux")]
    const fn niceness(self) -> i32 {
        match self {
            Self::Hashing => 19,
            Self::Signing => 10,
        }
    }

    /// What a thread does before it rests.
    fn rest(self) {
        match self {
            // Memory is kept while there is work, and given back before resting.
            Self::Hashing => password::release_memory(),
            Self::Signing => {}
        }
    }
}

/// Named threads (`hashery-0`, ...) behind a bounded queue.
///
/// Dropping it finishes what was accepted, then ends the threads.
pub struct Pool {
    queue: Arc<Queue>,
    waiting: NonZeroUsize,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    open: bool,
    /// How many jobs were ever queued.
    #[cfg(test)]
    taken: usize,
}

impl Pool {
    /// Starts the threads. `waiting` is how many jobs may queue for a thread.
    ///
    /// Fails when the system gives no thread.
    pub fn start(trade: Trade, threads: NonZeroUsize, waiting: NonZeroUsize) -> io::Result<Self> {
        let state = State {
            jobs: VecDeque::new(),
            open: true,
            #[cfg(test)]
            taken: 0,
        };
        let queue = Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() });
        // Owned before the first thread is started, so that a failure half-way ends those that run.
        let mut pool = Self { queue, waiting, threads: Vec::with_capacity(threads.get()) };
        for number in 0..threads.get() {
            let queue = Arc::clone(&pool.queue);
            let thread =
                thread::Builder::new().name(format!("{}-{number}", trade.name())).spawn(move || queue.work(trade))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// How many threads to start where nothing is configured: one for each core.
    pub fn cores() -> NonZeroUsize {
        thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }

    /// Queues a job; the receiver gives its result.
    ///
    /// Refused when the queue is full. The receiver fails when the job panicked. A job whose receiver was dropped
    /// before its turn (the client is gone) is skipped.
    pub fn submit<T, F>(&self, job: F) -> Result<oneshot::Receiver<T>, Full>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                // Nobody is left to tell when the receiver went away meanwhile.
                let _ = answer.send(job());
            }
        });
        let mut state = self.queue.state();
        if state.jobs.len() >= self.waiting.get() {
            return Err(Full);
        }
        state.jobs.push_back(job);
        #[cfg(test)]
        {
            state.taken += 1;
        }
        self.queue.changed.notify_one();
        Ok(receiver)
    }

    /// How many jobs it was ever given: as many of a kind take as long.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.queue.state().taken
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
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
            // A job that holds the last handle drops the pool on one of its own threads, which cannot wait for itself.
            if thread.thread().id() != thread::current().id() {
                let _: Result<(), Box<dyn Any + Send>> = thread.join();
            }
        }
    }
}

impl Queue {
    /// No job runs under the lock, so a poisoned one guards nothing half-done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, trade: Trade) {
        give_way(trade);
        while let Some(job) = self.next(trade) {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                log::error!("a job of a {} panicked", trade.name());
            }
        }
    }

    fn next(&self, trade: Trade) -> Option<Job> {
        let mut state = self.state();
        if let Some(job) = state.jobs.pop_front() {
            return Some(job);
        }
        drop(state);
        trade.rest();
        state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if !state.open {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Has this thread give way to those that answer requests: what it does takes long on every core there is, and nobody
/// else shall wait for it. On an idle machine it takes no longer for that.
#[cfg(target_os = "linux")]
fn give_way(trade: Trade) {
    // On Linux the calling thread alone is meant, elsewhere the process would be.
    if let Err(error) = rustix::process::setpriority_process(None, trade.niceness()) {
        log::debug!("a {} keeps its priority: {error}", trade.name());
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: Trade) {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};
    use std::time::Duration;

    use super::*;

    fn pool(threads: usize, waiting: usize) -> Pool {
        Pool::start(Trade::Hashing, NonZeroUsize::new(threads).unwrap(), NonZeroUsize::new(waiting).unwrap()).unwrap()
    }

    /// Occupies the only thread until the sender is dropped; the receiver keeps the job from being skipped.
    fn occupied(pool: &Pool) -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
        let (release, wait) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel();
        let answer = pool
            .submit(move || {
                started.send(()).unwrap();
                let _ = wait.recv();
            })
            .unwrap();
        running.recv().unwrap();
        (release, answer)
    }

    #[test]
    fn a_job_answers_its_receiver_from_a_named_thread() {
        let pool = pool(1, 1);
        let answer = pool.submit(|| thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(answer.blocking_recv().unwrap().as_deref(), Some("hashery-0"));
    }

    #[test]
    fn as_many_run_at_once_as_there_are_threads() {
        let pool = pool(3, 3);
        let meeting = Arc::new(Barrier::new(3));
        let answers: Vec<_> = (0..3)
            .map(|_| {
                let meeting = Arc::clone(&meeting);
                // Three meet only if three run at the same time.
                pool.submit(move || meeting.wait().is_leader()).unwrap()
            })
            .collect();
        let leaders =
            answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).filter(|leader| *leader).count();
        assert_eq!(leaders, 1);
    }

    #[test]
    fn a_full_queue_refuses_and_recovers() {
        let pool = pool(1, 2);
        let (release, _answer) = occupied(&pool);
        let first = pool.submit(|| 1).unwrap();
        let second = pool.submit(|| 2).unwrap();
        assert_eq!(pool.submit(|| 3).unwrap_err(), Full);
        drop(release);
        assert_eq!((first.blocking_recv(), second.blocking_recv()), (Ok(1), Ok(2)));
        assert_eq!(pool.submit(|| 4).unwrap().blocking_recv(), Ok(4));
    }

    #[test]
    fn a_panicking_job_fails_alone() {
        let pool = pool(1, 4);
        let broken = pool.submit(|| -> u8 { panic!("on purpose") }).unwrap();
        let sound = pool.submit(|| 7).unwrap();
        assert!(broken.blocking_recv().is_err());
        assert_eq!(sound.blocking_recv(), Ok(7));
    }

    #[test]
    fn a_job_nobody_waits_for_is_skipped() {
        let pool = pool(1, 4);
        let (release, _answer) = occupied(&pool);
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        drop(pool.submit(move || count.fetch_add(1, Ordering::SeqCst)).unwrap());
        drop(release);
        drop(pool);
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn dropping_finishes_what_was_accepted_and_ends_the_threads() {
        let pool = pool(2, 8);
        let alive = Arc::new(());
        let answers: Vec<_> = (0..8)
            .map(|number| {
                let alive = Arc::clone(&alive);
                pool.submit(move || {
                    thread::sleep(Duration::from_millis(2));
                    drop(alive);
                    number
                })
                .unwrap()
            })
            .collect();
        drop(pool);
        assert_eq!(Arc::strong_count(&alive), 1);
        let answers: Vec<_> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect();
        assert_eq!(answers, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn memory_is_given_back_at_rest() {
        let pool = pool(1, 2);
        let kept = || pool.submit(password::kept).unwrap().blocking_recv().unwrap();
        let hashed = pool.submit(|| (password::verify("x", password::dummy()), password::kept()));
        assert!(hashed.unwrap().blocking_recv().unwrap().1 > 0);
        // The thread rests soon after its answer; a question asked before that is answered from memory still kept.
        let rested = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(5));
            kept() == 0
        });
        assert!(rested);
    }

    #[test]
    fn it_may_be_dropped_by_one_of_its_own_jobs() {
        let pool = Arc::new(Mutex::new(None));
        let inner = Arc::clone(&pool);
        let made = self::pool(1, 1);
        let (held, ready) = mpsc::channel::<()>();
        let answer = made
            .submit(move || {
                ready.recv().unwrap();
                drop(inner.lock().unwrap().take());
                1
            })
            .unwrap();
        *pool.lock().unwrap() = Some(made);
        held.send(()).unwrap();
        assert_eq!(answer.blocking_recv(), Ok(1));
    }
}
