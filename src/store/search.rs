//! Search by a part of a name.
//!
//! A search scans the names in memory. It may return a row too many, but never misses one: the caller's statement
//! checks each name again.

use memchr::memmem::Finder;
use rusqlite::named_params;

pub(super) use super::engine::name_cache::SearchTable;
use super::{Conn, View, postgres};
use crate::error::{Error, Result};

/// A table, and the folded part of a name that is searched for. The text is not empty.
pub(super) type Search<'t> = (SearchTable, &'t str);

/// A way to the rows of a list.
pub(super) enum Way<'f> {
    /// Returns the ids of rows after an id, in order, at most so many. Fewer means the end of the list. Returns none if
    /// this would take longer than looking at so many rows.
    Ids(&'f dyn Fn(i64, u32) -> Result<Option<Vec<i64>>>, Visible),
    /// Looks at the next rows after an id, in order, at most so many: their ids, and whether the user sees them.
    Every(&'f dyn Fn(i64, u32) -> Result<Vec<(i64, bool)>>),
}

/// Whether a way leads only to rows that the user sees.
pub(super) type Visible = bool;

/// The maximum number of rows that one statement checks.
const MAX_CHUNK: usize = 4096;

/// The number of rows that [`Way::Every`] looks at in one statement. A page is often full before the turn ends.
const EVERY_CHUNK: u32 = 128;

/// The least and the most rows that a way looks at in its first turn.
const FIRST_TURN: u32 = 64;
const MAX_FIRST_TURN: u32 = 1024;

/// The first `limit` rows after an id, ordered by id. May return more. `check` returns those of some rows that match;
/// it is told whether the user is known to see them.
///
/// No way suits every user: one starts from what the user has and suits those who see few rows, another looks at all
/// rows or names and suits those who see many. The ways take turns of growing length until one has enough rows or
/// reaches the end. That costs at most a small multiple of the best one.
pub(super) fn find<T>(
    (after, limit): (i64, u32),
    ways: &[Way],
    mut check: impl FnMut(&[i64], bool) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut ways: Vec<_> = ways.iter().map(|way| (way, after, Vec::new())).collect();
    let mut turn = limit.clamp(FIRST_TURN, MAX_FIRST_TURN);
    while !ways.is_empty() {
        for (way, after, found) in &mut ways {
            let mut looked_at = 0;
            while looked_at < turn {
                let (these, last, visible) = match way {
                    Way::Ids(next, visible) => {
                        let Some(ids) = next(*after, turn)? else { break };
                        looked_at = turn;
                        let last = ids.last().copied().filter(|_| ids.len() >= turn as usize);
                        (ids, last, *visible)
                    }
                    Way::Every(next) => {
                        let chunk = (turn - looked_at).min(EVERY_CHUNK);
                        let rows = next(*after, chunk)?;
                        looked_at += chunk;
                        let last = rows.last().map(|(id, _)| *id).filter(|_| rows.len() >= chunk as usize);
                        (rows.into_iter().filter(|(_, visible)| *visible).map(|(id, _)| id).collect(), last, true)
                    }
                };
                for chunk in these.chunks(MAX_CHUNK) {
                    found.extend(check(chunk, visible)?);
                    if found.len() >= limit as usize {
                        return Ok(std::mem::take(found));
                    }
                }
                match last {
                    Some(last) => *after = last,
                    None => return Ok(std::mem::take(found)),
                }
            }
        }
        turn = turn.saturating_mul(2);
    }
    Ok(Vec::new())
}

/// Rows that the user sees, for [`Way::Every`].
pub(super) fn seen(ids: Vec<i64>) -> Vec<(i64, bool)> {
    ids.into_iter().map(|id| (id, true)).collect()
}

/// The way through the names of a table. The text is not empty.
pub(super) fn by_name(view: &View, search: Search, after: i64, limit: u32) -> Result<Option<Vec<i64>>> {
    ids_by_name(view, search, after, limit).map(Some)
}

/// The first `limit` ids after an id in the union of several lists, in order. `next` returns the next ids of one list
/// after an id, at most so many.
///
/// Each list is read only as far as it contributes.
pub(super) fn merged<S>(
    lists: &[S],
    after: i64,
    limit: u32,
    next: impl Fn(&S, i64, u32) -> Result<Vec<i64>>,
) -> Result<Vec<i64>> {
    if let [list] = lists {
        return next(list, after, limit);
    }
    let mut batch = (limit / u32::try_from(lists.len()).unwrap_or(u32::MAX).max(1)).max(FIRST_BATCH).min(limit);
    let mut all = Vec::new();
    // The lists that may have more rows, and how far each was read.
    let mut open: Vec<(&S, i64)> = lists.iter().map(|list| (list, after)).collect();
    while !open.is_empty() {
        let mut still_open = Vec::new();
        for (list, last) in open {
            let found = next(list, last, batch)?;
            if found.len() == batch as usize {
                still_open.push((list, found.last().copied().unwrap_or(last)));
            }
            all.extend(found);
        }
        all.sort_unstable();
        all.dedup();
        all.truncate(limit as usize);
        let enough = all.len() == limit as usize;
        let end = all.last().copied().filter(|_| enough).unwrap_or(i64::MAX);
        open = still_open.into_iter().filter(|(_, last)| *last < end).collect();
        batch = batch.saturating_mul(2).min(limit);
    }
    Ok(all)
}

/// The number of ids that are first read from each of several lists.
const FIRST_BATCH: u32 = 8;

/// The ids of at most `limit` rows after an id that may have the text in their name, ordered by id.
fn ids_by_name(view: &View, (table, text): Search, after: i64, limit: u32) -> Result<Vec<i64>> {
    if let Conn::Postgres(conn) = view.conn {
        return postgres::ids_by_name(conn, (table, text), after, limit);
    }
    let (text, limit, mut found, mut last) = (Finder::new(text), limit as usize, Vec::new(), after);
    let mut query = view.conn.prepare_cached(
        "SELECT coalesce((SELECT min(seq) FROM name_changes), 0), coalesce((SELECT max(seq) FROM name_changes), 0)",
    )?;
    let log: (i64, i64) = query.query_row(&[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(names) = view.names
        && let Some(these) = names.find(view.conn, table, log, |names| names.find(&text, after, limit, log.1))?
    {
        (found, last) = (these.0, these.1.max(after));
    }
    // The rows whose names are not in memory. Usually there are none.
    let mut query = view.conn.prepare_cached(table.sql().1)?;
    let mut rows = query.query(named_params! { ":id": last })?;
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        if text.find(table.folded(row.get_ref(1)?.as_str().map_err(Error::internal)?).as_bytes()).is_some() {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
