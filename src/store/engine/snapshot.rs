//! A snapshot of the data: a read transaction on a connection of the pool.

use r2d2::PooledConnection;
use r2d2_sqlite::SqliteConnectionManager;

use super::Conn;
use crate::domain::timestamp::Timestamp;

/// What is read from it is all of one moment, that of the first read. Rusqlite's own kind of transaction would have SQLite
/// compile the words for its beginning and its end each time, which takes longer than to look a row up.
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
