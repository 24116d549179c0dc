//! A snapshot of the data: a read transaction on a pooled connection.

use std::time::{Duration, Instant};

use r2d2::PooledConnection;
use r2d2_sqlite::SqliteConnectionManager;

use super::Conn;
use crate::domain::timestamp::Timestamp;

/// How many steps of a statement pass between two looks at the age of its snapshot: some tens of milliseconds.
const STEPS: i32 = 1 << 20;

/// All reads see the data at the moment of the first read. Rusqlite's own transaction type would have SQLite compile
/// the `BEGIN` and `COMMIT` statements each time, which takes longer than looking up a row.
pub(super) struct Snapshot {
    conn: PooledConnection<SqliteConnectionManager>,
    pub(super) now: Timestamp,
    /// When it is too old, if it can be.
    ends: Option<Instant>,
}

impl Snapshot {
    /// Statements fail as interrupted once the snapshot is older than `max_age`.
    pub(super) fn begin(
        conn: PooledConnection<SqliteConnectionManager>,
        max_age: Option<Duration>,
    ) -> rusqlite::Result<Self> {
        let ends = max_age.map(|max_age| Instant::now() + max_age);
        if let Some(ends) = ends {
            conn.progress_handler(STEPS, Some(move || Instant::now() > ends))?;
        }
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self { conn, now: Timestamp::now(), ends })
    }

    pub(super) fn is_too_old(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() > ends)
    }

    pub(super) fn conn(&self) -> Conn<'_> {
        Conn::Sqlite(&self.conn)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let ended = self.conn.prepare_cached("ROLLBACK").and_then(|mut statement| statement.execute([]));
        if let Err(error) = ended {
            log::error!("cannot end a read transaction: {error}");
        }
    }
}
