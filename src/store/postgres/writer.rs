//! The single thread that writes for this process, in batches, and stands in one line with those of all others.
//!
//! The line is the row of `meta`: whoever has locked it writes. So a write sees what it would see on SQLite, and nothing
//! is tried again because of a clash.

use std::cell::Cell;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rusqlite::{Error, named_params};
use uuid::Uuid;

use super::address::Address;
use super::connection::Connection;
use super::errors::unexpected;
use super::settings::Role;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::write_queue::{Job, TxError, batch, long_write, refuse};
use crate::store::engine::{Conn, Tx, View};

/// Takes the lock. PostgreSQL reads the time again after it has waited for another commit.
const LOCK: &str =
    "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) FROM meta WHERE id = 1 FOR UPDATE";

/// The random edition tells two databases apart that reached the same generation in different ways.
const COUNT: &str = "UPDATE meta SET generation = generation + 1, edition = :edition WHERE id = 1";

type Batch = Vec<Box<dyn Job>>;

/// Runs the queued writes until the queue is closed.
pub(super) fn run_queue(address: &Address, conn: Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut conn = Some(conn);
    while let Ok(first) = queue.recv() {
        let mut waiting = batch(first, queue);
        // A batch that was lost with the connection, and not by its commit, is run again on a new one.
        for _ in 0..2 {
            let open = match conn.take().filter(|open| !open.is_broken()) {
                Some(open) => open,
                None => match Connection::open(address, Role::Writer) {
                    Ok(open) => open,
                    Err(error) => {
                        log::error!("cannot write: {error}");
                        break;
                    }
                },
            };
            waiting = commit(&open, waiting);
            conn = Some(open);
            if waiting.is_empty() {
                break;
            }
        }
        refuse(waiting, &TxError::Locked);
    }
}

/// When a batch failed.
enum Failed {
    /// Before anything was run: another process held the lock for too long.
    Begin(Error),
    Run(Error),
    /// Whether it was committed is not known if the connection was lost.
    Commit(Error),
}

/// Runs a batch and sends the results. If the batch fails, each write is retried in a commit of its own. Returns the
/// writes that were lost with the connection before their commit.
fn commit(conn: &Connection, mut batch: Batch) -> Batch {
    match try_commit(conn, &mut batch) {
        Ok(()) => {
            for job in batch {
                job.finish(Ok(()));
            }
            Batch::new()
        }
        Err(Failed::Begin(error) | Failed::Run(error)) if conn.is_broken() => {
            log::warn!("the database ended a transaction, retrying its {} writes: {error}", batch.len());
            for job in &mut batch {
                job.reset();
            }
            batch
        }
        Err(Failed::Run(error) | Failed::Commit(error)) if batch.len() > 1 && !conn.is_broken() => {
            log::warn!("batch commit failed, retrying its {} writes one by one: {error}", batch.len());
            let mut lost = Batch::new();
            for mut job in batch {
                job.reset();
                if conn.is_broken() {
                    lost.push(job);
                } else {
                    lost.extend(commit(conn, vec![job]));
                }
            }
            lost
        }
        Err(Failed::Begin(error) | Failed::Run(error) | Failed::Commit(error)) => {
            refuse(batch, &error.into());
            Batch::new()
        }
    }
}

fn try_commit(conn: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Failed> {
    let done = lock(conn).map_err(Failed::Begin).and_then(|now| {
        run_all(conn, batch, now).map_err(Failed::Run)?;
        match conn.run("COMMIT") {
            // A transaction in which a statement has failed is rolled back without an error.
            Ok(tag) if tag == "COMMIT" => Ok(()),
            Ok(tag) => Err(Failed::Run(unexpected(&format!("a commit became a {tag}")))),
            Err(error) => Err(Failed::Commit(error)),
        }
    });
    if done.is_err() && !conn.is_broken() {
        // Outside of a transaction this is a warning.
        let _ = conn.run("ROLLBACK");
    }
    done
}

/// Begins a transaction and waits for its turn. Returns the time of the database then.
fn lock(conn: &Connection) -> rusqlite::Result<Timestamp> {
    conn.defer("BEGIN ISOLATION LEVEL READ COMMITTED")?;
    let statement = conn.prepare(LOCK)?;
    let row = conn.first(&statement, &[])?.ok_or(Error::QueryReturnedNoRows)?;
    row.number(0).map(Timestamp::from_micros)
}

fn run_all(conn: &Connection, batch: &mut [Box<dyn Job>], locked_at: Timestamp) -> rusqlite::Result<()> {
    let since_lock = Instant::now();
    let (mut changed, mut audit) = (false, None);
    for job in batch {
        conn.defer("SAVEPOINT job")?;
        let changes_before = conn.total_changes();
        let view = View { conn: Conn::Postgres(conn), now: locked_at.after(since_lock.elapsed()), names: None };
        let tx = Tx { view, audit: Cell::new(audit), verb: Cell::new(None) };
        let start = Instant::now();
        let succeeded = job.run(&tx);
        let rows = conn.total_changes() - changes_before;
        if let Some(line) = long_write(start.elapsed(), tx.verb.get(), rows) {
            log::warn!("{line}");
        }
        if conn.is_broken() {
            return Err(unexpected("the connection ended"));
        }
        match (succeeded, conn.has_failed()) {
            (true, true) => return Err(unexpected("a write went on after an error of PostgreSQL")),
            (true, false) => {
                audit = tx.audit.get();
                changed |= rows > 0;
                conn.defer("RELEASE job")?;
            }
            (false, _) => conn.defer("ROLLBACK TO job; RELEASE job")?,
        }
    }
    // A write that changed nothing invalidates no cache.
    if changed {
        #[expect(clippy::cast_possible_wrap, reason = "any 64 bits will do")]
        let edition = Uuid::new_v4().as_u64_pair().1 as i64;
        conn.execute(&*conn.prepare(COUNT)?, named_params! { ":edition": edition })?;
        if let Some(end) = audit {
            end.update(Conn::Postgres(conn))?;
        }
    }
    Ok(())
}
