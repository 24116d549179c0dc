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
}

impl Snapshot {
    /// Statements fail as interrupted once the snapshot is older than `max_age`.
    pub(super) fn begin(
        conn: PooledConnection<SqliteConnectionManager>,
        max_age: Option<Duration>,
    ) -> rusqlite::Result<Self> {
        if let Some(max_age) = max_age {
            let begun = Instant::now();
            conn.progress_handler(STEPS, Some(move || begun.elapsed() > max_age))?;
        }
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self { conn, now: Timestamp::now() })
    }

    pub(super) fn conn(&self) -> Conn<'_> {
        Conn::on_sqlite(&self.conn)
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
