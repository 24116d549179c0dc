//! The meaning of the errors of SQLite and of the connection pool.

use std::time::Duration;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use super::disk;
use crate::domain::noun::Noun;
use crate::error::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        if is_lock(&error) || is_interrupted(&error) {
            return Self::Busy { retry_after: Duration::from_secs(1) };
        }
        // A database may refuse a value itself.
        let error = match error {
            rusqlite::Error::ToSqlConversionFailure(cause) => match cause.downcast() {
                Ok(refusal) => return *refusal,
                Err(cause) => rusqlite::Error::ToSqlConversionFailure(cause),
            },
            error => error,
        };
        match disk::fault_of(&error) {
            Some(fault) => Self::disk(fault, error),
            None => Self::internal(error),
        }
    }
}

/// Whether another connection held its lock for too long.
pub(in crate::store) fn is_lock(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether a read was ended because it took too long.
fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

impl From<r2d2::Error> for Error {
    fn from(_: r2d2::Error) -> Self {
        Self::Busy { retry_after: Duration::from_secs(1) }
    }
}

/// Turns a unique violation into a conflict of this noun. Leaves every other error as it is.
pub(in crate::store) fn conflict(what: Noun, key: &str) -> impl FnOnce(rusqlite::Error) -> Error {
    let key = key.to_owned();
    move |error| if is_conflict(&error) { Error::Conflict { what, key } } else { error.into() }
}

/// Whether a unique constraint was violated.
pub(in crate::store) fn is_conflict(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|e| e.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY))
}
