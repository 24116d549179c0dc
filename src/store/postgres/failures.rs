//! The failed attempts to authenticate of all servers. They are counted outside the line of the writes.

use rusqlite::named_params;
use rusqlite::types::Value;

use super::aside::Aside;
use super::connection::{Connection, Row};
use super::errors::unexpected;
use crate::error::Result;

/// The advisory locks of the kinds of secrets: this number and those after it ("ate" and a letter in ASCII).
const LOCKS: i64 = 0x6174_6500;

/// The maximum number of rows. Those who never signed in share one budget when there are as many.
const MAX_ROWS: i64 = 1 << 20;

/// The maximum number of expired rows that are removed at once.
const MAX_REMOVED: i64 = 10_000;

/// One row, that of the clock, is there in any case.
const FIND: &str = "SELECT clock.now, f.subject, f.failures, f.until, f.flag
    FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now) clock
    LEFT JOIN failures f ON f.subject IN (:known, :stranger, :account, :network, :overflow)";

const UPSERT: &str = "INSERT INTO failures (subject, account, place, failures, until, flag, expires_at)
    VALUES (:subject, :account, :place, :failures, :until, :flag, :expires_at)
    ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, until = excluded.until, flag = excluded.flag,
        expires_at = excluded.expires_at";

const REMOVE: &str = "DELETE FROM failures WHERE subject = :subject";
const REMOVE_ACCOUNT: &str = "DELETE FROM failures WHERE account = :account";
const REMOVE_PLACES: &str = "DELETE FROM failures WHERE place IN (:place, :network)";

/// Rows that an attempt changes now are left for the next time.
const REMOVE_EXPIRED: &str = "DELETE FROM failures WHERE subject IN (
        SELECT subject FROM failures
        WHERE expires_at < CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)
        ORDER BY expires_at LIMIT :most FOR UPDATE SKIP LOCKED)";

const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM failures LIMIT :most) counted";

/// The key of a count, and by what it is found when it is cleared. All of them are hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRow {
    pub subject: [u8; 32],
    pub account: Option<i64>,
    pub place: Option<i64>,
}

/// A count. Times are microseconds of the clock of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCount {
    pub failures: u32,
    pub until: i64,
    pub flag: bool,
    pub expires_at: i64,
}

/// The counts that were looked for.
#[derive(Debug)]
pub struct FoundFailures {
    pub now: i64,
    pub counts: Vec<([u8; 32], FailureCount)>,
    /// Whether there is no room for new ones.
    pub is_full: bool,
}

/// The failed attempts of all servers on a database.
#[derive(Clone, Debug)]
pub struct Failures(pub(super) Aside);

type Subjects = [[u8; 32]; 5];

impl Failures {
    pub fn find(&self, subjects: &Subjects) -> Result<FoundFailures> {
        let mut found = self.0.run(|conn| find(conn, subjects))?;
        found.is_full = self.0.failures_are_full();
        Ok(found)
    }

    /// Changes counts of a kind of secret, which nobody else changes meanwhile. A change without a count removes it.
    pub fn change<T>(
        &self,
        kind: u8,
        subjects: &Subjects,
        work: impl Fn(&FoundFailures) -> (T, Vec<(FailureRow, Option<FailureCount>)>),
    ) -> Result<T> {
        self.0.transaction(LOCKS + i64::from(kind), |conn| {
            let mut found = find(conn, subjects)?;
            found.is_full = self.0.failures_are_full();
            let (done, changes) = work(&found);
            for (row, count) in changes {
                apply(conn, &row, count)?;
            }
            Ok(done)
        })
    }

    pub fn remove_account(&self, account: i64) -> Result<()> {
        let remove =
            |conn: &Connection| conn.execute(&*conn.prepare(REMOVE_ACCOUNT)?, named_params! { ":account": account });
        self.0.run(|conn| Ok(remove(conn).map(drop)?))
    }

    pub fn remove_places(&self, place: i64, network: i64) -> Result<()> {
        self.0.run(|conn| {
            let params = named_params! { ":place": place, ":network": network };
            Ok(conn.execute(&*conn.prepare(REMOVE_PLACES)?, params).map(drop)?)
        })
    }
}

/// Removes expired counts, and looks whether there is room for new ones.
pub(super) fn sweep(aside: &Aside) -> Result<()> {
    let count = aside.run(|conn| {
        conn.execute(&*conn.prepare(REMOVE_EXPIRED)?, named_params! { ":most": MAX_REMOVED })?;
        let counted = conn.first(&conn.prepare(COUNT)?, named_params! { ":most": MAX_ROWS })?;
        Ok(counted.ok_or(rusqlite::Error::QueryReturnedNoRows)?.number(0)?)
    })?;
    aside.set_failures_are_full(count >= MAX_ROWS);
    Ok(())
}

fn find(conn: &Connection, subjects: &Subjects) -> Result<FoundFailures> {
    let [known, stranger, account, network, overflow] = subjects;
    let statement = conn.prepare(FIND)?;
    let params = named_params! {
        ":known": known,
        ":stranger": stranger,
        ":account": account,
        ":network": network,
        ":overflow": overflow,
    };
    let mut rows = conn.query(&statement, params)?;
    let mut found = FoundFailures { now: 0, counts: Vec::new(), is_full: false };
    while let Some(row) = rows.next()? {
        found.now = row.number(0)?;
        found.counts.extend(count(row)?);
    }
    Ok(found)
}

fn count(row: &Row) -> Result<Option<([u8; 32], FailureCount)>> {
    let subject = match row.value(1)? {
        Value::Blob(bytes) => bytes.as_slice().try_into().map_err(|_| unexpected("a hash of another length"))?,
        _ => return Ok(None),
    };
    let failures = u32::try_from(row.number(2)?).unwrap_or(u32::MAX);
    let count = FailureCount { failures, until: row.number(3)?, flag: row.number(4)? != 0, expires_at: 0 };
    Ok(Some((subject, count)))
}

fn apply(conn: &Connection, row: &FailureRow, count: Option<FailureCount>) -> rusqlite::Result<()> {
    let Some(count) = count else {
        return conn.execute(&*conn.prepare(REMOVE)?, named_params! { ":subject": row.subject }).map(drop);
    };
    let params = named_params! {
        ":subject": row.subject,
        ":account": row.account,
        ":place": row.place,
        ":failures": count.failures,
        ":until": count.until,
        ":flag": count.flag,
        ":expires_at": count.expires_at,
    };
    conn.execute(&*conn.prepare(UPSERT)?, params).map(drop)
}
