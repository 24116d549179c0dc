//! A prepared statement, and the rows that it gives.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::Oid;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend::{self, BindError};
use rusqlite::types::Value;
use rusqlite::{Error, Result, ToSql};

use super::errors::{self, unexpected};
use super::values;
use crate::domain::field::Field;
use crate::error;

/// Named parameters, as `rusqlite::named_params!` returns them.
pub(super) type Params<'p> = &'p [(&'p str, &'p dyn ToSql)];

/// A prepared statement.
pub(in crate::store) struct Prepared {
    pub(super) name: String,
    /// The names of the parameters, in the order of their numbers.
    pub(super) parameters: Vec<String>,
    pub(super) types: Vec<Oid>,
    pub(super) columns: Vec<(String, Oid)>,
    pub(super) is_select: bool,
}

impl Prepared {
    pub(super) fn bind(&self, params: Params, portal: &str, output: &mut BytesMut) -> Result<()> {
        for (name, _) in params {
            if !self.parameters.iter().any(|known| same_name(known, name)) {
                return Err(Error::InvalidParameterName((*name).to_owned()));
            }
        }
        let value = |name: &String| params.iter().find(|(known, _)| same_name(known, name)).map(|(_, value)| *value);
        let begin = output.len();
        let bound = frontend::bind(
            portal,
            &self.name,
            self.types.iter().map(|oid| values::format(*oid)),
            self.parameters.iter().zip(&self.types),
            |(name, oid), buffer| {
                let start = buffer.len();
                let encoded = values::encode(value(name), *oid, buffer)?;
                if values::is_text(*oid) {
                    self.mind_nul(name, buffer.get_mut(start..).unwrap_or_default())?;
                }
                Ok(encoded)
            },
            self.columns.iter().map(|(_, oid)| values::format(*oid)),
            output,
        );
        bound.map_err(|error| {
            output.truncate(begin);
            match error {
                BindError::Conversion(error) => Error::ToSqlConversionFailure(error),
                BindError::Serialization(error) => Error::ToSqlConversionFailure(error.into()),
            }
        })
    }

    /// PostgreSQL has no texts with the character NUL. A write is refused. A read finds nothing, as on SQLite: the
    /// control character that takes its place is in no name either.
    fn mind_nul(&self, parameter: &str, text: &mut [u8]) -> error::Result<()> {
        if !text.contains(&0) {
            return Ok(());
        }
        if !self.is_select {
            let field = parameter.trim_start_matches(':').to_owned();
            return Err(error::Error::invalid(Field::Named(field.into()), "must not contain the character NUL"));
        }
        text.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 1);
        Ok(())
    }

    pub(super) fn row(&self, body: &DataRowBody) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(self.columns.len());
        let mut ranges = body.ranges();
        for (_, oid) in &self.columns {
            let range = ranges.next().map_err(|error| errors::lost(&error))?.flatten();
            values.push(values::decode(range.and_then(|range| body.buffer().get(range)), *oid)?);
        }
        Ok(values)
    }

    pub(super) fn take(
        &self,
        message: &Message,
        rows: &mut VecDeque<Vec<Value>>,
        is_complete: &mut bool,
    ) -> Result<()> {
        match message {
            Message::DataRow(body) => rows.push_back(self.row(body)?),
            Message::PortalSuspended => *is_complete = false,
            _ => {}
        }
        Ok(())
    }
}

/// Whether two names of a parameter are the same, with or without their colon.
fn same_name(one: &str, other: &str) -> bool {
    one.trim_start_matches(':') == other.trim_start_matches(':')
}

/// A row, already converted.
pub(in crate::store) struct Row {
    pub(super) statement: Arc<Prepared>,
    pub(super) values: Vec<Value>,
}

impl Row {
    pub(in crate::store) fn value(&self, index: usize) -> Result<&Value> {
        self.values.get(index).ok_or(Error::InvalidColumnIndex(index))
    }

    pub(super) fn number(&self, index: usize) -> Result<i64> {
        match self.value(index)? {
            Value::Integer(number) => Ok(*number),
            _ => Err(unexpected("a column is not a whole number")),
        }
    }

    pub(in crate::store) fn column_index(&self, name: &str) -> Result<usize> {
        let found = self.statement.columns.iter().position(|(column, _)| column.eq_ignore_ascii_case(name));
        found.ok_or_else(|| Error::InvalidColumnName(name.to_owned()))
    }

    pub(in crate::store) fn column_name(&self, index: usize) -> Result<&str> {
        self.statement.columns.get(index).map(|(name, _)| name.as_str()).ok_or(Error::InvalidColumnIndex(index))
    }
}
