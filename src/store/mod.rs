//! Memory: all SQL, and the one SQLite file behind it. Nothing here judges, and nobody else speaks SQL.

pub mod approvals;
pub mod audit;
pub mod authorization_codes;
pub mod bindings;
pub mod bots;
pub mod circle;
pub mod clients;
pub mod consents;
pub mod contents;
pub mod data_dir;
mod data_version;
pub mod default_workspaces;
pub mod device_codes;
mod engine;
mod fault;
mod file_system;
pub mod files;
pub mod health;
pub mod inspection;
pub mod keys;
pub mod known_places;
pub mod links;
pub mod lock;
pub mod members;
pub mod names;
mod open;
pub mod organizations;
pub mod pending_sign_ins;
pub mod people;
pub mod projects;
mod readers;
pub mod recovery_codes;
pub mod refresh_tokens;
pub mod roles;
mod row;
pub mod schema;
mod search;
pub mod second_factors;
pub mod sessions;
pub mod signing_keys;
pub mod turn;
pub mod users;
pub mod versioned_cache;
pub mod visibility;
pub mod workspaces;
mod writer;
pub mod wrong_codes;

#[cfg(test)]
mod plans;
#[cfg(test)]
pub(crate) mod probe;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use data_dir::{DataDir, DataDirError};
use engine::{Column, Conn, Params, Row};
use schema::{SchemaState, Unfit};

pub use data_version::DataVersion;
pub use open::{SQLITE_NEEDED, refuse_old_sqlite};

/// A snapshot of the data, to read from.
pub struct View<'a> {
    pub(in crate::store) conn: Conn<'a>,
    /// The moment of the snapshot, read from the clock once.
    pub now: Timestamp,
    /// The names of tables that were searched; none in a write, which has rows that are not committed.
    names: Option<&'a search::Memory>,
}

/// A write under way. It reads what it has written, and is on the disk before anybody is told.
pub struct Tx<'a> {
    view: View<'a>,
    /// The end of the chain of audit rows, once this write or one before it in the batch has asked for it.
    audit: Cell<Option<audit::chain::End>>,
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

/// How large the store's parts are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Read-only connections.
    pub readers: u32,
    /// Writes that may wait in line.
    pub write_queue: usize,
    /// The page cache of each connection, in KiB.
    pub page_cache_kib: u32,
    /// The most bytes of names that searches keep in memory.
    pub search_memory: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { readers: 2, write_queue: 64, page_cache_kib: 2048, search_memory: 1 << 20 }
    }
}

/// The open data file. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct Store {
    readers: readers::Readers,
    writer: Arc<writer::Writer>,
    /// The last to go: see [`data_version::DataVersionProbe`].
    probe: data_version::DataVersionProbe,
}

impl Store {
    /// Opens the data file, makes it if it is empty, and brings an older one up to date.
    ///
    /// Refuses a file of a newer schema, a file that is not atelier's, and a SQLite that is too old.
    pub fn open(path: &Path, sizes: Sizes) -> Result<Self> {
        let mut conn = open::for_writing(path, sizes.page_cache_kib)?;
        schema::bring_up_to_date(&mut conn)?;
        let writer = Arc::new(writer::Writer::start(conn, sizes.write_queue)?);
        let readers = readers::Readers::open(path, sizes)?;
        let probe = data_version::DataVersionProbe::on(path)?;
        Ok(Self { readers, writer, probe })
    }

    /// Opens the data file of a directory on which a server may be running, as [`Store::open`] does.
    ///
    /// Refused also when the schema must be made or upgraded, for which it takes the lock, and a server has that.
    pub fn open_beside(home: &DataDir, sizes: Sizes) -> Result<Self> {
        let path = home.database();
        let standing = inspection::inspect(&path, schema::state)?.fit()?;
        let _lock = if standing == SchemaState::Current { None } else { Some(home.lock().map_err(in_use)?) };
        Self::open(&path, sizes)
    }

    /// How many reads there can be at a time.
    pub fn readers(&self) -> usize {
        self.readers.max_readers()
    }

    /// Reads from one snapshot, on the calling thread.
    pub fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.readers.read(work)
    }

    /// Hands a write to the writer and answers once it is on the disk.
    ///
    /// The work may be run again, so it must have no effect outside its `Tx`. Refused as busy when too much
    /// waits in line already.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        let answer = self.writer.send(work)?.answer().await;
        turn::begin_anew();
        answer
    }

    /// The same as [`Store::write`], for a thread that may wait.
    pub fn write_and_wait<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        self.writer.send(work)?.wait()
    }

    /// Hands over a write that nobody waits for; lost if the line is full.
    pub fn write_in_passing<F>(&self, work: F)
    where
        F: Fn(&Tx) -> Result<()> + Send + 'static,
    {
        drop(self.writer.send(work));
    }

    /// What changes with every commit of any process: what was read from a snapshot that was taken after it is fresh for
    /// as long as it stands.
    pub fn data_version(&self) -> Result<DataVersion> {
        turn::pulse(self.readers.number(), || self.probe.now())
    }

    /// Whether this is the version still, at this very moment and not only at the beginning of the turn.
    pub fn is_still(&self, pulse: DataVersion) -> Result<bool> {
        Ok(self.probe.now()? == pulse)
    }

    /// Finishes the writes in line, moves the write-ahead log into the file and closes it.
    pub fn close(&self) {
        self.readers.close();
        self.writer.close();
    }
}

fn in_use(error: DataDirError) -> Error {
    match error {
        DataDirError::Taken { pid, .. } => Unfit::InUse { pid }.into(),
        error @ (DataDirError::Io { .. }
        | DataDirError::Absent { .. }
        | DataDirError::Shared { .. }
        | DataDirError::Foreign { .. }) => Error::internal(error),
    }
}
