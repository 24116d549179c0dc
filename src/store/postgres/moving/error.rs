//! Why the data was not moved.

use std::path::PathBuf;

use thiserror::Error;

use crate::error;

/// Why a move failed. Every message ends with the next step. Nothing was changed unless it says something else.
#[derive(Debug, Error)]
pub enum MoveError {
    #[error(
        "cannot connect to {address}: {cause}; check the address, the user and the password, and that PostgreSQL accepts \
         connections from here"
    )]
    Connect { address: String, cause: String },
    /// The cause has the next step.
    #[error("{address} is not fit: {cause}")]
    Unfit { address: String, cause: String },
    #[error(
        "{address} has a schema atelier already; if an earlier move has put it there, set database to this address, \
         otherwise create another database for this server"
    )]
    HasData { address: String },
    #[error(
        "{address} has the schema atelier_moved of an earlier move back; when you no longer need it, remove it with \
         `DROP SCHEMA atelier_moved CASCADE` in psql, and try again"
    )]
    HasOldSchema { address: String },
    #[error("{} of an earlier move is there; move it to another directory, and try again", path.display())]
    HasOldFile { path: PathBuf },
    #[error("{address} has no schema atelier, so there is nothing to move; check the name of the database")]
    NoData { address: String },
    #[error(
        "{address} has schema version {found}, but this atelier supports version {supported}; use the atelier of that version"
    )]
    OtherVersion { address: String, found: i64, supported: u32 },
    #[error(
        "{connections} connections of atelier to {address} are open, from {places}; stop every server and command that uses \
         it, and try again"
    )]
    InUse { address: String, connections: i64, places: String },
    #[error("another process creates or moves the data of {address}; wait for it, and try again")]
    Locked { address: String },
    #[error(
        "{column} of the row {row} of the table {table} {rule}, so it cannot be in PostgreSQL; nothing was changed; remove \
         the row with the command or the page of its kind, and try again"
    )]
    Text { table: String, column: String, row: String, rule: &'static str },
    #[error("cannot move the table {table}: {cause}; nothing was changed; correct the cause, and try again")]
    Table { table: String, cause: String },
    #[error(
        "the copy of the table {table} differs from its {rows} rows: it has {copied}, or other values; nothing was changed; \
         run `atelier check`, and report this"
    )]
    Differs { table: String, rows: u64, copied: u64 },
    #[error("the move was stopped; nothing was changed; run it again")]
    Stopped,
    #[error(
        "the connection to {address} was lost at the commit, so it is not known whether the data is there: {cause}; nothing \
         was changed here; try again, which is refused if the data is there"
    )]
    Commit { address: String, cause: String },
    #[error(
        "everything is in {address} now, but {} cannot be renamed: {cause}; move it away, so that no server uses it again",
        path.display()
    )]
    FileNotAside { address: String, path: PathBuf, cause: String },
    #[error(
        "everything is in {} now, but the schema in {address} cannot be renamed: {cause}; rename it with \
         `ALTER SCHEMA atelier RENAME TO atelier_moved` in psql, so that no server uses it again",
        path.display()
    )]
    SchemaNotAside { address: String, path: PathBuf, cause: String },
    #[error("cannot {verb} {}: {cause}; nothing was changed; check that this user can write there, and try again", path.display())]
    File { verb: &'static str, path: PathBuf, cause: String },
    #[error(transparent)]
    Other(#[from] error::Error),
}

impl From<rusqlite::Error> for MoveError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(error.into())
    }
}
