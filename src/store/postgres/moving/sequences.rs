//! The last ids that were given out, so that no id is used again, even if its row is gone.

use rusqlite::{OptionalExtension as _, named_params};

use super::error::MoveError;
use super::tables::Table;
use crate::store::engine::Conn;
use crate::store::postgres::connection::Connection;

pub(super) fn to_server(from: Conn, to: &Connection, table: &Table) -> Result<(), MoveError> {
    let last = last_of_file(from, table).map_err(MoveError::of(table))?;
    let Some(last) = last.filter(|last| *last > 0) else { return Ok(()) };
    let set = to
        .prepare("SELECT setval(CAST(pg_get_serial_sequence(:table, 'id') AS regclass), :last)")
        .and_then(|set| to.first(&set, named_params! { ":table": sequence_of(table), ":last": last }));
    set.map(drop).map_err(MoveError::of(table))
}

fn last_of_file(conn: Conn, table: &Table) -> rusqlite::Result<Option<i64>> {
    let mut query = conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = :table")?;
    query.query_row(named_params! { ":table": table.name }, |row| row.get(0)).optional()
}

/// The table, as the owner of its sequence.
fn sequence_of(table: &Table) -> String {
    format!("atelier.\"{}\"", table.name)
}

pub(super) fn to_file(from: Conn, to: Conn, table: &Table) -> Result<(), MoveError> {
    let last = last_of_server(from, table).map_err(MoveError::of(table))?;
    let Some(last) = last else { return Ok(()) };
    let set = || {
        to.prepare_cached("DELETE FROM sqlite_sequence WHERE name = :table")?
            .execute(named_params! { ":table": table.name })?;
        to.prepare_cached("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")?
            .execute(named_params! { ":table": table.name, ":last": last })
    };
    set().map(drop).map_err(MoveError::of(table))
}

/// The greater one of the last id of the sequence and that of a row, which may have been inserted with its id.
fn last_of_server(conn: Conn, table: &Table) -> rusqlite::Result<Option<i64>> {
    let sql = format!(
        "SELECT greatest(pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, 'id') AS regclass)), \
         (SELECT max(id) FROM \"{}\"))",
        table.name
    );
    conn.prepare_cached(&sql)?.query_row(named_params! { ":table": sequence_of(table) }, |row| row.get(0))
}
