//! The chain of audit rows: every row has a hash of the previous row's hash and of its own columns.
//!
//! The table `audit_chain` stores both ends of the chain, so that rows missing at an end are detected too.

use std::collections::BTreeMap;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, ToSql, named_params};

use super::end::{End, link};
use crate::error::{Error, Result};
use crate::store::{Conn, Params, Row, Tx, View};
use crate::tokens::chain::{self, Hash, RowHash, START};

pub use super::end::Link;
pub use super::fault::Fault;

/// The number of rows that are read at a time.
const PAGE: u32 = 1000;

/// The maximum number of listed faults. Further ones are only counted.
const MAX_FAULTS: usize = 100;

fn current_end(tx: &Tx) -> Result<End> {
    tx.audit.get().map_or_else(|| End::read(tx.conn), Ok)
}

/// Appends a row with these columns, in the order in which they are hashed, without `id` and `hash`.
pub(super) fn append(tx: &Tx, columns: Params) -> Result<()> {
    let end = current_end(tx)?;
    let mut hash = RowHash::after(&end.last.hash);
    hash.integer(end.next);
    add_all(&mut hash, columns)?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO audit (id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before,
             after, hash)
         VALUES (:id, :at, :actor, :actor_id, :credential, :dialect, :address, :request_id, :verb, :kind, :object,
             :before, :after, :hash)",
    )?;
    let last = Link { id: end.next, hash: hash.finish() };
    let own: [(&str, &dyn ToSql); 2] = [(":id", &last.id), (":hash", &last.hash)];
    query.execute(&[columns, &own[..]].concat())?;
    tx.audit.set(Some(End { last, next: end.next.saturating_add(1) }));
    Ok(())
}

/// Appends rows that have these columns in common. The others are the object, the state before and the state after.
///
/// The rows are written by few statements, because one for each would take twice the time.
pub(super) fn append_all(
    tx: &Tx,
    common: Params,
    rows: impl Iterator<Item = (String, Option<String>, Option<String>)>,
) -> Result<()> {
    let mut end = current_end(tx)?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO audit (id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before,
             after, hash)
         SELECT :first + key, :at, :actor, :actor_id, :credential, :dialect, :address, :request_id, :verb, :kind,
             value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3)
         FROM json_each(:rows, '$')",
    )?;
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let first = end.next;
        let mut page = Vec::new();
        for (object, before, after) in rows.by_ref().take(PAGE as usize) {
            let mut hash = RowHash::after(&end.last.hash);
            hash.integer(end.next);
            add_all(&mut hash, common)?;
            hash.text(object.as_bytes());
            for state in [&before, &after] {
                match state {
                    None => hash.null(),
                    Some(state) => hash.text(state.as_bytes()),
                }
            }
            end.last = Link { id: end.next, hash: hash.finish() };
            end.next = end.next.saturating_add(1);
            page.push((object, before, after, chain::to_hex(&end.last.hash)));
        }
        let page = serde_json::to_string(&page).map_err(Error::internal)?;
        let own: [(&str, &dyn ToSql); 2] = [(":first", &first), (":rows", &page)];
        query.execute(&[common, &own[..]].concat())?;
    }
    tx.audit.set(Some(end));
    Ok(())
}

