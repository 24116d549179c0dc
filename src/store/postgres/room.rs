//! How many connections PostgreSQL permits, and how large the database is.

use super::connection::Connection;
use crate::error::Result;

/// Connections that are kept for administrators are reserved; so are, since version 16, those of a role.
const SQL: &str = "SELECT
    (SELECT CAST(sum(CAST(setting AS BIGINT)) AS BIGINT) FROM pg_settings WHERE name = 'max_connections'),
    (SELECT CAST(sum(CAST(setting AS BIGINT)) AS BIGINT) FROM pg_settings
     WHERE name IN ('superuser_reserved_connections', 'reserved_connections')),
    (SELECT CAST(coalesce(sum(numbackends), 0) AS BIGINT) FROM pg_stat_database)";

/// In bytes.
const SIZE: &str = "SELECT pg_database_size(current_database())";

pub(super) fn database_size(conn: &Connection) -> Result<u64> {
    let row = conn.first(&conn.prepare(SIZE)?, &[])?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let size: i64 = row.number(0)?;
    Ok(size.unsigned_abs())
}

/// The connections of a server of PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRoom {
    /// `max_connections`.
    pub most: i64,
    pub reserved: i64,
    /// Without those of the process that asks.
    pub used: i64,
}

/// The connections that a process needs beside those that read: the writer, the look at the version, and what servers
/// share.
const OTHERS: usize = 3;

/// The connections of a process that asks: its writer, and the one on which it asks.
const OWN: i64 = 2;

impl ConnectionRoom {
    pub(super) fn read(conn: &Connection) -> Result<Self> {
        let row = conn.first(&conn.prepare(SQL)?, &[])?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(Self { most: row.number(0)?, reserved: row.number(1)?, used: row.number(2)? - OWN })
    }

    /// How many connections a process with so many readers needs.
    pub const fn needed(readers: usize) -> usize {
        readers.saturating_add(OTHERS)
    }

    pub const fn free(self) -> i64 {
        self.most - self.reserved - self.used
    }
}
