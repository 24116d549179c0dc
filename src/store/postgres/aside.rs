//! A connection for what several servers share beside the data: statements that do not stand in the line of the writes and
//! invalidate no cache.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::address::Address;
use super::connection::Connection;
use super::settings::Role;
use crate::error::Result;

/// The connection. A clone is another handle to the same one. It is opened when it is first needed, and again after it is
/// lost.
#[derive(Clone)]
pub(super) struct Aside(Arc<Inner>);

struct Inner {
    address: Address,
    conn: Mutex<Option<Connection>>,
    failures_are_full: AtomicBool,
}

impl std::fmt::Debug for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.address.fmt(f)
    }
}

impl Aside {
    pub(super) fn new(address: Address) -> Self {
        let (conn, failures_are_full) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Inner { address, conn, failures_are_full }))
    }

    /// Runs statements. If the connection was lost meanwhile, runs them again on a new one.
    pub(super) fn run<T>(&self, work: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        let mut held = self.0.conn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conn) = held.take() {
            let done = work(&conn);
            if !conn.is_broken() {
                *held = Some(conn);
                return done;
            }
            if done.is_ok() {
                return done;
            }
        }
        let conn = Connection::open(&self.0.address, Role::Aside)?;
        let done = work(&conn);
        *held = Some(conn).filter(|conn| !conn.is_broken());
        done
    }

    /// Runs statements in a transaction.
    pub(super) fn transaction<T>(&self, lock: i64, work: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        self.run(|conn| {
            conn.defer("BEGIN")?;
            conn.defer(&format!("SELECT pg_advisory_xact_lock({lock})"))?;
            let done = work(conn).and_then(|done| {
                conn.run("COMMIT")?;
                Ok(done)
            });
            if done.is_err() && !conn.is_broken() {
                conn.run("ROLLBACK")?;
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
        *self.0.conn.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
