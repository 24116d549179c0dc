//! The pool of read-only connections.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;

use super::{Conn, Sizes, View, open, search, turn};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};

/// How long a read waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pool of read-only connections; empty once closed.
#[derive(Clone)]
pub(super) struct Readers {
    pool: Arc<RwLock<Option<Pool<SqliteConnectionManager>>>>,
    max_readers: u32,
    names: Arc<search::Memory>,
}

impl Readers {
    pub(super) fn open(path: &Path, sizes: Sizes) -> Result<Self> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(open::reading_flags())
            .with_init(move |conn| open::for_reading(conn, sizes.page_cache_kib));
        let max_readers = sizes.readers.max(1);
        let pool = Pool::builder()
            .max_size(max_readers)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(PATIENCE)
            .build(manager)?;
        let names = Arc::new(search::Memory::new(sizes.search_memory));
        Ok(Self { pool: Arc::new(RwLock::new(Some(pool))), max_readers, names })
    }

    pub(super) fn max_readers(&self) -> usize {
        self.max_readers as usize
    }

    /// Which pool it is, among those of the process.
    pub(super) fn number(&self) -> usize {
        Arc::as_ptr(&self.pool).addr()
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let snapshot = match turn::snapshot(self.number()) {
            Some(snapshot) => snapshot,
            None => self.snapshot()?,
        };
        let read = work(&View { conn: Conn::on_sqlite(&snapshot.conn), now: snapshot.now, names: Some(&self.names) });
        turn::leave(snapshot);
        read
    }

    fn snapshot(&self) -> Result<Snapshot> {
        let pool = {
            let place = self.pool.read().map_err(|_| Error::internal("the pool of read connections failed"))?;
            place.clone().ok_or(Error::Busy { retry_after: PATIENCE })?
        };
        let conn = pool.get()?;
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Snapshot { conn, now: Timestamp::now(), number: self.number() })
    }

    pub(super) fn close(&self) {
        if let Ok(mut place) = self.pool.write() {
            *place = None;
        }
    }
}

/// What is read from it is all of one moment, that of the first read. Rusqlite's own kind of transaction would have SQLite
/// compile the words for its beginning and its end each time, which takes longer than to look a row up.
pub(super) struct Snapshot {
    conn: PooledConnection<SqliteConnectionManager>,
    now: Timestamp,
    number: usize,
}

impl Snapshot {
    /// Whether it is one of this pool.
    pub(super) fn of(&self, number: usize) -> bool {
        self.number == number
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
