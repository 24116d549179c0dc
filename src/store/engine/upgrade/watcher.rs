//! Shows how far an upgrade is. The work is done on one thread; SQLite calls the watcher while a statement runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The number of instructions of SQLite between two calls: some milliseconds.
const INSTRUCTIONS: i32 = 200_000;

/// How often the log says how far the upgrade is.
const LOGGED_EVERY: Duration = Duration::from_secs(5);

/// A part of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The old data file is copied.
    Copy,
    /// The step to this version.
    Step {
        number: u32,
        of: u32,
        words: &'static str,
    },
    Names,
    AuditChain,
    ForeignKeys,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy => f.write_str("copying the old data file"),
            Self::Step { number, of, words } => write!(f, "step {number} of {of}, which {words}"),
            Self::Names => f.write_str("normalizing names and addresses"),
            Self::AuditChain => f.write_str("hashing audit rows"),
            Self::ForeignKeys => f.write_str("checking foreign keys"),
        }
    }
}

/// How far an upgrade is.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub work: Work,
    /// How much of the work is done, and how much it is in total: bytes of the copy, or rows. None if it is not known.
    pub count: Option<(u64, u64)>,
}

/// Watches an upgrade.
#[derive(Clone)]
pub struct Watcher {
    show: Arc<dyn Fn(&Stage) + Send + Sync>,
    stage: Arc<Mutex<Stage>>,
}

impl Watcher {
    /// `show` is called many times a second, on the thread of the upgrade.
    pub fn new(show: impl Fn(&Stage) + Send + Sync + 'static) -> Self {
        let stage = Stage { work: Work::Copy, count: None };
        Self { show: Arc::new(show), stage: Arc::new(Mutex::new(stage)) }
    }

    /// Logs how far the upgrade is every five seconds.
    pub fn logging() -> Self {
        let start = Instant::now();
        let last = Mutex::new(start);
        Self::new(move |stage| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= LOGGED_EVERY {
                *last = Instant::now();
                let count = stage.count.map(|(done, total)| format!(", {done} of {total}")).unwrap_or_default();
                log::info!("upgrading the data file for {} s: {}{count}", start.elapsed().as_secs(), stage.work);
            }
        })
    }

    /// Begins a part, whose statements run on this connection.
    pub(super) fn begin(&self, conn: &Connection, work: Work) {
        self.name(work);
        let watcher = self.clone();
        let tick = move || {
            watcher.update(|_| {});
            false
        };
        if let Err(error) = conn.progress_handler(INSTRUCTIONS, Some(tick)) {
            log::debug!("cannot watch the upgrade: {error}");
        }
    }

    /// Begins a part that counts itself.
    pub(super) fn name(&self, work: Work) {
        self.update(|stage| *stage = Stage { work, count: None });
    }

    pub(super) fn count(&self, done: u64, total: u64) {
        self.update(|stage| stage.count = Some((done, total)));
    }

    /// Ends the watch of a connection.
    pub(super) fn end(conn: &Connection) {
        if let Err(error) = conn.progress_handler(0, None::<fn() -> bool>) {
            log::debug!("cannot end the watch of the upgrade: {error}");
        }
    }

    fn update(&self, change: impl FnOnce(&mut Stage)) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut stage);
        let shown = *stage;
        drop(stage);
        (self.show)(&shown);
    }
}
