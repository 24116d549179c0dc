//! The file as a whole: its generation, whether it is writable, whether it is intact.

use super::{Conn, Tx, View};
use crate::error::Result;

/// The generation of the snapshot. It grows with every commit of any process.
pub fn generation(view: &View) -> Result<i64> {
    let mut query = view.conn.prepare_cached("SELECT generation FROM meta WHERE id = 1")?;
    Ok(query.query_row(&[], |row| row.get(0))?)
}

/// The secret of the data file. The tags of public ids are derived from it.
pub fn secret(view: &View) -> Result<[u8; 32]> {
    let mut query = view.conn.prepare_cached("SELECT secret FROM meta WHERE id = 1")?;
    Ok(query.query_row(&[], |row| row.get(0))?)
}

/// Increments the generation. Called once for each transaction that changes anything.
pub(in crate::store) fn grow(conn: Conn) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE meta SET generation = generation + 1 WHERE id = 1")?.execute(&[]).map(drop)
}

/// Proves that the file is writable: the commit of this write does.
pub fn touch(tx: &Tx) -> Result<()> {
    Ok(grow(tx.conn)?)
}

/// The structural faults that SQLite finds in the file; empty if it is intact.
pub fn integrity_faults(view: &View) -> Result<Vec<String>> {
    let mut query = view.conn.sqlite().prepare("PRAGMA integrity_check")?;
    let lines = query.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// The rows that refer to a row that does not exist; empty if there are none.
pub fn foreign_key_faults(view: &View) -> Result<Vec<String>> {
    let mut query = view.conn.sqlite().prepare("PRAGMA foreign_key_check")?;
    let rows = query.query_map([], |row| {
        let table: String = row.get(0)?;
        let id: Option<i64> = row.get(1)?;
        let parent: String = row.get(2)?;
        let row = id.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
        Ok(format!("{row} of {table} refers to a row of {parent} that does not exist"))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The version of the compiled-in SQLite.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
