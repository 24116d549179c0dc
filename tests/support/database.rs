//! Reads and writes the server's database, for what no endpoint can do.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{FromSql, Value, ValueRef};
use rusqlite::{Connection, Params};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::postgres::{Session, cluster, with_bytes};
use super::{database_name, database_of};

/// A second connection to the server's database.
#[derive(Debug)]
pub enum Database {
    File(Connection),
    /// The name of a database of PostgreSQL.
    Postgres(String),
}

impl Database {
    /// Opens the database of a data directory.
    pub fn open(data_dir: &Path) -> Self {
        if let Some(address) = database_of(data_dir) {
            return Self::Postgres(database_name(&address).to_owned());
        }
        let conn = Connection::open(data_dir.join("atelier.db")).expect("the data file");
        conn.busy_timeout(Duration::from_secs(10)).expect("a time-out");
        conn.pragma_update(None, "foreign_keys", true).expect("foreign keys");
        Self::File(conn)
    }

    /// The data file, for what only SQLite has.
    pub fn file(&self) -> &Connection {
        match self {
            Self::File(conn) => conn,
            Self::Postgres(_) => panic!("this test is about the data file"),
        }
    }

    /// Changes rows as a program that is not atelier's would. On PostgreSQL no reader would notice, so there it counts
    /// the change.
    pub fn write_unannounced(&self, sql: &str, params: impl Params) {
        match self {
            Self::File(conn) => drop(conn.execute(sql, params)),
            Self::Postgres(_) => drop(self.write(sql, params)),
        }
    }

    /// Looks whether the data file is damaged. PostgreSQL looks after its files itself.
    pub fn assert_sound(&self) {
        if let Self::File(_) = self {
            assert_eq!(self.rows("PRAGMA integrity_check", []), ["ok"]);
            assert_eq!(self.rows("PRAGMA foreign_key_check", []), [""; 0]);
        }
    }

    /// Takes the lock that each write waits for.
    pub fn lock(&self) -> Lock {
        match self {
            Self::File(conn) => {
                let conn = Connection::open(conn.path().expect("a file")).expect("the data file");
                conn.busy_timeout(Duration::from_secs(10)).expect("a time-out");
                conn.execute_batch("BEGIN IMMEDIATE").expect("the lock");
                Lock::File(conn)
            }
            Self::Postgres(name) => {
                Lock::Postgres(cluster().hold(name, "BEGIN; SELECT FROM atelier.meta WHERE id = 1 FOR UPDATE;"))
            }
        }
    }

    /// Changes rows as another process of atelier would; returns the id of the last new row.
    pub fn write(&self, sql: &str, params: impl Params) -> i64 {
        match self {
            Self::File(conn) => {
                conn.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
                conn.execute(sql, params).unwrap_or_else(|error| panic!("{error}: {sql}"));
                let id = conn.last_insert_rowid();
                conn.execute_batch("UPDATE meta SET generation = generation + 1; COMMIT").expect("a commit");
                id
            }
            Self::Postgres(name) => {
                let script = format!(
                    "SET search_path = atelier, public; BEGIN; SELECT FROM meta FOR UPDATE; {};
                     UPDATE meta SET generation = generation + 1, edition = edition + 1; COMMIT;
                     \\set ON_ERROR_STOP 0
                     SELECT lastval();\n",
                    bound(sql, params)
                );
                let printed = cluster().run(name, &script);
                printed.lines().rev().find_map(|line| line.trim().parse().ok()).unwrap_or_default()
            }
        }
    }

    /// Runs statements, as another process of atelier would. SQLite checks no foreign key.
    pub fn run(&self, sql: &str) {
        match self {
            Self::File(conn) => {
                conn.pragma_update(None, "foreign_keys", false).expect("a setting");
                conn.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
                conn.pragma_update(None, "foreign_keys", true).expect("a setting");
            }
            Self::Postgres(name) => {
                let script = format!(
                    "SET search_path = atelier, public; BEGIN; SELECT FROM meta FOR UPDATE; {};
                     UPDATE meta SET generation = generation + 1, edition = edition + 1; COMMIT;\n",
                    with_bytes(sql)
                );
                cluster().run(name, &script);
            }
        }
    }

