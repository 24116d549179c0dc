//! The start: looks whether the server is fit, and creates the tables of an empty database.

use super::connection::Connection;
use super::nodes::{self, LOCK};
use crate::error::{Error, Result};
use crate::store::engine::schema::{SchemaState, VERSION};

pub(super) const SCHEMA: &str = include_str!("../../../schema.postgres.sql");

/// The steps to each version since the first that ran on PostgreSQL, which `schema.postgres.sql` had. A released step is
/// never changed.
pub(super) const STEPS: [&str; VERSION as usize - FIRST as usize] =
    [include_str!("steps/0011.sql"), include_str!("steps/0012.sql")];

/// The first version that ran on PostgreSQL.
const FIRST: u32 = 10;

/// The oldest version of PostgreSQL, as its `server_version_num`.
const OLDEST: i64 = 150_000;

/// Creates the tables of an empty database, and upgrades those of an older version.
///
/// Refuses a server that is not fit, a database with a newer schema, and an upgrade while other nodes run. Processes that
/// try at once end up with one schema.
pub(super) fn bring_up_to_date(conn: &Connection) -> Result<()> {
    refuse_unfit(conn)?;
    conn.run(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    let done = create_or_refuse(conn);
    conn.run(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
    done
}

/// The schema of the database, compared to this program's.
pub(super) fn state(conn: &Connection) -> Result<SchemaState> {
    if number(conn, "SELECT CAST(to_regclass('atelier.meta') IS NOT NULL AS INTEGER)")? == 0 {
        return Ok(SchemaState::Empty);
    }
    let version = number(conn, "SELECT version FROM atelier.meta WHERE id = 1")?;
    Ok(match u32::try_from(version) {
        Ok(VERSION) => SchemaState::Current,
        Ok(older) if (FIRST..VERSION).contains(&older) => SchemaState::Older(older),
        Ok(newer) if newer > VERSION => SchemaState::Newer(i32::try_from(version).unwrap_or(i32::MAX)),
        _ => SchemaState::Foreign,
    })
}

fn create_or_refuse(conn: &Connection) -> Result<()> {
    match state(conn)? {
        SchemaState::Empty => create(conn),
        SchemaState::Older(version) if !nodes::list(conn, None)?.is_empty() => Err(Error::internal(format!(
            "the database has schema version {version}, and servers of that version run on it; stop all of them, start \
                 one server of this version, which upgrades the database to version {VERSION}, and then the others"
        ))),
        SchemaState::Older(version) => upgrade(conn, version),
        SchemaState::Newer(version) => Err(Error::internal(format!(
            "the database has schema version {version}, but this atelier supports version {VERSION}; install the atelier \
             of that version"
        ))),
        SchemaState::Foreign | SchemaState::NoDatabase => Err(Error::internal(
            "the tables in the schema `atelier` of the database belong to another program; choose another database",
        )),
        SchemaState::Current => Ok(()),
    }
}

fn create(conn: &Connection) -> Result<()> {
    conn.run("BEGIN")?;
    let created = conn.run(SCHEMA).and_then(|_| conn.run("COMMIT"));
    if let Err(error) = created {
        conn.roll_back();
        return Err(Error::internal(format!(
            "cannot create the tables: {error}; the user of the database needs the right to create there: `GRANT CREATE ON \
             DATABASE name TO user`; if it may not create extensions, let an administrator of the database run `CREATE \
             EXTENSION pg_trgm` there first, in a schema that the user may use"
        )));
    }
    log::info!("created the tables in the database");
    Ok(())
}

/// Takes the steps from an older version, all or none.
fn upgrade(conn: &Connection, version: u32) -> Result<()> {
    let steps = (FIRST..).zip(STEPS).filter(|(from, _)| *from >= version).map(|(_, sql)| sql);
    let script: String = steps.collect();
    conn.run("BEGIN")?;
    let script = format!("{script}\nUPDATE atelier.meta SET version = {VERSION} WHERE id = 1");
    let done = conn.run(&script).and_then(|_| conn.run("COMMIT"));
    if let Err(error) = done {
        conn.run("ROLLBACK")?;
        return Err(Error::internal(format!(
            "cannot upgrade the database from schema version {version} to {VERSION}: {error}; it is unchanged"
        )));
    }
    log::info!("upgraded the database from schema version {version} to {VERSION}");
    Ok(())
}

pub(super) fn refuse_unfit(conn: &Connection) -> Result<()> {
    let version = number(conn, "SELECT CAST(current_setting('server_version_num') AS BIGINT)")?;
    if version < OLDEST {
        let found = version / 10_000;
        return Err(Error::internal(format!("PostgreSQL {found} is too old; at least 15 is required")));
    }
    for (sql, fault) in [
        (
            "SELECT count(*) FROM pg_database WHERE datname = current_database() AND datcollate IN ('C', 'POSIX')
             AND pg_encoding_to_char(encoding) = 'UTF8'",
            "the database does not order texts by their bytes; create it with \
             `CREATE DATABASE name TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`",
        ),
        (
            "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_commit' AND reset_val <> 'off'",
            "synchronous_commit is off, so acknowledged writes could be lost; set it to on",
        ),
        (
            "SELECT count(*) FROM pg_settings WHERE name = 'full_page_writes' AND setting = 'on'",
            "full_page_writes is off, so a crash could damage the data; set it to on",
        ),
        (
            "SELECT count(*) FROM pg_settings WHERE name = 'fsync'
             AND (setting = 'on' OR current_setting('atelier.may_lose_data', true) = 'on')",
            "fsync is off, so a crash of the machine would lose acknowledged writes; set it to on \
             (or atelier.may_lose_data = on for tests)",
        ),
        (
            "SELECT CAST(NOT pg_is_in_recovery() AS INTEGER)",
            "the server is a standby, which cannot be written to; give the address of the primary",
        ),
    ] {
        if number(conn, sql)? != 1 {
            return Err(Error::internal(fault));
        }
    }
    Ok(())
}

/// Whether PostgreSQL waits until data is on the disk.
pub(super) fn has_fsync(conn: &Connection) -> Result<bool> {
    Ok(number(conn, "SELECT count(*) FROM pg_settings WHERE name = 'fsync' AND setting = 'on'")? == 1)
}

pub(super) fn number(conn: &Connection, sql: &str) -> Result<i64> {
    let statement = conn.prepare(sql)?;
    let row = conn.first(&statement, &[])?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(row.number(0)?)
}
