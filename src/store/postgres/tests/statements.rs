//! Every statement of the program runs on PostgreSQL, with types that both engines have. Its cost does not grow with a
//! table, and its rows come in the same order on both.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{cluster, database, run};
use crate::store::plans::{EXCEPTIONS, SMALL_TABLES, STATEMENTS};
use crate::store::postgres::dialect::translate;

/// Statements that only SQLite runs: a part that identifies them, and the reason.
const OF_SQLITE: [(&str, &str); 8] = [
    ("sqlite_schema", "it looks at the file itself: whether it is empty, where its first table is, what a backup has"),
    ("sqlite_sequence", "a restored file never gives an id again; the sequences of PostgreSQL are in its dumps"),
    ("pragma_table_info", "it looks at the file itself: whether a schema of before has the stamp"),
    ("SELECT abs(random() % 0x60000000)", "a stamp for the header of the file"),
    ("stamp = ?1", "the stamp recognizes the write-ahead log of another file"),
    ("SELECT stamp FROM meta", "the same"),
    ("staged_rows", "rows of an import are in a temporary SQLite file of their own, whatever the data is in"),
    ("name_changes", "it keeps the names in memory up to date; names are searched by an index here"),
];
const NAMES_IN_MEMORY: &str = "char(10) || last_name FROM users";

/// What sorts or reads a table on purpose, only here.
const OF_POSTGRES: [(&str, &str); 3] = [
    ("FROM organizations WHERE home = 1", "the index contains one row"),
    ("SELECT sha256, max(size) FROM model_versions", "`atelier check` looks at every file"),
    ("m.role = 'admin' CROSS JOIN users u ON u.id = m.user_id WHERE o.id > 0", "it lists the admins of everything"),
];

/// Statements whose rows come in any order here, and in that of an index on SQLite: a part that identifies them, and why
/// that is no difference.
const UNORDERED: [(&str, &str); 5] = [
    ("coalesce(b.workspace_id, p.workspace_id) AS place", "the bindings that end together are recorded in any order"),
    ("SELECT coalesce(b.workspace_id, p.workspace_id), b.role_id", "each is judged by itself"),
    ("FROM roles r WHERE r.id IN (SELECT value FROM json_each(:ids))", "they are put into a map"),
    ("SELECT seen_at, place FROM known_places", "the program sorts them"),
    (
        "SELECT id FROM users WHERE kind = 'bot' AND id IN (SELECT value FROM json_each(:ids))",
        "they are put into a map",
    ),
];

/// The types of parameters and columns that the connection translates.
const TYPES: [&str; 6] = ["bigint", "text", "bytea", "boolean", "double precision", "integer"];

/// The settings of every session: index to index in the order of the statement, planned once.
const SESSION: &str = "
    SET search_path = atelier;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET join_collapse_limit = 1;
    SET jit = off;
    SET max_parallel_workers_per_gather = 0;";

/// What is wrong with a statement; none if it runs well.
#[derive(Debug, PartialEq)]
enum Fault {
    /// It is no statement for PostgreSQL.
    Refused(String),
    /// A parameter or a column has a type that SQLite does not have.
    Type(String),
    /// Its cost grows with a table.
    Grows(Vec<String>),
    /// Its rows come in the order of a hash or of the pages of the table.
    Unordered,
}

