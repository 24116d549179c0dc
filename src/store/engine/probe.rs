//! For tests of any layer: opens the data, and reads and changes it directly, as another process would.
//!
//! The data is a file. With `ATELIER_TEST_ENGINE=postgres` it is a database of PostgreSQL in place of the file, except
//! in the tests of [`ABOUT_SQLITE`] and in those that open a file by [`Store::open`].

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Value, json};

use super::{Conn, Sizes, Store};
use crate::store::postgres::probe as postgres;

/// The beginnings of the names of tests that stay on SQLite, and why.
const ABOUT_SQLITE: &[(&str, &str)] = &[
    ("store::tests::every_reader_has_every_setting", "they are settings of SQLite's connections"),
    ("store::tests::the_writer_has_every_setting", "the same"),
    ("store::tests::a_data_version_never_repeats", "it moves the write-ahead log into the file in between"),
    ("store::tests::all_stores_of_a_file_share_one_probe", "only a file has shared memory"),
    ("store::tests::a_table_with_ids_gives_none_again", "it reads the words of SQLite's schema"),
    (
        "store::tests::every_foreign_key_has_an_index",
        "the same; src/store/postgres/tests/catalogue.rs compares the schemas",
    ),
    ("store::tests::the_files_are_for_their_owner_only", "PostgreSQL has its files elsewhere"),
    ("store::tests::an_intact_file_has_no_faults", "PostgreSQL cannot be made to keep a row that refers to nothing"),
    ("app::tests::retention::rows_that_a_killed_server_exported", "the data file is copied in between"),
];

/// Opens the data, which is created if there is none.
///
/// # Panics
///
/// When the variable has another value than `postgres` and `sqlite`.
pub(crate) fn open(file: &Path, sizes: Sizes) -> Store {
    let engine = std::env::var("ATELIER_TEST_ENGINE").unwrap_or_else(|_| "sqlite".to_owned());
    let is_postgres = match engine.as_str() {
        "sqlite" => false,
        "postgres" => !is_about_sqlite(),
        other => panic!("ATELIER_TEST_ENGINE is {other:?}; it must be postgres or sqlite"),
    };
    // Servers have such a time-out.
    let sizes = Sizes { max_write: sizes.max_write.or(Some(Duration::from_secs(30))), ..sizes };
    let opened =
        if is_postgres { Store::open_postgres(&postgres::address(file), sizes) } else { Store::open(file, sizes) };
    opened.unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// Whether the test of this thread stays on SQLite.
fn is_about_sqlite() -> bool {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    ABOUT_SQLITE.iter().any(|(name, _)| test.starts_with(name))
}

/// The rows of a query, each column as JSON. A blob is its length.
pub(crate) fn rows(file: &Path, sql: &str) -> Vec<Vec<Value>> {
    if let Some(database) = postgres::database(file) {
        let rows = postgres::rows(&database, sql).into_iter();
        return rows.map(|row| row.iter().map(|cell: &Cell| value(cell.into())).collect()).collect();
    }
    let conn = Connection::open(file).unwrap();
    let mut query = conn.prepare(sql).unwrap();
    let width = query.column_count();
    let rows = query.query_map([], |row| (0..width).map(|column| Ok(value(row.get_ref(column)?))).collect()).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Changes the data without the program's knowledge.
pub(crate) fn execute(file: &Path, sql: &str) {
    match postgres::database(file) {
        Some(database) => postgres::execute(&database, sql),
        None => Connection::open(file).unwrap().execute_batch(sql).unwrap(),
    }
}

/// Moves the times of the first audit rows into the past, as if they were so much older, and chains all rows anew.
pub(crate) fn age_audit(file: &Path, up_to: i64, micros: i64) {
    let change = format!(
        "UPDATE audit SET at = at - {micros} WHERE id <= {up_to};
         UPDATE audit_chain SET last_id = start_id, last_hash = start_hash"
    );
    execute(file, &change);
    match postgres::database(file) {
        Some(database) => postgres::change(&database, |conn| chain(Conn::Postgres(conn))),
        None => chain(Conn::Sqlite(&Connection::open(file).unwrap())),
    }
}

/// Gives no id up to this one to a new row of a table.
pub(crate) fn skip_ids(file: &Path, table: &str, last: usize) {
    match postgres::database(file) {
        Some(database) => postgres::skip_ids(&database, table, last),
        None => execute(file, &format!("UPDATE sqlite_sequence SET seq = max(seq, {last}) WHERE name = '{table}'")),
    }
}

fn chain(conn: Conn) {
    crate::store::audit::chain::chain_older_rows(conn, &mut |_, _| {}).unwrap();
}

/// The tables and their columns.
pub(crate) fn columns(file: &Path) -> Vec<(String, String)> {
    let sql = match postgres::database(file) {
        Some(_) => {
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'atelier'
             AND table_name NOT IN ('nodes', 'failures')"
        }
        None => {
            "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c
             WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%'"
        }
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows(file, sql).iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
}

/// Every row of every table except the counters (`meta`, `sqlite_sequence`) and the search tables (`search_*`).
pub(crate) fn everything(file: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let mut names: Vec<_> = columns(file).into_iter().map(|(table, _)| table).collect();
    names.sort();
    names.dedup();
    names.retain(|name| name != "meta" && !name.starts_with("search"));
    if postgres::database(file).is_some() {
        // One statement is faster than many. The rows of a table are in no order.
        let one = |name: &String| format!("SELECT '{name}' AS name, CAST(t AS TEXT) AS line FROM {name} t");
        let all = names.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ");
        return vec![(String::new(), rows(file, &format!("SELECT * FROM ({all}) a ORDER BY name, line")))];
    }
    names.into_iter().map(|name| (name.clone(), rows(file, &format!("SELECT * FROM {name} ORDER BY 1")))).collect()
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
