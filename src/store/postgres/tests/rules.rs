//! The triggers and the generated columns: after the same changes both engines have the same rows.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{database, run};
use crate::store::schema;

const BEFORE: &str = "
    INSERT INTO users (id, uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                       must_change_password, created_at)
    VALUES (1, 'a0000000-0000-4000-8000-000000000001', 'a@b', 'a@b', '', '', 'person', 'active', 1, 0, 'member', 0, 5),
           (2, 'a0000000-0000-4000-8000-000000000002', 'c@b', 'c@b', '', '', 'bot', 'active', 1, 0, 'member', 0, 5),
           (3, 'a0000000-0000-4000-8000-000000000003', 'd@b', 'd@b', '', '', 'person', 'invited', 1, 0, 'member', 0, 5),
           (4, 'a0000000-0000-4000-8000-000000000004', 'e@b', 'e@b', '', '', 'person', 'active', 0, 0, 'member', 0, 5);
    INSERT INTO organizations (id, name, name_key, description, home, created_at)
    VALUES (1, 'One', 'one', '', 1, 5), (2, 'Two', 'two', '', 0, 5);
    INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_by, created_at,
                            ml_models_enabled)
    VALUES (1, 1, 'W', 'w', '', 0, 0, 1, 5, 1), (2, 2, 'V', 'v', '', 1, 0, 1, 5, 1);
    INSERT INTO models (id, workspace_id, name, created_at, updated_at) VALUES (1, 1, 'M', 5, 5), (2, 1, 'N', 5, 5);
    INSERT INTO roles (id, name, description, permissions, shows_workspaces, created_at, updated_at)
    VALUES (11, 'A', '', unhex('000000000000000000000020000000000000000000000000'), 1, 5, 5),
           (12, 'B', '', unhex('0000000000000000000000df000000bf0000000000000000'), 1, 5, 5),
           (13, 'C', '', unhex('000000000000000000000040000000400000000000000000'), 1, 5, 5);";

/// Changes one after another, each a statement.
const CHANGES: &str = "
    INSERT INTO projects (id, workspace_id, name, name_key, kind, created_at, updated_at)
    VALUES (1, 1, 'P', 'p', 'harness', 5, 5), (2, 2, 'Q', 'q', 'harness', 5, 5), (3, 2, 'R', 'r', 'harness', 5, 5);
    UPDATE workspaces SET private = 1 WHERE id = 1;
    UPDATE workspaces SET private = 0 WHERE id > 0;
    INSERT INTO restrictions (project_id, created_at) VALUES (1, 5), (2, 5);
    DELETE FROM restrictions WHERE project_id = 1;
    DELETE FROM projects WHERE id = 3;
    INSERT INTO bindings (id, role_id, user_id, workspace_id, created_at, updated_at) VALUES (1, 11, 1, 2, 5, 5);
    INSERT INTO bindings (id, role_id, user_id, project_id, created_at, updated_at) VALUES (2, 12, 1, 1, 5, 5);
    INSERT INTO keys (id, user_id, name, fingerprint, redacted, description, created_at)
    VALUES (1, 1, 'k', unhex('0000000000000000000000000000000000000000000000000000000000000001'), '', '', 5),
           (2, 2, 'k', unhex('0000000000000000000000000000000000000000000000000000000000000002'), '', '', 5);
    UPDATE keys SET revoked_at = 6 WHERE id = 1;
    UPDATE keys SET expired = 1 WHERE id = 2;
    UPDATE keys SET expired = 0 WHERE id = 2;
    UPDATE users SET lapsed = 1 WHERE id = 3;
    UPDATE users SET state = 'blocked' WHERE id = 4;
    INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, sha256, size, file_name, created_at,
                                updated_at)
    VALUES (1, 1, 1, 'a0000000-0000-4000-8000-000000000001', 'private', {a}, 100, '', 5, 5),
           (2, 1, 1, 'a0000000-0000-4000-8000-000000000002', 'private', {a}, 100, '', 5, 5),
           (3, 1, 1, 'a0000000-0000-4000-8000-000000000003', 'private', {b}, 30, '', 5, 5),
           (4, 1, 1, 'a0000000-0000-4000-8000-000000000004', 'private', NULL, 7, '', 5, 5);
    INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, sha256, size, file_name, created_at,
                                updated_at)
    VALUES (5, 2, 1, 'a0000000-0000-4000-8000-000000000005', 'private', {a}, 100, '', 5, 5),
           (6, 2, 2, 'a0000000-0000-4000-8000-000000000006', 'private', {b}, 30, '', 5, 5),
           (7, 2, 1, 'a0000000-0000-4000-8000-000000000007', 'private', {c}, 1, '', 5, 5);
    INSERT INTO unreferenced_files (sha256, remove_after, removing) VALUES ({c}, 99, 0);
    DELETE FROM model_versions WHERE id = 3;
    DELETE FROM model_versions WHERE id = 7;
    DELETE FROM model_versions WHERE id < 3;
    DELETE FROM models WHERE id = 2;
    DELETE FROM workspaces WHERE id = 2;
    DELETE FROM organizations WHERE id = 1;
    DELETE FROM users WHERE id = 1";