/// Looks at every statement, in one session.
fn look_at<'s>(database: &str, statements: impl Iterator<Item = &'s str>) -> Vec<(&'s str, Option<Fault>)> {
    let statements: Vec<_> = statements.collect();
    let mut script = SESSION.to_owned();
    for (n, sql) in statements.iter().enumerate() {
        let done = translate(sql);
        let text = &done.text;
        let values = vec!["NULL"; done.parameters.len()].join(", ");
        let values = if values.is_empty() { values } else { format!("({values})") };
        // Each part begins with a line of its own. `\gdesc` prints the columns of a statement that does not run.
        let _ = write!(
            script,
            "\nPREPARE s{n} AS {text};\n\\echo @@ :LAST_ERROR_MESSAGE\n\\echo @@ :ERROR\n
             SELECT unnest(parameter_types) FROM pg_prepared_statements WHERE name = 's{n}';
             \\echo @@\nEXPLAIN (FORMAT JSON) EXECUTE s{n}{values};\n\\echo @@\n{text} \\gdesc\n
             \\echo @@\nDEALLOCATE ALL;\n"
        );
    }
    let printed = cluster::cluster().try_all(database, &script);
    let parts: Vec<_> = printed.split("@@").skip(1).collect();
    assert_eq!(parts.len(), 5 * statements.len());
    let judge = |sql: &str, parts: &[&str]| {
        let [message, types, plan, columns, _] = parts else { panic!("five parts") };
        if types.trim_start().starts_with("true") {
            return Some(Fault::Refused(message.trim().to_owned()));
        }
        let parameters = types.lines().skip(1);
        let columns = columns.lines().filter_map(|line| Some(line.split_once('\t')?.1));
        if let Some(other) = parameters.chain(columns).map(str::trim).find(|ty| !ty.is_empty() && !TYPES.contains(ty)) {
            return Some(Fault::Type(other.to_owned()));
        }
        let plan: Value = serde_json::from_str(plan.trim()).expect("a plan");
        let mut grows = Vec::new();
        walk(&plan[0]["Plan"], false, &mut grows);
        if !grows.is_empty() {
            return Some(Fault::Grows(grows));
        }
        let unordered = sql.starts_with("SELECT ") && !sql.contains(" ORDER BY ") && is_unordered(&plan[0]["Plan"]);
        unordered.then_some(Fault::Unordered)
    };
    statements.into_iter().zip(parts.chunks(5)).map(|(sql, parts)| (sql, judge(sql, parts))).collect()
}

/// The steps of a plan whose cost grows with a table.
///
/// A scan of an index without a condition reads all of it. A sort reads all of its rows, which is a fault if a limit
/// leaves most of them out.
fn walk(step: &Value, limited: bool, grows: &mut Vec<String>) {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let kind = text("Node Type");
    let table = text("Relation Name");
    let is_small = SMALL_TABLES.contains(&table) || table == "audit_chain";
    let is_scan = kind == "Seq Scan" || (kind.contains("Index") && step["Index Cond"].is_null());
    let gathers = kind.ends_with("Sort") || step["Strategy"] == "Hashed";
    if (is_scan && !is_small) || (limited && gathers && !is_list(step)) {
        grows.push(format!("{kind} {table} {}", text("Index Name")));
    }
    for inner in step["Plans"].as_array().into_iter().flatten() {
        let same_query = inner["Parent Relationship"] == "Outer" || inner["Parent Relationship"] == "Inner";
        walk(inner, same_query && (limited || kind == "Limit"), grows);
    }
}

/// Whether the rows of a plan, if there are several, come from a hash or from a scan in the order of the table.
fn is_unordered(plan: &Value) -> bool {
    let mut path = Some(plan);
    let mut found = false;
    while let Some(step) = path {
        found |= step["Node Type"] == "Bitmap Heap Scan" || step["Strategy"] == "Hashed";
        path = step["Plans"]
            .as_array()
            .and_then(|inner| inner.iter().find(|inner| inner["Parent Relationship"] == "Outer"));
    }
    found && plan["Plan Rows"].as_u64().is_some_and(|rows| rows > 1)
}

/// Whether the rows of a step are the elements of a list in a parameter.
fn is_list(step: &Value) -> bool {
    step["Plans"][0]["Node Type"] == "Function Scan"
}

fn is_of_sqlite(sql: &str) -> bool {
    sql.contains(NAMES_IN_MEMORY) || OF_SQLITE.iter().any(|(words, _)| sql.contains(words))
}

/// A database whose tables seem to have a million rows.
fn large() -> String {
    let database = database();
    run(&database, include_str!("large.sql"));
    database
}

