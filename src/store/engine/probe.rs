//! For tests of any layer: reads and changes the file directly, as another process would.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

/// The rows of a query, each column as JSON. A blob is its length.
pub(crate) fn rows(file: &Path, sql: &str) -> Vec<Vec<Value>> {
    let conn = Connection::open(file).unwrap();
    let mut query = conn.prepare(sql).unwrap();
    let width = query.column_count();
    let rows = query.query_map([], |row| (0..width).map(|column| Ok(value(row.get_ref(column)?))).collect()).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Changes the file without the program's knowledge.
pub(crate) fn execute(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

/// Moves the times of the first audit rows into the past, as if they were so much older, and chains all rows anew.
pub(crate) fn age_audit(file: &Path, up_to: i64, micros: i64) {
    let conn = Connection::open(file).unwrap();
    conn.execute("UPDATE audit SET at = at - ?2 WHERE id <= ?1", [up_to, micros]).unwrap();
    conn.execute_batch("UPDATE audit_chain SET last_id = start_id, last_hash = start_hash").unwrap();
    crate::store::audit::chain::chain_older_rows(super::Conn::Sqlite(&conn), &mut |_, _| {}).unwrap();
}

/// Every row of every table except the counters (`meta`, `sqlite_sequence`) and the search tables (`search_*`).
pub(crate) fn everything(file: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'meta'
                   AND name NOT LIKE 'search%'
               ORDER BY name";
    let names = rows(file, sql);
    let names = names.iter().map(|row| row[0].as_str().unwrap());
    names.map(|name| (name.to_owned(), rows(file, &format!("SELECT * FROM {name} ORDER BY 1")))).collect()
}

fn value(cell: ValueRef) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!(bytes.len()),
    }
}
