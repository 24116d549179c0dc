//! For tests: checks that the statements of pages look only at the rows that they return.

use rusqlite::Connection;

use super::normalized;

/// Statements with a `LIMIT` that may look at rows that they do not return: a part that identifies them, and the reason.
const MAY_PASS_OVER: &[(&str, &str)] = &[
    ("FROM users u WHERE u.role = 'administrator' AND u.enabled = 1", "few administrators are disabled"),
    ("FROM authorization_codes WHERE expires_at <= :now", "used codes are kept only for a while"),
    ("LIMIT 1 OFFSET CAST(:than AS BIGINT) - 1", "it counts a bounded number of rows"),
    ("LIMIT 1 OFFSET 15)", "it counts a bounded number of rows"),
    ("LIMIT 1 OFFSET :places)", "it counts a bounded number of rows"),
    (
        "FROM audit WHERE id > :start AND id < :end AND +at >= :time",
        "it looks at the rows that are then deleted, once a day",
    ),
    ("FROM audit WHERE id > :start AND id < :kept", "few rows are of the future, from before the clock was set back"),
    ("WHERE u.kind = 'person' OR u.enabled = 1 LIMIT :most", "disabled bots are the only members that are left out"),
    ("(u.kind = 'person' OR u.enabled = 1) ORDER BY m.user_id", "disabled bots are the only members that are left out"),
    ("WHERE u.kind = 'person' AND u.id > :after", "the command line shows everybody; only bots are left out"),
    ("(at < :until OR id < :before)", "rows of the same microsecond are passed over"),
    ("WHERE status IS NOT NULL ORDER BY id LIMIT 1 OFFSET :skip", "Keycloak's pages begin at a number of rows"),
    ("WHERE client = :client AND idle_until > :now", "Keycloak's pages begin at a number of rows"),
    ("s.id < :before AND s.idle_until > :now", "dead sessions are deleted soon"),
    ("NOT IN (SELECT value FROM json_each(:leaving))", "it looks at the workspaces that one person owns"),
    ("AND m.role = 'admin' AND m.user_id <> :but", "few admins of an organization cannot sign in"),
];

/// What makes a statement with a `LIMIT` look at rows that it does not return; empty if nothing does.
///
/// Each condition of such a statement has to be one that its index answers. A condition that is tested row by row, on a
/// column that the index lacks or by a subquery, may reject any number of rows before the page is full, and an `OFFSET`
/// passes over any number. No plan shows that.
fn passes_over(conn: &Connection, sql: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for select in limited_selects(sql) {
        if select.contains(" OFFSET ") {
            faults.push("OFFSET".to_owned());
        }
        let Some((_, conditions)) = split_top(select, " WHERE ") else { continue };
        let conditions = [" GROUP BY ", " ORDER BY ", " LIMIT "]
            .iter()
            .fold(conditions, |rest, end| split_top(rest, end).map_or(rest, |(head, _)| head));
        let select = &standing_alone(conn, select);
        let mut query = conn.prepare(&format!("EXPLAIN QUERY PLAN {select}")).unwrap();
        let steps = query.raw_query().mapped(|row| Ok((row.get::<_, i64>("parent")?, row.get::<_, String>("detail")?)));
        let (mut answered, mut implied) = (0, Vec::new());
        // The steps of a subquery have a parent, or are marked as those of a join with it.
        for (_, step) in steps.map(Result::unwrap).filter(|(parent, step)| *parent == 0 && !step.contains(" EXISTS ")) {
            answered += step.rsplit_once('(').map_or(0, |(_, used)| used.matches('?').count());
            let index = step.split_once(" INDEX ").and_then(|(_, rest)| rest.split(' ').next());
            let created = index.and_then(|name| {
                let sql = "SELECT sql FROM sqlite_schema WHERE name = ?1 AND sql IS NOT NULL";
                conn.query_row(sql, [name], |row| row.get::<_, String>(0)).ok()
            });
            if let Some((_, only)) =
                created.map(|sql| normalized(&sql)).as_deref().and_then(|sql| split_top(sql, " WHERE "))
            {
                implied.extend(terms(only).into_iter().map(str::to_owned));
            }
        }
        let mut conditions = terms(conditions);
        conditions.extend(joined(select));
        let open = conditions.iter().filter(|term| !implied.iter().any(|known| term.ends_with(known.as_str()))).count();
        if open > answered {
            faults.push(format!("{} of {open} conditions are tested row by row: {select}", open - answered));
        }
    }
    faults
}

