//! The end of the chain of audit rows, as stored in `audit_chain`.

use rusqlite::named_params;

use crate::error::{Error, Result};
use crate::store::{Conn, Row};
use crate::tokens::chain::Hash;

/// The id and the hash of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub id: i64,
    pub hash: Hash,
}

/// The end of the chain during a write.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct End {
    pub(super) last: Link,
    /// The id of the next row, greater than that of any row.
    pub(super) next: i64,
}

impl End {
    pub(super) fn read(conn: Conn) -> Result<Self> {
        let mut query = conn
            .prepare_cached("SELECT last_id, last_hash, (SELECT max(id) FROM audit) FROM audit_chain WHERE id = 1")?;
        let (last, newest): (Link, Option<i64>) = query.query_row(&[], |row| Ok((link(row, 0)?, row.get(2)?)))?;
        let next = newest.unwrap_or_default().max(last.id).checked_add(1);
        Ok(Self {
            last,
            next: next.ok_or_else(|| Error::internal("the audit log has no number left for another row"))?,
        })
    }

    pub(in crate::store) fn update(&self, conn: Conn) -> rusqlite::Result<()> {
        let mut query = conn.prepare_cached("UPDATE audit_chain SET last_id = :id, last_hash = :hash WHERE id = 1")?;
        query.execute(named_params! { ":id": self.last.id, ":hash": self.last.hash }).map(drop)
    }
}

/// The id and the hash in this column and the next.
pub(super) fn link(row: &Row, at: usize) -> rusqlite::Result<Link> {
    Ok(Link { id: row.get(at)?, hash: row.get(at + 1)? })
}
