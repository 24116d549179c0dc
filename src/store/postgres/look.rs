//! The version of the data, as PostgreSQL has it now.
//!
//! A request may use cached data if the version was read after the request arrived. So nobody waits for a look that is
//! under way, but all who come during it share the next one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::address::Address;
use super::connection::Connection;
use super::settings::Role;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::engine::DataVersion;

/// The generation, the edition and the time.
const SQL: &str = "SELECT generation, edition, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) FROM meta WHERE id = 1";

/// How long somebody waits for a look.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of those who wait for one.
const MAX_WAITING: usize = 16_384;

/// What a look finds.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) version: DataVersion,
    pub(super) now: Timestamp,
}

/// Looks within a transaction, or outside of one.
pub(super) fn look(conn: &Connection) -> rusqlite::Result<Found> {
    let statement = conn.prepare(SQL)?;
    let row = conn.first(&statement, &[])?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let number = |index| row.number(index);
    Ok(Found { version: DataVersion::of(number(0)?, number(1)?), now: Timestamp::from_micros(number(2)?) })
}

/// The thread that looks for all.
pub(super) struct Looks(Mutex<Option<SyncSender<Waiting>>>);

enum Waiting {
    Task(oneshot::Sender<Answer>),
    Thread(SyncSender<Answer>),
}

/// The version, or why it cannot be read; nothing if the database cannot be reached now.
type Answer = std::result::Result<DataVersion, Option<String>>;

impl Looks {
    pub(super) fn begin(address: Address) -> Result<Self> {
        let (waiting, queue) = mpsc::sync_channel(MAX_WAITING);
        let looker = Looker { address, conn: None };
        let thread = thread::Builder::new().name("look".to_owned()).spawn(move || looker.run(&queue));
        thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self(Mutex::new(Some(waiting))))
    }

    /// The version at a moment after this call, for a thread that may block.
    pub(super) fn version(&self) -> Result<DataVersion> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.wait(Waiting::Thread(answer))?;
        answered.recv_timeout(TIMEOUT).unwrap_or(Err(None)).map_err(refused)
    }

    /// The same for a task.
    pub(super) async fn awaited_version(&self) -> Result<DataVersion> {
        let (answer, answered) = oneshot::channel();
        self.wait(Waiting::Task(answer))?;
        answered.await.unwrap_or(Err(None)).map_err(refused)
    }

    fn wait(&self, waiting: Waiting) -> Result<()> {
        let queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().and_then(|queue| queue.try_send(waiting).ok()).ok_or_else(|| refused(None))
    }

    /// Ends the thread.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn refused(why: Option<String>) -> Error {
    why.map_or(Error::Busy { retry_after: Duration::from_secs(1) }, Error::internal)
}

struct Looker {
    address: Address,
    /// None before the first look, and after one that failed.
    conn: Option<Connection>,
}

impl Looker {
    fn run(mut self, queue: &Receiver<Waiting>) {
        while let Ok(first) = queue.recv() {
            // All of them came before the look.
            let waiting: Vec<_> = std::iter::once(first).chain(queue.try_iter().take(MAX_WAITING)).collect();
            let looked = catch_unwind(AssertUnwindSafe(|| self.look()));
            let answer = match looked {
                Ok(Ok(found)) => Ok(found.version),
                Ok(Err(Error::Busy { .. })) | Err(_) => Err(None),
                Ok(Err(error)) => Err(Some(error.chain())),
            };
            for one in waiting {
                // Who has gone away needs no answer.
                match one {
                    Waiting::Task(to) => drop(to.send(answer.clone())),
                    Waiting::Thread(to) => drop(to.try_send(answer.clone())),
                }
            }
        }
    }

    /// Looks once more on another connection if the first one is lost.
    fn look(&mut self) -> Result<Found> {
        if let Some(conn) = self.conn.take() {
            match look(&conn) {
                Ok(found) => {
                    self.conn = Some(conn);
                    return Ok(found);
                }
                Err(error) if !conn.is_broken() => return Err(error.into()),
                Err(_) => {}
            }
        }
        let conn = Connection::reopen(&self.address, Role::Reader(Some(TIMEOUT)))?;
        let found = look(&conn)?;
        self.conn = Some(conn);
        Ok(found)
    }
}
