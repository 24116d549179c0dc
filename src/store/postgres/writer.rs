//! The single thread that writes for this process, in batches, and stands in one line with those of all others.
//!
//! The line is the row of `meta`: the process that has locked it writes. A write sees what it would see on SQLite, and
//! nothing is tried again because of a clash.

use std::cell::Cell;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rusqlite::{Error, named_params};
use uuid::Uuid;

use super::address::Address;
use super::connection::{COMMIT_TIMEOUT, Connection};
use super::errors::unexpected;
use super::settings::Role;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::measures::WriteMeasures;
use crate::store::engine::write_queue::{Job, TxError, batch, long_write, refuse};
use crate::store::engine::{Conn, Tx, View};

/// Takes the lock. PostgreSQL reads the time again after it has waited for another commit.
const LOCK: &str = "
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT), generation, edition
    FROM meta WHERE id = 1 FOR UPDATE";

/// The random edition tells two databases apart that reached the same generation in different ways.
const COUNT: &str = "UPDATE meta SET generation = generation + 1, edition = :edition WHERE id = 1";

/// A write that changes nothing. Its commit waits for a synchronous standby, as every commit does.
const TOUCH: &str = "UPDATE meta SET generation = generation WHERE id = 1";

/// How many connections a batch is tried on.
const TRIES: usize = 3;

type Batch = Vec<Box<dyn Job>>;

/// Runs the queued writes until the queue is closed.
pub(super) fn run_queue(address: &Address, conn: Connection, queue: &Receiver<Box<dyn Job>>, measures: &WriteMeasures) {
    let mut conn = Some(conn);
    while let Ok(first) = queue.recv() {
        let mut lost = Lost { not_run: batch(first, queue, measures), unknown: None };
        // What was lost with the connection is run again on a new one, but nothing that was committed.
        for _ in 0..TRIES {
            let open = match conn.take().filter(|open| !open.is_broken()) {
                Some(open) => open,
                None => match Connection::reopen(address, Role::Writer) {
                    Ok(open) => open,
                    Err(_) => break,
                },
            };
            if let Some((jobs, commit)) = lost.unknown.take() {
                lost.not_run.splice(0..0, settle(&open, jobs, &commit));
            }
            if !lost.not_run.is_empty() {
                lost = commit(&open, lost.not_run, measures);
            }
            conn = Some(open);
            if lost.not_run.is_empty() && lost.unknown.is_none() {
                break;
            }
        }
        refuse(lost.not_run, &TxError::Locked);
        if let Some((jobs, _)) = lost.unknown {
            log::error!(
                "the database ended the connection in a commit; it is not known whether its {} writes are done",
                jobs.len()
            );
            refuse(jobs, &TxError::Locked);
        }
    }
}

/// What was lost with a connection.
#[derive(Default)]
struct Lost {
    not_run: Batch,
    /// Writes whose commit was sent, but not answered.
    unknown: Option<(Batch, Versions)>,
}

/// The generation and the edition before a commit, and the edition after it.
struct Versions {
    before: (i64, i64),
    edition: i64,
}

/// When a batch failed.
enum Failed {
    /// Before anything was run: another process held the lock for too long.
    Begin(Error),
    Run(Error),
    /// Whether it was committed is not known if the connection was lost.
    Commit(Error, Option<Versions>),
}

/// Finds out whether a commit on a lost connection took place. Answers its writes if it did, and returns them if not.
fn settle(conn: &Connection, mut batch: Batch, commit: &Versions) -> Batch {
    // The lock is free only after the lost session has ended.
    let found = lock(conn).and_then(|locked| {
        conn.execute(&*conn.prepare(TOUCH)?, &[])?;
        conn.commit(COMMIT_TIMEOUT)?;
        Ok((locked.generation, locked.edition))
    });
    if found.is_err() && !conn.is_broken() {
        conn.roll_back();
    }
    match found {
        Ok((_, edition)) if edition == commit.edition => {
            log::info!("the {} writes of the commit whose answer was lost are done", batch.len());
            for job in batch {
                job.finish(Ok(()));
            }
            Batch::new()
        }
        Ok(found) if found == commit.before => {
            for job in &mut batch {
                job.reset();
            }
            batch
        }
        // Another process has written since.
        Ok(_) | Err(_) => {
            log::error!("the answer to a commit was lost; it is not known whether its {} writes are done", batch.len());
            refuse(batch, &TxError::Locked);
            Batch::new()
        }
    }
}

