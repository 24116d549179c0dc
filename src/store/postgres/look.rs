//! The version of the data, as PostgreSQL has it now.
//!
//! A request may use cached data if the version was read after the request arrived. So nobody waits for a look that is
//! under way, but all who come during it share the next one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::address::Address;
use super::connection::Connection;
use super::settings::Role;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::engine::DataVersion;

/// The generation, the edition and the time.
const SQL: &str = "SELECT generation, edition, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) FROM meta WHERE id = 1";

/// How long somebody waits for a look.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a look finds.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) version: DataVersion,
    pub(super) now: Timestamp,
}

/// Looks within a transaction, or outside of one.
pub(super) fn look(conn: &Connection) -> rusqlite::Result<Found> {
    let statement = conn.prepare(SQL)?;
    let row = conn.first(&statement, &[])?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let number = |index| row.number(index);
    Ok(Found { version: DataVersion::of(number(0)?, number(1)?), now: Timestamp::from_micros(number(2)?) })
}

/// Looks for all threads, on a connection of its own.
pub(super) struct Looks {
    address: Address,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// None while somebody looks, and before the first look.
    conn: Option<Connection>,
    is_looking: bool,
    /// The number of looks that were begun, and the last one that has ended.
    begun: u64,
    ended: u64,
    found: Option<DataVersion>,
    is_closed: bool,
}

impl Looks {
    pub(super) fn new(address: Address) -> Self {
        Self { address, state: Mutex::default(), ended: Condvar::new() }
    }

    /// The version at a moment after this call.
    pub(super) fn version(&self) -> Result<DataVersion> {
        let busy = || Error::Busy { retry_after: Duration::from_secs(1) };
        let ends = Instant::now() + TIMEOUT;
        let mut state = self.state();
        let wanted = state.begun + 1;
        while state.is_looking {
            let left = ends.checked_duration_since(Instant::now()).ok_or_else(busy)?;
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            if state.ended >= wanted {
                return state.found.ok_or_else(busy);
            }
        }
        if state.is_closed {
            return Err(busy());
        }
        state.is_looking = true;
        state.begun += 1;
        let (this, conn) = (state.begun, state.conn.take());
        drop(state);
        // Those who wait are woken even if this panics.
        let mut turn = Turn { looks: self, this, conn: None, found: None };
        let found = self.look(conn);
        turn.found = found.as_ref().ok().map(|(found, _)| found.version);
        let (found, conn) = found?;
        turn.conn = Some(conn);
        Ok(found.version)
    }

    /// Looks once more on another connection if the first one is lost.
    fn look(&self, conn: Option<Connection>) -> Result<(Found, Connection)> {
        if let Some(conn) = conn {
            match look(&conn) {
                Ok(found) => return Ok((found, conn)),
                Err(error) if !conn.is_broken() => return Err(error.into()),
                Err(_) => {}
            }
        }
        let conn = Connection::reopen(&self.address, Role::Reader(Some(TIMEOUT)))?;
        Ok((look(&conn)?, conn))
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.conn = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look that others wait for.
struct Turn<'l> {
    looks: &'l Looks,
    this: u64,
    conn: Option<Connection>,
    found: Option<DataVersion>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.looks.state();
        state.is_looking = false;
        state.ended = self.this;
        state.found = self.found;
        state.conn = self.conn.take().filter(|_| !state.is_closed);
        drop(state);
        self.looks.ended.notify_all();
    }
}
