//! The pool of read-only connections.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::{Sizes, View, open};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};

/// How long a read waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pool of read-only connections; empty once closed.
#[derive(Clone)]
pub(super) struct Readers {
    pool: Arc<RwLock<Option<Pool<SqliteConnectionManager>>>>,
    most: u32,
}

impl Readers {
    pub(super) fn open(path: &Path, sizes: Sizes) -> Result<Self> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(open::reading_flags())
            .with_init(move |conn| open::for_reading(conn, sizes.page_cache_kib));
        let most = sizes.readers.max(1);
        let pool = Pool::builder()
            .max_size(most)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(PATIENCE)
            .build(manager)?;
        Ok(Self { pool: Arc::new(RwLock::new(Some(pool))), most })
    }

    pub(super) fn most(&self) -> usize {
        self.most as usize
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let pool = {
            let place = self.pool.read().map_err(|_| Error::internal("the pool of readers is broken"))?;
            place.clone().ok_or(Error::Busy { retry_after: PATIENCE })?
        };
        let conn = pool.get()?;
        let snapshot = Snapshot::of(&conn)?;
        work(&View { conn: snapshot.0, now: Timestamp::now() })
    }

    pub(super) fn close(&self) {
        if let Ok(mut place) = self.pool.write() {
            *place = None;
        }
    }
}

/// What is read between its beginning and its end is all of one moment. Rusqlite's own kind of transaction would have
/// SQLite compile the words for both each time, which takes longer than to look a row up.
struct Snapshot<'a>(&'a Connection);

impl<'a> Snapshot<'a> {
    fn of(conn: &'a Connection) -> Result<Self> {
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(conn))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("ROLLBACK").and_then(|mut statement| statement.execute([]));
        if let Err(error) = ended {
            log::error!("a read does not end: {error}");
        }
    }
}