fn add_all(hash: &mut RowHash, columns: Params) -> Result<()> {
    for (_, column) in columns {
        match column.to_sql()? {
            ToSqlOutput::Borrowed(value) => add(hash, value),
            ToSqlOutput::Owned(value) => add(hash, (&value).into()),
            _ => return Err(Error::internal("an audit row has a value of an unknown type")),
        }
    }
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

/// The hashed columns in this order, then the hash.
pub(super) const COLUMNS: &str =
    "id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after, hash";

/// The number of hashed columns.
pub(super) const HASHED: usize = 13;

/// Lets the ids of the rows go on after this number, and at least `margin` after the last one. The chain permits gaps.
pub(in crate::store) fn leave_gap(tx: &Tx, after: i64, margin: i64) -> Result<()> {
    let end = current_end(tx)?;
    let next = end.next.saturating_add(margin).max(after.saturating_add(1));
    tx.audit.set(Some(End { next, ..end }));
    Ok(())
}

/// Adds hashes to the rows of a file that has none. Earlier changes to these rows cannot be detected.
///
/// `progress` gets the id of the last row that has a hash, and of the last row.
pub(in crate::store) fn chain_older_rows(conn: Conn, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let mut end = End::read(conn)?;
    let newest = end.next.saturating_sub(1);
    loop {
        progress(end.last.id.try_into().unwrap_or_default(), newest.try_into().unwrap_or_default());
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
            return Ok(end.update(conn)?);
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

pub(super) fn hash_of_row(previous: &Hash, row: &Row) -> rusqlite::Result<Hash> {
    let mut hash = RowHash::after(previous);
    for column in 0..HASHED {
        add(&mut hash, row.get_ref(column)?);
    }
    Ok(hash.finish())
}

/// The result of checking the whole chain.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub rows: u64,
    /// The row that the chain starts after. Its id is 0 unless old rows were deleted.
    pub start: Link,
    /// The seal of the start, which is not checked here.
    pub seal: Option<Vec<u8>>,
    /// The newest row according to `audit_chain`.
    pub last: Link,
    /// In the order of the rows.
    pub faults: Vec<Fault>,
    /// The number of faults that are not listed.
    pub more: usize,
}

impl Verdict {
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// The newest row according to `audit_chain`.
pub fn last(view: &View) -> Result<Link> {
    let mut query = view.conn.prepare_cached("SELECT last_id, last_hash FROM audit_chain WHERE id = 1")?;
    Ok(query.query_row(&[], |row| link(row, 0))?)
}

/// Checks every row. If a hash is expected, one row must have it.
pub fn verify(view: &View, expected: Option<&Hash>) -> Result<Verdict> {
    verify_watched(view, expected, &mut |_| {})
}

/// The same. `progress` gets the number of rows that were checked so far.
pub fn verify_watched(view: &View, expected: Option<&Hash>, progress: &mut dyn FnMut(u64)) -> Result<Verdict> {
    let ends = {
        let mut query = view.conn.prepare_cached(
            "SELECT start_id, start_hash, last_id, last_hash, start_seal FROM audit_chain WHERE id = 1",
        )?;
        query.query_row(&[], |row| Ok((link(row, 0)?, link(row, 2)?, row.get(4)?))).optional()?
    };
    let is_known = ends.is_some();
    let nothing = Link { id: 0, hash: START };
    let (start, last, seal) = ends.unwrap_or((nothing, Link { id: i64::MAX, ..nothing }, None));
    let mut walk = Walk {
        start,
        last,
        previous: start,
        last_valid: start,
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
        progress(walk.rows);
    }
    walk.end(is_known);
    let mut faults: Vec<Fault> = walk.faults.into_values().collect();
    faults.extend((!is_known).then_some(Fault::NoEnd));
    faults.extend(walk.expected.map(|_| Fault::NotExpected));
    Ok(Verdict { rows: walk.rows, start, seal, last, faults, more: walk.more })
}

struct Walk {
    start: Link,
    last: Link,
    /// The previous row, with its stored hash.
    previous: Link,
    /// The last row that was right.
    last_valid: Link,
    /// The right hash of the previous row, if its stored hash is wrong.
    computed: Option<Hash>,
    /// The expected hash until a row with it is found.
    expected: Option<Hash>,
    rows: u64,
    /// The faults by row.
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
        } else if self.previous == self.last_valid {
            let gap = self.previous.id + 1..=id - 1;
            Some(if gap.is_empty() { Fault::Changed(id) } else { Fault::Missing(gap) })
        } else if hash == Some(hash_of_row(&self.last_valid.hash, row)?) {
            // The row follows the last right row, so the rows between them are not part of the chain.
            let between: Vec<i64> = self.faults.range(self.last_valid.id + 1..id).map(|(id, _)| *id).collect();
            for id in between {
                self.faults.insert(id, Fault::Added(id));
            }
            None
        } else if let Some(right) = self.computed
            && hash == Some(hash_of_row(&right, row)?)
        {
            // This hash was computed from the columns of the previous row, so only that row's stored hash is wrong.
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
            None => self.last_valid = self.previous,
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
