//! Reads the rows of a table from either database: their number, and a hash of all their values.

use rusqlite::types::ValueRef;

use super::error::MoveError;
use super::tables::Table;
use super::watch::{Step, Watch, go_on};
use crate::store::engine::{Conn, Row};
use crate::tokens::chain::{Hash, RowHash, START};

/// How many rows are between two looks at the watch.
const STEP: u64 = 1000;

/// The rows of a table, in the order of the primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) rows: u64,
    hash: Hash,
}

impl MoveError {
    /// Of a statement on a table.
    pub(super) fn of(table: &Table) -> impl Fn(rusqlite::Error) -> Self {
        let table = table.name.clone();
        move |error| Self::Table { table: table.clone(), cause: error.to_string() }
    }
}

pub(super) fn count(conn: Conn, table: &Table) -> Result<u64, MoveError> {
    let sql = format!("SELECT count(*) FROM \"{}\"", table.name);
    let rows: rusqlite::Result<i64> =
        conn.prepare_cached(&sql).and_then(|mut query| query.query_row(&[], |row| row.get(0)));
    Ok(u64::try_from(rows.map_err(MoveError::of(table))?).unwrap_or_default())
}

/// Calls `each` with every row. Returns their number.
pub(super) fn each_row(
    conn: Conn,
    table: &Table,
    watch: Watch,
    mut each: impl FnMut(&Row) -> Result<(), MoveError>,
) -> Result<u64, MoveError> {
    let mut query = conn.prepare_cached(&table.select()).map_err(MoveError::of(table))?;
    let mut rows = query.query(&[]).map_err(MoveError::of(table))?;
    let mut done = 0;
    while let Some(row) = rows.next().map_err(MoveError::of(table))? {
        each(&row)?;
        done += 1;
        if done % STEP == 0 {
            go_on(watch, Step::Rows(STEP))?;
        }
    }
    go_on(watch, Step::Rows(done % STEP))?;
    Ok(done)
}

/// Reads all rows. Refuses a text that PostgreSQL cannot have.
pub(super) fn digest(conn: Conn, table: &Table, watch: Watch) -> Result<Digest, MoveError> {
    let mut hash = START;
    let rows = each_row(conn, table, watch, |row| {
        let mut next = RowHash::after(&hash);
        for (index, column) in table.columns.iter().enumerate() {
            match row.get_ref(index).map_err(MoveError::of(table))? {
                ValueRef::Null => next.null(),
                ValueRef::Integer(number) => next.integer(number),
                // SQLite has no negative zero.
                ValueRef::Real(number) => next.other(&(number + 0.0).to_bits().to_be_bytes()),
                ValueRef::Text(text) => {
                    if let Some(rule) = fault(text) {
                        let (table_name, column) = (table.name.clone(), column.name.clone());
                        return Err(MoveError::Text { table: table_name, column, row: name(row, table), rule });
                    }
                    next.text(text);
                }
                ValueRef::Blob(bytes) => next.other(bytes),
            }
        }
        hash = next.finish();
        Ok(())
    })?;
    Ok(Digest { rows, hash })
}

fn fault(text: &[u8]) -> Option<&'static str> {
    if text.contains(&0) {
        Some("contains the character U+0000")
    } else if std::str::from_utf8(text).is_err() {
        Some("is not UTF-8")
    } else {
        None
    }
}

/// The values of the primary key, for a message.
fn name(row: &Row, table: &Table) -> String {
    let keys = table.columns.iter().enumerate().filter(|(_, column)| table.is_key(&column.name));
    let values = keys.map(|(index, _)| match row.get_ref(index) {
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Text(text)) => format!("{:?}", String::from_utf8_lossy(text)),
        _ => "?".to_owned(),
    });
    values.collect::<Vec<_>>().join(", ")
}
