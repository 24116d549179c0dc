//! `schema.sql` and `schema.postgres.sql` say the same: compares the catalogues of both engines.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::super::schema::STEPS;
use super::{database, run};
use crate::store::schema;

/// What only one of the two has, and why.
const ONLY_SQLITE: [(&str, &str); 2] = [
    ("table name_changes", "names are searched in memory there, by an index here"),
    ("column meta.stamp ", "it recognizes the write-ahead log of another file"),
];
const ONLY_POSTGRES: [(&str, &str); 16] = [
    ("table nodes", "several servers share the database"),
    ("table failures", "failed attempts count on all servers"),
    ("column meta.edition ", "another server's commits may be lost after a failover"),
    ("column meta.version ", "it is in the header of the file there"),
    ("index roles roles_custom:", "IS NULL does not fix a place in an index here"),
    ("index bindings bindings_of_user_on_", "the same"),
    ("index bindings bindings_by_user_on_projects:", "the same"),
    ("index audit audit_without_actor:", "the same"),
    ("index workspaces workspaces_by_part:", "names are searched in memory there"),
    ("index workspaces workspaces_by_short_part:", "the same"),
    ("index organizations organizations_by_part:", "the same"),
    ("index organizations organizations_by_short_part:", "the same"),
    ("index projects projects_by_part:", "the same"),
    ("index projects projects_by_short_part:", "the same"),
    ("index users users_by_part:", "the same"),
    ("index users users_by_short_part:", "the same"),
];

fn sqlite() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(schema::scripts()[0]).unwrap();
    conn
}

