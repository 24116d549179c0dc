//! Upgrades files of each version with generated rows of every table, and compares the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// The number of rows of each table: each word of a column with a choice of words is there.
const ROWS: i64 = 24;

/// A column, as far as its values depend on it.
struct Column {
    name: String,
    kind: String,
    /// The table and the column that it refers to.
    parent: Option<(String, String)>,
    /// Its words, if it has a choice.
    words: Vec<String>,
    /// Its exact length, if there is one.
    length: Option<usize>,
    is_primary_key: bool,
}

fn columns(conn: &Connection, table: &str) -> Vec<Column> {
    let sql: String =
        conn.query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0)).unwrap();
    let mut query = conn.prepare(&format!("PRAGMA foreign_key_list({table})")).unwrap();
    let parents: BTreeMap<String, (String, String)> = query
        .query_map([], |row| Ok((row.get(3)?, (row.get(2)?, row.get(4)?))))
        .unwrap()
        .map(std::result::Result::unwrap)
        .collect();
    let mut query = conn.prepare(&format!("PRAGMA table_xinfo({table})")).unwrap();
    let found: Vec<(String, String, i64, i64)> = query
        .query_map([], |row| Ok((row.get(1)?, row.get(2)?, row.get(5)?, row.get(6)?)))
        .unwrap()
        .map(std::result::Result::unwrap)
        .collect();
    let stored = found.into_iter().filter(|(.., hidden)| *hidden == 0);
    stored
        .map(|(name, kind, key, _)| {
            let choice =
                sql.split_once(&format!("CHECK ({name} IN (")).map(|(_, rest)| rest.split_once(')').unwrap().0);
            let words =
                choice.map(|list| list.split(',').map(|word| word.trim().trim_matches('\'').to_owned()).collect());
            let length = sql.split_once(&format!("CHECK (length({name}) = "));
            Column {
                parent: parents.get(&name).cloned(),
                words: words.unwrap_or_default(),
                length: length.map(|(_, rest)| rest.split_once(')').unwrap().0.parse().unwrap()),
                is_primary_key: key > 0,
                name,
                kind,
            }
        })
        .collect()
}

