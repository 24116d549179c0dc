//! Search by a part of a name.

use rusqlite::named_params;

use super::connection::Connection;
use crate::error::Result;
use crate::store::engine::name_cache::SearchTable;

/// The ids of at most `limit` rows after an id that have the text in their name, ordered by id.
pub(in crate::store) fn ids_by_name(
    conn: &Connection,
    (table, text): (SearchTable, &str),
    after: i64,
    limit: u32,
) -> Result<Vec<i64>> {
    let sql = match table {
        SearchTable::Workspaces => {
            "SELECT id FROM workspaces WHERE id > :id AND name_key LIKE :pattern ORDER BY id LIMIT :limit"
        }
        SearchTable::Organizations => {
            "SELECT id FROM organizations WHERE id > :id AND name_key LIKE :pattern ORDER BY id LIMIT :limit"
        }
        SearchTable::Projects => {
            "SELECT id FROM projects WHERE id > :id AND name_key LIKE :pattern ORDER BY id LIMIT :limit"
        }
        // Their names are not folded in the database.
        SearchTable::Users => return users(conn, text, after, limit),
    };
    let statement = conn.prepare(sql)?;
    let params = named_params! { ":id": after, ":pattern": pattern(text), ":limit": limit };
    let mut rows = conn.query(&statement, params)?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.number(0)?);
    }
    Ok(ids)
}

fn users(conn: &Connection, text: &str, after: i64, limit: u32) -> Result<Vec<i64>> {
    let statement = conn.prepare(SearchTable::Users.sql().1)?;
    let mut rows = conn.query(&statement, named_params! { ":id": after })?;
    let mut ids = Vec::new();
    while ids.len() < limit as usize
        && let Some(row) = rows.next()?
    {
        if SearchTable::Users.folded(row.text(1)?).contains(text) {
            ids.push(row.number(0)?);
        }
    }
    Ok(ids)
}

/// A pattern of `LIKE` for names that contain a text.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for char in text.chars() {
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
        assert_eq!(pattern("50%_\\"), "%50\\%\\_\\\\%");
    }
}
