//! Search by a part of a name.
//!
//! A search scans the names in memory. It may return a row too many, but never misses one: the caller's statement
//! checks each name again.

use memchr::memmem::Finder;
use rusqlite::named_params;

use super::View;
pub(super) use super::engine::name_cache::SearchTable;
use crate::error::{Error, Result};

/// A table, and the folded part of a name that is searched for. The text is not empty.
pub(super) type Search<'t> = (SearchTable, &'t str);

/// Returns the ids of a list after an id, without looking at names: at most `limit`. Fewer means the end of the list.
pub(super) type Walk<'f> = &'f dyn Fn(i64, u32) -> Result<Vec<i64>>;

/// The maximum number of rows that one statement checks.
const MAX_CHUNK: u32 = 4096;

/// The first `limit` rows after an id, ordered by id. May return more. `check` returns those of some rows that match.
///
/// Walking through the rows suits a user who sees few rows. Scanning the names suits a user who sees many. If both are
/// possible, they take turns in growing chunks until one has enough rows or reaches the end. That costs at most twice
/// the better one.
pub(super) fn find<T>(
    view: &View,
    (after, limit): (i64, u32),
    walk: Option<Walk>,
    search: Option<Search>,
    mut check: impl FnMut(&[i64]) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let next_named =
        |after, limit| search.map_or_else(|| Ok(Vec::new()), |search| ids_by_name(view, search, after, limit));
    let ways = [walk, search.is_some().then_some(&next_named as Walk)];
    let mut ways: Vec<_> = ways.into_iter().flatten().map(|next| (next, after, Vec::new())).collect();
    let mut chunk = limit.max(64);
    while !ways.is_empty() {
        for (next, last, found) in &mut ways {
            let these = next(*last, chunk)?;
            found.extend(check(&these)?);
            if these.len() < chunk as usize || found.len() >= limit as usize {
                return Ok(std::mem::take(found));
            }
            *last = these.last().copied().unwrap_or(*last);
        }
        chunk = chunk.saturating_mul(2).min(MAX_CHUNK.max(limit));
    }
    Ok(Vec::new())
}

/// The ids of at most `limit` rows after an id that may have the text in their name, ordered by id.
fn ids_by_name(view: &View, (table, text): Search, after: i64, limit: u32) -> Result<Vec<i64>> {
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
        if text.find(row.get_ref(1)?.as_bytes().map_err(Error::internal)?).is_some() {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
