//! Reads columns into domain types.

use std::fmt::Write as _;
use std::str::FromStr;

use rusqlite::types::{Type, ValueRef};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Column, Row};
use crate::domain::timestamp::Timestamp;

/// A column whose text the domain type's own parser reads. A text that the parser rejects means that the file is
/// damaged.
pub(in crate::store) fn text<T>(
    row: &Row,
    column: impl Column,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let index = column.index(row)?;
    let text = row.get_ref(index)?.as_str()?;
    parse(text).ok_or_else(|| {
        let column = row.column_name(index).unwrap_or_default();
        let what = format!("column {column} contains an invalid value");
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into())
    })
}

pub(in crate::store) fn parsed<T: FromStr>(row: &Row, column: impl Column) -> rusqlite::Result<T> {
    text(row, column, |text| text.parse().ok())
}

pub(in crate::store) fn parsed_if_any<T: FromStr>(row: &Row, column: impl Column) -> rusqlite::Result<Option<T>> {
    let index = column.index(row)?;
    if row.get_ref(index)? == ValueRef::Null { Ok(None) } else { parsed(row, index).map(Some) }
}

/// A number that is never negative.
pub(in crate::store) fn unsigned(row: &Row, column: impl Column) -> rusqlite::Result<u64> {
    let index = column.index(row)?;
    let number = row.get::<_, i64>(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}

/// A column with JSON text.
pub(in crate::store) fn deserialized_if_any<T: DeserializeOwned>(
    row: &Row,
    column: impl Column,
) -> rusqlite::Result<Option<T>> {
    let index = column.index(row)?;
    if row.get_ref(index)? == ValueRef::Null {
        return Ok(None);
    }
    text(row, index, |text| serde_json::from_str(text).ok()).map(Some)
}

pub(in crate::store) fn uuid(row: &Row, column: impl Column) -> rusqlite::Result<Uuid> {
    parsed(row, column)
}

pub(in crate::store) fn moment(row: &Row, column: impl Column) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

pub(in crate::store) fn moment_if_any(row: &Row, column: impl Column) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

/// Numbers as the JSON text that `json_each` reads.
pub(in crate::store) fn numbers(ids: impl Iterator<Item = i64>) -> String {
    let mut text = String::from("[");
    for id in ids {
        if text.len() > 1 {
            text.push(',');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{id}");
    }
    text + "]"
}

/// UUIDs as the JSON text that `json_each` reads.
pub(in crate::store) fn uuids(uuids: &[Uuid]) -> String {
    uuids.iter().map(Uuid::to_string).collect::<serde_json::Value>().to_string()
}
