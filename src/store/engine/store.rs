//! The open data file: reads, writes and its version.

use std::path::Path;
use std::sync::Arc;

use super::data_version::{DataVersion, DataVersionProbe};
use super::schema::{self, SchemaState, Unfit};
use super::{Sizes, Tx, View, inspection, open, readers, writer};
use crate::error::{Error, Result};
use crate::store::data_dir::{DataDir, DataDirError};

/// The open data file. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct Store {
    readers: readers::Readers,
    writer: Arc<writer::Writer>,
    /// The last to go: see [`DataVersionProbe`].
    probe: DataVersionProbe,
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
        let probe = DataVersionProbe::on(path)?;
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
        self.readers.max()
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
        self.writer.send(work)?.answer().await
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
        self.probe.now()
    }

    pub fn is_still(&self, version: DataVersion) -> Result<bool> {
        Ok(self.probe.now()? == version)
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
