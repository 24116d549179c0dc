//! A snapshot of the data: a read transaction on a pooled connection.

use r2d2::PooledConnection;
use r2d2_sqlite::SqliteConnectionManager;

use super::Conn;
use crate::domain::timestamp::Timestamp;

/// All reads see the data at the moment of the first read. Rusqlite's own transaction type would have SQLite compile
/// the `BEGIN` and `COMMIT` statements each time, which takes longer than looking up a row.
pub(super) struct Snapshot {
    conn: PooledConnection<SqliteConnectionManager>,
    pub(super) now: Timestamp,
}

impl Snapshot {
    pub(super) fn begin(conn: PooledConnection<SqliteConnectionManager>) -> rusqlite::Result<Self> {
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
