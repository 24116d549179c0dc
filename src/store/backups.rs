//! What backups record about a data file, and what a restored one needs.

use std::collections::BTreeMap;

use rusqlite::named_params;

use super::audit::chain;
use super::{Tx, View};
use crate::error::Result;

/// Every table with its number of rows.
pub fn counts(view: &View) -> Result<BTreeMap<String, u64>> {
    let mut query = view
        .conn
        .prepare_cached("SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'")?;
    let names = query.query_map(&[], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut counts = BTreeMap::new();
    for name in names {
        // A name cannot be a parameter. The names are those of the schema.
        let sql = ["VALUES ((SELECT count(*) FROM \"", &name.replace('"', "\"\""), "\"))"].concat();
        let count: i64 = view.conn.sqlite()?.query_row(&sql, [], |row| row.get(0))?;
        counts.insert(name, u64::try_from(count).unwrap_or_default());
    }
    Ok(counts)
}

/// Lets the ids of every table, and those of the audit, go on after this number, and at least `margin` after the last one.
pub fn move_ids_ahead(tx: &Tx, after: i64, margin: i64) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE sqlite_sequence SET seq = max(:after, min(seq, 9223372036854775807 - :margin) + :margin)",
    )?;
    query.execute(named_params! { ":after": after, ":margin": margin })?;
    // Tables that never had a row have no sequence yet.
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO sqlite_sequence (name, seq)
         SELECT name, :after FROM sqlite_schema
         WHERE type = 'table' AND instr(sql, 'AUTOINCREMENT') > 0 AND name NOT IN (SELECT name FROM sqlite_sequence)",
    )?;
    query.execute(named_params! { ":after": after })?;
    chain::leave_gap(tx, after, margin)
}
