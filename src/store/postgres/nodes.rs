//! The servers that run on a database. Each says every few seconds that it is alive.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::named_params;
use rusqlite::types::Value;
use uuid::Uuid;

use super::aside::Aside;
use super::connection::Connection;
use super::errors::unexpected;
use super::failures;
use crate::error::{Error, Result};
use crate::store::engine::schema::VERSION;

/// The advisory lock of servers that start: "atel" in ASCII.
pub(super) const LOCK: i64 = 0x6174_656c;

/// How often a server says that it is alive.
const EVERY: Duration = Duration::from_secs(10);

const UPSERT: &str = "INSERT INTO nodes (id, version, files, public_url, backend, seen_at)
    VALUES (:id, :version, :files, :public_url, pg_backend_pid(),
            CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))
    ON CONFLICT (id) DO UPDATE SET backend = excluded.backend, seen_at = excluded.seen_at";

const REMOVE: &str = "DELETE FROM nodes WHERE id = :id";

/// A server is forgotten after a minute.
const FORGET: &str = "DELETE FROM nodes
    WHERE seen_at < CAST(extract(epoch FROM clock_timestamp() - INTERVAL '1 minute') * 1000000 AS BIGINT)";

/// A server whose connection has ended was killed, even if it was seen a moment ago.
const LIST: &str = "SELECT n.id, n.version, n.files, n.public_url FROM nodes n
    WHERE n.seen_at >= CAST(extract(epoch FROM clock_timestamp() - INTERVAL '1 minute') * 1000000 AS BIGINT)
        AND EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = n.backend AND a.datname = current_database())
    ORDER BY n.id";

/// A server, as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The version of the schema that it knows.
    pub version: i64,
    /// The URL of the object storage. Empty if files are in its own directory.
    pub files: String,
    /// Empty if it has none.
    pub public_url: String,
}

/// The servers that are alive, without the one with this id.
pub(super) fn list(conn: &Connection, without: Option<&str>) -> Result<Vec<Node>> {
    let statement = conn.prepare(LIST)?;
    let mut rows = conn.query(&statement, &[])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |index| match row.value(index)? {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(unexpected("a column is no text")),
        };
        if without != Some(&*text(0)?) {
            found.push(Node { version: row.number(1)?, files: text(2)?, public_url: text(3)? });
        }
    }
    Ok(found)
}

/// This server among those on the database, from its start to its end.
pub(super) struct Registration {
    aside: Aside,
    id: String,
    ending: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Registration {
    /// Registers a server. Returns the others, too. Of those who register at once, one is the first.
    pub(super) fn begin(aside: &Aside, files: &str, public_url: &str) -> Result<(Self, Vec<Node>)> {
        let me = Me { id: Uuid::new_v4().to_string(), files: files.to_owned(), public_url: public_url.to_owned() };
        let others = aside.transaction(LOCK, |conn| {
            conn.execute(&*conn.prepare(FORGET)?, &[])?;
            me.say_alive(conn)?;
            list(conn, Some(&me.id))
        })?;
        let (id, ending) = (me.id.clone(), Arc::<(Mutex<bool>, Condvar)>::default());
        let (of_thread, until) = (aside.clone(), ending.clone());
        let thread = thread::Builder::new().name("nodes".to_owned()).spawn(move || me.stay_alive(&of_thread, &until));
        let thread = Some(thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?);
        Ok((Self { aside: aside.clone(), id, ending, thread }, others))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let (is_ending, changed) = &*self.ending;
        *is_ending.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let removed = self
            .aside
            .run(|conn| Ok(conn.execute(&*conn.prepare(REMOVE)?, named_params! { ":id": self.id }).map(drop)?));
        if let Err(error) = removed {
            log::warn!("the other servers see this one for another minute: {error}");
        }
    }
}

struct Me {
    id: String,
    files: String,
    public_url: String,
}

impl Me {
    fn say_alive(&self, conn: &Connection) -> Result<()> {
        let params = named_params! {
            ":id": self.id,
            ":version": i64::from(VERSION),
            ":files": self.files,
            ":public_url": self.public_url,
        };
        Ok(conn.execute(&*conn.prepare(UPSERT)?, params).map(drop)?)
    }

    fn stay_alive(&self, aside: &Aside, (is_ending, changed): &(Mutex<bool>, Condvar)) {
        let mut ending = is_ending.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            ending = changed.wait_timeout(ending, EVERY).unwrap_or_else(PoisonError::into_inner).0;
            if *ending {
                return;
            }
            drop(ending);
            let said = aside.run(|conn| {
                self.say_alive(conn)?;
                conn.execute(&*conn.prepare(FORGET)?, &[])?;
                Ok(())
            });
            if let Err(error) = said.and_then(|()| failures::sweep(aside)) {
                log::warn!("cannot tell the other servers that this one is alive: {error}");
            }
            ending = is_ending.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}
