//! The pool of connections that read.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::address::Address;
use super::connection::Connection;
use super::look::{self, Found};
use super::settings::Role;
use crate::error::{Error, Result};
use crate::store::engine::{Conn, DataVersion, Sizes, View};

/// The maximum wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(5);

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The pool. A connection is opened when it is first needed, and again after it is lost.
pub(super) struct Readers {
    address: Address,
    role: Role,
    max: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// The number of connections that exist or are being opened.
    open: usize,
    is_closed: bool,
}

impl Readers {
    pub(super) fn new(address: Address, sizes: Sizes) -> Self {
        let max = usize::try_from(sizes.readers.max(1)).unwrap_or(usize::MAX);
        let role = Role::Reader(sizes.max_read);
        Self { address, role, max, state: Mutex::default(), returned: Condvar::new() }
    }

    pub(super) const fn max(&self) -> usize {
        self.max
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let (lease, found) = self.snapshot()?;
        work(&View { conn: Conn::Postgres(lease.conn()?), now: found.now, names: None })
    }

    /// Reads a snapshot of this version. None if there is a newer one.
    pub(super) fn read_at<T>(&self, version: DataVersion, work: impl FnOnce(&View) -> Result<T>) -> Result<Option<T>> {
        let (lease, found) = self.snapshot()?;
        if found.version != version {
            return Ok(None);
        }
        work(&View { conn: Conn::Postgres(lease.conn()?), now: found.now, names: None }).map(Some)
    }

    /// A connection with a snapshot. Nothing was read on it, so one that is lost is replaced.
    fn snapshot(&self) -> Result<(Lease<'_>, Found)> {
        loop {
            let mut lease = self.lease()?;
            let is_new = lease.conn.is_none();
            if is_new {
                lease.conn = Some(Connection::reopen(&self.address, self.role)?);
            }
            let conn = lease.conn()?;
            let begun = conn.defer(BEGIN).and_then(|()| look::look(conn));
            match begun {
                Ok(found) => return Ok((lease, found)),
                Err(_) if conn.is_broken() && !is_new => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn lease(&self) -> Result<Lease<'_>> {
        let ends = Instant::now() + TIMEOUT;
        let mut state = self.state();
        loop {
            if state.is_closed {
                return Err(Error::Busy { retry_after: TIMEOUT });
            }
            if let Some(conn) = state.idle.pop() {
                return Ok(Lease { readers: self, conn: Some(conn) });
            }
            if state.open < self.max {
                state.open += 1;
                return Ok(Lease { readers: self, conn: None });
            }
            let left = ends.checked_duration_since(Instant::now());
            let left = left.ok_or(Error::Busy { retry_after: Duration::from_secs(1) })?;
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes all connections but those that a read still uses.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.open -= state.idle.len();
        state.idle.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The use of a connection, or the right to open one.
struct Lease<'r> {
    readers: &'r Readers,
    conn: Option<Connection>,
}

impl Lease<'_> {
    fn conn(&self) -> Result<&Connection> {
        self.conn.as_ref().ok_or_else(|| Error::internal("a read has no connection"))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // The answer is read before the next statement.
        let usable = self.conn.take().filter(|conn| !conn.is_broken() && conn.run_in_passing("ROLLBACK").is_ok());
        let mut state = self.readers.state();
        match usable {
            Some(conn) if !state.is_closed => state.idle.push(conn),
            _ => state.open -= 1,
        }
        drop(state);
        self.readers.returned.notify_one();
    }
}
