//! The meaning of the errors of PostgreSQL, as the errors of rusqlite that mean the same to the tables.

use std::io;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::ErrorFields;
use rusqlite::{Error, ffi};

use super::address::Host;

/// An error of PostgreSQL, with its code (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    /// Whether the server ends the connection because of it.
    is_fatal: bool,
}

impl Refusal {
    pub(super) fn read(mut fields: ErrorFields) -> Self {
        let (mut code, mut message, mut is_fatal) = (String::new(), String::new(), false);
        while let Ok(Some(field)) = fields.next() {
            let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => code = value(),
                b'M' => message = value(),
                // The severity, in no language.
                b'V' => is_fatal = matches!(field.value_bytes(), b"FATAL" | b"PANIC"),
                _ => {}
            }
        }
        Self { code, message, is_fatal }
    }

    /// Whether the server ends the connection with this error.
    pub(super) fn ends_connection(&self) -> bool {
        // A server that was a primary when the connection began may be a standby now.
        self.is_fatal || self.code == "25006" || self.code.starts_with("08")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, is_fatal } = refusal;
        let meaning = match code.as_str() {
            "23505" => ffi::SQLITE_CONSTRAINT_UNIQUE,
            "23503" => ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
            "23502" => ffi::SQLITE_CONSTRAINT_NOTNULL,
            "23514" => ffi::SQLITE_CONSTRAINT_CHECK,
            // A clash, a lock that was not free in time, a statement that took too long, a server that is a standby now.
            "40001" | "40P01" | "55P03" | "57014" | "25006" => ffi::SQLITE_BUSY,
            "53100" => ffi::SQLITE_FULL,
            "58030" | "XX001" | "XX002" => ffi::SQLITE_IOERR,
            "53200" => ffi::SQLITE_NOMEM,
            // A server that stops or starts, has no more connections, or refuses the user.
            code if is_fatal || code.starts_with("08") => ffi::SQLITE_BUSY,
            _ => ffi::SQLITE_ERROR,
        };
        failure(meaning, format!("PostgreSQL: {message} ({code})"))
    }
}

/// The error that a lost connection means: the caller tries again.
pub(super) fn lost(error: &io::Error) -> Error {
    failure(ffi::SQLITE_BUSY, format!("the connection to PostgreSQL is lost: {error}"))
}

/// The error that a host without a connection means: the caller tries again.
pub(super) fn unreachable(host: &Host, error: &io::Error) -> Error {
    failure(ffi::SQLITE_BUSY, format!("cannot connect to {host}: {error}"))
}

/// The error of a commit whose wait for a standby was cancelled: a failover would lose it.
pub(super) fn only_local() -> Error {
    failure(ffi::SQLITE_BUSY, "the commit is not on the standby, because the wait for it was cancelled".to_owned())
}

/// An answer that PostgreSQL does not give.
pub(super) fn unexpected(what: &str) -> Error {
    failure(ffi::SQLITE_ERROR, format!("PostgreSQL answered in an unexpected way: {what}"))
}

pub(super) fn failure(code: i32, message: String) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_meaning() {
        for (code, meaning) in [
            ("23505", ffi::SQLITE_CONSTRAINT_UNIQUE),
            ("23503", ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
            ("40P01", ffi::SQLITE_BUSY),
            ("08006", ffi::SQLITE_BUSY),
            ("53100", ffi::SQLITE_FULL),
            ("42P01", ffi::SQLITE_ERROR),
        ] {
            let refusal = |is_fatal| Refusal { code: code.to_owned(), message: "no".to_owned(), is_fatal };
            let error = Error::from(refusal(false));
            assert_eq!(error.sqlite_error().map(|error| error.extended_code), Some(meaning), "{code}");
            assert!(refusal(true).ends_connection(), "{code}");
        }
        let dropped = Refusal { code: "57P04".to_owned(), message: "no".to_owned(), is_fatal: true };
        let error = Error::from(dropped);
        assert_eq!(error.sqlite_error().map(|error| error.extended_code), Some(ffi::SQLITE_BUSY));
    }
}
