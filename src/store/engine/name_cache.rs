//! The names of the searched tables, one after another in memory.
//!
//! They are read at the first search of a table. Every search brings them up to date within its own snapshot: from the
//! rows after the last known id, and from `name_changes`, in which triggers log renamed and deleted rows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use memchr::memmem::Finder;
use rusqlite::named_params;

use super::Conn;
use crate::domain::email::Email;
use crate::error::{Error, Result};

/// A table that is searched by a part of a name.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum SearchTable {
    Workspaces,
    Organizations,
    Projects,
    Users,
}

impl SearchTable {
    /// The name of a row as it is searched. That of a user, three lines, is not folded in the file.
    pub(in crate::store) fn folded(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Workspaces | Self::Organizations | Self::Projects => Cow::Borrowed(name),
            Self::Users => Cow::Owned(name.split('\n').map(Email::fold).collect::<Vec<_>>().join("\n")),
        }
    }

    /// The table's name, and the statement that selects the rows after an id with their names.
    pub(in crate::store) const fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Workspaces => ("workspaces", "SELECT id, name_key FROM workspaces WHERE id > :id ORDER BY id"),
            Self::Organizations => {
                ("organizations", "SELECT id, name_key FROM organizations WHERE id > :id ORDER BY id")
            }
            Self::Projects => ("projects", "SELECT id, name_key FROM projects WHERE id > :id ORDER BY id"),
            Self::Users => (
                "users",
                "SELECT id, email_key || char(10) || first_name || char(10) || last_name FROM users
                 WHERE id > :id ORDER BY id",
            ),
        }
    }
}

pub(in crate::store) struct NameCache {
    tables: RwLock<[Names; 4]>,
    max_bytes: usize,
}

impl NameCache {
    pub(in crate::store) fn new(max_bytes: usize) -> Self {
        Self { tables: RwLock::default(), max_bytes }
    }

    /// Searches the names of a table, after bringing them up to date with a snapshot whose log begins and ends with
    /// these changes. Returns the result of `find` and the last row whose name is in memory; none if the snapshot is
    /// older than the names.
    pub(in crate::store) fn find<T>(
        &self,
        conn: Conn,
        table: SearchTable,
        log: (i64, i64),
        find: impl FnOnce(&Names) -> T,
    ) -> Result<Option<(T, i64)>> {
        let mut tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if tables[table as usize].is_behind(conn, table, log)? {
            drop(tables);
            let mut all = self.tables.write().unwrap_or_else(PoisonError::into_inner);
            // After an error in the middle, all names are read again.
            let mut names = std::mem::take(&mut all[table as usize]);
            let others: usize = all.iter().map(Names::bytes).sum();
            names.catch_up(conn, table, log, self.max_bytes.saturating_sub(others))?;
            all[table as usize] = names;
            tables = RwLockWriteGuard::downgrade(all);
        }
        let names = &tables[table as usize];
        Ok((names.oldest <= log.1).then(|| (find(names), names.last_id())))
    }

    #[cfg(test)]
    pub(in crate::store) fn bytes(&self) -> usize {
        self.tables.read().unwrap().iter().map(Names::bytes).sum()
    }
}

/// Terminates each name. It does not occur in UTF-8.
const END: u8 = 0xFF;

/// The maximum number of changes beside the names. Beyond it, all names are read again.
const MAX_CHANGES: usize = if cfg!(test) { 8 } else { 10_000 };

/// The names of a table as of the change `seq`: of all its rows, or of the first ones if there is no room for more.
#[derive(Default)]
pub(in crate::store) struct Names {
    /// Sorted.
    ids: Vec<i64>,
    /// The end of each name in `text`.
    ends: Vec<u32>,
    text: Vec<u8>,
    /// The last change of each row that was changed after it was read, and its new name; no name if it was deleted.
    changed: BTreeMap<i64, (i64, Option<String>)>,
    seq: i64,
    /// A snapshot older than this change may have names that are not in memory.
    oldest: i64,
}

impl Names {
    /// At most `limit` rows after an id, for a snapshot with this last change.
    pub(in crate::store) fn find(&self, text: &Finder, after: i64, limit: usize, seq: i64) -> Vec<i64> {
        // The name of a row before a change that the snapshot does not have is not known here.
        let may_match = |(at, name): &(i64, Option<String>)| {
            *at > seq || name.as_ref().is_some_and(|name| text.find(name.as_bytes()).is_some())
        };
        let changed = self.changed.range((Excluded(after), Unbounded)).take_while(|(id, _)| **id <= self.last_id());
        let mut changed = changed.filter(|(_, change)| may_match(change)).map(|(id, _)| *id).peekable();
        let mut found = Vec::new();
        let mut index = self.ids.partition_point(|id| *id <= after);
        while found.len() < limit {
            let begin = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
            let Some(at) = text.find(&self.text[begin..]) else { break };
            index += self.ends[index..].partition_point(|end| *end as usize <= begin + at);
            let id = self.ids[index];
            found.extend(std::iter::from_fn(|| changed.next_if(|changed| *changed < id)));
            if !self.changed.contains_key(&id) {
                found.push(id);
            }
            index += 1;
        }
        found.extend(changed.take(limit.saturating_sub(found.len())));
        found.truncate(limit);
        found
    }

    fn last_id(&self) -> i64 {
        self.ids.last().copied().unwrap_or(0)
    }

    /// The memory that the names take, approximately.
    fn bytes(&self) -> usize {
        self.ids.len() * 12 + self.text.len() + self.changed.len() * 128
    }

    /// Whether a snapshot has changes or rows that are not in memory. A snapshot older than the names has none.
    fn is_behind(&self, conn: Conn, table: SearchTable, (_, seq): (i64, i64)) -> Result<bool> {
        let mut rows = conn.prepare_cached(table.sql().1)?;
        Ok(seq > self.seq || seq == self.seq && rows.exists(named_params! { ":id": self.last_id() })?)
    }

    /// Adds the changes and rows of a snapshot whose log begins and ends with these changes, unless another search
    /// already did.
    fn catch_up(&mut self, conn: Conn, table: SearchTable, (first, seq): (i64, i64), max_bytes: usize) -> Result<()> {
        if !self.is_behind(conn, table, (first, seq))? {
            return Ok(());
        }
        let mut query = conn.prepare_cached(
            "SELECT row, seq, name FROM name_changes WHERE seq > :seq AND table_name = :table ORDER BY seq",
        )?;
        let params = named_params! { ":seq": self.seq, ":table": table.sql().0 };
        let changes = query.query_map(params, |row| {
            let name = row.get::<_, Option<String>>(2)?.map(|name| table.folded(&name).into_owned());
            Ok((row.get(0)?, (row.get(1)?, name)))
        })?;
        self.changed.extend(changes.collect::<rusqlite::Result<Vec<_>>>()?);
        // The log may have lost changes since.
        if first > self.seq + 1 || self.changed.len() > MAX_CHANGES || self.ids.is_empty() {
            *self = Self { oldest: seq, ..Self::default() };
        }
        self.seq = seq;
        let mut query = conn.prepare_cached(table.sql().1)?;
        let mut rows = query.query(named_params! { ":id": self.last_id() })?;
        while self.bytes() < max_bytes
            && let Some(row) = rows.next()?
        {
            self.ids.push(row.get(0)?);
            self.text.extend(table.folded(row.get_ref(1)?.as_str().map_err(Error::internal)?).as_bytes());
            self.text.push(END);
            self.ends.push(u32::try_from(self.text.len()).map_err(Error::internal)?);
        }
        Ok(())
    }
}
