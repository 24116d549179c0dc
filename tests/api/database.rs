//! Reads and writes the server's database file, for what no endpoint can do.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Params};

/// A second connection to the server's file.
#[derive(Debug)]
pub struct Database(pub Connection);

impl Database {
    /// Opens the file in a data directory.
    pub fn open(data_dir: &Path) -> Self {
        let conn = Connection::open(data_dir.join("atelier.db")).expect("the data file");
        conn.busy_timeout(Duration::from_secs(10)).expect("a time-out");
        conn.pragma_update(None, "foreign_keys", true).expect("foreign keys");
        Self(conn)
    }

    /// Changes rows as another process of atelier would; returns the id of the last new row.
    pub fn write(&self, sql: &str, params: impl Params) -> i64 {
        self.0.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        self.0.execute(sql, params).unwrap_or_else(|error| panic!("{error}: {sql}"));
        let id = self.0.last_insert_rowid();
        self.0.execute_batch("UPDATE meta SET generation = generation + 1; COMMIT").expect("a commit");
        id
    }

    /// The single value that a query returns.
    pub fn one<T: FromSql>(&self, sql: &str, params: impl Params) -> T {
        self.0.query_row(sql, params, |row| row.get(0)).unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> i64 {
        self.one(&format!("SELECT count(*) FROM {table}"), [])
    }

    /// The rows that a query returns, one per line, with a bar between columns.
    pub fn rows(&self, sql: &str, params: impl Params) -> Vec<String> {
        let mut query = self.0.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        let width = query.column_count();
        let line = |row: &rusqlite::Row| {
            let cells: Vec<String> = (0..width).map(|n| row.get_ref(n).map(shown)).collect::<rusqlite::Result<_>>()?;
            Ok(cells.join("|"))
        };
        query.query_map(params, line).and_then(Iterator::collect).unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// The verbs and objects of the audit after the row with this id.
    pub fn audit_after(&self, id: i64) -> Vec<String> {
        self.rows("SELECT verb, kind, object FROM audit WHERE id > ?1 ORDER BY id", [id])
    }

    /// The number of the newest audit row.
    pub fn newest_audit(&self) -> i64 {
        self.one("SELECT coalesce(max(id), 0) FROM audit", [])
    }
}

fn shown(value: ValueRef) -> String {
    match value {
        ValueRef::Null => "-".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
