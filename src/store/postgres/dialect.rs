//! Translates the statements of the program from SQLite's dialect to PostgreSQL's.
//!
//! Most of a statement is the same text for both. Functions and operators of SQLite are defined in
//! `schema.postgres.sql`.

/// A statement for PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub text: String,
    /// The names of the parameters `$1`, `$2` and so on, with their colon.
    pub parameters: Vec<String>,
}

/// Numbers the parameters, and leaves out what directs SQLite's planner: a `CROSS JOIN` with a condition is a `JOIN`,
/// and `INDEXED BY` is dropped.
pub(super) fn translate(sql: &str) -> Translated {
    let mut done = Translated { text: String::with_capacity(sql.len()), parameters: Vec::new() };
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        if first == ':' && length > 1 && token != "::" {
            let known = done.parameters.iter().position(|name| name == token);
            let number = known.unwrap_or_else(|| {
                done.parameters.push(token.to_owned());
                done.parameters.len() - 1
            });
            done.text.push('$');
            done.text += &(number + 1).to_string();
        } else if is_word(token, "CROSS") && has_condition(rest) {
            rest = rest.trim_start();
        } else if is_word(token, "INDEXED")
            && let Some(tail) = after_index_name(rest)
        {
            done.text.truncate(done.text.trim_end().len());
            rest = tail;
        } else {
            done.text += token;
        }
    }
    done
}

/// The length of the token that a text begins with in bytes. A string, a quoted name and a comment are one token each.
fn token_length(text: &str, first: char) -> usize {
    let is_in_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = |from: &str| from.find(|c| !is_in_word(c)).unwrap_or(from.len());
    let tail = text.get(first.len_utf8()..).unwrap_or_default();
    match first {
        // A doubled quote inside is read as two strings side by side, which gives the same text.
        '\'' | '"' => tail.find(first).map_or(text.len(), |end| end + 2),
        '-' if tail.starts_with('-') => text.find('\n').unwrap_or(text.len()),
        ':' if tail.starts_with(':') => 2,
        ':' => 1 + word(tail),
        _ if is_in_word(first) => word(text),
        _ => first.len_utf8(),
    }
}

fn is_word(token: &str, word: &str) -> bool {
    token.eq_ignore_ascii_case(word)
}

/// Whether the join that a text begins with, after its `CROSS`, has an `ON`.
fn has_condition(text: &str) -> bool {
    const ENDS: [&str; 13] = [
        "JOIN",
        "CROSS",
        "LEFT",
        "INNER",
        "WHERE",
        "GROUP",
        "ORDER",
        "LIMIT",
        "UNION",
        "RETURNING",
        "HAVING",
        "EXCEPT",
        "SET",
    ];
    let mut words = words(text).skip(1);
    let end = words.find(|word| is_word(word, "ON") || *word == ")" || ENDS.iter().any(|end| is_word(word, end)));
    end.is_some_and(|word| is_word(word, "ON"))
}

/// The text after `BY` and a name.
fn after_index_name(text: &str) -> Option<&str> {
    let rest = text.trim_start();
    let rest = rest.get(..2).filter(|by| is_word(by, "BY")).and_then(|_| rest.get(2..))?.trim_start();
    let first = rest.chars().next()?;
    rest.get(token_length(rest, first)..)
}

/// The tokens of a text up to the parenthesis that closes it, without those in parentheses and without spaces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut depth = 0_i32;
    std::iter::from_fn(move || {
        loop {
            let first = rest.chars().next()?;
            let (token, after) = rest.split_at_checked(token_length(rest, first))?;
            rest = after;
            match first {
                '(' => depth += 1,
                ')' if depth == 0 => return Some(token),
                ')' => depth -= 1,
                _ if depth == 0 && !first.is_whitespace() => return Some(token),
                _ => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> String {
        translate(sql).text
    }

    #[test]
    fn each_name_has_one_number() {
        let done = translate("SELECT :b, :a_1 FROM t WHERE x = :b AND y=:c");
        assert_eq!(done.text, "SELECT $1, $2 FROM t WHERE x = $1 AND y=$3");
        assert_eq!(done.parameters, [":b", ":a_1", ":c"]);
        assert_eq!(translate("SELECT 1").parameters, [""; 0]);
    }

    #[test]
    fn a_colon_elsewhere_is_no_parameter() {
        for sql in [
            "SELECT 'a :b', 'it''s :c', \"d :e\", f::text",
            "SELECT 1 -- :comment with ' quote\n, 2",
            "SELECT ':unterminated",
            "SELECT 'ü:ß' || 'x'",
            ": ",
            ":",
            "",
            "-- only",
        ] {
            let done = translate(sql);
            assert_eq!((done.text.as_str(), done.parameters.len()), (sql, 0), "{sql}");
        }
        assert_eq!(text("SELECT ':a'||:b"), "SELECT ':a'||$1");
        assert_eq!(text("SELECT :a::text"), "SELECT $1::text");
    }

    #[test]
    fn a_forced_order_is_a_join_with_its_condition() {
        assert_eq!(text("FROM a CROSS JOIN b ON b.x = a.x"), "FROM a JOIN b ON b.x = a.x");
        assert_eq!(text("FROM a\n    CROSS JOIN b ON b.x = a.x"), "FROM a\n    JOIN b ON b.x = a.x");
        assert_eq!(text("FROM a CROSS JOIN b c WHERE 1"), "FROM a CROSS JOIN b c WHERE 1");
        assert_eq!(text("FROM a CROSS JOIN b"), "FROM a CROSS JOIN b");
        assert_eq!(
            text("FROM json_each(:x) j CROSS JOIN json_each(:y) n CROSS JOIN p ON p.x = n.value"),
            "FROM json_each($1) j CROSS JOIN json_each($2) n JOIN p ON p.x = n.value"
        );
        assert_eq!(
            text("FROM a CROSS JOIN w LEFT JOIN u ON u.id = w.by"),
            "FROM a CROSS JOIN w LEFT JOIN u ON u.id = w.by"
        );
        assert_eq!(
            text("FROM a CROSS JOIN (SELECT 1 FROM x WHERE y) b ON true"),
            "FROM a JOIN (SELECT 1 FROM x WHERE y) b ON true"
        );
        assert_eq!(
            text("EXISTS (SELECT 1 FROM a CROSS JOIN b) AND c IN (SELECT 1 FROM d JOIN e ON f)"),
            "EXISTS (SELECT 1 FROM a CROSS JOIN b) AND c IN (SELECT 1 FROM d JOIN e ON f)"
        );
        assert_eq!(text("SELECT 'CROSS JOIN x ON'"), "SELECT 'CROSS JOIN x ON'");
    }

    #[test]
    fn a_forced_index_is_dropped() {
        assert_eq!(text("FROM members m INDEXED BY members_by_user WHERE x"), "FROM members m WHERE x");
        assert_eq!(text("FROM members m INDEXED BY i JOIN b ON c"), "FROM members m JOIN b ON c");
        assert_eq!(text("SELECT indexed, 'INDEXED BY x'"), "SELECT indexed, 'INDEXED BY x'");
        assert_eq!(text("FROM a INDEXED BY \"an index\" CROSS JOIN b ON c"), "FROM a JOIN b ON c");
    }
}
