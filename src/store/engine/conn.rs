//! The connection that the table modules run their statements on. It hides which database is behind it: SQLite or
//! PostgreSQL.
//!
//! The methods have the names and types of rusqlite's. Plain values (`ToSql`, `FromSql`, `Value`, errors) are
//! rusqlite's, whichever database they are from.

use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlError, ValueRef};
use rusqlite::{CachedStatement, Connection, Error, Result, ToSql};

use crate::error;
use crate::store::postgres::connection as postgres;

/// Named parameters, as `rusqlite::named_params!` returns them.
pub(in crate::store) type Params<'p> = &'p [(&'p str, &'p dyn ToSql)];

/// A connection to the database, or a transaction on it.
#[derive(Clone, Copy)]
pub(in crate::store) enum Conn<'a> {
    Sqlite(&'a Connection),
    Postgres(&'a postgres::Connection),
}

impl<'a> Conn<'a> {
    /// The SQLite connection, for features that only SQLite has: pragmas, savepoints, integrity checks.
    #[inline]
    pub(in crate::store) fn sqlite(self) -> error::Result<&'a Connection> {
        match self {
            Self::Sqlite(conn) => Ok(conn),
            Self::Postgres(_) => Err(error::Error::internal("this is for the data file only, not for PostgreSQL")),
        }
    }

    /// Prepares a statement, or takes it from the connection's statement cache.
    #[inline]
    pub(in crate::store) fn prepare_cached(self, sql: &str) -> Result<Statement<'a>> {
        match self {
            Self::Sqlite(conn) => conn.prepare_cached(sql).map(Statement::Sqlite),
            Self::Postgres(conn) => conn.prepare(sql).map(|prepared| Statement::Postgres(conn, prepared)),
        }
    }
}

/// A prepared statement. It goes back into the cache when it is dropped.
pub(in crate::store) enum Statement<'a> {
    Sqlite(CachedStatement<'a>),
    Postgres(&'a postgres::Connection, Arc<postgres::Prepared>),
}

impl Statement<'_> {
    /// Runs a statement that returns no rows. Returns the number of changed rows.
    #[inline]
    pub(in crate::store) fn execute(&mut self, params: Params) -> Result<usize> {
        match self {
            Self::Sqlite(statement) => statement.execute(params),
            Self::Postgres(conn, statement) => conn.execute(statement, params),
        }
    }

    /// Reads the first row. Fails with `QueryReturnedNoRows` if there is none.
    #[inline]
    pub(in crate::store) fn query_row<T>(&mut self, params: Params, read: impl FnOnce(&Row) -> Result<T>) -> Result<T> {
        match self {
            Self::Sqlite(statement) => statement.query_row(params, |row| read(&Row::Sqlite(row))),
            Self::Postgres(conn, statement) => {
                let row = conn.first(statement, params)?.ok_or(Error::QueryReturnedNoRows)?;
                read(&Row::Postgres(&row))
            }
        }
    }

    #[inline]
    pub(in crate::store) fn query(&mut self, params: Params) -> Result<Rows<'_>> {
        match self {
            Self::Sqlite(statement) => statement.query(params).map(Rows::Sqlite),
            Self::Postgres(conn, statement) => conn.query(statement, params).map(Rows::Postgres),
        }
    }

    /// Reads each row when the iterator reaches it.
    #[inline]
    pub(in crate::store) fn query_map<'s, T, F>(
        &'s mut self,
        params: Params,
        mut read: F,
    ) -> Result<impl Iterator<Item = Result<T>> + use<'s, T, F>>
    where
        F: FnMut(&Row) -> Result<T>,
    {
        let mut rows = self.query(params)?;
        Ok(std::iter::from_fn(move || rows.next().and_then(|row| row.map(|row| read(&row)).transpose()).transpose()))
    }

    #[inline]
    pub(in crate::store) fn exists(&mut self, params: Params) -> Result<bool> {
        match self {
            Self::Sqlite(statement) => statement.exists(params),
            Self::Postgres(conn, statement) => Ok(conn.first(statement, params)?.is_some()),
        }
    }
}

pub(in crate::store) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(postgres::Rows<'s>),
}

impl Rows<'_> {
    /// The next row; none at the end.
    #[inline]
    pub(in crate::store) fn next(&mut self) -> Result<Option<Row<'_>>> {
        match self {
            Self::Sqlite(rows) => Ok(rows.next()?.map(Row::Sqlite)),
            Self::Postgres(rows) => Ok(rows.next()?.map(Row::Postgres)),
        }
    }
}

pub(in crate::store) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

impl Row<'_> {
    /// The value of a column. Fails if it has another type.
    #[inline]
    pub(in crate::store) fn get<C: Column, T: FromSql>(&self, column: C) -> Result<T> {
        let index = column.index(self)?;
        match self {
            Self::Sqlite(row) => row.get(index),
            Self::Postgres(row) => {
                let value = ValueRef::from(row.value(index)?);
                T::column_result(value).map_err(|error| match error {
                    FromSqlError::InvalidType => {
                        let name = row.column_name(index).unwrap_or_default().to_owned();
                        Error::InvalidColumnType(index, name, value.data_type())
                    }
                    FromSqlError::OutOfRange(number) => Error::IntegralValueOutOfRange(index, number),
                    error => Error::FromSqlConversionFailure(index, value.data_type(), Box::new(error)),
                })
            }
        }
    }

    /// The value of a column, borrowed.
    #[inline]
    pub(in crate::store) fn get_ref(&self, column: impl Column) -> Result<ValueRef<'_>> {
        let index = column.index(self)?;
        match self {
            Self::Sqlite(row) => row.get_ref(index),
            Self::Postgres(row) => row.value(index).map(ValueRef::from),
        }
    }

    pub(in crate::store) fn column_name(&self, index: usize) -> Result<&str> {
        match self {
            Self::Sqlite(row) => row.as_ref().column_name(index),
            Self::Postgres(row) => row.column_name(index),
        }
    }
}

/// Identifies a column of a row by its index or its name.
pub(in crate::store) trait Column: Copy {
    /// The index of the column. Fails if the row has no column of that name.
    fn index(self, row: &Row) -> Result<usize>;
}

impl Column for usize {
    #[inline]
    fn index(self, _: &Row) -> Result<usize> {
        Ok(self)
    }
}

impl Column for &str {
    #[inline]
    fn index(self, row: &Row) -> Result<usize> {
        match row {
            Row::Sqlite(row) => row.as_ref().column_index(self),
            Row::Postgres(row) => row.column_index(self),
        }
    }
}
