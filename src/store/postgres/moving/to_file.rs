//! From a database of PostgreSQL into a new data file.

use std::thread::sleep;
use std::time::Duration;

use rusqlite::types::Value;

use super::super::address::Address;
use super::super::connection::Connection;
use super::super::schema;
use super::error::MoveError;
use super::source::{ASIDE, Source, connect, has_schema, record};
use super::watch::{Counts, Doing, Record, Step, Watch, go_on};
use super::{copy, sequences};
use crate::store::data_dir::DataDir;
use crate::store::data_dir::files::beside;
use crate::store::engine::Conn;
use crate::store::engine::schema::VERSION;
use crate::store::engine::whole_file::NewFile;

/// The connections of other processes of atelier, and where they are from.
const OTHERS: &str =
    "SELECT count(*), coalesce(string_agg(DISTINCT coalesce(host(client_addr), 'this machine'), ', '), '')
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'atelier %'";

/// How often the connections of others are looked for before they count as open, and the pause between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Keeps all writers out.
const LOCK: &str = "SELECT id FROM meta WHERE id = 1 FOR UPDATE NOWAIT";

/// Moves everything from a database that no server uses into a new data file of a directory whose lock the caller holds,
/// and renames the schema. If it is a rehearsal, it changes nothing.
pub fn to_file(
    home: &DataDir,
    address: &Address,
    is_rehearsal: bool,
    watch: Watch,
    note: Record,
) -> Result<Counts, MoveError> {
    let conn = connect(address)?;
    refuse_unfit(&conn, address)?;
    conn.run("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    conn.run(LOCK).map_err(|_| MoveError::Locked { address: address.to_string() })?;
    let source = Source::read(Conn::Postgres(&conn), watch)?;
    if is_rehearsal {
        return Ok(source.counts());
    }
    let path = beside(&home.database(), ".moving");
    let mut file = NewFile::create(&path).map_err(|error| MoveError::File {
        verb: "create",
        path,
        cause: error.chain().trim_start_matches("internal error: ").to_owned(),
    })?;
    let new = file.conn()?;
    for (table, _) in &source.0 {
        go_on(watch, Step::Table(Doing::Copy, &table.name))?;
        copy::to_file(Conn::Postgres(&conn), new, table, watch)?;
        if table.is_counted {
            sequences::to_file(Conn::Postgres(&conn), new, table)?;
        }
    }
    source.compare(new, watch)?;
    record(new, source.rows(), note)?;
    file.complete()?;
    // It waits for nobody, and is undone if the file does not get its name.
    conn.run(&format!("ALTER SCHEMA atelier RENAME TO {ASIDE}"))?;
    file.place(&home.database()).map_err(|error| MoveError::File {
        verb: "create",
        path: home.database(),
        cause: error.to_string(),
    })?;
    let committed = conn.run("COMMIT").map_err(|error| error.to_string());
    match committed {
        Ok(tag) if tag == "COMMIT" => Ok(source.counts()),
        Ok(cause) | Err(cause) => {
            Err(MoveError::SchemaNotAside { address: address.to_string(), path: home.database(), cause })
        }
    }
}

fn refuse_unfit(conn: &Connection, address: &Address) -> Result<(), MoveError> {
    let place = || address.to_string();
    if !has_schema(conn, "atelier")? {
        return Err(MoveError::NoData { address: place() });
    }
    if has_schema(conn, ASIDE)? {
        return Err(MoveError::HasOldSchema { address: place() });
    }
    let found = schema::number(conn, "SELECT version FROM atelier.meta WHERE id = 1")?;
    if found != i64::from(VERSION) {
        return Err(MoveError::OtherVersion { address: place(), found, supported: VERSION });
    }
    let query = conn.prepare(OTHERS)?;
    for attempt in 1.. {
        let row = conn.first(&query, &[])?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        match row.number(0)? {
            0 => break,
            // Those of a server that has just stopped end a moment later.
            _ if attempt < TRIES => sleep(PAUSE),
            connections => {
                let places = if let Value::Text(places) = row.value(1)? { places.clone() } else { String::new() };
                return Err(MoveError::InUse { address: place(), connections, places });
            }
        }
    }
    Ok(())
}