    /// The same as [`Database::write`], with several statements that have no parameters.
    pub fn write_all(&self, sql: &str) {
        match self {
            Self::File(conn) => conn
                .execute_batch(&format!("BEGIN IMMEDIATE; {sql}; UPDATE meta SET generation = generation + 1; COMMIT"))
                .unwrap_or_else(|error| panic!("{error}: {sql}")),
            Self::Postgres(_) => drop(self.write(sql, [])),
        }
    }

    /// The single value that a query returns.
    pub fn one<T: FromSql>(&self, sql: &str, params: impl Params) -> T {
        match self {
            Self::File(conn) => {
                conn.query_row(sql, params, |row| row.get(0)).unwrap_or_else(|error| panic!("{error}: {sql}"))
            }
            Self::Postgres(name) => {
                let rows = query(name, sql, params);
                let value = rows.first().and_then(|row| row.0.first()).unwrap_or_else(|| panic!("no row: {sql}"));
                T::column_result(value.into()).unwrap_or_else(|error| panic!("{error}: {sql}"))
            }
        }
    }

    /// The names of the tables.
    pub fn tables(&self) -> Vec<String> {
        let sql = match self {
            Self::File(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            Self::Postgres(_) => "SELECT tablename FROM pg_tables WHERE schemaname = 'atelier'",
        };
        self.rows(sql, [])
    }

    /// The columns of a table, and their types in capitals.
    pub fn columns(&self, table: &str) -> Vec<(String, String)> {
        let sql = match self {
            Self::File(_) => "SELECT name, type FROM pragma_table_info(?1)",
            Self::Postgres(_) => {
                "SELECT column_name, upper(data_type) FROM information_schema.columns
                 WHERE table_schema = 'atelier' AND table_name = ?1"
            }
        };
        let pair = |row: &String| row.split_once('|').map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        self.rows(sql, [table]).iter().map(|row| pair(row).expect("two columns")).collect()
    }

    /// Whether a text is anywhere in the data: in the bytes of the file, or in a row.
    pub fn contains(&self, text: &str) -> bool {
        match self {
            Self::File(conn) => {
                let bytes = std::fs::read(conn.path().expect("a file")).expect("the data file");
                bytes.windows(text.len()).any(|part| part == text.as_bytes())
            }
            Self::Postgres(_) => {
                // Bytes are printed as digits.
                let digits = hex(text.as_bytes());
                let rows = |table: String| self.rows(&format!("SELECT CAST(t AS TEXT) FROM {table} t"), []);
                let mut all = self.tables().into_iter().flat_map(rows);
                all.any(|row| row.contains(text) || row.contains(&digits))
            }
        }
    }

    /// The values that a query returns.
    pub fn values(&self, sql: &str) -> Vec<Vec<Value>> {
        match self {
            Self::File(conn) => {
                let mut query = conn.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
                let width = query.column_count();
                let rows = query.query_map([], |row| (0..width).map(|n| row.get(n)).collect());
                rows.and_then(Iterator::collect).unwrap_or_else(|error| panic!("{error}: {sql}"))
            }
            Self::Postgres(name) => query(name, sql, []).into_iter().map(|row| row.0).collect(),
        }
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> i64 {
        self.one(&format!("SELECT count(*) FROM {table}"), [])
    }

    /// The rows that a query returns, one per line, with a bar between columns.
    pub fn rows(&self, sql: &str, params: impl Params) -> Vec<String> {
        let conn = match self {
            Self::File(conn) => conn,
            Self::Postgres(name) => {
                let line = |row: &Row| row.0.iter().map(|value| shown(value.into())).collect::<Vec<_>>().join("|");
                return query(name, sql, params).iter().map(line).collect();
            }
        };
        let mut query = conn.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        let width = query.column_count();
        let line = |row: &rusqlite::Row| {
            let cells: Vec<String> = (0..width).map(|n| row.get_ref(n).map(shown)).collect::<rusqlite::Result<_>>()?;
            Ok(cells.join("|"))
        };
        query.query_map(params, line).and_then(Iterator::collect).unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// Every row of every table, without these tables and columns.
    pub fn content(&self, without: &[&str], volatile: &[&str]) -> BTreeSet<String> {
        let quoted = |names: &[&str]| format!("'{}'", names.join("', '"));
        let (without, volatile) = (quoted(without), quoted(volatile));
        let tables = match self {
            Self::File(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name"
            }
            Self::Postgres(_) => "SELECT tablename FROM pg_tables WHERE schemaname = 'atelier' AND tablename",
        };
        let rows_of = |table: String| {
            let columns = match self {
                Self::File(_) => self.one(
                    &format!(
                        "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ')
                         FROM pragma_table_info('{table}') WHERE name NOT IN ({volatile})"
                    ),
                    [],
                ),
                Self::Postgres(_) => format!("CAST(to_jsonb(t) - ARRAY[{volatile}] AS TEXT)"),
            };
            let rows = self.rows(&format!("SELECT {columns} FROM \"{table}\" t"), []);
            rows.into_iter().map(move |row| format!("{table}: {row}"))
        };
        self.rows(&format!("{tables} NOT IN ({without})"), []).into_iter().flat_map(rows_of).collect()
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

/// The lock that each write waits for, until this is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "they are dropped")]
pub enum Lock {
    File(Connection),
    Postgres(Session),
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

/// A row of PostgreSQL, in the order of its columns.
struct Row(Vec<Value>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Columns;

        impl<'de> Visitor<'de> for Columns {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut all = Vec::new();
                while let Some((_, value)) = map.next_entry::<String, serde_json::Value>()? {
                    all.push(value_of(&value));
                }
                Ok(Row(all))
            }
        }

        from.deserialize_map(Columns)
    }
}

fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Integer((*truth).into()),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Real(number.as_f64().expect("a number")), Value::Integer)
        }
        serde_json::Value::String(text) => match text.strip_prefix("\\x").and_then(unhex) {
            Some(bytes) => Value::Blob(bytes),
            None => Value::Text(text.clone()),
        },
        other => Value::Text(other.to_string()),
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn query(database: &str, sql: &str, params: impl Params) -> Vec<Row> {
    let sql = bound(sql, params);
    let script = format!("SET search_path = atelier, public; SELECT row_to_json(q) FROM ({sql}) q;\n");
    let printed = cluster().run(database, &script);
    printed.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// A statement with its parameters in it. SQLite tells what they are.
fn bound(sql: &str, params: impl Params) -> String {
    let parts = parts(sql);
    let count = parts.iter().filter_map(|(_, number)| *number).max().unwrap_or_default();
    let names: Vec<String> = (1..=count).map(|number| format!("?{number}")).collect();
    let values: Vec<Value> = if count == 0 {
        Vec::new()
    } else {
        let conn = Connection::open_in_memory().expect("SQLite");
        conn.query_row(&format!("SELECT {}", names.join(", ")), params, |row| (0..count).map(|n| row.get(n)).collect())
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
    };
    parts.iter().fold(String::new(), |text, (before, number)| {
        text + before + &number.map(|number| literal(&values[number - 1])).unwrap_or_default()
    })
}

/// The texts of a statement between its parameters, each with the number of the parameter after it. One without a number
/// has the next one, as in SQLite. A question mark in quotes is none.
fn parts(sql: &str) -> Vec<(&str, Option<usize>)> {
    let (mut parts, mut highest, mut start, mut is_quoted) = (Vec::new(), 0, 0, false);
    for (at, c) in sql.char_indices() {
        if c == '\'' {
            is_quoted = !is_quoted;
        } else if c == '?' && !is_quoted {
            let digits = sql[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let number = sql[at + 1..=at + digits].parse().unwrap_or(highest + 1);
            highest = highest.max(number);
            parts.push((&sql[start..at], Some(number)));
            start = at + 1 + digits;
        }
    }
    parts.push((&sql[start..], None));
    parts
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => format!("'\\x{}'::bytea", hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}
