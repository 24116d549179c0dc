//! The tables that both databases have, in the order of the schema: a row refers to rows of earlier tables only.

use rusqlite::named_params;

use crate::error::Result;
use crate::store::engine::{Conn, schema};

/// The tables of SQLite alone. Names that were changed are found in an index of PostgreSQL.
const ONLY_FILE: [&str; 1] = ["name_changes"];

/// Columns that belong to one of the databases, not to the data.
const OWN_COLUMNS: [(&str, &str); 1] = [("meta", "stamp")];

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
    Blob,
}

pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

pub(super) struct Table {
    pub(super) name: String,
    /// Those that are stored: not those that the database generates.
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key.
    key: Vec<String>,
    /// Whether its ids are counted, so that none is used again.
    pub(super) is_counted: bool,
}

/// The table with the row that the schema inserts, and whose columns differ.
pub(super) const META: &str = "meta";

/// The tables of the schema of this program.
pub(super) fn all() -> Result<Vec<Table>> {
    let memory = schema::in_memory()?;
    let conn = Conn::Sqlite(&memory);
    let mut query = conn.prepare_cached(
        "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    )?;
    let found = query.query_map(&[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut tables = Vec::new();
    for found in found {
        let (name, is_counted): (String, bool) = found?;
        if !ONLY_FILE.contains(&name.as_str()) {
            tables.push(table(conn, name, is_counted)?);
        }
    }
    Ok(tables)
}

fn table(conn: Conn, name: String, is_counted: bool) -> Result<Table> {
    // Without generated columns.
    let mut query = conn.prepare_cached("SELECT name, type, pk FROM pragma_table_info(:table)")?;
    let found = query.query_map(named_params! { ":table": name }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for found in found {
        let (column, kind, place): (String, String, i64) = found?;
        if OWN_COLUMNS.contains(&(name.as_str(), column.as_str())) {
            continue;
        }
        if place > 0 {
            key.push((place, column.clone()));
        }
        let kind = match kind.as_str() {
            "INTEGER" => Kind::Integer,
            "REAL" => Kind::Real,
            "BLOB" => Kind::Blob,
            _ => Kind::Text,
        };
        columns.push(Column { name: column, kind });
    }
    key.sort();
    let key = key.into_iter().map(|(_, column)| column).collect();
    Ok(Table { name, columns, key, is_counted })
}

fn quoted<'n>(names: impl Iterator<Item = &'n String>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

impl Table {
    pub(super) fn column_names(&self) -> String {
        quoted(self.columns.iter().map(|column| &column.name))
    }

    /// All rows, in the order of the primary key, which is the same in both databases.
    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM \"{}\" ORDER BY {}", self.column_names(), self.name, quoted(self.key.iter()))
    }

    pub(super) fn is_key(&self, column: &str) -> bool {
        self.key.iter().any(|key| key == column)
    }
}
