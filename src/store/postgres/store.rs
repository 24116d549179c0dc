//! The store on PostgreSQL.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::address::Address;
use super::aside::Aside;
use super::connection::Connection;
use super::failures::Failures;
use super::look::Looks;
use super::nodes::{self, Node, Registration};
use super::readers::Readers;
use super::room::{self, ConnectionRoom};
use super::settings::Role;
use super::{schema, writer};
use crate::error::{Error, Result};
use crate::store::engine::measures::{QueueState, WriteMeasures};
use crate::store::engine::schema::SchemaState;
use crate::store::engine::write_queue::{Job, RETRY_AFTER, Writer};
use crate::store::engine::{Access, DataVersion, Sizes, Tx, Unready, View, health};

/// An open database of PostgreSQL. A clone is another handle to the same one.
#[derive(Clone)]
pub(in crate::store) struct PostgresStore {
    readers: Arc<Readers>,
    looks: Arc<Looks>,
    writer: Arc<Writer>,
    max_write: Option<Duration>,
    aside: Aside,
    /// Of a server.
    registration: Arc<Mutex<Option<Registration>>>,
}

impl PostgresStore {
    pub(in crate::store) fn open(address: &Address, sizes: Sizes) -> Result<Self> {
        let conn = connect(address)?;
        schema::bring_up_to_date(&conn)?;
        let of_writer = address.clone();
        let measures = Arc::<WriteMeasures>::default();
        let counted = measures.clone();
        let run = move |queue: &Receiver<Box<dyn Job>>| writer::run_queue(&of_writer, conn, queue, &counted);
        let writer = Writer::run(sizes.write_queue, measures, run)?;
        Ok(Self {
            readers: Arc::new(Readers::new(address.clone(), sizes)),
            looks: Arc::new(Looks::begin(address.clone())?),
            writer: Arc::new(writer),
            max_write: sizes.max_write,
            aside: Aside::new(address.clone()),
            registration: Arc::default(),
        })
    }

    /// The schema of a database that is not open. Refuses a server that is not fit.
    pub(in crate::store) fn schema(address: &Address) -> Result<SchemaState> {
        let conn = connect(address)?;
        schema::refuse_unfit(&conn)?;
        schema::state(&conn)
    }

    /// Registers this process as a server. Returns the other ones.
    pub(in crate::store) fn register(&self, files: &str, public_url: &str) -> Result<Vec<Node>> {
        let (registration, others) = Registration::begin(&self.aside, files, public_url)?;
        *self.registration.lock().unwrap_or_else(PoisonError::into_inner) = Some(registration);
        Ok(others)
    }

    /// The servers that run on the database.
    pub(in crate::store) fn nodes(&self) -> Result<Vec<Node>> {
        self.aside.run(|conn| nodes::list(conn, None))
    }

    pub(in crate::store) fn failures(&self) -> Failures {
        Failures(self.aside.clone())
    }

    pub(in crate::store) fn connection_room(&self) -> Result<ConnectionRoom> {
        self.aside.run(ConnectionRoom::read)
    }

    pub(in crate::store) fn database_size(&self) -> Result<u64> {
        self.aside.run(room::database_size)
    }

    pub(in crate::store) fn has_fsync(&self) -> Result<bool> {
        self.aside.run(schema::has_fsync)
    }

    pub(in crate::store) fn readers(&self) -> usize {
        self.readers.max()
    }

    pub(in crate::store) fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.readers.read(work)
    }

    pub(in crate::store) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        let answer = self.writer.send(work)?.answer();
        let Some(max) = self.max_write else { return answer.await };
        // It may still be done.
        tokio::time::timeout(max, answer).await.unwrap_or(Err(Error::Busy { retry_after: RETRY_AFTER }))
    }

    pub(in crate::store) fn write_and_wait<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        self.writer.send(work)?.wait()
    }

    pub(in crate::store) fn write_in_passing<F>(&self, work: F)
    where
        F: Fn(&Tx) -> Result<()> + Send + 'static,
    {
        drop(self.writer.send(work));
    }

    pub(in crate::store) fn write_queue(&self) -> (QueueState, &WriteMeasures) {
        (self.writer.queue(), self.writer.measures())
    }

    pub(in crate::store) fn read_at<T>(
        &self,
        version: DataVersion,
        work: impl FnOnce(&View) -> Result<T>,
    ) -> Result<Option<T>> {
        self.readers.read_at(version, work)
    }

    pub(in crate::store) fn data_version(&self) -> Result<DataVersion> {
        self.looks.version()
    }

    pub(in crate::store) async fn awaited_data_version(&self) -> Result<DataVersion> {
        self.looks.awaited_version().await
    }

    /// Writes a row and reads it.
    pub(in crate::store) async fn check(&self) -> std::result::Result<(), Unready> {
        let written = self.write(health::touch).await.map_err(|error| Unready::new(Access::Write, &error))?;
        let store = self.clone();
        let reading = tokio::task::spawn_blocking(move || store.read(health::touched_at));
        let read = reading.await.map_err(Error::internal).flatten();
        let read = read.map_err(|error| Unready::new(Access::Read, &error))?;
        // Another process may have written the row since.
        if read < written {
            let error = Error::internal("the row that was written last is not there");
            return Err(Unready::new(Access::Read, &error));
        }
        Ok(())
    }

    pub(in crate::store) fn close(&self) {
        *self.registration.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.aside.close();
        self.readers.close();
        self.looks.close();
        self.writer.close();
    }
}

fn connect(address: &Address) -> Result<Connection> {
    Connection::open(address, Role::Writer).map_err(|error| Error::internal(format!("cannot open {address}: {error}")))
}
