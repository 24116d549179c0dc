//! The chain of audit rows: every row has a hash of the row before it and of its own columns.
//!
//! The ends of the chain are kept in `audit_chain`, so that rows that are missing there are found as well.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, ToSql, named_params};

use super::end::{End, link};
use crate::error::{Error, Result};
use crate::store::{Conn, Params, Row, Tx, View};
use crate::tokens::chain::{Hash, RowHash, START};

pub use super::end::Link;

/// How many rows are read at a time.
const PAGE: u32 = 1000;

/// How many faults are kept; the others are counted.
const MAX_FAULTS: usize = 100;

/// Adds a row of these columns, the number and the hash not among them, in the order in which they are hashed.
pub(super) fn append(tx: &Tx, columns: Params) -> Result<()> {
    let end = match tx.audit.get() {
        Some(end) => end,
        None => End::read(tx.conn)?,
    };
    let mut hash = RowHash::after(&end.last.hash);
    hash.integer(end.next);
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO audit (id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before,
             after, hash)
         VALUES (:id, :at, :actor, :actor_id, :credential, :dialect, :address, :request_id, :verb, :kind, :object,
             :before, :after, :hash)",
    )?;
    for (_, column) in columns {
        match column.to_sql()? {
            ToSqlOutput::Borrowed(value) => add(&mut hash, value),
            ToSqlOutput::Owned(value) => add(&mut hash, (&value).into()),
            _ => return Err(Error::internal("an audit row has a value of an unknown type")),
        }
    }
    let last = Link { id: end.next, hash: hash.finish() };
    let own: [(&str, &dyn ToSql); 2] = [(":id", &last.id), (":hash", &last.hash)];
    query.execute(&[columns, &own[..]].concat())?;
    tx.audit.set(Some(End { last, next: end.next.saturating_add(1) }));
    Ok(())
}

fn add(hash: &mut RowHash, value: ValueRef) {
    match value {
        ValueRef::Null => hash.null(),
        ValueRef::Integer(number) => hash.integer(number),
        ValueRef::Text(bytes) => hash.text(bytes),
        ValueRef::Real(number) => hash.other(&number.to_be_bytes()),
        ValueRef::Blob(bytes) => hash.other(bytes),
    }
}

/// The columns that are hashed, in this order, and the hash.
const COLUMNS: &str =
    "id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after, hash";

/// The number of columns that are hashed.
const HASHED: usize = 13;

/// Gives hashes to the rows of a file that has none; what was done to them before, nobody can tell.
pub(in crate::store) fn chain_older_rows(conn: Conn) -> Result<()> {
    let mut end = End::read(conn)?;
    loop {
        let mut links = Vec::new();
        let mut last = end.last;
        for_page(conn, last.id, |row| {
            last = Link { id: row.get(0)?, hash: hash_of_row(&last.hash, row)? };
            links.push(last);
            Ok(())
        })?;
        let mut query = conn.prepare_cached("UPDATE audit SET hash = :hash WHERE id = :id")?;
        for link in &links {
            query.execute(named_params! { ":id": link.id, ":hash": link.hash })?;
        }
        end.last = last;
        if links.is_empty() {
            return Ok(end.keep(conn)?);
        }
    }
}

fn for_page(conn: Conn, after: i64, mut each: impl FnMut(&Row) -> rusqlite::Result<()>) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE id > :after ORDER BY id LIMIT :page");
    let mut query = conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":after": after, ":page": PAGE })?;
    while let Some(row) = rows.next()? {
        each(&row)?;
    }
    Ok(())
}

fn hash_of_row(previous: &Hash, row: &Row) -> rusqlite::Result<Hash> {
    let mut hash = RowHash::after(previous);
    for column in 0..HASHED {
        add(&mut hash, row.get_ref(column)?);
    }
    Ok(hash.finish())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// These rows are not there.
    Missing(RangeInclusive<i64>),
    /// The columns of this row are not what its hash was made of: it was changed, or another row stands in its place.
    Changed(i64),
    /// The columns of this row are right, its hash is not.
    Rehashed(i64),
    /// This row is none that atelier has written.
    Added(i64),
    /// This row cannot be judged, since the hash of the row before it is not what it was.
    Unlinked(i64),
    /// The file does not say where the chain ends.
    NoEnd,
    /// No row has the hash that was expected.
    NotExpected,
}

/// What a look at the whole chain gives.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub rows: u64,
    /// The row that the chain begins after; number 0 if none was ever removed on purpose.
    pub start: Link,
    /// The newest row, as the file has written it down.
    pub last: Link,
    /// What is wrong, in the order of the rows.
    pub faults: Vec<Fault>,
    /// How many more faults there are.
    pub more: usize,
}

