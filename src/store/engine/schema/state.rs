//! Compares the schema of a file to this program's, without changing the file.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::error::{Error, Result};
use crate::store::View;
use crate::store::engine::upgrade::kept;

/// The schema version of this program.
pub const VERSION: u32 = 12;

/// Marks a SQLite file as atelier's: "atel" in ASCII. `schema.sql` writes it.
pub(super) const APPLICATION_ID: i32 = 0x6174_656c;

/// The schema of a data file, or of a database of PostgreSQL, compared to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// There are no tables yet.
    Empty,
    /// The data lacks steps that this program has.
    Older(u32),
    Current,
    /// The data has a version that this program does not know.
    Newer(i32),
    /// The file belongs to another program.
    Foreign,
    /// The file is not SQLite's, or its header is damaged.
    NoDatabase,
}

impl SchemaState {
    /// Refuses a data file that this program must not write to.
    pub fn fit(self, data_file: &Path) -> Result<Self, Unfit> {
        match self {
            Self::Empty | Self::Older(_) | Self::Current => Ok(self),
            Self::Newer(version) => Err(Unfit::Newer { version, copy: kept::usable(data_file, VERSION) }),
            Self::Foreign => Err(Unfit::Foreign),
            Self::NoDatabase => Err(Unfit::NoDatabase),
        }
    }
}

/// Why a file is not opened. Every message ends with the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A newer release wrote it.
    #[error(
        "the data file has schema version {version}, but this atelier supports versions up to {VERSION}; install the \
         newer atelier that wrote it, or go back to {}",
        match copy {
            Some(copy) => format!(
                "the data as it was before the upgrade, without all later writes: stop the server, move atelier.db, \
                 atelier.db-wal and atelier.db-shm away, and copy backup/before-schema-{copy} to atelier.db"
            ),
            None => "a backup from before the upgrade".to_owned(),
        }
    )]
    Newer {
        version: i32,
        /// The number of the copy from before the upgrade that this program can open, if there is one.
        copy: Option<u32>,
    },
    #[error("this SQLite file belongs to another program; choose another data directory")]
    Foreign,
    #[error("the data file is not a SQLite database; choose another data directory")]
    NoDatabase,
    /// The write-ahead log beside it belongs to another file.
    #[error(
        "atelier.db-wal belongs to another file than this atelier.db, and its writes would undo or damage it; to use this \
         atelier.db, a copy for example, move atelier.db-wal and atelier.db-shm out of the data directory; to keep the \
         newest writes, put back the atelier.db that they belong to"
    )]
    ForeignLog,
    /// The schema must be created or upgraded. That requires the lock of the directory, which a server holds.
    #[error(
        "the data file must be upgraded to schema version {VERSION} first, but a server is running{}; stop the server, \
         or use the atelier that it was started from",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The process id of the server, if it is known.
        pid: Option<u32>,
    },
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        Self::internal(unfit)
    }
}

/// Compares the schema of the file to this program's.
pub fn state(view: &View) -> Result<SchemaState> {
    of(view.conn.sqlite()?)
}

pub(super) fn of(conn: &Connection) -> Result<SchemaState> {
    // One statement, so that a concurrent change by another process is seen as a whole or not at all.
    let sql = "SELECT v.user_version, a.application_id, EXISTS (SELECT 1 FROM sqlite_schema)
               FROM pragma_user_version v, pragma_application_id a";
    let found = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (version, application, tables): (i32, i32, bool) = match found {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => return Ok(SchemaState::NoDatabase),
        found => found?,
    };
    Ok(match u32::try_from(version) {
        _ if !tables && application == 0 && version == 0 => SchemaState::Empty,
        _ if application != APPLICATION_ID => SchemaState::Foreign,
        Ok(VERSION) => SchemaState::Current,
        Ok(version) if version < VERSION => SchemaState::Older(version),
        _ => SchemaState::Newer(version),
    })
}