/// Runs a batch and sends the results. If the batch fails, each write is retried in a commit of its own. Returns the
/// writes that were lost with the connection.
fn commit(conn: &Connection, mut batch: Batch, measures: &WriteMeasures) -> Lost {
    match try_commit(conn, &mut batch, measures) {
        Ok(()) => {
            for job in batch {
                job.finish(Ok(()));
            }
            Lost::default()
        }
        Err(Failed::Commit(error, Some(versions))) if conn.is_broken() => {
            log::warn!("the database ended a connection in the commit of {} writes: {error}", batch.len());
            Lost { not_run: Batch::new(), unknown: Some((batch, versions)) }
        }
        // A batch that changed nothing can be run again, too.
        Err(Failed::Begin(error) | Failed::Run(error) | Failed::Commit(error, None)) if conn.is_broken() => {
            log::warn!("the database ended a transaction, retrying its {} writes: {error}", batch.len());
            for job in &mut batch {
                job.reset();
            }
            Lost { not_run: batch, unknown: None }
        }
        Err(Failed::Run(error) | Failed::Commit(error, _)) if batch.len() > 1 => {
            log::warn!("batch commit failed, retrying its {} writes one by one: {error}", batch.len());
            let mut lost = Lost::default();
            for mut job in batch {
                job.reset();
                if conn.is_broken() {
                    lost.not_run.push(job);
                } else {
                    lost = commit(conn, vec![job], measures);
                }
            }
            lost
        }
        Err(Failed::Begin(error) | Failed::Run(error) | Failed::Commit(error, _)) => {
            refuse(batch, &error.into());
            Lost::default()
        }
    }
}

fn try_commit(conn: &Connection, batch: &mut [Box<dyn Job>], measures: &WriteMeasures) -> Result<(), Failed> {
    let done = lock(conn).map_err(Failed::Begin).and_then(|locked| {
        let edition = run_all(conn, batch, locked.at).map_err(Failed::Run)?;
        let before = (locked.generation, locked.edition);
        let start = Instant::now();
        match conn.commit(COMMIT_TIMEOUT) {
            // A transaction in which a statement has failed is rolled back without an error.
            Ok(tag) if tag == "COMMIT" => {
                if edition.is_some() {
                    measures.commits.count_duration(start.elapsed());
                }
                Ok(())
            }
            Ok(tag) => Err(Failed::Run(unexpected(&format!("a commit became a {tag}")))),
            Err(error) => Err(Failed::Commit(error, edition.map(|edition| Versions { before, edition }))),
        }
    });
    if done.is_err() && !conn.is_broken() {
        // Outside of a transaction this is a warning.
        conn.roll_back();
    }
    done
}

/// What the lock finds.
struct Locked {
    /// The time of the database.
    at: Timestamp,
    generation: i64,
    edition: i64,
}

/// Begins a transaction and waits for its turn.
fn lock(conn: &Connection) -> rusqlite::Result<Locked> {
    conn.defer("BEGIN ISOLATION LEVEL READ COMMITTED")?;
    let statement = conn.prepare(LOCK)?;
    let row = conn.first(&statement, &[])?.ok_or(Error::QueryReturnedNoRows)?;
    Ok(Locked { at: Timestamp::from_micros(row.number(0)?), generation: row.number(1)?, edition: row.number(2)? })
}

/// Runs a batch. Returns the new edition of the data if anything was changed.
fn run_all(conn: &Connection, batch: &mut [Box<dyn Job>], locked_at: Timestamp) -> rusqlite::Result<Option<i64>> {
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
            (false, _) => {
                conn.defer("ROLLBACK TO job")?;
                conn.defer("RELEASE job")?;
            }
        }
    }
    // A write that changed nothing invalidates no cache.
    if !changed {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_wrap, reason = "any 64 bits will do")]
    let edition = Uuid::new_v4().as_u64_pair().1 as i64;
    conn.execute(&*conn.prepare(COUNT)?, named_params! { ":edition": edition })?;
    if let Some(end) = audit {
        end.update(Conn::Postgres(conn))?;
    }
    Ok(Some(edition))
}
