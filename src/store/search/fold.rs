//! Takes the log of names into the index, some rows at a time.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params};

use super::grams::{self, Gram, Rows};
use super::names;

/// How long the log may grow before some of it is taken into the index. A search reads the whole log, so it is short;
/// what is taken in at once shares pages, so it is not too short.
pub(super) const DUE: i64 = if cfg!(test) { 16 } else { 2048 };

/// The most rows of the log that are taken in at a time, so that no write waits for long.
const MOST: i64 = 2048;

/// Whether the log is long enough.
pub(super) fn due(conn: &Connection) -> rusqlite::Result<bool> {
    let mut query = conn.prepare_cached(
        "SELECT coalesce((SELECT max(seq) FROM search_log) - (SELECT min(seq) FROM search_log) + 1, 0) >= :due",
    )?;
    query.query_row(named_params! { ":due": DUE }, |row| row.get(0))
}

/// Takes the oldest rows of the log into the index.
pub(super) fn fold(conn: &Connection) -> rusqlite::Result<()> {
    let mut query =
        conn.prepare_cached("SELECT seq, shelf, row, before, after FROM search_log ORDER BY seq LIMIT :most")?;
    let mut rows = query.query(named_params! { ":most": MOST })?;
    let mut last = 0;
    let mut changes: BTreeMap<(i64, i64), Change> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        last = row.get("seq")?;
        let (before, after) = (row.get("before")?, row.get("after")?);
        let change = changes.entry((row.get("shelf")?, row.get("row")?));
        change.or_insert(Change { before, after: None }).after = after;
    }
    write(conn, &entries(&changes))?;
    let mut called: BTreeMap<(i64, i64), BTreeMap<u16, Option<&str>>> = BTreeMap::new();
    for ((shelf, row), change) in &changes {
        let (segment, place) = grams::place(*row);
        called.entry((*shelf, segment)).or_default().insert(place, change.after.as_deref());
    }
    for (segment, names) in &called {
        names::write(conn, *segment, names)?;
    }
    conn.prepare_cached("DELETE FROM search_log WHERE seq <= :last")?.execute(named_params! { ":last": last })?;
    Ok(())
}

/// What a row was called before all that is taken in, and is called after it.
struct Change {
    before: Option<String>,
    after: Option<String>,
}

/// A set of the index: its shelf, segment and gram.
type Key = (i64, i64, Gram);

/// What changes in the sets of the index, in their order: a row comes in or goes.
fn entries(changes: &BTreeMap<(i64, i64), Change>) -> Vec<(Key, u16, bool)> {
    let mut entries = Vec::new();
    for ((shelf, row), change) in changes {
        let [before, after] =
            [&change.before, &change.after].map(|name| name.as_deref().map(grams::of_name).unwrap_or_default());
        let (segment, place) = grams::place(*row);
        let only = |these: &[Gram], those: &[Gram]| -> Vec<Gram> {
            these.iter().copied().filter(|gram| those.binary_search(gram).is_err()).collect()
        };
        entries.extend(only(&before, &after).into_iter().map(|gram| ((*shelf, segment, gram), place, false)));
        entries.extend(only(&after, &before).into_iter().map(|gram| ((*shelf, segment, gram), place, true)));
    }
    entries.sort_unstable();
    entries
}

fn write(conn: &Connection, entries: &[(Key, u16, bool)]) -> rusqlite::Result<()> {
    let mut find = conn
        .prepare_cached("SELECT rows FROM search_grams WHERE shelf = :shelf AND segment = :segment AND gram = :gram")?;
    let mut put = conn.prepare_cached(
        "INSERT INTO search_grams (shelf, segment, gram, rows) VALUES (:shelf, :segment, :gram, :rows)
         ON CONFLICT (shelf, segment, gram) DO UPDATE SET rows = excluded.rows",
    )?;
    let mut drop =
        conn.prepare_cached("DELETE FROM search_grams WHERE shelf = :shelf AND segment = :segment AND gram = :gram")?;
    for group in entries.chunk_by(|one, next| one.0 == next.0) {
        let Some((key, _, _)) = group.first() else { continue };
        let mut rows = kept(&mut find, *key)?;
        for (_, place, inside) in group {
            rows.put(*place, *inside);
        }
        let (shelf, segment, gram) = key;
        if rows == Rows::NONE {
            drop.execute(named_params! { ":shelf": shelf, ":segment": segment, ":gram": gram })?;
        } else {
            let kept = rows.keep();
            put.execute(named_params! { ":shelf": shelf, ":segment": segment, ":gram": gram, ":rows": kept })?;
        }
    }
    Ok(())
}

fn kept(find: &mut CachedStatement, (shelf, segment, gram): Key) -> rusqlite::Result<Rows> {
    let params = named_params! { ":shelf": shelf, ":segment": segment, ":gram": gram };
    let mut rows = Rows::NONE;
    find.query_row(params, |row| {
        rows.add(row.get_ref(0)?.as_blob()?);
        Ok(())
    })
    .optional()?;
    Ok(rows)
}
