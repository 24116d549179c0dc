//! The open database: reads, writes and its version. It hides which database is behind it.

use std::path::Path;

use super::measures::{QueueState, WriteMeasures};
use super::schema::SchemaState;
use super::sqlite_store::SqliteStore;
use super::upgrade::Watcher;
use super::{DataVersion, Sizes, StoreFault, Tx, Unready, View};
use crate::error::Result;
use crate::store::data_dir::DataDir;
use crate::store::postgres::{Address, ConnectionRoom, Failures, Node, PostgresStore};

/// The open database. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Store(Engine);

#[derive(Clone)]
enum Engine {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Store {
    /// Opens the data file, creates its tables if it is empty, and upgrades an older one, of which it keeps a copy.
    ///
    /// Refuses a file with a newer schema, a file that is not atelier's, and a SQLite that is too old.
    pub fn open(path: &Path, sizes: Sizes) -> Result<Self> {
        Ok(Self(Engine::Sqlite(SqliteStore::open(path, sizes)?)))
    }

    /// Opens the data file of a server, which holds the lock of the directory, like [`Store::open`]. Stamps it, so that
    /// a copy that is put over it is recognized. Or opens the database of PostgreSQL.
    pub fn open_for_server(home: &DataDir, sizes: Sizes) -> Result<Self> {
        if let Some(address) = home.server() {
            return Self::open_postgres(address, sizes);
        }
        Ok(Self(Engine::Sqlite(SqliteStore::open_for_server(home, sizes)?)))
    }

    /// Opens the data file of a directory on which a server may be running, like [`Store::open`].
    ///
    /// Creating or upgrading the schema takes the lock of the directory. Refuses if a server holds it then.
    pub fn open_beside(home: &DataDir, sizes: Sizes) -> Result<Self> {
        Self::open_beside_watched(home, sizes, &Watcher::logging())
    }

    /// The same, with a watcher of an upgrade.
    pub fn open_beside_watched(home: &DataDir, sizes: Sizes, watcher: &Watcher) -> Result<Self> {
        if let Some(address) = home.server() {
            return Self::open_postgres(address, sizes);
        }
        Ok(Self(Engine::Sqlite(SqliteStore::open_beside_watched(home, sizes, watcher)?)))
    }

    /// Opens a database of PostgreSQL, and creates its tables if it has none. Other processes may use it.
    ///
    /// Refuses a server that is too old or would lose acknowledged writes, another collation than C, and a newer schema.
    pub fn open_postgres(address: &Address, sizes: Sizes) -> Result<Self> {
        Ok(Self(Engine::Postgres(PostgresStore::open(address, sizes)?)))
    }

    /// The schema of a database of PostgreSQL, compared to this program's. Changes nothing.
    ///
    /// Refuses a server that is too old or would lose acknowledged writes, and another collation than C.
    pub fn schema_of_postgres(address: &Address) -> Result<SchemaState> {
        PostgresStore::schema(address)
    }

    /// Whether the data is in a file of the data directory.
    pub const fn is_file(&self) -> bool {
        matches!(self.0, Engine::Sqlite(_))
    }

