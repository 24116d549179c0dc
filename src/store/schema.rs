//! The schema and its history: a new file is made from `schema.sql`, an older one takes the steps that it lacks.

use std::sync::LazyLock;

use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::View;
use crate::error::{Error, Result};

/// The schema as it is now.
const SCHEMA: &str = include_str!("../../schema.sql");

/// Each step from one version to the next, the first from an empty file; a step is never changed once released.
const STEPS: [&str; VERSION as usize] = [include_str!("steps/0001.sql")];

/// The version that this program works with.
pub const VERSION: u32 = 1;

/// Marks a SQLite file as atelier's (`PRAGMA application_id`): "atel" in ASCII.
const APPLICATION_ID: i32 = 0x6174_656c;

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| Migrations::new(STEPS.map(M::up).to_vec()));

/// How the schema of a file stands to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There are no tables yet.
    Empty,
    /// It lacks steps that this program knows.
    Older(u32),
    /// It is this program's.
    Current,
    /// It has steps that this program does not know.
    Newer(u32),
    /// The file is another program's.
    Foreign,
}

/// Why a file is not opened. Every message ends with the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A newer release wrote it.
    #[error(
        "the data file has schema version {version}, this atelier knows versions up to {VERSION}; \
         start the newer atelier that wrote it"
    )]
    Newer {
        /// The file's version.
        version: u32,
    },
    /// Another program wrote it.
    #[error("this SQLite file belongs to another program; choose another data directory")]
    Foreign,
    /// It has to be made or upgraded, which only one who has the lock of the directory may do.
    #[error(
        "the data file must be brought to schema version {VERSION} first, which must not happen under a running \
         server{}; stop the server, or use the atelier that it was started from",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The server's process, where it is known.
        pid: Option<u32>,
    },
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        Self::internal(unfit)
    }
}

/// How the schema of the file stands to this program's.
pub fn standing(view: &View) -> Result<Standing> {
    Ok(judge(view.conn)?)
}

fn judge(conn: &Connection) -> rusqlite::Result<Standing> {
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match version {
        _ if tables == 0 => Standing::Empty,
        _ if application != APPLICATION_ID => Standing::Foreign,
        VERSION => Standing::Current,
        0..VERSION => Standing::Older(version),
        _ => Standing::Newer(version),
    })
}

/// Refuses a file of a newer version, and a SQLite file of another program, before anything in it is touched.
pub(super) fn refuse_unfit(conn: &Connection) -> Result<Standing> {
    match judge(conn)? {
        Standing::Foreign => Err(Unfit::Foreign.into()),
        Standing::Newer(version) => Err(Unfit::Newer { version }.into()),
        fit @ (Standing::Empty | Standing::Older(_) | Standing::Current) => Ok(fit),
    }
}

/// Makes the tables of a new file, or brings those of an older one up to date.
///
/// Refuses a file of a newer version, and a SQLite file of another program.
pub(super) fn bring_up_to_date(conn: &mut Connection) -> Result<()> {
    match refuse_unfit(conn)? {
        Standing::Empty => make(conn),
        _ => MIGRATIONS.to_latest(conn).map_err(Error::internal),
    }
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
