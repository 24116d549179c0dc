//! The record of a move of all data to another database.

use serde_json::json;

use crate::app::audit;
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::error::Result;
use crate::store::Tx;

/// What keeps all data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    File,
    PostgreSql,
}

impl Database {
    const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::PostgreSql => "postgresql",
        }
    }
}

/// Records in the new database that so many rows were moved into it.
///
/// Requires the operator.
pub fn move_to(tx: &Tx, actor: &Actor, new: Database, rows: u64) -> Result<()> {
    let old = if new == Database::File { Database::PostgreSql } else { Database::File };
    let change = (json!({ "database": old.as_str() }), json!({ "database": new.as_str(), "rows": rows }));
    audit::record(tx, actor, "databases.move", (ObjectKind::Database, new.as_str()), change)
}
