//! The rows of a file that is being imported, in a temporary SQLite file beside the data file.

use rusqlite::{OptionalExtension, named_params};

use super::cell;
use crate::domain::transfer::{Cell, Kind};
use crate::error::{Error, Result};
use crate::store::data_dir::DataDir;
use crate::store::{Conn, Row as SqlRow, Scratch, fault};

/// `key` is the natural key with mapped references, `facts` what the rules of other rows need to know, and `target` the
/// id in the data file.
pub(in crate::store) const SCHEMA: &str = "CREATE TABLE staged_rows (
    line INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    source ANY,
    data TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    key TEXT,
    target ANY,
    facts TEXT,
    owned INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX staged_by_kind ON staged_rows (kind, line);
CREATE UNIQUE INDEX staged_by_source ON staged_rows (kind, source) WHERE source IS NOT NULL;
CREATE UNIQUE INDEX staged_by_key ON staged_rows (kind, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX staged_by_target ON staged_rows (kind, target) WHERE target IS NOT NULL;
CREATE INDEX staged_unowned ON staged_rows (kind, state, owned, line) WHERE owned = 0;";

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Staged,
    New,
    Matched,
    LeftOut,
    Refused,
}

impl State {
    const ALL: [Self; 5] = [Self::Staged, Self::New, Self::Matched, Self::LeftOut, Self::Refused];

    const fn number(self) -> i64 {
        self as i64
    }

    fn of(number: i64) -> Self {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at).copied()).unwrap_or(Self::Staged)
    }
}

/// A staged row.
#[derive(Clone, Debug)]
pub struct Staged {
    pub line: i64,
    /// The id in the file.
    pub source: Cell,
    pub data: String,
    pub state: State,
    pub target: Cell,
}

/// The row that another one refers to.
#[derive(Clone, Debug)]
pub struct Referent {
    pub line: i64,
    pub state: State,
    pub target: Cell,
    pub facts: Option<String>,
}

/// What was decided about a row.
#[derive(Clone, Debug)]
pub struct Decided<'d> {
    pub state: State,
    pub key: Option<&'d str>,
    pub target: &'d Cell,
    pub facts: Option<&'d str>,
}

/// The rows of a batch, and their size in bytes: bounds of the memory for a batch.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub struct Staging(Scratch);

impl Staging {
    /// Creates an empty file in a data directory.
    pub fn create(home: &DataDir) -> Result<Self> {
        Scratch::create(home, SCHEMA).map(Self)
    }

