//! The schema and its history: a new file is made from `schema.sql`, an older one takes the steps that it lacks.

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::error::{Error, Result};

/// The schema as it is now.
const SCHEMA: &str = include_str!("../../schema.sql");

mod standing;

pub use standing::{Standing, Unfit, standing};

/// Each step from one version to the next, the first from an empty file; a step is never changed once released.
const STEPS: [&str; VERSION as usize] = [include_str!("steps/0001.sql")];

/// The version that this program works with.
pub const VERSION: u32 = 1;

/// Marks a SQLite file as atelier's: "atel" in ASCII. `schema.sql` writes it.
const APPLICATION_ID: i32 = 0x6174_656c;

/// What a file says that it is.
enum Kind {
    /// Nobody has written into it.
    Blank,
    /// It is atelier's, of this version.
    Ours(u32),
}

/// Refuses a file that is not atelier's, and one of a newer version, before anything is written into it.
pub(super) fn refuse_others(conn: &Connection) -> Result<()> {
    kind(conn).map(drop)
}

/// Makes the tables of a new file, or brings those of an older one up to date.
///
/// Refuses what [`refuse_others`] refuses. Two processes that try at once find one schema.
pub(super) fn bring_up_to_date(conn: &mut Connection) -> Result<()> {
    if matches!(kind(conn)?, Kind::Ours(VERSION)) {
        return Ok(());
    }
    // A step that makes a table anew drops the old one, and that must not delete the rows that refer to it. The
    // setting holds still inside a transaction (<https://sqlite.org/lang_altertable.html#otheralter>).
    conn.pragma_update(None, "foreign_keys", false)?;
    let done = climb(conn);
    conn.pragma_update(None, "foreign_keys", true)?;
    done
}

fn climb(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Looked at under the lock: somebody else may have been here a moment ago.
    match kind(&tx)? {
        Kind::Blank => tx.execute_batch(SCHEMA)?,
        Kind::Ours(version) => {
            for step in STEPS.iter().skip(version as usize) {
                tx.execute_batch(step)?;
            }
        }
    }
    if tx.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(Error::internal("the data file has rows that refer to nothing; `atelier check` names them"));
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    Ok(tx.commit()?)
}

fn kind(conn: &Connection) -> Result<Kind> {
    // One statement, so that what another process does meanwhile is seen as a whole or not at all.
    let sql = "SELECT v.user_version, a.application_id, EXISTS (SELECT 1 FROM sqlite_schema)
               FROM pragma_user_version v, pragma_application_id a";
    let found = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (version, application, tables): (i32, i32, bool) = found.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::internal("the data file is no SQLite database; choose another data directory")
        }
        _ => error.into(),
    })?;
    if !tables && application == 0 && version == 0 {
        return Ok(Kind::Blank);
    }
    if application != APPLICATION_ID {
        return Err(Error::internal("this SQLite file belongs to another program; choose another data directory"));
    }
    match u32::try_from(version) {
        Ok(version) if version <= VERSION => Ok(Kind::Ours(version)),
        _ => Err(Error::internal(format!(
            "the data file has schema version {version}, this atelier knows versions up to {VERSION}; \
             start the newer atelier that wrote it"
        ))),
    }
}

#[cfg(test)]
mod tests;
