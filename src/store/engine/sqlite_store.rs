//! The store on SQLite: an open data file.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::checkpoints::Checkpoints;
use super::data_version::{DataVersion, DataVersionProbe};
use super::disk::{Access, Disk, Unready};
use super::measures::{QueueState, WriteMeasures};
use super::schema::{self, SchemaState, Unfit};
use super::stamp::{self, Stamp};
use super::upgrade::{self, Watcher};
use super::watch::{StoreFault, Watch};
use super::write_ahead_log::FileState;
use super::{Sizes, Tx, View, health, inspection, open, readers, write_queue};
use crate::error::{Error, Result};
use crate::store::data_dir::shared_file::SharedFile;
use crate::store::data_dir::{DataDir, DataDirError};

/// The open data file. A clone is another handle to the same file.
#[derive(Clone)]
pub(in crate::store) struct SqliteStore {
    readers: readers::Readers,
    writer: Arc<write_queue::Writer>,
    disk: Arc<Disk>,
    /// The last fields, because they must be dropped last: see [`SharedFile`].
    watch: Arc<Watch>,
    probe: DataVersionProbe,
}

impl SqliteStore {
    /// Opens the data file, creates its tables if it is empty, and upgrades an older one, of which it keeps a copy.
    ///
    /// Refuses a file with a newer schema, a file that is not atelier's, and a SQLite that is too old.
    pub(super) fn open(path: &Path, sizes: Sizes) -> Result<Self> {
        Self::open_with(path, sizes, &Watcher::logging(), |_, _| Ok(None))
    }

    /// Opens the data file of a server, which holds the lock of the directory, like [`SqliteStore::open`]. Stamps it, so that
    /// a copy that is put over it is recognized.
    pub(super) fn open_for_server(home: &DataDir, sizes: Sizes) -> Result<Self> {
        Self::open_with(&home.database(), sizes, &Watcher::logging(), |conn, file| {
            let has_cookie = |cookie| {
                let state = FileState::read(file, None);
                state.is_ok_and(|state| state.header.is_some_and(|header| header.cookie == cookie))
            };
            stamp::renew(conn, has_cookie)
        })
    }

    fn open_with(
        path: &Path,
        sizes: Sizes,
        watcher: &Watcher,
        renew_stamp: impl FnOnce(&mut Connection, &SharedFile) -> Result<Option<Stamp>>,
    ) -> Result<Self> {
        // SQLite would create the file with a mode that depends on the umask. The write-ahead log and the shared memory
        // inherit the mode of the file.
        let file = SharedFile::open_or_create(path).map_err(Error::internal)?;
        let file_path = path.canonicalize().map_err(Error::internal)?;
        let mut conn = open::for_writing(&file_path, sizes.page_cache_kib)?;
        stamp::clear_in_copy(&mut conn)?;
        upgrade::bring_up_to_date(&mut conn, &file_path, watcher)?;
        let stamp = renew_stamp(&mut conn, &file)?;
        let probe = DataVersionProbe::on(&file_path)?;
        let watch = Arc::new(Watch::begin(&conn, path, &file_path, file, stamp)?);
        let disk = Arc::new(Disk::default());
        let measures = Arc::<WriteMeasures>::default();
        let checkpoints = Checkpoints::new(disk.clone(), probe.clone(), open::BUSY_TIMEOUT);
        let checkpoints = checkpoints.counted_by(measures.clone());
        let writer = write_queue::Writer::start(conn, checkpoints, watch.clone(), sizes.write_queue, measures)?;
        let writer = Arc::new(writer);
        let readers = readers::Readers::open(&file_path, sizes, watch.clone())?;
        Ok(Self { readers, writer, disk, watch, probe })
    }

    /// Opens the data file of a directory on which a server may be running, like [`SqliteStore::open`].
    ///
    /// Creating or upgrading the schema takes the lock of the directory. Refuses if a server holds it then.
    pub(super) fn open_beside_watched(home: &DataDir, sizes: Sizes, watcher: &Watcher) -> Result<Self> {
        let path = home.database();
        let state = inspection::inspect(&path, schema::state)?.fit(&path)?;
        let _lock = if state == SchemaState::Current { None } else { Some(home.lock().map_err(in_use)?) };
        Self::open_with(&path, sizes, watcher, |_, _| Ok(None))
    }

    /// The maximum number of concurrent reads.
    pub(super) fn readers(&self) -> usize {
        self.readers.max()
    }

    /// Reads from one snapshot, on the calling thread.
    pub(super) fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.watch.refuse_replaced()?;
        self.disk.watched(Access::Read, self.watch.checked(self.readers.read(work)))
    }

    /// Queues a write and returns its result after the commit is on the disk.
    ///
    /// The work may be run again, so it must have no effect outside its `Tx`. Fails as busy if the queue is full.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        let done = self.writer.send(work)?.answer().await;
        self.disk.watched(Access::Write, self.watch.checked(done))
    }

    /// Like [`SqliteStore::write`], for a thread that may block.
    pub(super) fn write_and_wait<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        let done = self.writer.send(work)?.wait();
        self.disk.watched(Access::Write, self.watch.checked(done))
    }

    /// Queues a write without waiting for it. The write is lost if the queue is full.
    pub(super) fn write_in_passing<F>(&self, work: F)
    where
        F: Fn(&Tx) -> Result<()> + Send + 'static,
    {
        drop(self.writer.send(work));
    }

    pub(super) fn write_queue(&self) -> (QueueState, &WriteMeasures) {
        (self.writer.queue(), self.writer.measures())
    }

    /// The current version of the data. It changes with every commit of any process. Data read from a snapshot that was
    /// taken after this call is fresh as long as the version stays the same.
    pub(super) fn data_version(&self) -> Result<DataVersion> {
        self.watch.refuse_replaced()?;
        self.probe.now()
    }

    /// The permanent fault of the data file, if it has one. Looks whether the file was removed or replaced.
    pub(super) fn fault(&self) -> Option<&StoreFault> {
        self.watch.look()
    }

    /// Writes a row, moves it into the data file, and reads it.
    pub(super) async fn check_disk(&self) -> std::result::Result<(), Unready> {
        let written = self.write(health::touch).await.map_err(|error| Unready::new(Access::Write, &error))?;
        // The writer does a wanted checkpoint before its next write, so it is done when this write is answered.
        self.disk.want_checkpoint();
        self.write(|_| Ok(())).await.map_err(|error| Unready::new(Access::Write, &error))?;
        let store = self.clone();
        let reading = tokio::task::spawn_blocking(move || store.read(health::touched_at));
        let read = reading.await.map_err(Error::internal).flatten();
        let read = read.map_err(|error| Unready::new(Access::Read, &error))?;
        if read != written {
            let error = Error::internal("the row that was written last is not there");
            return Err(Unready::new(Access::Read, &error));
        }
        self.disk.checkpoint_failure().map_or(Ok(()), Err)
    }

    /// Finishes the queued writes, moves the write-ahead log into the file and closes it. Leaves all files as they are
    /// if the data file has a permanent fault.
    pub(super) fn close(&self) {
        self.readers.close();
        self.writer.close();
    }
}

fn in_use(error: DataDirError) -> Error {
    match error {
        DataDirError::Taken { pid, .. } => Unfit::InUse { pid }.into(),
        error @ (DataDirError::Io { .. }
        | DataDirError::Absent { .. }
        | DataDirError::HalfRestored { .. }
        | DataDirError::Shared { .. }
        | DataDirError::Foreign { .. }
        | DataDirError::DatabaseLost { .. }
        | DataDirError::Occupied { .. }) => Error::internal(error),
    }
}