/// A number that is another one for each column and row.
fn mix(table: &str, column: &str, row: i64) -> u64 {
    let text = format!("{table}.{column}.{row}");
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The value of a row, which is from 1 on.
fn value(table: &str, column: &Column, row: i64) -> Value {
    if let Some(value) = special(table, &column.name, row) {
        return value;
    }
    if let Some((parent, key)) = &column.parent {
        // The keys are numbers, but for clients.
        return if key == "id" && parent == "clients" { text(&format!("id-{row}")) } else { Value::Integer(row) };
    }
    if !column.words.is_empty() {
        let word = &column.words[usize::try_from(row).unwrap() % column.words.len()];
        return if column.kind == "INTEGER" { Value::Integer(word.parse().unwrap()) } else { text(word) };
    }
    match (column.kind.as_str(), column.length) {
        ("INTEGER", _) if column.is_primary_key => Value::Integer(row),
        ("INTEGER", _) => Value::Integer(3000 + row),
        ("REAL", _) => Value::Real(f64::from(i32::try_from(row).unwrap()) + 0.5),
        ("TEXT", Some(36)) => {
            let number = mix(table, &column.name, row);
            text(&format!("{:08x}-0000-4000-8000-{row:012}", number & 0xffff_ffff))
        }
        ("TEXT", None) => text(&format!("{}-{row}", column.name)),
        ("BLOB", length) => {
            let bytes = mix(table, &column.name, row).to_be_bytes();
            Value::Blob(bytes.into_iter().cycle().take(length.unwrap_or(5)).collect())
        }
        other => panic!("{table}.{}: {other:?}", column.name),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The values of columns whose rules are about several columns or rows, or that have a form.
fn special(table: &str, column: &str, row: i64) -> Option<Value> {
    let is_even = row % 2 == 0;
    let number = |some: bool| if some { Value::Integer(row) } else { Value::Null };
    let state = |row: i64| match row {
        1 => "next",
        2 => "active",
        _ => "retired",
    };
    Some(match (table, column) {
        ("organizations", "home") => Value::Integer(i64::from(row == 1)),
        (_, "name_key") => text(&format!("name-{row}")),
        ("users", "email" | "email_key") => text(&format!("p{row}@example.com")),
        ("users", "email_verified_by") => text("operator"),
        ("roles", "predefined") => {
            let words = ["owner", "member", "reader", "annotator"];
            words.get(usize::try_from(row).unwrap()).map_or(Value::Null, |word| text(word))
        }
        ("members", "role_id") => number(row % 5 == 4),
        ("bindings", "workspace_id") => number(is_even),
        ("bindings", "project_id") | ("device_codes", "user_id" | "authenticated_at") => number(!is_even),
        ("clients", "built_in") => Value::Integer(0),
        ("clients", "secret") if !is_even => Value::Blob(vec![7; 32]),
        ("clients", "secret") => Value::Null,
        ("clients", "confidential") => Value::Integer(i64::from(!is_even)),
        ("sessions", "client") if is_even => text("sdk-client"),
        ("sessions", "cookie") if is_even => Value::Null,
        ("device_codes", "state") => text(if is_even { "pending" } else { "denied" }),
        ("signing_keys", "state") => text(state(row)),
        ("signing_keys", "activated_at") => number(state(row) != "next"),
        ("signing_keys", "retired_at") => number(state(row) == "retired"),
        ("search_grams" | "search_log", "shelf") => Value::Integer(1 + row % 4),
        // Triggers have inserted rows before.
        ("search_log" | "name_changes", "seq") | ("workspace_changes", "id") => Value::Integer(5000 + row),
        ("audit", "before" | "after") => text(&format!("{{\"row\":{row}}}")),
        _ => return None,
    })
}

/// The tables, those that others refer to first.
fn tables(conn: &Connection) -> Vec<String> {
    let mut query =
        conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").unwrap();
    let mut left: BTreeSet<String> =
        query.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect();
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let is_next = |table: &&String| {
            let parents: Vec<_> = columns(conn, table).into_iter().filter_map(|column| column.parent).collect();
            parents.iter().all(|(parent, _)| parent == *table || !left.contains(parent))
        };
        let next = left.iter().find(is_next).unwrap().clone();
        left.remove(&next);
        sorted.push(next);
    }
    sorted
}

/// Adds rows to every table that may have more than one.
fn fill(conn: &Connection, version: u32) {
    for table in tables(conn) {
        if ["meta", "readiness", "audit_chain"].contains(&table.as_str()) {
            continue;
        }
        let columns = columns(conn, &table);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
        for row in 1..=ROWS {
            let values = columns.iter().map(|column| match (table.as_str(), column.name.as_str()) {
                // In version 1 there are no clients, and an upgrade ends the sessions of unknown ones.
                ("sessions", "client") if version == 1 => text("sdk-client"),
                ("sessions", "client") if row % 2 == 1 => Value::Null,
                _ => value(&table, column, row),
            });
            let done = conn.execute(&sql, rusqlite::params_from_iter(values));
            assert!(done.is_ok(), "{table}, row {row} of version {version}: {done:?}");
        }
    }
}

/// Every row of every table, with the names of the columns.
fn named_contents(conn: &Connection) -> BTreeMap<String, Vec<BTreeMap<String, Value>>> {
    let rows = |table: &String| {
        let names: Vec<String> = columns(conn, table).into_iter().map(|column| column.name).collect();
        let mut query = conn.prepare(&format!("SELECT {} FROM {table} ORDER BY 1, 2", names.join(", "))).unwrap();
        let rows = query
            .query_map([], |row| names.iter().enumerate().map(|(at, name)| Ok((name.clone(), row.get(at)?))).collect());
        rows.unwrap().map(std::result::Result::unwrap).collect()
    };
    tables(conn).into_iter().map(|table| (table.clone(), rows(&table))).collect()
}

/// Whether an upgrade from this version changes the column on purpose.
fn changes(version: u32, table: &str, column: &str) -> bool {
    match (table, column) {
        ("meta", "generation" | "stamp") => true,
        // The scope `api` of built-in clients, and the roles of bots.
        (_, "scope" | "scopes") | ("users", "role") => version < 6,
        _ => false,
    }
}

/// Tables that version 7 drops.
const DROPPED: [&str; 4] = ["search_grams", "search_names", "search_log", "workspace_changes"];

#[test]
fn generated_rows_of_every_table_survive_the_upgrade_from_every_version() {
    let fresh = place();
    Store::open(&fresh.path, Sizes::default()).unwrap().close();
    let wanted = shape(&connect(&fresh.path));
    for version in 1..=VERSION {
        let old = place();
        let conn = connect(&old.path);
        for step in steps_from(0).take(version as usize) {
            conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
            conn.execute_batch(step.sql).unwrap();
        }
        conn.pragma_update(None, "user_version", version).unwrap();
        conn.pragma_update(None, "foreign_keys", true).unwrap();
        conn.execute_batch("BEGIN").unwrap();
        fill(&conn, version);
        conn.execute_batch("COMMIT").unwrap();
        let before = named_contents(&conn);
        let sequences = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
        let last: BTreeMap<String, Option<i64>> = before
            .keys()
            .map(|table| (table.clone(), conn.query_row(sequences, [table], |row| row.get(0)).ok()))
            .collect();
        drop(conn);

        Store::open(&old.path, Sizes::default()).unwrap().close();
        let conn = connect(&old.path);
        assert_eq!(shape(&conn), wanted, "from version {version}");
        let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "from version {version}");
        assert!(!conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
        let after = named_contents(&conn);
        for (table, rows) in &before {
            let name = if table == "half_sign_ins" { "pending_sign_ins" } else { table };
            let Some(now) = after.get(name) else {
                assert!(DROPPED.contains(&name), "{table} from version {version}");
                continue;
            };
            let is_kept = |column: &str| {
                let stays = now.first().is_none_or(|row| row.contains_key(column));
                stays && !changes(version, table, column)
            };
            let kept = |rows: &[BTreeMap<String, Value>]| -> Vec<BTreeMap<String, Value>> {
                let had: BTreeSet<&String> = before[table].iter().flat_map(BTreeMap::keys).collect();
                let columns = |row: &BTreeMap<String, Value>| {
                    let columns = row.iter().filter(|(column, _)| had.contains(column) && is_kept(column));
                    columns.map(|(column, value)| (column.clone(), value.clone())).collect()
                };
                rows.iter().map(columns).collect()
            };
            let (mut rows, mut now) = (kept(rows), kept(now));
            if table == "clients" && version == 1 {
                now.clear();
                rows.clear();
            }
            assert_eq!(now, rows, "{table} from version {version}");
            let seq: Option<i64> = conn.query_row(sequences, [name], |row| row.get(0)).ok();
            assert!(seq >= last[table], "the ids of {table} from version {version}: {seq:?}");
        }

        let folder = old.path.with_file_name("backup");
        if version == VERSION {
            assert!(!folder.exists(), "nothing was upgraded");
            continue;
        }
        let copy = folder.join(format!("before-schema-{VERSION}"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&folder), mode(&copy)), (0o700, 0o600));
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [format!("before-schema-{VERSION}").as_str()]);
        let conn = connect(&copy);
        assert!(named_contents(&conn) == before, "the copy from version {version}");
        let kept: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(kept, version);
    }
}
