//! L7: one year of audit is deleted, a million rows, in slices that hold nobody up: how long a create takes meanwhile,
//! beside the same server that deletes nothing.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use atelier::tokens::chain::{Hash, RowHash};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use crate::bench::Bench;
use crate::error::{BenchError, Result};
use crate::goals::Goal;
use crate::load::count;
use crate::report::Target;
use crate::seed::begin;
use crate::server::Server;

const GOAL: Goal = Goal::L7;

/// The number of old rows, and that of a trial.
const ROWS: u32 = 1_000_000;
const TRIAL: u32 = 50_000;

/// The pause after each create, so that the creates do not fill the server.
const PAUSE: Duration = Duration::from_millis(2);

/// How often the number of deleted rows is read.
const LOOK: Duration = Duration::from_millis(500);

/// The maximum time of a deletion.
const TIMEOUT: Duration = Duration::from_mins(30);

/// The latencies of creates, in milliseconds, and the time that they took together.
struct Creates {
    latencies: Vec<f64>,
    took: Duration,
}

impl Creates {
    /// The latency that this percentage of them does not exceed.
    fn at(&mut self, percent: usize) -> f64 {
        self.latencies.sort_by(f64::total_cmp);
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or(f64::NAN)
    }
}

pub(super) fn holds_nobody_up(bench: &mut Bench) -> Result<()> {
    let rows = if bench.arguments.quick { TRIAL } else { ROWS };
    let home = bench.scratch().join("retention");
    begin(&bench.arguments, &home)?;
    let last = age(&home, rows)?;

    let mut keeps = bench.arguments.clone();
    keeps.set.push(("audit_life".to_owned(), "forever".to_owned()));
    let server = Server::start(&keeps, &home)?;
    let run = bench.arguments.run.max(LOOK);
    let mut without = creates(&server, "without", |begun| Ok(begun.elapsed() >= run))?;
    if first(&home)? > last {
        return Err(BenchError::new("rows were deleted although audit_life was forever"));
    }
    server.stop()?;

    let server = Server::start(&bench.arguments, &home)?;
    let mut looked = Instant::now();
    let mut during = creates(&server, "during", |begun| {
        if looked.elapsed() < LOOK {
            return Ok(false);
        }
        looked = Instant::now();
        if begun.elapsed() > TIMEOUT {
            return Err(BenchError::new("the old rows were not deleted in half an hour"));
        }
        Ok(first(&home)? > last)
    })?;
    server.stop()?;

    let report = &mut bench.report;
    let seconds = during.took.as_secs_f64();
    report.measure(GOAL, "deletion of the old rows", " s", Target::Reported, &[seconds])?;
    report.measure(GOAL, "rows deleted in a second", "", Target::Reported, &[count(u64::from(rows)) / seconds])?;
    report.measure(GOAL, "a create, p99, nothing is deleted", " ms", Target::Reported, &[without.at(99)])?;
    report.measure(GOAL, "a create, p99, while they are deleted", " ms", Target::AtMost(50.0), &[during.at(99)])?;
    report.measure(GOAL, "the longest create, nothing is deleted", " ms", Target::Reported, &[without.at(100)])?;
    report.measure(GOAL, "the longest create, while they are deleted", " ms", Target::AtMost(250.0), &[during.at(100)])
}

/// Creates workspaces one after the other until it is over.
fn creates(server: &Server, tag: &str, mut is_over: impl FnMut(Instant) -> Result<bool>) -> Result<Creates> {
    let admin = server.admin()?;
    let (begun, mut latencies) = (Instant::now(), Vec::new());
    while !is_over(begun)? {
        let body = format!("{{\"workspace_name\":\"l7-{tag}-{}\"}}", latencies.len());
        let start = Instant::now();
        server.client.send("POST", "/v1/api/workspaces/create", Some(&admin), "application/json", &body)?;
        latencies.push(start.elapsed().as_secs_f64() * 1e3);
        sleep(PAUSE);
    }
    Ok(Creates { latencies, took: begun.elapsed() })
}

/// The id of the first audit row.
fn first(home: &Path) -> Result<i64> {
    let conn = Connection::open(home.join("atelier.db"))?;
    conn.busy_timeout(Duration::from_secs(5))?;
    Ok(conn.query_row("SELECT min(id) FROM audit", [], |row| row.get(0))?)
}

/// Adds so many audit rows of a year that ended 435 days ago, and makes the present ones as old. Returns the last of them.
fn age(home: &Path, rows: u32) -> Result<i64> {
    let mut conn = Connection::open(home.join("atelier.db"))?;
    let inside = conn.transaction()?;
    inside.execute(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
         INSERT INTO audit (at, actor, credential, dialect, address, request_id, verb, kind, object, after)
         SELECT first.at + n * (365 * 86400000000 / ?1), 'ada' || (n % 20), 'key ' || (n % 50), 'wallaroo', '10.0.0.1',
             lower(hex(randomblob(8))), 'workspaces.v' || (n % 9), 'workspace', n, json_object('name', 'workspace-' || n)
         FROM n, (SELECT at FROM audit ORDER BY id LIMIT 1) first",
        params![rows],
    )?;
    inside.execute("UPDATE audit SET at = at - 800 * 86400000000", [])?;
    let last = chain(&inside)?;
    inside.commit()?;
    Ok(last)
}

/// Computes the hash of every row anew. Returns the id of the last one.
fn chain(conn: &Connection) -> Result<i64> {
    let mut query = conn.prepare(
        "SELECT id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after
         FROM audit ORDER BY id",
    )?;
    let mut write = conn.prepare("UPDATE audit SET hash = ?2 WHERE id = ?1")?;
    let (mut rows, mut last) = (query.query([])?, (0, Hash::default()));
    while let Some(row) = rows.next()? {
        let mut hash = RowHash::after(&last.1);
        for column in 0..13 {
            match row.get_ref(column)? {
                ValueRef::Null => hash.null(),
                ValueRef::Integer(number) => hash.integer(number),
                ValueRef::Text(text) => hash.text(text),
                _ => return Err(BenchError::new("an audit row has a value of an unknown type")),
            }
        }
        last = (row.get(0)?, hash.finish());
        write.execute(params![last.0, last.1])?;
    }
    conn.execute("UPDATE audit_chain SET last_id = ?1, last_hash = ?2", params![last.0, last.1])?;
    Ok(last.0)
}
