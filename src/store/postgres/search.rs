//! Search by a part of a name. Three characters and more are found by their trigrams, one or two by an index of all such
//! parts.
//!
//! The names of people are not folded in the database, so their search may return a row too many, which the caller's
//! statement leaves out.

use rusqlite::named_params;

use super::connection::Connection;
use crate::error::Result;
use crate::store::engine::name_cache::SearchTable;

/// The characters beyond ASCII that are folded to ASCII are replaced in the database; others match everything.
const fn is_searched(table: SearchTable, char: char) -> bool {
    match table {
        SearchTable::Workspaces | SearchTable::Organizations | SearchTable::Projects => true,
        SearchTable::Users => char.is_ascii(),
    }
}

/// The statements for a pattern and for a short part.
const fn sql(table: SearchTable) -> (&'static str, &'static str) {
    match table {
        SearchTable::Workspaces => (
            "SELECT id FROM workspaces WHERE id > :id AND name_key LIKE :text ORDER BY id LIMIT :limit",
            "SELECT id FROM workspaces WHERE id > :id AND short_parts(name_key) @> ARRAY[CAST(:text AS TEXT)]
             ORDER BY id LIMIT :limit",
        ),
        SearchTable::Organizations => (
            "SELECT id FROM organizations WHERE id > :id AND name_key LIKE :text ORDER BY id LIMIT :limit",
            "SELECT id FROM organizations WHERE id > :id AND short_parts(name_key) @> ARRAY[CAST(:text AS TEXT)]
             ORDER BY id LIMIT :limit",
        ),
        SearchTable::Projects => (
            "SELECT id FROM projects WHERE id > :id AND name_key LIKE :text ORDER BY id LIMIT :limit",
            "SELECT id FROM projects WHERE id > :id AND short_parts(name_key) @> ARRAY[CAST(:text AS TEXT)]
             ORDER BY id LIMIT :limit",
        ),
        SearchTable::Users => (
            "SELECT id FROM users WHERE id > :id AND person_key(email_key, first_name, last_name) LIKE :text
             ORDER BY id LIMIT :limit",
            "SELECT id FROM users
             WHERE id > :id AND short_parts(person_key(email_key, first_name, last_name)) @> ARRAY[CAST(:text AS TEXT)]
             ORDER BY id LIMIT :limit",
        ),
    }
}

/// The ids of at most `limit` rows after an id that may have the text in their name, ordered by id.
pub(in crate::store) fn ids_by_name(
    conn: &Connection,
    (table, text): (SearchTable, &str),
    after: i64,
    limit: u32,
) -> Result<Vec<i64>> {
    let run = text.split(|char| !is_searched(table, char)).max_by_key(|run| run.len()).unwrap_or_default();
    let (by_pattern, by_short_part) = sql(table);
    let (sql, text) = match run.chars().count() {
        1 | 2 => (by_short_part, run.to_owned()),
        _ => (by_pattern, pattern(table, text)),
    };
    // Whether the text is rare or common decides which index is the faster one.
    conn.defer("SET LOCAL plan_cache_mode = force_custom_plan")?;
    let statement = conn.prepare(sql)?;
    let mut ids = Vec::new();
    let mut rows = conn.query(&statement, named_params! { ":id": after, ":text": text, ":limit": limit })?;
    while let Some(row) = rows.next()? {
        ids.push(row.number(0)?);
    }
    drop(rows);
    conn.defer("SET LOCAL plan_cache_mode = force_generic_plan")?;
    Ok(ids)
}

/// A pattern of `LIKE` for names that contain a text.
fn pattern(table: SearchTable, text: &str) -> String {
    let mut pattern = String::from("%");
    for char in text.chars() {
        if !is_searched(table, char) {
            pattern.push('%');
            continue;
        }
        if matches!(char, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern + "%"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_no_wildcards_of_the_text() {
        assert_eq!(pattern(SearchTable::Projects, "50%_\\é"), "%50\\%\\_\\\\é%");
        assert_eq!(pattern(SearchTable::Users, "zoë_"), "%zo%\\_%");
    }
}
