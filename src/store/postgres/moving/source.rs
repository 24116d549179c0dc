//! The rows as they are on the old side, and what both ways have in common.

use std::cell::Cell;
use std::time::Duration;

use super::super::address::Address;
use super::super::connection::Connection;
use super::super::settings::Role;
use super::super::{look, schema};
use super::error::MoveError;
use super::rows::{self, Digest};
use super::tables::{self, Table};
use super::watch::{Counts, Doing, Record, Step, Watch, go_on};
use crate::domain::timestamp::Timestamp;
use crate::store::engine::{Conn, Tx, View, health};

/// The name of the schema that a move back leaves.
pub(super) const ASIDE: &str = "atelier_moved";

/// How long one statement may take: an index of very many rows is built in one.
pub(super) const MAX_WAIT: Duration = Duration::from_hours(6);

/// The rows of each table, as they are on the old side.
pub(super) struct Source(pub(super) Vec<(Table, Digest)>);

impl Source {
    /// Reads everything once.
    pub(super) fn read(conn: Conn, watch: Watch) -> Result<Self, MoveError> {
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

    pub(super) fn counts(&self) -> Counts {
        self.0.iter().map(|(table, digest)| (table.name.clone(), digest.rows)).collect()
    }

    pub(super) fn rows(&self) -> u64 {
        self.0.iter().map(|(_, digest)| digest.rows).sum()
    }

    /// Reads the copies, and compares them.
    pub(super) fn compare(&self, new: Conn, watch: Watch) -> Result<(), MoveError> {
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

/// Connects to a database. Its transactions may wait as long as the other side needs.
pub(super) fn connect(address: &Address) -> Result<Connection, MoveError> {
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

pub(super) fn has_schema(conn: &Connection, name: &str) -> Result<bool, MoveError> {
    let sql = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'");
    Ok(schema::number(conn, &sql)? > 0)
}

/// Records the move in the new data.
pub(super) fn record(conn: Conn, rows: u64, record: Record) -> Result<(), MoveError> {
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