fn lines(conn: &Connection, sql: &str) -> Vec<String> {
    let mut query = conn.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// An expression without what the engines write differently.
fn plain(text: &str) -> String {
    let text = ["::text", "::bigint", "(", ")"].iter().fold(text.to_owned(), |text, word| text.replace(word, ""));
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The columns of an index: the text between its parentheses.
fn indexed(created: &str) -> String {
    let (_, rest) = created.split_once('(').unwrap();
    let columns = rest.split_once(" WHERE ").map_or(rest, |(columns, _)| columns);
    plain(columns)
}

/// Whether a line is one of those that only one engine has, or belongs to a table that it alone has.
fn is_own(line: &str, own: &[(&str, &str)]) -> bool {
    own.iter().any(|(words, _)| {
        line.starts_with(words)
            || words.strip_prefix("table ").is_some_and(|table| line.split([' ', '.', ':']).nth(1) == Some(table))
    })
}

fn of_sqlite(conn: &Connection) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in lines(conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
        found.insert(format!("table {table}"));
        let columns = format!(
            "SELECT 'column {table}.' || name || ' ' ||
                 CASE type WHEN 'INTEGER' THEN 'bigint' WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytea'
                     WHEN 'REAL' THEN 'double precision' ELSE type END
                 || iif(\"notnull\" OR pk > 0, ' not null', '') || iif(hidden IN (2, 3), ' generated', '')
                 || coalesce(' default ' || dflt_value, '')
             FROM pragma_table_xinfo('{table}')"
        );
        found.extend(lines(conn, &columns));
        let keys = format!(
            "SELECT 'primary {table}: ' || group_concat(name, ', ')
             FROM (SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk)"
        );
        found.extend(lines(conn, &keys));
        let references = format!(
            "SELECT 'reference {table}: ' || \"from\" || ' ' || \"table\" || '.' || \"to\" || ' ' || lower(on_delete)
             FROM pragma_foreign_key_list('{table}')"
        );
        found.extend(lines(conn, &references));
        let indexes = format!("SELECT name FROM pragma_index_list('{table}') WHERE \"unique\" AND origin <> 'pk'");
        for index in lines(conn, &indexes) {
            let columns = format!("SELECT group_concat(name, ', ') FROM pragma_index_info('{index}')");
            let columns = lines(conn, &columns).concat();
            let created = lines(conn, &format!("SELECT coalesce(sql, '') FROM sqlite_schema WHERE name = '{index}'"));
            let condition = created[0].split_once(" WHERE ").map_or(String::new(), |(_, only)| plain(only));
            found.insert(format!("unique {table}: {columns} where {condition}"));
        }
        let created = lines(conn, &format!("SELECT sql FROM sqlite_schema WHERE name = '{table}'")).concat();
        found.insert(format!("checks {table}: {}", created.matches("CHECK (").count()));
    }
    found.extend(lines(
        conn,
        "SELECT 'trigger ' || tbl_name || ' ' || name FROM sqlite_schema
         WHERE type = 'trigger' AND name NOT LIKE '%name_%'",
    ));
    found
}

fn of_postgres(database: &str) -> BTreeSet<String> {
    let script = "
        SELECT 'table ' || relname FROM pg_class WHERE relnamespace = 'atelier'::regnamespace AND relkind = 'r';
        SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type
            || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
            || CASE is_generated WHEN 'ALWAYS' THEN ' generated' ELSE '' END
            || coalesce(' default ' || replace(column_default, '::text', ''), '')
        FROM information_schema.columns WHERE table_schema = 'atelier';
        SELECT 'primary ' || c.conrelid::regclass || ': ' || string_agg(a.attname, ', ' ORDER BY k.place)
        FROM pg_constraint c CROSS JOIN unnest(c.conkey) WITH ORDINALITY k (number, place)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
        WHERE c.contype = 'p' AND c.connamespace = 'atelier'::regnamespace GROUP BY c.oid, c.conrelid;
        SELECT 'reference ' || c.conrelid::regclass || ': ' || a.attname || ' ' || c.confrelid::regclass || '.'
            || b.attname || CASE c.confdeltype WHEN 'c' THEN ' cascade' WHEN 'n' THEN ' set null'
                WHEN 'r' THEN ' restrict' ELSE ' ?' END
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
        WHERE c.contype = 'f' AND c.connamespace = 'atelier'::regnamespace;
        SELECT 'checks ' || c.relname || ': '
            || (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')
        FROM pg_class c WHERE c.relnamespace = 'atelier'::regnamespace AND c.relkind = 'r';
        SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal;";
    let mut found: BTreeSet<_> = run(database, script).lines().map(str::to_owned).collect();
    let unique = "
        SELECT i.indrelid::regclass, (SELECT string_agg(pg_get_indexdef(i.indexrelid, place, true), ', ' ORDER BY place)
            FROM generate_series(1, i.indnkeyatts) place), pg_get_expr(i.indpred, i.indrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indisunique AND NOT i.indisprimary AND c.relnamespace = 'atelier'::regnamespace;";
    for line in run(database, unique).lines() {
        let [table, columns, only] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        found.insert(format!("unique {table}: {columns} where {}", plain(only)));
    }
    found
}

#[test]
fn both_schemas_have_the_same_tables_columns_and_rules() {
    let (theirs, ours) = (of_sqlite(&sqlite()), of_postgres(&database()));
    let missing: Vec<_> = theirs.difference(&ours).filter(|line| !is_own(line, &ONLY_SQLITE)).collect();
    let more: Vec<_> = ours.difference(&theirs).filter(|line| !is_own(line, &ONLY_POSTGRES)).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "only schema.sql: {missing:#?}\nonly schema.postgres.sql: {more:#?}"
    );
    assert!(theirs.len() > 500, "{}", theirs.len());
    assert!(theirs.contains("unique users: email_key where state <> 'blocked'"));
    assert!(theirs.contains("reference keys: created_by users.id set null"));
    assert!(theirs.contains("column keys.dead bigint generated") && theirs.contains("trigger keys keys_of_bots"));
}

/// A further column at the end is the id, or the rest of the primary key, by which SQLite orders rows by itself.
#[test]
fn both_schemas_have_the_same_indexes() {
    let conn = sqlite();
    let sql = "SELECT 'index ' || tbl_name || ' ' || name || ': ' || sql FROM sqlite_schema
               WHERE type = 'index' AND sql NOTNULL";
    let database = database();
    let script = "SELECT 'index ' || tablename || ' ' || indexname || ': ' || indexdef FROM pg_indexes
                  WHERE schemaname = 'atelier' AND indexname NOT LIKE '%\\_key' AND indexname NOT LIKE '%\\_pkey';";
    let split = |line: &String| {
        let (name, created) = line.split_once(": ").unwrap();
        let condition = created.split_once(" WHERE ").map_or(String::new(), |(_, only)| plain(only));
        (format!("{name}:"), indexed(created), condition)
    };
    let ours: Vec<_> = run(&database, script).lines().map(|line| split(&line.to_owned())).collect();
    let theirs: Vec<_> = lines(&conn, sql).iter().map(split).collect();
    for (name, columns, only) in theirs.iter().filter(|(name, ..)| !is_own(name, &ONLY_SQLITE)) {
        let same = ours.iter().find(|(ours, ..)| ours == name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(same.1 == *columns || same.1.starts_with(&format!("{columns}, ")), "{name} {columns} and {}", same.1);
        assert_eq!(&same.2, only, "{name}");
    }
    for (name, ..) in &ours {
        let known = theirs.iter().any(|(theirs, ..)| theirs == name) || is_own(name, &ONLY_POSTGRES);
        assert!(known, "{name} is only in schema.postgres.sql");
    }
}

#[test]
fn both_schemas_begin_with_the_same_rows() {
    let (conn, database) = (sqlite(), database());
    for (table, columns) in [
        (
            "clients",
            "id, name, built_in, confidential, secret, grants, scopes, redirect_uris, post_logout_redirect_uris, \
             refresh",
        ),
        ("readiness", "id, checked_at"),
        ("audit_chain", "id, start_id, last_id, length(start_hash), length(last_hash)"),
        ("meta", "id, generation, length(secret)"),
    ] {
        let joined: Vec<_> =
            columns.split(", ").map(|column| format!("coalesce(CAST({column} AS TEXT), '')")).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY id", joined.join(" || '|' || "));
        let ours: Vec<_> = run(&database, &format!("{sql};")).lines().map(str::to_owned).collect();
        assert_eq!(lines(&conn, &sql), ours, "{table}");
    }
    assert_eq!(run(&database, "SELECT version FROM meta;").trim(), schema::VERSION.to_string());
    let secrets = "SELECT encode(secret, 'hex') FROM meta;";
    assert_ne!(run(&database, secrets), run(&super::database(), secrets), "the secret is random");
}

#[test]
fn the_steps_lead_from_the_first_version_to_this_one() {
    let database = database();
    let now = of_postgres(&database);
    run(
        &database,
        "ALTER TABLE clients DROP COLUMN pkce, DROP COLUMN group_names;
         ALTER TABLE unreferenced_files DROP COLUMN generation;",
    );
    assert_ne!(of_postgres(&database), now);
    run(&database, &STEPS.concat());
    assert_eq!(of_postgres(&database), now);
}

#[test]
fn a_difference_is_detected() {
    let database = database();
    let before = of_postgres(&database);
    for change in [
        "ALTER TABLE keys ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE keys ADD COLUMN more BIGINT",
        "DROP INDEX users_by_email",
        "ALTER TABLE keys DROP CONSTRAINT keys_name_check",
        "DROP TRIGGER keys_of_bots ON keys",
        "ALTER TABLE members ALTER COLUMN role SET DEFAULT 'reader'",
    ] {
        let before = of_postgres(&database);
        run(&database, &format!("{change};"));
        assert_ne!(of_postgres(&database), before, "{change}");
    }
    assert!(before.len() > 500);
}