/// A part of a statement with a parameter for each column of the statement around it.
fn standing_alone(conn: &Connection, select: &str) -> String {
    let mut select = select.to_owned();
    while let Err(error) = conn.prepare(&select) {
        let error = error.to_string();
        let outer = error.split_once("no such column: ").expect("a column of the statement around it").1;
        select = select.replace(outer.split(' ').next().unwrap(), ":outer");
    }
    select
}

/// The parts of a statement that select with a `LIMIT`.
fn limited_selects(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut starts = vec![0];
    for (at, c) in sql.char_indices() {
        match c {
            '(' => starts.push(at + 1),
            ')' => {
                let start = starts.pop().unwrap();
                let part = sql[start..at].trim();
                if part.starts_with("SELECT ") && split_top(part, " LIMIT ").is_some() {
                    found.push(part);
                }
            }
            _ => {}
        }
    }
    if sql.starts_with("SELECT ") && split_top(sql, " LIMIT ").is_some() {
        found.push(sql);
    }
    found
}

/// Splits at the first such word outside of parentheses.
fn split_top<'t>(text: &'t str, word: &str) -> Option<(&'t str, &'t str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ' ' if depth == 0 && text[at..].starts_with(word) => return Some((&text[..at], &text[at + word.len()..])),
            _ => {}
        }
    }
    None
}

/// The conditions of the joins of a `SELECT`.
fn joined(select: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = split_top(select, " WHERE ").map_or(select, |(head, _)| head);
    while let Some((_, tail)) = split_top(rest, " ON ") {
        let end = [" CROSS JOIN ", " LEFT JOIN ", " JOIN "].iter().filter_map(|join| split_top(tail, join));
        let condition = end.map(|(condition, _)| condition).min_by_key(|condition| condition.len()).unwrap_or(tail);
        found.extend(terms(condition));
        rest = &tail[condition.len()..];
    }
    found
}

/// The terms of a conjunction.
fn terms(mut text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while let Some((head, rest)) = split_top(text, " AND ") {
        found.push(head);
        text = rest;
    }
    found.push(text);
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::super::STATEMENTS;
    use super::super::tests::file;
    use super::*;

    #[test]
    fn no_page_passes_over_rows() {
        let (conn, _folder) = file();
        let mut report = String::new();
        let mut needed = BTreeSet::new();
        for (sql, file) in STATEMENTS.iter() {
            let faults = passes_over(&conn, sql);
            if faults.is_empty() {
                continue;
            }
            match MAY_PASS_OVER.iter().find(|(words, _)| sql.contains(words)) {
                Some((words, _)) => drop(needed.insert(*words)),
                None => drop(writeln!(report, "{file}: {sql}\n    {}", faults.join("\n    "))),
            }
        }
        assert!(report.is_empty(), "statements that look at rows that they do not return:\n{report}");
        let unused: Vec<_> = MAY_PASS_OVER.iter().filter(|(words, _)| !needed.contains(words)).collect();
        assert!(unused.is_empty(), "no exception is needed for {unused:?}");
    }

    #[test]
    fn a_page_that_passes_over_rows_is_detected() {
        let (conn, _folder) = file();
        for sql in [
            "SELECT id FROM users WHERE id > :after AND state = 'invited' ORDER BY id LIMIT :limit",
            "SELECT p.id FROM projects p WHERE p.id > :after AND EXISTS (SELECT 1 FROM members m
                 WHERE m.workspace_id = p.workspace_id AND m.user_id = :me) ORDER BY p.id LIMIT :limit",
            "SELECT id FROM keys WHERE created_by = :user AND revoked_at IS NOT NULL AND id > :after LIMIT :limit",
            "SELECT b.id FROM bindings b CROSS JOIN roles r ON r.id = b.role_id
                 WHERE b.user_id = :me AND b.workspace_id > :after AND r.shows_workspaces = 1 LIMIT :limit",
            "SELECT id FROM users WHERE id IN (SELECT id FROM users WHERE first_name = :name AND id > 0 LIMIT 9)",
            "SELECT id FROM sessions WHERE client = :client ORDER BY id LIMIT :limit OFFSET :skip",
            "SELECT id FROM audit WHERE verb = :verb AND actor_id = :by ORDER BY at DESC LIMIT :limit",
        ] {
            let sql = normalized(sql);
            let seen = !passes_over(&conn, &sql).is_empty();
            // Two conditions that an index of both columns answers are no fault.
            assert_eq!(seen, !sql.contains("FROM audit"), "{sql}");
        }
        for sql in [
            "SELECT id FROM projects WHERE workspace_id = :in AND restricted = :is AND id > :after ORDER BY id LIMIT 9",
            "SELECT id FROM keys WHERE service = 1 AND dead = :dead AND id > :after ORDER BY id LIMIT :limit",
        ] {
            assert!(passes_over(&conn, sql).is_empty(), "{sql}");
        }
    }
}
