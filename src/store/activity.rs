//! When things were made, how often something happened, and how large all files are: numbers about the whole account.

use rusqlite::named_params;

use super::{Row, View, row};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// When the newest workspaces were made, at most `limit`.
pub fn workspaces(view: &View, limit: u32) -> Result<Vec<Timestamp>> {
    moments(view, "SELECT created_at FROM workspaces WHERE id < :end ORDER BY id DESC LIMIT :limit", limit)
}

/// When the newest accounts of people were made, at most `limit`, without those that were closed.
pub fn people(view: &View, limit: u32) -> Result<Vec<Timestamp>> {
    let sql = "SELECT created_at FROM users WHERE status IS NOT NULL AND id < :end ORDER BY id DESC LIMIT :limit";
    moments(view, sql, limit)
}

fn moments(view: &View, sql: &str, limit: u32) -> Result<Vec<Timestamp>> {
    let mut query = view.conn.prepare_cached(sql)?;
    let params = named_params! { ":end": i64::MAX, ":limit": limit };
    let rows = query.query_map(params, |row: &Row| row::moment(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many rows of the audit log have this verb and are of a time from the first to before the second, at most `limit`.
pub fn entries(view: &View, verb: &str, (from, end): (Timestamp, Timestamp), limit: u32) -> Result<u32> {
    let mut query = view.conn.prepare_cached(
        "SELECT count(*) FROM
             (SELECT 1 FROM audit WHERE verb = :verb AND at >= :from AND at < :end LIMIT :limit) a",
    )?;
    let params = named_params! { ":verb": verb, ":from": from.micros(), ":end": end.micros(), ":limit": limit };
    Ok(query.query_row(params, |row| row.get(0))?)
}

/// The bytes of the files of models of all organizations. A file that two of them have is counted twice.
pub fn file_bytes(view: &View) -> Result<u64> {
    let mut query =
        view.conn.prepare_cached("SELECT CAST(coalesce(sum(file_bytes), 0) AS BIGINT) FROM organizations")?;
    let bytes: i64 = query.query_row(&[], |row| row.get(0))?;
    Ok(bytes.unsigned_abs())
}
