//! The pool of read-only connections.

use std::path::Path;
use std::sync::{Arc, RwLock, mpsc};
use std::time::Duration;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::ffi;
use scheduled_thread_pool::ScheduledThreadPool;

use super::name_cache::NameCache;
use super::snapshot::Snapshot;
use super::watch::Watch;
use super::{Sizes, View, open};
use crate::error::{Error, Result};

/// The maximum wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The pool of read-only connections; empty once closed.
#[derive(Clone)]
pub(in crate::store) struct Readers {
    pool: Arc<RwLock<Option<Pool<SqliteConnectionManager>>>>,
    /// The thread that opens connections.
    opener: Arc<ScheduledThreadPool>,
    max: u32,
    max_read: Option<Duration>,
    names: Arc<NameCache>,
}

impl Readers {
    /// Opens readers of a watched file.
    pub(in crate::store) fn open(path: &Path, sizes: Sizes, watch: Arc<Watch>) -> Result<Self> {
        let manager = SqliteConnectionManager::file(path).with_flags(open::reading_flags()).with_init(move |conn| {
            open::for_reading(conn, sizes.page_cache_kib)?;
            // The path may lead to another file now.
            match watch.look() {
                Some(fault) if fault.ends_server() => {
                    let moved = ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED);
                    Err(rusqlite::Error::SqliteFailure(moved, Some(fault.to_string())))
                }
                _ => Ok(()),
            }
        });
        let max = sizes.readers.max(1);
        let opener = Arc::new(ScheduledThreadPool::builder().num_threads(1).build());
        let pool = Pool::builder()
            .thread_pool(opener.clone())
            .max_size(max)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(TIMEOUT)
            .build(manager)?;
        let names = Arc::new(NameCache::new(sizes.search_memory));
        Ok(Self { pool: Arc::new(RwLock::new(Some(pool))), opener, max, max_read: sizes.max_read, names })
    }

    pub(in crate::store) fn max(&self) -> usize {
        self.max as usize
    }

    pub(in crate::store) fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let snapshot = self.snapshot()?;
        let done = work(&View { conn: snapshot.conn(), now: snapshot.now, names: Some(&self.names) });
        if done.is_err() && snapshot.is_too_old() {
            log::warn!(
                "a read was ended because it took too long; it would keep the write-ahead log from being shortened"
            );
        }
        done
    }

    fn snapshot(&self) -> Result<Snapshot> {
        let pool = {
            let current = self.pool.read().map_err(|_| Error::internal("the pool of read connections failed"))?;
            current.clone().ok_or(Error::Busy { retry_after: TIMEOUT })?
        };
        Ok(Snapshot::begin(pool.get()?, self.max_read)?)
    }

    /// Closes all connections but those that a read still uses.
    pub(in crate::store) fn close(&self) {
        if let Ok(mut current) = self.pool.write() {
            *current = None;
        }
        // One that is being opened would outlive the writer, and the write-ahead log with it.
        let (opened, all_opened) = mpsc::channel();
        self.opener.execute(move || opened.send(()).unwrap_or_default());
        if all_opened.recv_timeout(TIMEOUT).is_err() {
            log::warn!("a connection to the data file is still being opened; the write-ahead log stays beside it");
        }
    }
}
