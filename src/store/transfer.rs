//! All rows of an account, for an export and an import. The tables and their columns are in `domain::transfer`.

mod columns;
mod find;
mod insert;
mod select;
pub mod staging;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::{Conn, Tx, View, signing_keys};
use crate::domain::email::Email;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::pipeline::NamedModel;
use crate::domain::text::fold;
use crate::domain::transfer::{Cell, Kind, Row};
use crate::error::Result;

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Real(number) => ToSqlOutput::Owned(Value::Real(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn cell(value: ValueRef) -> rusqlite::Result<Cell> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(_) => Cell::Text(value.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_owned()),
    })
}

fn read(kind: Kind, row: &super::Row) -> rusqlite::Result<Row> {
    let id = cell(row.get_ref(0)?)?;
    let cells = (1..=kind.fields().len()).map(|at| cell(row.get_ref(at)?)).collect::<rusqlite::Result<_>>()?;
    Ok(Row { kind, id, cells })
}

/// Calls `each` with every row of a kind, in a stable order.
pub fn for_each(view: &View, kind: Kind, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
    let mut query = view.conn.prepare_cached(&select::all(kind))?;
    let mut rows = query.query(&[])?;
    while let Some(row) = rows.next()? {
        each(read(kind, &row)?)?;
    }
    Ok(())
}

/// The row with the same natural key. The references of the given one must be ids of this file.
pub fn find(view: &View, row: &Row) -> Result<Option<Row>> {
    let (sql, also) = find::by_key(row);
    match (query(view.conn, row, &sql)?, also) {
        (None, Some(also)) => query(view.conn, row, &also),
        (found, _) => Ok(found),
    }
}

fn query(conn: Conn, row: &Row, sql: &str) -> Result<Option<Row>> {
    let derived = derived(row);
    let params = params(row, &derived, sql);
    let params: Vec<(&str, &dyn ToSql)> = params.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query(&params)?;
    Ok(rows.next()?.map(|found| read(row.kind, &found)).transpose()?)
}

/// Inserts a row, and returns its id. None if another row has a unique value of it.
///
/// Refuses if the master key was replaced after a secret was sealed.
pub fn insert(tx: &Tx, row: &Row) -> Result<Option<Cell>> {
    let sealed = match row.kind {
        Kind::Connection => row.get("details"),
        Kind::SecondFactor => row.get("secret"),
        _ => &Cell::Null,
    };
    if let Cell::Blob(sealed) = sealed {
        signing_keys::require_master_key(tx, sealed)?;
    }
    let sql = insert::new(row.kind);
    let derived = derived(row);
    let params = params(row, &derived, sql);
    let params: Vec<(&str, &dyn ToSql)> = params.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let mut query = tx.conn.prepare_cached(sql)?;
    let mut rows = query.query(&params)?;
    let Some(found) = rows.next()? else { return Ok(None) };
    let id = cell(found.get_ref(0)?)?;
    // A statement takes effect when it has run to its end.
    rows.next()?;
    Ok(Some(if row.kind == Kind::Client { row.get("client_id").clone() } else { id }))
}

/// Notes the models that a pipeline version names.
pub fn insert_named_models(tx: &Tx, version: i64, models: &[NamedModel]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO pipeline_version_models (pipeline_version_id, model_name, model_uuid)
         VALUES (:version, :name, :uuid) ON CONFLICT DO NOTHING",
    )?;
    for model in models {
        let uuid = model.uuid.to_string();
        query.execute(rusqlite::named_params! { ":version": version, ":name": model.name, ":uuid": uuid })?;
    }
    Ok(())
}

/// The columns that are computed from fields.
fn derived(row: &Row) -> Vec<(&'static str, Cell)> {
    match row.kind {
        Kind::Organization | Kind::Workspace | Kind::Project | Kind::Tag => {
            vec![("name_key", Cell::Text(fold(row.text("name"))))]
        }
        Kind::User => vec![("email_key", Cell::Text(Email::stored(row.text("email")).key().into_owned()))],
        Kind::Role => {
            let bytes = match row.get("permissions") {
                Cell::Blob(bytes) => bytes.as_slice().try_into().ok(),
                _ => None,
            };
            let permissions = bytes.map(PermissionSet::from_bytes).unwrap_or_default();
            vec![("shows", Cell::Int(i64::from(permissions.contains(Permission::SPACE_READ))))]
        }
        _ => Vec::new(),
    }
}

/// The parameters that a statement has.
fn params<'r>(row: &'r Row, derived: &'r [(&'static str, Cell)], sql: &str) -> Vec<(String, &'r dyn ToSql)> {
    let fields = row.fields().map(|(field, cell)| (field.name, cell));
    let all = fields.chain(derived.iter().map(|(name, cell)| (*name, cell)));
    let named = all.map(|(name, cell)| (format!(":{name}"), cell as &dyn ToSql));
    named.filter(|(name, _)| has_parameter(sql, name)).collect()
}

fn has_parameter(sql: &str, name: &str) -> bool {
    sql.match_indices(name).any(|(at, _)| {
        let next = sql[at + name.len()..].chars().next();
        !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}
