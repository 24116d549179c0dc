//! Deletes the oldest audit rows. The chain then starts after the last deleted one.

use rusqlite::{OptionalExtension, named_params};

use super::chain::{COLUMNS, HASHED, hash_of_row};
use super::end::{Link, link};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::store::{Row, Tx, View, row, signing_keys};
use crate::tokens::chain::Hash;

/// The maximum number of rows that one write deletes. Each is in four indexes, and the write holds up all others.
pub const MAX_ROWS: u32 = 200;

/// The size of its rows at which a write takes no further one, in bytes.
const MAX_BYTES: usize = 256 << 10;

/// The maximum number of rows that are looked at to find how many are too old. The others follow with the next run.
const MAX_RUN: i64 = 2_000_000;

/// The row that the chain starts after, and its seal, if old rows were deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub link: Link,
    pub seal: Option<Vec<u8>>,
}

pub fn start(view: &View) -> Result<Start> {
    let mut query =
        view.conn.prepare_cached("SELECT start_id, start_hash, start_seal FROM audit_chain WHERE id = 1")?;
    let read = |row: &Row| Ok(Start { link: link(row, 0)?, seal: row.get(2)? });
    query.query_row(&[], read).optional()?.ok_or_else(|| Error::internal("the table audit_chain is empty"))
}

/// Writes the seal of the start.
pub fn update_seal(tx: &Tx, seal: &[u8]) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE audit_chain SET start_seal = :seal WHERE id = 1")?;
    query.execute(named_params! { ":seal": seal })?;
    Ok(())
}

/// The last row of the chain such that it and all rows before it are from before a time. None if the first row is not.
///
/// Rows of the future, from before the clock was set back, are as old as their neighbors.
pub fn last_before(view: &View, start: i64, time: Timestamp) -> Result<Option<i64>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM audit WHERE id > :start ORDER BY id LIMIT 1")?;
    let first: Option<i64> = query.query_row(named_params! { ":start": start }, |row| row.get(0)).optional()?;
    let Some(first) = first else { return Ok(None) };
    let mut query = view.conn.prepare_cached(
        "SELECT id FROM audit WHERE id > :start AND id < :end AND +at >= :time AND +at <= :latest ORDER BY id LIMIT 1",
    )?;
    let (end, latest) = (first.saturating_add(MAX_RUN), view.now.latest_stored().micros());
    let params = named_params! { ":start": start, ":end": end, ":time": time.micros(), ":latest": latest };
    let kept: Option<i64> = query.query_row(params, |row| row.get(0)).optional()?;
    let mut query = view.conn.prepare_cached(
        "SELECT id FROM audit WHERE id > :start AND id < :kept AND +at < :time
             AND id <= (SELECT last_id FROM audit_chain WHERE id = 1)
         ORDER BY id DESC LIMIT 1",
    )?;
    let kept = kept.unwrap_or(end);
    let params = named_params! { ":start": start, ":kept": kept, ":time": time.micros() };
    Ok(query.query_row(params, |row| row.get(0)).optional()?)
}

/// The number of rows after one and up to another.
pub fn count(view: &View, start: i64, last: i64) -> Result<u64> {
    let mut query = view.conn.prepare_cached("SELECT count(*) FROM audit WHERE id > :start AND id <= :last")?;
    let params = named_params! { ":start": start, ":last": last };
    Ok(query.query_row(params, |row| row.get(0).map(i64::cast_unsigned))?)
}

/// An audit row with all of its columns.
#[derive(Clone, Debug)]
pub struct OldRow {
    pub id: i64,
    pub at: Timestamp,
    pub actor: String,
    pub actor_id: Option<i64>,
    pub credential: String,
    pub dialect: String,
    pub address: Option<String>,
    pub request_id: String,
    pub verb: String,
    pub kind: String,
    pub object: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub hash: Hash,
}

impl OldRow {
    fn size(&self) -> usize {
        let long = [Some(&self.object), self.before.as_ref(), self.after.as_ref()];
        long.into_iter().flatten().map(String::len).sum()
    }
}

/// The first rows of the chain, up to this one, as many as one write may delete.
///
/// Refused if a row is not the one that was written, so that no deletion hides a change.
pub fn first(view: &View, start: &Link, until: i64) -> Result<Vec<OldRow>> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE id > :start AND id <= :until ORDER BY id LIMIT :most");
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":start": start.id, ":until": until, ":most": MAX_ROWS })?;
    let (mut found, mut size, mut previous) = (Vec::new(), 0, start.hash);
    while let Some(row) = rows.next()? {
        let hash: Option<Hash> = row.get_ref(HASHED)?.as_blob().ok().and_then(|bytes| bytes.try_into().ok());
        if hash != Some(hash_of_row(&previous, &row)?) {
            return Err(Error::internal(format!("the audit log was changed at row {}", row.get::<_, i64>(0)?)));
        }
        let old = read(&row)?;
        previous = old.hash;
        size += old.size();
        found.push(old);
        if size > MAX_BYTES {
            break;
        }
    }
    Ok(found)
}

/// Deletes the rows up to this one. The chain then starts after it.
///
/// Returns false, with nothing changed, if the chain starts elsewhere by now. Fails as busy if the master key was
/// replaced after the seal was made.
pub fn delete(tx: &Tx, start: &Link, last: &Link, seal: &[u8]) -> Result<bool> {
    signing_keys::require_master_key(tx, seal)?;
    let mut query = tx.conn.prepare_cached(
        "UPDATE audit_chain SET start_id = :last, start_hash = :hash, start_seal = :seal
         WHERE id = 1 AND start_id = :start AND start_hash = :start_hash",
    )?;
    let params = named_params! {
        ":last": last.id, ":hash": last.hash, ":seal": seal, ":start": start.id, ":start_hash": start.hash,
    };
    if query.execute(params)? == 0 {
        return Ok(false);
    }
    let mut query = tx.conn.prepare_cached("DELETE FROM audit WHERE id > :start AND id <= :last")?;
    query.execute(named_params! { ":start": start.id, ":last": last.id })?;
    Ok(true)
}

fn read(row: &Row) -> rusqlite::Result<OldRow> {
    Ok(OldRow {
        id: row.get(0)?,
        at: row::moment(row, 1)?,
        actor: row.get(2)?,
        actor_id: row.get(3)?,
        credential: row.get(4)?,
        dialect: row.get(5)?,
        address: row.get(6)?,
        request_id: row.get(7)?,
        verb: row.get(8)?,
        kind: row.get(9)?,
        object: row.get(10)?,
        before: row.get(11)?,
        after: row.get(12)?,
        hash: row.get(HASHED)?,
    })
}
