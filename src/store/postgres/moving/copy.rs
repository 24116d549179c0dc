//! Copies the rows of a table.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ToSql, named_params};

use super::error::MoveError;
use super::indexes;
use super::rows::each_row;
use super::tables::{Kind, META, Table};
use super::watch::Watch;
use crate::store::engine::{Conn, Row};
use crate::store::postgres::connection::Connection;

/// The number of rows of one COPY. PostgreSQL checks what they refer to at its end.
const BATCH: u32 = 20_000;

/// The number of bytes that are sent at once.
const PART: usize = 256 << 10;

/// The beginning of rows in PostgreSQL's binary form (<https://www.postgresql.org/docs/current/sql-copy.html>).
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Copies the columns of `meta` that both databases have into the row that the schema has inserted.
fn copy_meta(from: Conn, to: Conn) -> rusqlite::Result<()> {
    let (generation, secret): (i64, Vec<u8>) = from
        .prepare_cached("SELECT generation, secret FROM meta WHERE id = 1")?
        .query_row(&[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    to.prepare_cached("UPDATE meta SET generation = :generation, secret = :secret WHERE id = 1")?
        .execute(named_params! { ":generation": generation, ":secret": secret })
        .map(drop)
}

/// Removes the rows that the schema has inserted.
fn clear(conn: Conn, table: &Table) -> Result<(), MoveError> {
    let sql = format!("DELETE FROM \"{}\"", table.name);
    conn.prepare_cached(&sql).and_then(|mut query| query.execute(&[])).map_err(MoveError::of(table))?;
    Ok(())
}

/// Copies all rows into a new table of PostgreSQL.
pub(super) fn to_server(from: Conn, to: &Connection, table: &Table, watch: Watch) -> Result<(), MoveError> {
    let name = &table.name;
    if name == META {
        return copy_meta(from, Conn::Postgres(to)).map_err(MoveError::of(table));
    }
    // What they would do is in the rows already.
    to.run(&format!("ALTER TABLE \"{name}\" DISABLE TRIGGER USER")).map_err(MoveError::of(table))?;
    clear(Conn::Postgres(to), table)?;
    let builds = indexes::drop_all(to, table).map_err(MoveError::of(table))?;
    let mut batch = Batch::new(to, table);
    each_row(from, table, watch, |row| batch.add(row).map_err(MoveError::of(table)))?;
    batch.end().map_err(MoveError::of(table))?;
    indexes::build_all(to, table, &builds)?;
    to.run(&format!("ALTER TABLE \"{name}\" ENABLE TRIGGER USER")).map_err(MoveError::of(table))?;
    Ok(())
}

/// Rows on their way to PostgreSQL.
struct Batch<'c> {
    conn: &'c Connection,
    table: &'c Table,
    /// What is not sent yet.
    part: Vec<u8>,
    rows: u32,
}

impl<'c> Batch<'c> {
    fn new(conn: &'c Connection, table: &'c Table) -> Self {
        Self { conn, table, part: Vec::new(), rows: 0 }
    }

    fn add(&mut self, row: &Row) -> rusqlite::Result<()> {
        if self.rows == 0 {
            let (name, columns) = (&self.table.name, self.table.column_names());
            self.conn.begin_copy(&format!("COPY \"{name}\" ({columns}) FROM STDIN (FORMAT binary)"))?;
            self.part.extend_from_slice(HEADER);
        }
        let columns = i16::try_from(self.table.columns.len()).unwrap_or_default();
        self.part.extend_from_slice(&columns.to_be_bytes());
        for (index, column) in self.table.columns.iter().enumerate() {
            match (row.get_ref(index)?, column.kind) {
                (ValueRef::Null, _) => self.part.extend_from_slice(&(-1_i32).to_be_bytes()),
                #[expect(clippy::cast_precision_loss, reason = "SQLite does the same")]
                (ValueRef::Integer(number), Kind::Real) => self.value(&(number as f64).to_be_bytes()),
                (ValueRef::Integer(number), _) => self.value(&number.to_be_bytes()),
                (ValueRef::Real(number), _) => self.value(&number.to_be_bytes()),
                (ValueRef::Text(bytes) | ValueRef::Blob(bytes), _) => self.value(bytes),
            }
        }
        self.rows += 1;
        if self.rows == BATCH {
            return self.end();
        }
        if self.part.len() >= PART {
            self.send()?;
        }
        Ok(())
    }

    fn value(&mut self, bytes: &[u8]) {
        // SQLite's values have fewer than 2^31 bytes.
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.part.extend_from_slice(&length.to_be_bytes());
        self.part.extend_from_slice(bytes);
    }

    fn send(&mut self) -> rusqlite::Result<()> {
        let sent = self.conn.send_copy(&self.part);
        self.part.clear();
        sent
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        self.part.extend_from_slice(&(-1_i16).to_be_bytes());
        self.send()?;
        self.conn.end_copy()
    }
}

/// Copies all rows into a new table of a data file.
pub(super) fn to_file(from: Conn, to: Conn, table: &Table, watch: Watch) -> Result<(), MoveError> {
    if table.name == META {
        return copy_meta(from, to).map_err(MoveError::of(table));
    }
    clear(to, table)?;
    let (columns, marks) = (table.column_names(), vec!["?"; table.columns.len()].join(", "));
    let sql = format!("INSERT INTO \"{}\" ({columns}) VALUES ({marks})", table.name);
    let mut insert = to.sqlite()?.prepare_cached(&sql).map_err(MoveError::of(table))?;
    each_row(from, table, watch, |row| {
        let mut add = || {
            for index in 0..table.columns.len() {
                insert.raw_bind_parameter(index + 1, Given(row.get_ref(index)?))?;
            }
            insert.raw_execute()
        };
        add().map(drop).map_err(MoveError::of(table))
    })?;
    Ok(())
}

/// A value of a row, as a parameter.
struct Given<'v>(ValueRef<'v>);

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
