//! Search by a part of a name: which rows may have it in theirs. The tables `search_grams`,
//! `search_names` and `search_log`.
//!
//! Every write leaves its names in the log, by triggers, in its own transaction; now and then the writer takes the log
//! into the index. A search asks the index, adds what the log says, and is given more rows rather than fewer: whoever
//! searches looks at the name itself. So it is as fresh as the snapshot, whatever the index lacks.
//!
//! SQLite's own index of this kind (FTS5, trigrams) finds nothing by one or two characters, and costs a write twenty
//! microseconds where the log costs one and the index four, taken in by the thousand.

mod fold;
mod grams;
mod names;

#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::vec::IntoIter;

use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params};

use super::View;
use crate::error::Result;
use grams::{Gram, Rows, SEGMENT};
use names::Sieve;

pub(super) use names::Memory;

/// A table that is searched by a part of a name, as the index numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    Workspaces = 1,
    Organizations = 2,
    Projects = 3,
    Users = 4,
}

/// With so many rows, it is cheaper to look at their names than to ask for one gram more.
const FEW: usize = 1;

/// With so many rows, it is cheaper to look at all their names than to ask the index for them.
const SHORT: usize = 256;

/// The rows of a shelf that may have a text in their name, by number: all that have it, and some that have not.
pub(super) struct Candidates<'v> {
    shelf: Shelf,
    /// A range of grams for each part of the text, that of the fewest rows first: so many in the segment where it was last
    /// looked at.
    wanted: Vec<(RangeInclusive<Gram>, usize)>,
    after: i64,
    /// The next segment of the index to look into; none behind the last.
    segment: Option<i64>,
    /// What the log has, in order.
    logged: Vec<i64>,
    /// What of that is not given yet.
    late: Peekable<IntoIter<i64>>,
    /// What was found, and is not given yet.
    ready: Vec<i64>,
    rows: CachedStatement<'v>,
    next: CachedStatement<'v>,
    /// What tells more than the grams, which need not stand together; none where there is only one.
    sieve: Option<Sieve<'v>>,
}

impl<'v> Candidates<'v> {
    /// The rows behind this one. The text is folded as the names are, and not empty.
    pub(super) fn of(view: &'v View, shelf: Shelf, text: &str, after: i64) -> Result<Self> {
        let rows = view.conn.prepare_cached(
            "SELECT rows FROM search_grams
             WHERE shelf = :shelf AND segment = :segment AND gram BETWEEN :first AND :last",
        )?;
        let next = view.conn.prepare_cached(
            "SELECT segment FROM search_grams WHERE shelf = :shelf AND segment > :segment ORDER BY segment LIMIT 1",
        )?;
        let segment = Some(grams::place(after.saturating_add(1)).0);
        let wanted: Vec<_> = grams::of_text(text).into_iter().map(|range| (range, 0)).collect();
        let logged = late(view, shelf, text, after)?;
        let late = logged.clone().into_iter().peekable();
        let sieve = (wanted.len() > 1).then(|| Sieve::new(view.conn, view.names, shelf, text)).transpose()?;
        Ok(Self { shelf, wanted, after, segment, logged, late, ready: Vec::new(), rows, next, sieve })
    }

    /// At least so many more of them, or the last ones; none at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Vec<i64>> {
        while self.ready.len() < most {
            let Some(segment) = self.segment else {
                self.ready.extend(self.late.by_ref());
                break;
            };
            self.look_into(segment)?;
        }
        let rest = self.ready.split_off(most.min(self.ready.len()));
        Ok(std::mem::replace(&mut self.ready, rest))
    }

    /// Those of these rows, which are in order, that may have the text.
    fn sift(&mut self, these: &[i64]) -> Result<Vec<i64>> {
        let mut left = Vec::new();
        for group in these.chunk_by(|one, next| grams::place(*one).0 == grams::place(*next).0) {
            let Some((segment, _)) = group.first().map(|row| grams::place(*row)) else { continue };
            let found = self.in_index(segment)?;
            let may = |row: &&i64| found.has(grams::place(**row).1) || self.logged.binary_search(row).is_ok();
            left.extend(group.iter().filter(may));
        }
        Ok(left)
    }

    fn look_into(&mut self, segment: i64) -> Result<()> {
        let found = self.in_index(segment)?;
        let begin = segment.saturating_mul(SEGMENT);
        let known = self.ready.len();
        self.ready.extend(found.places().map(|place| begin + i64::from(place)).filter(|row| *row > self.after));
        while let Some(row) = self.late.next_if(|row| *row < begin.saturating_add(SEGMENT)) {
            self.ready.push(row);
        }
        self.ready[known..].sort_unstable();
        self.ready.dedup();
        self.segment = if found == Rows::NONE { self.behind(segment)? } else { segment.checked_add(1) };
        Ok(())
    }

    /// The rows of a segment that have each part of the text, and where these are many, only those that have it whole.
    fn in_index(&mut self, segment: i64) -> Result<Rows> {
        let mut all: Option<Rows> = None;
        for (range, count) in &mut self.wanted {
            let mut these = Rows::NONE;
            let params = named_params! {
                ":shelf": self.shelf as i64, ":segment": segment, ":first": range.start(), ":last": range.end(),
            };
            let mut found = self.rows.query(params)?;
            while let Some(row) = found.next()? {
                these.add(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
            }
            *count = these.count();
            match &mut all {
                None => all = Some(these),
                Some(all) => all.narrow(&these),
            }
            let left = all.as_ref().map_or(0, Rows::count);
            if left <= FEW || self.sieve.as_ref().is_some_and(|sieve| sieve.suits(segment, left)) {
                break;
            }
        }
        self.wanted.sort_by_key(|(_, count)| *count);
        let mut all = all.unwrap_or(Rows::NONE);
        if let Some(sieve) = &mut self.sieve {
            sieve.narrow(segment, &mut all)?;
        }
        Ok(all)
    }

    /// The next segment of the index that has anything.
    fn behind(&mut self, segment: i64) -> Result<Option<i64>> {
        let params = named_params! { ":shelf": self.shelf as i64, ":segment": segment };
        Ok(self.next.query_row(params, |row| row.get(0)).optional()?)
    }
}