impl Verdict {
    /// Whether every row is as it was written.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// The newest row, as the file has written it down.
pub fn last(view: &View) -> Result<Link> {
    let mut query = view.conn.prepare_cached("SELECT last_id, last_hash FROM audit_chain WHERE id = 1")?;
    Ok(query.query_row(&[], |row| link(row, 0))?)
}

/// Looks at every row. One of them is to have the hash that is expected, if one is.
pub fn verify(view: &View, expected: Option<&Hash>) -> Result<Verdict> {
    let ends = {
        let mut query = view
            .conn
            .prepare_cached("SELECT start_id, start_hash, last_id, last_hash FROM audit_chain WHERE id = 1")?;
        query.query_row(&[], |row| Ok((link(row, 0)?, link(row, 2)?))).optional()?
    };
    let nothing = Link { id: 0, hash: START };
    let (start, last) = ends.unwrap_or((nothing, Link { id: i64::MAX, ..nothing }));
    let mut walk = Walk {
        start,
        last,
        previous: start,
        sound: start,
        computed: None,
        expected: expected.copied().filter(|hash| *hash != start.hash),
        rows: 0,
        faults: BTreeMap::new(),
        more: 0,
    };
    let mut after = i64::MIN;
    loop {
        let before = walk.rows;
        for_page(view.conn, after, |row| {
            after = row.get(0)?;
            walk.step(after, row)
        })?;
        if walk.rows == before {
            break;
        }
    }
    walk.end(ends.is_some());
    let mut faults: Vec<Fault> = walk.faults.into_values().collect();
    faults.extend(ends.is_none().then_some(Fault::NoEnd));
    faults.extend(walk.expected.map(|_| Fault::NotExpected));
    Ok(Verdict { rows: walk.rows, start, last, faults, more: walk.more })
}

struct Walk {
    start: Link,
    last: Link,
    /// The row before, with the hash that it has.
    previous: Link,
    /// The last row that was right.
    sound: Link,
    /// The hash that the row before should have, where it has another one.
    computed: Option<Hash>,
    /// The hash that has not been seen yet.
    expected: Option<Hash>,
    rows: u64,
    /// What is wrong, by the row.
    faults: BTreeMap<i64, Fault>,
    more: usize,
}

impl Walk {
    fn step(&mut self, id: i64, row: &Row) -> rusqlite::Result<()> {
        self.rows += 1;
        let hash: Option<Hash> = row.get_ref(HASHED)?.as_blob_or_null()?.and_then(|bytes| bytes.try_into().ok());
        let computed = hash_of_row(&self.previous.hash, row)?;
        if id <= self.start.id || id > self.last.id {
            self.fault(id, Fault::Added(id));
            return Ok(());
        }
        let fault = if hash == Some(computed) {
            None
        } else if self.previous == self.sound {
            let gap = self.previous.id + 1..=id - 1;
            Some(if gap.is_empty() { Fault::Changed(id) } else { Fault::Missing(gap) })
        } else if hash == Some(hash_of_row(&self.sound.hash, row)?) {
            // It follows the last row that was right, so those between are none of the chain.
            let between: Vec<i64> = self.faults.range(self.sound.id + 1..id).map(|(id, _)| *id).collect();
            for id in between {
                self.faults.insert(id, Fault::Added(id));
            }
            None
        } else if let Some(right) = self.computed
            && hash == Some(hash_of_row(&right, row)?)
        {
            // The row before has the columns that this hash was made after.
            if let Some(fault) = self.faults.get_mut(&self.previous.id) {
                *fault = Fault::Rehashed(self.previous.id);
            }
            None
        } else {
            Some(Fault::Unlinked(id))
        };
        let is_sound = fault.is_none();
        if is_sound && self.expected == hash {
            self.expected = None;
        }
        self.computed = (!is_sound).then_some(computed);
        self.previous = Link { id, hash: hash.unwrap_or(START) };
        match fault {
            None => self.sound = self.previous,
            Some(fault) => self.fault(id, fault),
        }
        Ok(())
    }

    fn end(&mut self, is_known: bool) {
        if !is_known {
            return;
        }
        let (newest, last) = (self.previous, self.last);
        if newest.id < last.id {
            self.fault(last.id, Fault::Missing(newest.id + 1..=last.id));
        } else if newest.hash != last.hash && !self.faults.contains_key(&newest.id) {
            self.fault(newest.id, Fault::Changed(newest.id));
        }
    }

    fn fault(&mut self, id: i64, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.insert(id, fault);
        } else {
            self.more += 1;
        }
    }
}