    /// Registers this process among the servers on a database of PostgreSQL until it is closed. `files` is the URL of the
    /// object storage, and `public_url` that of the server; empty if there is none. Returns the other servers.
    pub fn register(&self, files: &str, public_url: &str) -> Result<Vec<Node>> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(Vec::new()),
            Engine::Postgres(store) => store.register(files, public_url),
        }
    }

    /// The servers that run on a database of PostgreSQL. None for a data file.
    pub fn nodes(&self) -> Result<Option<Vec<Node>>> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(store) => store.nodes().map(Some),
        }
    }

    /// The failed attempts that several servers share. None for a data file.
    pub fn failures(&self) -> Option<Failures> {
        match &self.0 {
            Engine::Sqlite(_) => None,
            Engine::Postgres(store) => Some(store.failures()),
        }
    }

    /// The room for connections on the server of PostgreSQL. None for a data file.
    pub fn connection_room(&self) -> Result<Option<ConnectionRoom>> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(store) => store.connection_room().map(Some),
        }
    }

    /// The bytes of a database of PostgreSQL. None for a data file.
    pub fn database_size(&self) -> Result<Option<u64>> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(store) => store.database_size().map(Some),
        }
    }

    /// Whether PostgreSQL waits until data is on the disk. None for a data file.
    pub fn has_fsync(&self) -> Result<Option<bool>> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(store) => store.has_fsync().map(Some),
        }
    }

    /// The maximum number of concurrent reads.
    pub fn readers(&self) -> usize {
        match &self.0 {
            Engine::Sqlite(store) => store.readers(),
            Engine::Postgres(store) => store.readers(),
        }
    }

    /// Reads from one snapshot, on the calling thread.
    #[inline]
    pub fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        match &self.0 {
            Engine::Sqlite(store) => store.read(work),
            Engine::Postgres(store) => store.read(work),
        }
    }

    /// Reads the data of this version from one snapshot, on the calling thread. None if the data has changed since.
    #[inline]
    pub fn read_at<T>(&self, version: DataVersion, work: impl FnOnce(&View) -> Result<T>) -> Result<Option<T>> {
        match &self.0 {
            Engine::Sqlite(store) => {
                let read = store.read(work);
                if store.data_version()? == version { read.map(Some) } else { Ok(None) }
            }
            Engine::Postgres(store) => store.read_at(version, work),
        }
    }

    /// Queues a write and returns its result after the commit is on the disk.
    ///
    /// The work may be run again, so it must have no effect outside its `Tx`. Fails as busy if the queue is full.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        match &self.0 {
            Engine::Sqlite(store) => store.write(work).await,
            Engine::Postgres(store) => store.write(work).await,
        }
    }

    /// Like [`Store::write`], for a thread that may block.
    pub fn write_and_wait<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        match &self.0 {
            Engine::Sqlite(store) => store.write_and_wait(work),
            Engine::Postgres(store) => store.write_and_wait(work),
        }
    }

    /// Queues a write without waiting for it. The write is lost if the queue is full.
    pub fn write_in_passing<F>(&self, work: F)
    where
        F: Fn(&Tx) -> Result<()> + Send + 'static,
    {
        match &self.0 {
            Engine::Sqlite(store) => store.write_in_passing(work),
            Engine::Postgres(store) => store.write_in_passing(work),
        }
    }

    /// The queue of writes, and what the writer has done.
    pub fn write_queue(&self) -> (QueueState, &WriteMeasures) {
        match &self.0 {
            Engine::Sqlite(store) => store.write_queue(),
            Engine::Postgres(store) => store.write_queue(),
        }
    }

    /// The current version of the data. It changes with every commit of any process. Data read from a snapshot that was
    /// taken after this call is fresh as long as the version stays the same.
    #[inline]
    pub fn data_version(&self) -> Result<DataVersion> {
        match &self.0 {
            Engine::Sqlite(store) => store.data_version(),
            Engine::Postgres(store) => store.data_version(),
        }
    }

    /// The version now, or this one where it would take a round trip to ask again within a request.
    #[inline]
    pub fn renewed(&self, version: DataVersion) -> Result<DataVersion> {
        if self.is_file() { self.data_version() } else { Ok(version) }
    }

    /// Like [`Store::data_version`], for a task that must not block.
    pub async fn awaited_data_version(&self) -> Result<DataVersion> {
        match &self.0 {
            Engine::Sqlite(store) => store.data_version(),
            Engine::Postgres(store) => store.awaited_data_version().await,
        }
    }

    /// The permanent fault of the data file, if it has one. Looks whether the file was removed or replaced.
    pub fn fault(&self) -> Option<&StoreFault> {
        match &self.0 {
            Engine::Sqlite(store) => store.fault(),
            Engine::Postgres(_) => None,
        }
    }

    /// Writes a row, moves it into the data file, and reads it.
    pub async fn check_disk(&self) -> std::result::Result<(), Unready> {
        match &self.0 {
            Engine::Sqlite(store) => store.check_disk().await,
            Engine::Postgres(store) => store.check().await,
        }
    }

    /// Finishes the queued writes and closes all connections. Moves the write-ahead log of a data file into the file,
    /// but leaves all files as they are if it has a permanent fault.
    pub fn close(&self) {
        match &self.0 {
            Engine::Sqlite(store) => store.close(),
            Engine::Postgres(store) => store.close(),
        }
    }
}