    fn conn(&self) -> Conn<'_> {
        self.0.conn()
    }

    /// Adds a row. Returns the line of another row of this kind with the same id, if there is one.
    pub fn add(&self, line: i64, kind: Kind, source: &Cell, data: &str) -> Result<Option<i64>> {
        let mut query = self.conn().prepare_cached(
            "INSERT INTO staged_rows (line, kind, source, data) VALUES (:line, :kind, :source, :data)",
        )?;
        let params = named_params! { ":line": line, ":kind": number(kind), ":source": source, ":data": data };
        match query.execute(params) {
            Err(error) if fault::is_conflict(&error) => Ok(self.find(kind, source)?.map(|other| other.line)),
            done => done.map(|_| None).map_err(Error::from),
        }
    }

    /// Some rows of a kind after a line, in the order of the file.
    pub fn batch(&self, kind: Kind, after: i64) -> Result<Vec<Staged>> {
        let mut query = self.conn().prepare_cached(
            "SELECT line, source, data, state, target FROM staged_rows WHERE kind = :kind AND line > :after ORDER BY line",
        )?;
        let mut rows = query.query(named_params! { ":kind": number(kind), ":after": after })?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(row) = rows.next()? else { break };
            let data: String = row.get(2)?;
            bytes += data.len();
            batch.push(Staged {
                line: row.get(0)?,
                source: cell(row.get_ref(1)?)?,
                data,
                state: State::of(row.get(3)?),
                target: cell(row.get_ref(4)?)?,
            });
        }
        Ok(batch)
    }

    /// The row of a kind with this id.
    pub fn find(&self, kind: Kind, source: &Cell) -> Result<Option<Referent>> {
        let mut query = self.conn().prepare_cached(
            "SELECT line, state, target, facts FROM staged_rows
             WHERE kind = :kind AND source = :source AND source IS NOT NULL",
        )?;
        Ok(query.query_row(named_params! { ":kind": number(kind), ":source": source }, referent).optional()?)
    }

    /// The row of a kind with this natural key, if it was decided already.
    pub fn find_key(&self, kind: Kind, key: &str) -> Result<Option<Referent>> {
        let mut query = self.conn().prepare_cached(
            "SELECT line, state, target, facts FROM staged_rows WHERE kind = :kind AND key = :key AND key IS NOT NULL",
        )?;
        Ok(query.query_row(named_params! { ":kind": number(kind), ":key": key }, referent).optional()?)
    }

    /// The number of new rows of a kind whose natural key begins with this part.
    pub fn count_new(&self, kind: Kind, part: &str) -> Result<u32> {
        let mut query = self.conn().prepare_cached(
            "SELECT count(*) FROM staged_rows
             WHERE kind = :kind AND key >= :from AND key < :to AND key IS NOT NULL AND state = :new",
        )?;
        let (from, to) = (format!("{part}\u{1f}"), format!("{part}\u{20}"));
        let params = named_params! { ":kind": number(kind), ":from": from, ":to": to, ":new": State::New.number() };
        Ok(query.query_row(params, |row| row.get(0))?)
    }

    /// The row of a kind that has this id in the data file, if it was decided already.
    fn find_target(&self, kind: Kind, target: &Cell) -> Result<Option<Referent>> {
        let mut query = self.conn().prepare_cached(
            "SELECT line, state, target, facts FROM staged_rows
             WHERE kind = :kind AND target = :target AND target IS NOT NULL",
        )?;
        Ok(query.query_row(named_params! { ":kind": number(kind), ":target": target }, referent).optional()?)
    }

    /// Notes what was decided about a row. Returns the line of another row with the same natural key, if there is one;
    /// then nothing was noted.
    pub fn decide(&self, kind: Kind, line: i64, decided: &Decided) -> Result<Option<i64>> {
        let mut query = self.conn().prepare_cached(
            "UPDATE staged_rows SET state = :state, key = :key, target = :target, facts = :facts WHERE line = :line",
        )?;
        let params = named_params! {
            ":line": line,
            ":state": decided.state.number(),
            ":key": decided.key,
            ":target": decided.target,
            ":facts": decided.facts,
        };
        match query.execute(params) {
            Err(error) if fault::is_conflict(&error) => {
                let by_key = decided.key.map(|key| self.find_key(kind, key)).transpose()?.flatten();
                let other = match by_key {
                    Some(other) => Some(other),
                    None => self.find_target(kind, decided.target)?,
                };
                Ok(Some(other.map_or(0, |other| other.line)))
            }
            done => done.map(|_| None).map_err(Error::from),
        }
    }

    /// Notes the id that a new row got.
    pub fn set_target(&self, line: i64, target: &Cell) -> Result<()> {
        let mut query = self.conn().prepare_cached("UPDATE staged_rows SET target = :target WHERE line = :line")?;
        query.execute(named_params! { ":line": line, ":target": target })?;
        Ok(())
    }

    /// Notes that a new workspace has an owner.
    pub fn set_owned(&self, line: i64) -> Result<()> {
        let mut query = self.conn().prepare_cached("UPDATE staged_rows SET owned = 1 WHERE line = :line")?;
        query.execute(named_params! { ":line": line })?;
        Ok(())
    }

    /// The first new row of a kind after a line that has no owner.
    pub fn next_unowned(&self, kind: Kind, after: i64) -> Result<Option<i64>> {
        let mut query = self.conn().prepare_cached(
            "SELECT line FROM staged_rows WHERE kind = :kind AND state = :new AND owned = 0 AND line > :after
             ORDER BY line LIMIT 1",
        )?;
        let params = named_params! { ":kind": number(kind), ":new": State::New.number(), ":after": after };
        Ok(query.query_row(params, |row| row.get(0)).optional()?)
    }

    /// Forgets what was decided.
    pub fn reset(&self) -> Result<()> {
        let mut query = self.conn().prepare_cached(
            "UPDATE staged_rows SET state = 0, key = NULL, target = NULL, facts = NULL, owned = 0 WHERE line > 0",
        )?;
        query.execute(&[])?;
        Ok(())
    }
}

fn number(kind: Kind) -> i64 {
    kind as i64
}

fn referent(row: &SqlRow) -> rusqlite::Result<Referent> {
    Ok(Referent {
        line: row.get(0)?,
        state: State::of(row.get(1)?),
        target: cell(row.get_ref(2)?)?,
        facts: row.get(3)?,
    })
}
