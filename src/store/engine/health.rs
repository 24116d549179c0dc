//! The file as a whole: its generation, whether it is writable, whether it is intact.

use rusqlite::{Connection, named_params};

use super::{Conn, Tx, View, row};
use crate::domain::timestamp::Timestamp;
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

/// Changes the row that is there to be changed, which proves that the file is writable. Returns its new time.
pub fn touch(tx: &Tx) -> Result<Timestamp> {
    let sql = "UPDATE readiness SET checked_at = :now WHERE id = 1";
    tx.conn.prepare_cached(sql)?.execute(named_params! { ":now": tx.now.micros() })?;
    Ok(tx.now)
}

/// The time of the last [`touch`], read from the file and not from the cache of the connection.
pub(in crate::store) fn touched_at(view: &View) -> Result<Timestamp> {
    if let Conn::Sqlite(conn) = view.conn {
        conn.execute_batch("PRAGMA shrink_memory")?;
    }
    let mut query = view.conn.prepare_cached("SELECT checked_at FROM readiness WHERE id = 1")?;
    Ok(query.query_row(&[], |row| row::moment(row, 0))?)
}

/// The number of instructions of SQLite between two ticks: some milliseconds.
const INSTRUCTIONS: i32 = 200_000;

/// Calls `tick` many times a second while the statements of this work run.
pub fn watched<T>(view: &View, tick: impl Fn() + Send + 'static, work: impl FnOnce(&View) -> T) -> T {
    let Conn::Sqlite(conn) = view.conn else { return work(view) };
    let handler = move || {
        tick();
        false
    };
    // Without a handler, the work is only not seen.
    let _ = conn.progress_handler(INSTRUCTIONS, Some(handler));
    let done = work(view);
    let _ = conn.progress_handler(0, None::<fn() -> bool>);
    done
}

/// The structural faults that SQLite finds in the file; empty if it is intact.
pub fn integrity_faults(view: &View) -> Result<Vec<String>> {
    let mut query = view.conn.sqlite()?.prepare("PRAGMA integrity_check")?;
    let lines = query.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// The rows that refer to a row that does not exist; empty if there are none.
pub fn foreign_key_faults(view: &View) -> Result<Vec<String>> {
    let mut query = view.conn.sqlite()?.prepare("PRAGMA foreign_key_check")?;
    let rows = query.query_map([], |row| {
        let table: String = row.get(0)?;
        let id: Option<i64> = row.get(1)?;
        let parent: String = row.get(2)?;
        let row = id.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
        Ok(format!("{row} of {table} refers to a row of {parent} that does not exist"))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub total: u64,
    /// In pages that contain nothing.
    pub free: u64,
}

impl Room {
    pub const fn used(self) -> u64 {
        self.total.saturating_sub(self.free)
    }

    pub(super) fn read(conn: &Connection) -> Result<Self> {
        let number = |pragma: &str| -> Result<u64> {
            let number: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0))?;
            Ok(u64::try_from(number).unwrap_or_default())
        };
        let page = number("page_size")?;
        Ok(Self { total: page * number("page_count")?, free: page * number("freelist_count")? })
    }
}

/// The size of the file, and how much of it contains nothing.
pub fn room(view: &View) -> Result<Room> {
    Room::read(view.conn.sqlite()?)
}

/// The version of the compiled-in SQLite.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
