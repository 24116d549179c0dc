//! The connection that the table modules run their statements on. It hides which database is behind it, so that another
//! database can be added beside SQLite.
//!
//! The methods have the names and types of rusqlite's. Plain values (`ToSql`, `FromSql`, `Value`, errors) are
//! rusqlite's.

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{CachedStatement, Connection, Result, ToSql};

/// Named parameters, as `rusqlite::named_params!` returns them.
pub(in crate::store) type Params<'p> = &'p [(&'p str, &'p dyn ToSql)];

/// A connection to the database, or a transaction on it.
#[derive(Clone, Copy)]
pub(in crate::store) struct Conn<'a>(&'a Connection);

impl<'a> Conn<'a> {
    #[inline]
    pub(in crate::store) fn on_sqlite(conn: &'a Connection) -> Self {
        Self(conn)
    }

    /// The SQLite connection, for features that only SQLite has: pragmas, savepoints, integrity checks.
    #[inline]
    pub(in crate::store) fn sqlite(self) -> &'a Connection {
        self.0
    }

    /// Prepares a statement, or takes it from the connection's statement cache.
    #[inline]
    pub(in crate::store) fn prepare_cached(self, sql: &str) -> Result<Statement<'a>> {
        self.0.prepare_cached(sql).map(Statement)
    }
}

/// A prepared statement. It goes back into the cache when it is dropped.
pub(in crate::store) struct Statement<'a>(CachedStatement<'a>);

impl Statement<'_> {
    /// Runs a statement that returns no rows. Returns the number of changed rows.
    #[inline]
    pub(in crate::store) fn execute(&mut self, params: Params) -> Result<usize> {
        self.0.execute(params)
    }

    /// Reads the first row. Fails with `QueryReturnedNoRows` if there is none.
    #[inline]
    pub(in crate::store) fn query_row<T>(&mut self, params: Params, read: impl FnOnce(&Row) -> Result<T>) -> Result<T> {
        self.0.query_row(params, |row| read(&Row(row)))
    }

    #[inline]
    pub(in crate::store) fn query(&mut self, params: Params) -> Result<Rows<'_>> {
        self.0.query(params).map(Rows)
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
        self.0.query_map(params, move |row| read(&Row(row)))
    }

    #[inline]
    pub(in crate::store) fn exists(&mut self, params: Params) -> Result<bool> {
        self.0.exists(params)
    }
}

pub(in crate::store) struct Rows<'s>(rusqlite::Rows<'s>);

impl Rows<'_> {
    /// The next row; none at the end.
    #[inline]
    pub(in crate::store) fn next(&mut self) -> Result<Option<Row<'_>>> {
        Ok(self.0.next()?.map(Row))
    }
}

pub(in crate::store) struct Row<'r>(&'r rusqlite::Row<'r>);

impl Row<'_> {
    /// The value of a column. Fails if it has another type.
    #[inline]
    pub(in crate::store) fn get<C: Column, T: FromSql>(&self, column: C) -> Result<T> {
        self.0.get(column.index(self)?)
    }

    /// The value of a column, borrowed.
    #[inline]
    pub(in crate::store) fn get_ref(&self, column: impl Column) -> Result<ValueRef<'_>> {
        self.0.get_ref(column.index(self)?)
    }

    pub(in crate::store) fn column_name(&self, index: usize) -> Result<&str> {
        self.0.as_ref().column_name(index)
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
        row.0.as_ref().column_index(self)
    }
}
