//! The schema and its history: a new file is made from `schema.sql`, an older one takes the steps that it lacks.

use std::sync::LazyLock;

use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use crate::error::{Error, Result};

/// The schema as it is now.
const SCHEMA: &str = include_str!("../../schema.sql");

mod standing;

pub use standing::{Standing, Unfit, standing};

/// Each step from one version to the next, the first from an empty file; a step is never changed once released.
const STEPS: [&str; VERSION as usize] = [include_str!("steps/0001.sql")];

/// The version that this program works with.
pub const VERSION: u32 = 1;

/// Marks a SQLite file as atelier's (`PRAGMA application_id`): "atel" in ASCII.
const APPLICATION_ID: i32 = 0x6174_656c;

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| Migrations::new(STEPS.map(M::up).to_vec()));

/// Makes the tables of a new file, or brings those of an older one up to date.
///
/// Refuses a file of a newer version, and a SQLite file of another program.
pub(super) fn bring_up_to_date(conn: &mut Connection) -> Result<()> {
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return make(conn);
    }
    if application != APPLICATION_ID {
        return Err(Error::internal("this SQLite file belongs to another program; choose another data directory"));
    }
    if version > VERSION {
        return Err(Error::internal(format!(
            "the data file has schema version {version}, this atelier knows versions up to {VERSION}; \
             start the newer atelier that wrote it"
        )));
    }
    MIGRATIONS.to_latest(conn).map_err(Error::internal)
}

fn make(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        tx.execute_batch(SCHEMA)?;
        tx.execute("INSERT INTO meta (id, generation) VALUES (1, 1)", [])?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(tx.commit()?)
}

#[cfg(test)]
mod tests;
