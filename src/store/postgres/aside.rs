//! A connection for what several servers share beside the data: statements that do not stand in the line of the writes and
//! invalidate no cache.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::address::Address;
use super::connection::{COMMIT_TIMEOUT, Connection};
use super::settings::Role;
use crate::error::{Error, Result};

/// The connection. A clone is another handle to the same one. It is opened when it is first needed, and again after it is
/// lost.
#[derive(Clone)]
pub(super) struct Aside(Arc<Inner>);

struct Inner {
    address: Address,
    state: Mutex<State>,
    failures_are_full: AtomicBool,
}

#[derive(Default)]
struct State {
    conn: Option<Connection>,
    /// When there was no connection the last time.
    failed_at: Option<Instant>,
}

impl std::fmt::Debug for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.address.fmt(f)
    }
}

impl Aside {
    pub(super) fn new(address: Address) -> Self {
        let (state, failures_are_full) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Inner { address, state, failures_are_full }))
    }

    /// Runs statements. If the connection was lost meanwhile, runs them again on a new one. If there was none while this
    /// waited for its turn, it does not wait for one again.
    pub(super) fn run<T>(&self, work: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        let since = Instant::now();
        let mut held = self.state();
        if held.failed_at.is_some_and(|failed_at| failed_at > since) {
            return Err(Error::Busy { retry_after: Duration::from_secs(1) });
        }
        if let Some(conn) = held.conn.take() {
            let done = work(&conn);
            if !conn.is_broken() {
                held.conn = Some(conn);
                return done;
            }
            if done.is_ok() {
                return done;
            }
        }
        let conn =
            Connection::reopen(&self.0.address, Role::Aside).inspect_err(|_| held.failed_at = Some(Instant::now()))?;
        let done = work(&conn);
        held.conn = Some(conn).filter(|conn| !conn.is_broken());
        done
    }

    /// Runs statements in a transaction.
    pub(super) fn transaction<T>(&self, lock: i64, work: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        self.run(|conn| {
            conn.defer("BEGIN")?;
            conn.defer(&format!("SELECT pg_advisory_xact_lock({lock})"))?;
            let done = work(conn).and_then(|done| {
                conn.commit(COMMIT_TIMEOUT)?;
                Ok(done)
            });
            if done.is_err() && !conn.is_broken() {
                conn.roll_back();
            }
            done
        })
    }

    /// Whether no more failed attempts are stored.
    pub(super) fn failures_are_full(&self) -> bool {
        self.0.failures_are_full.load(Ordering::Relaxed)
    }

    pub(super) fn set_failures_are_full(&self, are_full: bool) {
        self.0.failures_are_full.store(are_full, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.state().conn = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