#[test]
fn every_statement_runs_and_none_scans_a_growing_table() {
    let mut report = String::new();
    let mut needed = BTreeSet::new();
    for (sql, fault) in look_at(&large(), STATEMENTS.keys().map(String::as_str)) {
        match fault {
            Some(Fault::Refused(_)) if is_of_sqlite(sql) => {
                needed.extend(OF_SQLITE.iter().map(|(words, _)| *words).filter(|words| sql.contains(words)));
            }
            None | Some(_) if is_of_sqlite(sql) => {
                let _ = writeln!(report, "PostgreSQL runs it, too, so it is not SQLite's own: {sql}");
            }
            None => {}
            Some(Fault::Grows(_)) if sql.starts_with("DELETE FROM ") && !sql.contains(" WHERE ") => {}
            Some(Fault::Grows(_)) if EXCEPTIONS.iter().any(|(words, _)| sql.contains(words)) => {}
            Some(Fault::Grows(steps)) => match OF_POSTGRES.iter().find(|(words, _)| sql.contains(words)) {
                Some((words, _)) => drop(needed.insert(*words)),
                None => drop(writeln!(report, "{}: {sql}\n    {}", STATEMENTS[sql], steps.join("\n    "))),
            },
            Some(Fault::Unordered) if UNORDERED.iter().any(|(words, _)| sql.contains(words)) => {
                needed.extend(UNORDERED.iter().map(|(words, _)| *words).filter(|words| sql.contains(words)));
            }
            Some(fault) => drop(writeln!(report, "{}: {sql}\n    {fault:?}", STATEMENTS[sql])),
        }
    }
    assert!(report.is_empty(), "statements that are none for PostgreSQL:\n{report}");
    let known = OF_SQLITE.iter().chain(&OF_POSTGRES).chain(&UNORDERED).map(|(words, _)| *words);
    let unused: Vec<_> = known.filter(|words| !needed.contains(words)).collect();
    assert!(unused.is_empty(), "no exception is needed for {unused:?}");
}

#[test]
fn a_bad_statement_is_detected() {
    let bad = [
        ("SELECT ifnull(name, '') FROM workspaces WHERE id = :id", "Refused"),
        ("SELECT id FROM workspaces WHERE :name IS NULL OR name = 'x'", "Refused"),
        ("INSERT OR IGNORE INTO tags (id) VALUES (:id)", "Refused"),
        ("SELECT sum(size) FROM model_versions WHERE id = :id", "Type(\"numeric"),
        ("SELECT now() FROM users WHERE id = :id", "Type(\"timestamp"),
        ("SELECT id FROM workspaces WHERE instr(name_key, :name) > 0", "Grows"),
        ("SELECT w.id FROM workspaces w WHERE w.description = :text ORDER BY w.id", "Grows"),
        ("SELECT id FROM workspaces WHERE organization_id = :in ORDER BY created_at LIMIT 9", "Grows"),
        ("UPDATE users SET enabled = 0 WHERE first_name = :name", "Grows"),
        ("SELECT id FROM users WHERE id IN (SELECT value FROM json_each(:ids))", "Unordered"),
        ("DELETE FROM bindings WHERE updated_at < :now", "Grows"),
        ("SELECT a.id FROM models a JOIN pipelines b ON b.updated_at = a.updated_at WHERE a.id = :id", "Grows"),
        (
            "SELECT k.id FROM keys k JOIN users u ON u.id = k.user_id
             WHERE k.id IN (SELECT value FROM json_each(:ids))",
            "Grows",
        ),
    ];
    for (sql, fault) in look_at(&large(), bad.iter().map(|(sql, _)| *sql)) {
        let (_, expected) = bad.iter().find(|(known, _)| *known == sql).unwrap();
        let found = format!("{:?}", fault.as_ref());
        assert!(found.starts_with(&format!("Some({expected}")), "{sql}: {found}");
    }
}
