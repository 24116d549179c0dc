//! The indexes of a table that no constraint needs. They are built once all rows are there, which takes a fraction of the
//! time.

use rusqlite::types::Value;

use super::error::MoveError;
use super::tables::Table;
use crate::store::postgres::connection::Connection;

/// The statements that build the indexes of a table, whose name is in it.
fn query(table: &Table) -> String {
    format!(
        "SELECT format('DROP INDEX %s', CAST(i.indexrelid AS regclass)), pg_get_indexdef(i.indexrelid) FROM pg_index i
         WHERE i.indrelid = CAST('atelier.\"{}\"' AS regclass)
         AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
         ORDER BY i.indexrelid",
        table.name
    )
}

/// Drops the indexes. Returns the statements that build them again.
pub(super) fn drop_all(conn: &Connection, table: &Table) -> rusqlite::Result<Vec<String>> {
    let (mut drops, mut builds) = (Vec::new(), Vec::new());
    let query = conn.prepare(&query(table))?;
    let mut rows = conn.query(&query, &[])?;
    while let Some(row) = rows.next()? {
        if let (Value::Text(drop), Value::Text(build)) = (row.value(0)?, row.value(1)?) {
            drops.push(drop.clone());
            builds.push(build.clone());
        }
    }
    for drop in drops {
        conn.run(&drop)?;
    }
    Ok(builds)
}

/// Builds the indexes.
pub(super) fn build_all(conn: &Connection, table: &Table, builds: &[String]) -> Result<(), MoveError> {
    builds.iter().try_for_each(|build| conn.run(build).map(drop)).map_err(MoveError::of(table))
}
