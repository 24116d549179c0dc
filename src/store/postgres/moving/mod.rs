//! Moves everything from the data file into a database of PostgreSQL, and back.
//!
//! Each way has one transaction on the new side, so that it has everything or nothing. The old side is set aside under
//! another name after that.

mod copy;
mod error;
mod indexes;
mod rows;
mod sequences;
mod tables;
mod to_file;
mod to_server;

use std::cell::Cell;
use std::time::Duration;

pub use error::MoveError;
use rows::Digest;
pub use to_file::to_file;
pub use to_server::to_server;

use super::address::Address;
use super::connection::Connection;
use super::settings::Role;
use super::{look, schema};
use crate::domain::timestamp::Timestamp;
use crate::store::engine::{Conn, Tx, View, health};
use tables::Table;

/// The name of the schema that a move back leaves.
const ASIDE: &str = "atelier_moved";

/// How long one statement may take: an index of very many rows is built in one.
const MAX_WAIT: Duration = Duration::from_hours(6);

/// What a move does with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Reads the rows, and looks whether they can be moved.
    Read,
    Copy,
    /// Reads the copies, and compares them with the rows.
    Compare,
}

/// How far a move is.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// The number of rows of all steps together.
    Total(u64),
    Table(Doing, &'a str),
    /// So many more rows are done.
    Rows(u64),
}

/// Sees how far a move is. Returns whether it goes on.
pub type Watch<'w> = &'w dyn Fn(Step) -> bool;

/// Records the move of so many rows in the new data.
pub type Record<'r> = &'r dyn Fn(&Tx, u64) -> crate::error::Result<()>;

/// The number of rows of each table that is moved.
pub type Counts = Vec<(String, u64)>;

/// The rows of each table, as they are on the old side.
struct Source(Vec<(Table, Digest)>);

impl Source {
    /// Reads everything once.
    fn read(conn: Conn, watch: Watch) -> Result<Self, MoveError> {
        let tables = tables::all()?;
        let mut rows = 0;
        for table in &tables {
            rows += rows::count(conn, table)?;
        }
        go_on(watch, Step::Total(rows.saturating_mul(3)))?;
        let digests = tables.into_iter().map(|table| {
            go_on(watch, Step::Table(Doing::Read, &table.name))?;
            let digest = rows::digest(conn, &table, watch)?;
            Ok((table, digest))
        });
        digests.collect::<Result<_, _>>().map(Self)
    }

    fn counts(&self) -> Counts {
        self.0.iter().map(|(table, digest)| (table.name.clone(), digest.rows)).collect()
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|(_, digest)| digest.rows).sum()
    }

    /// Reads the copies, and compares them.
    fn compare(&self, new: Conn, watch: Watch) -> Result<(), MoveError> {
        for (table, digest) in &self.0 {
            go_on(watch, Step::Table(Doing::Compare, &table.name))?;
            let copy = rows::digest(new, table, watch)?;
            if copy != *digest {
                let (table, rows, copied) = (table.name.clone(), digest.rows, copy.rows);
                return Err(MoveError::Differs { table, rows, copied });
            }
        }
        Ok(())
    }
}

fn go_on(watch: Watch, step: Step) -> Result<(), MoveError> {
    if watch(step) { Ok(()) } else { Err(MoveError::Stopped) }
}

/// Connects to a database. Its transactions may wait as long as the other side needs.
fn connect(address: &Address) -> Result<Connection, MoveError> {
    let conn = Connection::open(address, Role::Writer)
        .map_err(|error| MoveError::Connect { address: address.to_string(), cause: error.to_string() })?;
    conn.set_max_wait(MAX_WAIT)?;
    conn.run(
        "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET maintenance_work_mem = '256MB'",
    )?;
    schema::refuse_unfit(&conn).map_err(|error| MoveError::Unfit {
        address: address.to_string(),
        cause: error.chain().trim_start_matches("internal error: ").to_owned(),
    })?;
    Ok(conn)
}

fn has_schema(conn: &Connection, name: &str) -> Result<bool, MoveError> {
    let sql = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'");
    Ok(schema::number(conn, &sql)? > 0)
}

/// Records the move in the new data.
fn record(conn: Conn, rows: u64, record: Record) -> Result<(), MoveError> {
    let now = match conn {
        Conn::Sqlite(_) => Timestamp::now(),
        Conn::Postgres(conn) => look::look(conn)?.now,
    };
    let tx = Tx { view: View { conn, now, names: None }, audit: Cell::new(None), verb: Cell::new(None) };
    record(&tx, rows)?;
    if let Some(end) = tx.audit.get() {
        end.update(conn)?;
    }
    Ok(health::grow(conn)?)
}
