//! The functions and operators of SQLite that `schema.postgres.sql` defines, and the expressions whose meaning differs
//! between engines if they are written carelessly: both give the same.

use rusqlite::Connection;

use super::{database, run};
use crate::store::postgres::dialect::translate;

const EXPRESSIONS: [&str; 41] = [
    "instr('abc', 'c')",
    "instr('abc', 'x')",
    "instr('abc', '')",
    "instr('äöü', 'ü')",
    "instr(NULL, 'x')",
    "iif(1 = 1, 5, 0)",
    "iif(1 = 2, 5, NULL)",
    "iif(NULL = 1, 5, 6)",
    "max(1, 2)",
    "max(NULL, 2)",
    "min(4 + 1, 1000000)",
    "min(3, NULL)",
    "length(unhex('00ff41'))",
    "length(unhex(NULL))",
    "'{\"a\": 5}' ->> 'a' || ''",
    "'{\"a\": \"text\"}' ->> 'a'",
    "'{\"a\": null}' ->> 'a'",
    "'{\"a\": {\"b\": 7}}' -> 'a' ->> 'b' || ''",
    "'{\"b\": \"\\u0000\", \"a\": 1}' ->> 'a' || ''",
    r#"'{"a": "x\\u0000\\\\u0000"}' ->> 'a'"#,
    r#"'{"a": ["x\\u0000"]}' -> 'a' ->> 0"#,
    "NULL ->> 'a'",
    "CAST('[12, \"x\", null]' ->> 0 AS BIGINT)",
    "'[12, \"x\", null]' ->> 1",
    "'[12, \"x\", null]' ->> 2",
    "(SELECT sum(value + key) || '' FROM json_each('[5, 6, 9223372036854775]'))",
    "(SELECT count(*) FROM json_each('[]'))",
    "(SELECT max(value) FROM json_each('[\"a\", \"b\"]', '$'))",
    "(SELECT min(value ->> 1) FROM json_each('[[1, \"y\"], [2, \"x\"]]', '$'))",
    r#"(SELECT min(value ->> 0) FROM json_each('[["{\"a\": \"\\\\u0000\"}"]]', '$'))"#,
    r#"(SELECT min(value ->> 0) FROM json_each('[["\\\\u0000", "\\\\\\u0000"]]', '$'))"#,
    r#"(SELECT count(*) FROM json_each('["a\u0000", "\u0000\u0000a"]', '$') WHERE value IN ('a', ''))"#,
    "CAST(iif(ltrim('12a', '0123456789') = '', nullif(substr('12a', 1, 18), ''), NULL) AS BIGINT)",
    "CAST(iif(ltrim('12', '0123456789') = '', nullif(substr('12', 1, 18), ''), NULL) AS BIGINT)",
    "-7 / 2",
    "-7 % 3",
    "7 IS NOT DISTINCT FROM NULL",
    "substr('workspace', 1, 4)",
    "coalesce(CAST(NULL AS BIGINT) IS NULL, false)",
    "(SELECT min(x) FROM (SELECT 'a' AS x UNION ALL SELECT 'B' UNION ALL SELECT '_' UNION ALL SELECT 'ä') u)",
    "'a' < 'B'",
];

#[test]
fn both_engines_give_the_same() {
    let (conn, database) = (Connection::open_in_memory().unwrap(), database());
    let select = |expression: &str| format!("SELECT coalesce(CAST({expression} AS TEXT), 'NULL')");
    let script: Vec<_> = EXPRESSIONS.iter().map(|expression| translate(&select(expression)).text + ";\n").collect();
    let ours = run(&database, &script.concat());
    assert_eq!(ours.lines().count(), EXPRESSIONS.len());
    for (expression, ours) in EXPRESSIONS.iter().zip(ours.lines()) {
        let theirs: String = conn
            .query_row(&select(expression), [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{expression}: {error}"));
        // A truth is a number to SQLite.
        let ours = match ours {
            "true" => "1",
            "false" => "0",
            other => other,
        };
        assert_eq!(theirs, ours, "{expression}");
    }
}

#[test]
fn lists_of_numbers_and_of_texts_have_their_types() {
    let types = "SELECT pg_typeof((SELECT max(value) FROM json_each('[1]'))),
                     pg_typeof((SELECT max(value) FROM json_each('[1]', '$')));";
    assert_eq!(run(&database(), types).trim_end(), "bigint\ttext");
}