/// The most rows whose names are looked at in one go.
const STRIDE: u32 = 4096;

/// Gives the next rows of a list behind a number, whatever they are called: so many, or the last ones.
pub(super) type Walk<'f> = &'f dyn Fn(i64, u32) -> Result<Vec<i64>>;

/// Begins a search by name.
pub(super) type Ask<'f, 'v> = &'f dyn Fn() -> Result<Candidates<'v>>;

/// So many things behind a number, or all that there are, by number; `look` picks those that are meant out of some rows.
///
/// Whoever sees few finds what they look for by walking through what they see, and whoever sees many by asking for the
/// name. Where there are both ways, they are tried in turn, ever further, until one has enough or has come to its end:
/// it costs twice the better one. A long walk passes by what the index knows to be called otherwise.
pub(super) fn find<T>(
    (after, look_for): (i64, u32),
    walk: Option<Walk>,
    ask: Option<Ask>,
    mut look: impl FnMut(&[i64]) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut most = look_for.max(64);
    let (mut walked, mut asked, mut last) = (Vec::new(), Vec::new(), after);
    let mut candidates: Option<Candidates> = None;
    let enough =
        |found: &Vec<T>, these: &[i64], most: u32| found.len() >= look_for as usize || these.len() < most as usize;
    loop {
        if let Some(walk) = walk {
            let these = walk(last, most)?;
            match &mut candidates {
                Some(candidates) if these.len() > SHORT => walked.extend(look(&candidates.sift(&these)?)?),
                Some(_) | None => walked.extend(look(&these)?),
            }
            if enough(&walked, &these, most) {
                return Ok(walked);
            }
            last = these.last().copied().unwrap_or(last);
        }
        if let Some(ask) = ask {
            let mut going_on: Candidates = candidates.take().map_or_else(ask, Ok)?;
            // A step of a walk is cheaper: the index sifts it.
            let most = if walk.is_some() { (most / 8).max(look_for) } else { most };
            let these = going_on.next(most as usize)?;
            asked.extend(look(&these)?);
            if enough(&asked, &these, most) {
                return Ok(asked);
            }
            candidates = Some(going_on);
        }
        if walk.is_none() && ask.is_none() {
            return Ok(Vec::new());
        }
        most = most.saturating_mul(2).min(STRIDE);
    }
}

/// What the log has of a text behind a row, by number.
fn late(view: &View, shelf: Shelf, text: &str, after: i64) -> Result<Vec<i64>> {
    let mut query = view.conn.prepare_cached(
        "SELECT row FROM search_log WHERE shelf = :shelf AND row > :behind AND instr(after, :text) > 0",
    )?;
    let params = named_params! { ":shelf": shelf as i64, ":behind": after, ":text": text };
    let mut rows = query.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    rows.sort_unstable();
    rows.dedup();
    Ok(rows)
}

/// Takes some of the log into the index where it has grown long, in a transaction of its own; tells whether it did.
///
/// It changes no answer, so it is no reason to forget any. Where it fails, the log stays and is searched as before.
pub(super) fn catch_up(conn: &Connection) -> bool {
    let done = fold::due(conn).and_then(|due| if due { in_transaction(conn) } else { Ok(()) }.map(|()| due));
    done.unwrap_or_else(|error| {
        log::warn!("cannot update the search index: {error}");
        false
    })
}

fn in_transaction(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let done = fold::fold(conn).and_then(|()| conn.execute_batch("COMMIT"));
    if done.is_err() && !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK")?;
    }
    done
}
