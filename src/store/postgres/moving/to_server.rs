//! From the data file into a database of PostgreSQL.

use std::path::PathBuf;

use super::super::address::Address;
use super::super::connection::Connection;
use super::super::{nodes, schema};
use super::error::MoveError;
use super::source::{ASIDE, MAX_WAIT, Source, connect, has_schema, record};
use super::watch::{Counts, Doing, Record, Step, Watch, go_on};
use super::{copy, sequences};
use crate::store::data_dir::DataDir;
use crate::store::data_dir::files::beside;
use crate::store::engine::Conn;
use crate::store::engine::whole_file::HeldFile;

/// Makes what PostgreSQL plans with, and other servers look at, that of new data.
const NEW_EDITION: &str = "UPDATE meta SET edition = hashtextextended(CAST(gen_random_uuid() AS text), 0) WHERE id = 1";

/// Moves everything from the data file of a directory whose lock the caller holds into a database without a schema
/// `atelier`, and sets the file aside. If it is a rehearsal, it changes nothing.
pub fn to_server(
    home: &DataDir,
    address: &Address,
    is_rehearsal: bool,
    watch: Watch,
    note: Record,
) -> Result<Counts, MoveError> {
    let file = HeldFile::open(&home.database())?;
    let aside = aside(home);
    if aside.symlink_metadata().is_ok() {
        return Err(MoveError::HasOldFile { path: aside });
    }
    let conn = connect(address)?;
    refuse_used(&conn, address)?;
    let source = Source::read(file.conn(), watch)?;
    if is_rehearsal {
        return Ok(source.counts());
    }
    conn.run("BEGIN")?;
    let lock = format!("SELECT CAST(pg_try_advisory_xact_lock({}) AS INTEGER)", nodes::LOCK);
    if schema::number(&conn, &lock)? == 0 {
        return Err(MoveError::Locked { address: address.to_string() });
    }
    refuse_used(&conn, address)?;
    conn.run(schema::SCHEMA).map_err(|error| MoveError::Unfit {
        address: address.to_string(),
        cause: format!("{error}; the user needs the right to create schemas there (GRANT CREATE ON DATABASE)"),
    })?;
    for (table, _) in &source.0 {
        go_on(watch, Step::Table(Doing::Copy, &table.name))?;
        copy::to_server(file.conn(), &conn, table, watch)?;
        if table.is_counted {
            sequences::to_server(file.conn(), &conn, table)?;
        }
    }
    source.compare(Conn::Postgres(&conn), watch)?;
    record(Conn::Postgres(&conn), source.rows(), note)?;
    conn.run(NEW_EDITION)?;
    let lost = |cause: String| MoveError::Commit { address: address.to_string(), cause };
    match conn.commit(MAX_WAIT) {
        Ok(tag) if tag == "COMMIT" => {}
        Ok(tag) => return Err(lost(format!("the commit became a {tag}"))),
        Err(error) => return Err(lost(error.to_string())),
    }
    file.set_aside(&aside).map_err(|error| MoveError::FileNotAside {
        address: address.to_string(),
        path: home.database(),
        cause: error.to_string(),
    })?;
    Ok(source.counts())
}

fn refuse_used(conn: &Connection, address: &Address) -> Result<(), MoveError> {
    if has_schema(conn, "atelier")? {
        return Err(MoveError::HasData { address: address.to_string() });
    }
    // The extension that finds parts of names is in it.
    if has_schema(conn, ASIDE)? {
        return Err(MoveError::HasOldSchema { address: address.to_string() });
    }
    Ok(())
}

/// The name of a data file whose data has moved.
pub(super) fn aside(home: &DataDir) -> PathBuf {
    beside(&home.database(), ".moved")
}