/// Everything that the rules write.
const AFTER: [&str; 7] = [
    "SELECT id, organization_id, private, restricted FROM projects ORDER BY id",
    "SELECT id, place_id, organization_id FROM bindings ORDER BY id",
    "SELECT id, service, dead FROM keys ORDER BY id",
    "SELECT id, coalesce(status, '-') FROM users ORDER BY id",
    "SELECT id, reads_projects, restricts_projects, reads_bindings FROM roles ORDER BY id",
    "SELECT id, file_bytes FROM organizations ORDER BY id",
    "SELECT length(sha256), remove_after, removing FROM unreferenced_files ORDER BY sha256",
];

#[test]
fn both_engines_keep_the_rules() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("PRAGMA foreign_keys = on;").unwrap();
    conn.execute_batch(schema::scripts()[0]).unwrap();
    conn.execute_batch(BEFORE).unwrap();
    let database = database();
    run(&database, BEFORE);
    let hash = |digit: &str| format!("unhex('{}')", digit.repeat(64));
    let changes = CHANGES.replace("{a}", &hash("a")).replace("{b}", &hash("b")).replace("{c}", &hash("c"));
    let rows_of = |sql: &str| {
        let mut query = conn.prepare(sql).unwrap();
        let columns = query.column_count();
        let text = |value: Value| match value {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        let row = |row: &rusqlite::Row| (0..columns).map(|at| row.get(at).map(text)).collect::<Result<Vec<_>, _>>();
        query.query_map([], row).unwrap().map(|row| row.unwrap().join("\t") + "\n").collect::<String>()
    };
    let mut seen = Vec::new();
    for change in changes.split(';') {
        conn.execute_batch(change).unwrap_or_else(|error| panic!("{change}: {error}"));
        let ours = run(&database, &format!("{change};\n{};", AFTER.join(";\n\\echo @@\n")));
        for (sql, ours) in AFTER.iter().zip(ours.split("@@\n")) {
            let rows = rows_of(sql);
            assert_eq!(rows, ours, "{sql} after {change}");
            seen.push(rows);
        }
    }
    // The rules did something.
    for rows in [
        "1\t130\n2\t0\n",
        "1\t131\n2\t30\n",
        "1\t100\n2\t30\n",
        "1\t0\n2\t0\n",
        "1\t2\t2\n2\t1\t1\n",
        "1\t0\t1\n2\t1\t1\n",
        "11\t1\t0\t0\n12\t0\t1\t0\n13\t0\t1\t1\n",
    ] {
        assert!(seen.iter().any(|seen| seen == rows), "{rows} is not in {seen:?}");
    }
}

/// Rows that a check, a key or a reference forbids are refused by both.
#[test]
fn both_engines_refuse_the_same_rows() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("PRAGMA foreign_keys = on;").unwrap();
    conn.execute_batch(schema::scripts()[0]).unwrap();
    conn.execute_batch(BEFORE).unwrap();
    let database = database();
    run(&database, BEFORE);
    for (sql, is_good) in [
        ("UPDATE users SET role = 'king' WHERE id = 1", false),
        ("UPDATE users SET uuid = 'short' WHERE id = 1", false),
        ("UPDATE users SET email_key = 'c@b' WHERE id = 1", false),
        ("UPDATE users SET email_verified_at = 5 WHERE id = 1", false),
        ("UPDATE users SET first_name = NULL WHERE id = 1", false),
        ("UPDATE organizations SET home = 1 WHERE id = 2", false),
        ("UPDATE organizations SET file_bytes = -1 WHERE id = 2", false),
        ("UPDATE workspaces SET created_by = 99 WHERE id = 1", false),
        ("UPDATE roles SET permissions = unhex('00') WHERE id = 11", false),
        ("INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (1, 1, 'custom', 5)", false),
        ("INSERT INTO members (workspace_id, user_id, role, role_id, created_at) VALUES (1, 1, 'custom', 11, 5)", true),
        ("INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (1, 1, 'owner', 5)", false),
        ("DELETE FROM roles WHERE id = 11", false),
        ("DELETE FROM roles WHERE id = 12", true),
        ("UPDATE signing_keys SET state = 'next' WHERE state = 'none'", true),
        ("INSERT INTO meta (id, generation, secret) VALUES (2, 1, unhex('00'))", false),
    ] {
        let there = conn.execute_batch(sql).is_ok();
        let script = format!("{sql};\n\\echo :ERROR\n");
        let here = super::cluster::cluster().try_all(&database, &script).trim_end().ends_with("false");
        assert_eq!((there, here), (is_good, is_good), "{sql}");
    }
}
