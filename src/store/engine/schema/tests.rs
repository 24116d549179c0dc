//! Opens old, new and foreign files, and checks the result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use rusqlite::types::Value;

use super::state::APPLICATION_ID;
use super::*;
use crate::domain::page::Page;
use crate::domain::workspace::WorkspaceSearch;
use crate::store::audit::chain::{self, Fault};
use crate::store::engine::open;
use crate::store::visibility::Visibility;
use crate::store::{Sizes, Store, names, users, workspaces};

mod generated;
mod rows;

use rows::rows_of_version;

/// A file in a folder of its own.
struct Place {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { path: folder.path().join("atelier.db"), _folder: folder }
}

/// A file as an older version left it, with a row in each table of that version.
fn file_of_version(path: &Path, version: u32) {
    let conn = Connection::open(path).unwrap();
    for (step, number) in STEPS.iter().zip(1..=version) {
        // As in an upgrade.
        conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        conn.execute_batch(step).unwrap();
        conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        conn.execute_batch(rows_of_version(number)).unwrap();
    }
    conn.pragma_update(None, "user_version", version).unwrap();
}

/// The SQL of every table, index and view by its name, with whitespace normalized, and the application id.
fn shape(conn: &Connection) -> BTreeMap<String, String> {
    // The planner's statistics are not part of the schema.
    let sql = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'";
    let mut query = conn.prepare(sql).unwrap();
    let rows = query
        .query_map([], |row| {
            let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let words: Vec<&str> = sql.split_whitespace().collect();
            Ok((format!("{kind} {name}"), words.join(" ").replace("( ", "(").replace(" )", ")").replace(" ,", ",")))
        })
        .unwrap();
    let mut shape: BTreeMap<_, _> = rows.map(Result::unwrap).collect();
    for pragma in ["user_version", "application_id"] {
        let value: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        shape.insert(pragma.to_owned(), value.to_string());
    }
    shape
}

/// Every row of every table.
fn contents(conn: &Connection) -> BTreeMap<String, Vec<Vec<Value>>> {
    let mut query =
        conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").unwrap();
    let tables: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows = |table: &String| {
        let mut query = conn.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
        let width = query.column_count();
        let rows = query.query_map([], |row| (0..width).map(|column| row.get(column)).collect()).unwrap();
        rows.map(Result::unwrap).collect()
    };
    tables.iter().map(|table| (table.clone(), rows(table))).collect()
}

fn refusal(path: &Path) -> String {
    Store::open(path, Sizes::default()).map(|_| ()).unwrap_err().chain()
}

fn connect(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

#[test]
fn all_steps_together_create_the_schema() {
    let (upgraded, created) = (place(), place());
    let steps = connect(&upgraded.path);
    for step in STEPS {
        steps.execute_batch(step).unwrap();
    }
    steps.pragma_update(None, "user_version", VERSION).unwrap();
    let same_secret = "UPDATE meta SET secret = zeroblob(32)";
    steps.execute_batch(same_secret).unwrap();

    Store::open(&created.path, Sizes::default()).unwrap().close();
    let created = connect(&created.path);
    created.execute_batch(same_secret).unwrap();
    assert_eq!(shape(&steps), shape(&created));
    assert_eq!(contents(&steps), contents(&created));
    assert_eq!(shape(&created)["application_id"], APPLICATION_ID.to_string());
    assert_eq!(shape(&created)["user_version"], VERSION.to_string());
    let meta = [Value::Integer(1), Value::Integer(1), Value::Blob(vec![0; 32]), Value::Null];
    assert_eq!(contents(&created)["meta"], [meta]);
}

#[test]
fn every_older_version_is_upgraded_with_its_rows() {
    let fresh = place();
    Store::open(&fresh.path, Sizes::default()).unwrap().close();
    for version in 1..=VERSION {
        let old = place();
        file_of_version(&old.path, version);
        let before = contents(&connect(&old.path));
        assert!(before.values().all(|rows| !rows.is_empty() || version > 1), "every table has a row to lose");

        Store::open(&old.path, Sizes::default()).unwrap().close();
        let conn = connect(&old.path);
        assert_eq!(shape(&conn), shape(&connect(&fresh.path)), "from version {version}");
        let after = contents(&conn);
        for (table, rows) in before {
            // Version 7 renames it.
            let now = if table == "half_sign_ins" { "pending_sign_ins" } else { &table };
            let left = after.get(now).map_or(0, Vec::len);
            let all = match table.as_str() {
                // Version 7 drops the index of names and the log of workspaces.
                "search_grams" | "search_names" | "search_log" | "workspace_changes" => !after.contains_key(&table),
                _ => left == rows.len(),
            };
            assert!(all, "{left} of {} rows of {table} from version {version}", rows.len());
        }
        assert!(!conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
    }
}

#[test]
fn the_names_of_an_older_file_are_found() {
    for (version, key) in [(2, "οδος"), (3, "οδοσ"), (6, "οδοσ")] {
        let place = place();
        file_of_version(&place.path, version);
        connect(&place.path).execute("UPDATE workspaces SET name = 'ΟΔΟΣ', name_key = ?1", [key]).unwrap();
        let store = Store::open(&place.path, Sizes::default()).unwrap();
        let search = WorkspaceSearch { name: Some("ΔΟΣ".to_owned()), ..WorkspaceSearch::default() };
        let page = Page { after: None, limit: 5 };
        let found = store.read(|view| workspaces::page(view, Visibility::Everything, &search, page)).unwrap();
        assert_eq!(found.items.len(), 1, "from version {version}");
    }
}

#[test]
fn only_grants_of_built_in_clients_keep_access_to_the_api() {
    let place = place();
    file_of_version(&place.path, 5);
    connect(&place.path)
        .execute_batch(
            "INSERT INTO clients (id, name, built_in, confidential, grants, scopes, redirect_uris,
                 post_logout_redirect_uris, refresh, created_at, updated_at)
                 VALUES ('own', 'Own', 0, 0, 'password', 'openid email', '', '', 'rotating', 0, 0);
             INSERT INTO sessions (uuid, user_id, client, scope, authenticated_at, second_factor, created_at, last_used_at,
                 idle_until, ends_at)
                 SELECT 'a0000000-0000-4000-8000-00000000000' || rowid, 1, client, scope, 8, 0, 8, 8, 9, 10
                 FROM (SELECT 1 rowid, 'own' client, 'openid' scope UNION ALL SELECT 2, 'arize-cli', ''
                       UNION ALL SELECT 3, 'sdk-client', 'email profile');
             INSERT INTO consents (user_id, client, scope, created_at) VALUES (1, 'own', 'openid', 8);",
        )
        .unwrap();
    Store::open(&place.path, Sizes::default()).unwrap().close();
    let conn = connect(&place.path);
    let texts = |sql: &str| -> Vec<String> {
        conn.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let every = "openid email profile offline_access api";
    let clients = texts("SELECT id || ': ' || scopes FROM clients ORDER BY built_in, id");
    let built_in = ["admin-cli", "api-client", "arize-cli", "sdk-client"].map(|id| format!("{id}: {every}"));
    assert_eq!(clients[0], "own: openid email");
    assert_eq!(clients[1..], built_in);
    let sessions = "SELECT coalesce(client, 'none') || ': ' || scope FROM sessions
                    WHERE uuid LIKE 'a0%' OR client IS NULL ORDER BY uuid";
    assert_eq!(texts(sessions), ["own: openid", "arize-cli: api", "sdk-client: email profile api", "none: "]);
    assert_eq!(texts("SELECT scope FROM consents ORDER BY client"), ["openid api", "openid"]);
    assert_eq!(texts("SELECT scope FROM authorization_codes"), ["openid api"]);
    assert_eq!(texts("SELECT scope FROM device_codes"), ["openid api"]);
}

#[test]
fn the_audit_of_an_older_file_becomes_a_chain() {
    for version in 1..6 {
        let place = place();
        file_of_version(&place.path, version);
        // Some rows are missing, as in a pruned file.
        let rows = "WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
                    INSERT INTO audit (id, at, actor, credential, dialect, request_id, verb, kind, object, before)
                    SELECT n, n, 'a', 'c', 'd', 'r', 'v', 'k', n, nullif(n % 3, 0) FROM n WHERE n % 100 <> 7";
        connect(&place.path).execute_batch(rows).unwrap();
        let store = Store::open(&place.path, Sizes::default()).unwrap();
        let verify = || store.read(|view| chain::verify(view, None)).unwrap();
        let verdict = verify();
        assert_eq!((verdict.faults, verdict.rows, verdict.last.id), (Vec::new(), 2475, 2500), "from version {version}");
        for (sql, fault) in [
            ("UPDATE audit SET before = 'x' WHERE id = 1500", Fault::Changed(1500)),
            ("DELETE FROM audit WHERE id = 2000", Fault::Missing(2000..=2000)),
        ] {
            connect(&place.path).execute_batch(sql).unwrap();
            assert!(verify().faults.contains(&fault), "{sql}");
        }
    }
}

#[test]
fn a_file_that_is_up_to_date_is_left_alone() {
    let place = place();
    Store::open(&place.path, Sizes::default()).unwrap().close();
    let before = fs::read(&place.path).unwrap();
    Store::open(&place.path, Sizes::default()).unwrap().close();
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_newer_file_is_refused_and_left_untouched() {
    let place = place();
    Store::open(&place.path, Sizes::default()).unwrap().close();
    connect(&place.path).pragma_update(None, "user_version", VERSION + 1).unwrap();
    let before = fs::read(&place.path).unwrap();
    let message = refusal(&place.path);
    let newer = VERSION + 1;
    assert!(
        message.contains(&format!("the data file has schema version {newer}, but this atelier supports")),
        "{message}"
    );
    assert!(message.ends_with("it, or go back to a backup from before the upgrade"), "{message}");
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_file_with_an_invalid_version_is_refused() {
    let place = place();
    Store::open(&place.path, Sizes::default()).unwrap().close();
    connect(&place.path).pragma_update(None, "user_version", -1).unwrap();
    assert!(refusal(&place.path).contains("schema version -1"));
}

#[test]
fn the_sqlite_file_of_another_program_is_refused_and_left_untouched() {
    let theirs = [
        "CREATE TABLE notes (text)",
        "CREATE TABLE notes (text); PRAGMA user_version = 1",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 3",
    ];
    for sql in theirs {
        let place = place();
        connect(&place.path).execute_batch(sql).unwrap();
        let before = fs::read(&place.path).unwrap();
        let message = refusal(&place.path);
        assert!(message.contains("belongs to another program; choose another data directory"), "{sql}: {message}");
        assert_eq!(fs::read(&place.path).unwrap(), before, "{sql}");
        let journal: String = connect(&place.path).query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(journal, "delete", "{sql}");
    }
}

#[test]
fn a_file_that_is_not_a_database_is_refused_and_left_untouched() {
    let place = place();
    let text = "Dear diary, ".repeat(1000);
    fs::write(&place.path, &text).unwrap();
    let message = refusal(&place.path);
    assert!(message.contains("is not a SQLite database; choose another data directory"), "{message}");
    assert_eq!(fs::read_to_string(&place.path).unwrap(), text);
}

#[test]
fn concurrent_opens_of_an_empty_file_create_one_schema() {
    for _ in 0..8 {
        let place = place();
        let barrier = Barrier::new(6);
        thread::scope(|scope| {
            let openers: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        Store::open(&place.path, Sizes::default()).map_err(|error| error.chain())
                    })
                })
                .collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
        assert_eq!(contents(&connect(&place.path))["meta"].len(), 1);
    }
}

#[test]
fn concurrent_opens_of_an_older_file_run_each_step_once() {
    let place = place();
    file_of_version(&place.path, 1);
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        let openers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    Store::open(&place.path, Sizes::default()).map_err(|error| error.chain())
                })
            })
            .collect();
        for opener in openers {
            opener.join().unwrap().unwrap();
        }
    });
    assert_eq!(contents(&connect(&place.path))["users"].len(), 1);
}

#[test]
fn foreign_keys_are_enforced_after_the_schema_is_created() {
    let place = place();
    fs::write(&place.path, "").unwrap();
    let mut conn = open::for_writing(&place.path, 2048).unwrap();
    bring_up_to_date(&mut conn).unwrap();
    let on: bool = conn.pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap();
    assert!(on);
}

#[test]
fn the_upgrade_finds_verified_addresses_in_the_audit_log() {
    let place = place();
    file_of_version(&place.path, 5);
    let conn = connect(&place.path);
    let add = |id: u32, role: &str, state: &str| {
        let sql =
            "INSERT INTO users (id, uuid, email, email_key, first_name, last_name, kind, state, enabled, developer,
                                      role, must_change_password, created_at)
                   VALUES (?1, ?2, ?3, ?3, '', '', 'person', ?4, 1, 1, ?5, 0, 5)";
        let uuid = format!("00000000-0000-4000-8000-{id:012}");
        conn.execute(sql, (id, uuid, format!("p{id}@example.com"), state, role)).unwrap();
    };
    let insert_audit = |at: u32, actor: Option<u32>, verb: &str, object: u32, before: Option<&str>, after: &str| {
        let sql = "INSERT INTO audit (at, actor, actor_id, credential, dialect, request_id, verb, kind, object, before, after)
                   VALUES (?1, ?2, ?3, 'key 1', 'test', '-', ?4, 'user', ?5, ?6, ?7)";
        let name = actor.map_or("operator".to_owned(), |id| format!("p{id}@example.com"));
        let object = format!("00000000-0000-4000-8000-{object:012}");
        conn.execute(sql, (at, name, actor, verb, object, before, after)).unwrap();
    };
    let person = |email: &str, role: &str| format!(r#"{{"email": "{email}@example.com", "role": "{role}"}}"#);
    for (id, role) in [(10, "administrator"), (11, "administrator"), (12, "member")] {
        add(id, role, "active");
    }
    for id in 20..30 {
        add(id, "member", "active");
    }
    insert_audit(1, None, "users.create", 10, None, &person("p10", "administrator"));
    // p11 becomes an administrator later. An invitation before that proves nothing.
    insert_audit(2, Some(10), "users.create", 11, None, &person("p11", "member"));
    insert_audit(3, Some(11), "users.invite", 20, None, &person("p20", "member"));
    insert_audit(4, Some(10), "users.change", 11, Some(&person("p11", "member")), &person("p11", "administrator"));
    insert_audit(5, Some(11), "users.invite", 21, None, &person("p21", "member"));
    insert_audit(6, Some(12), "users.invite", 22, None, &person("p22", "member"));
    insert_audit(7, None, "users.invite", 23, None, &person("p23", "member"));
    insert_audit(8, Some(10), "users.invite", 24, None, &person("p24", "member"));
    // Invited by an administrator, and invited again by a member.
    insert_audit(9, Some(12), "users.invite", 24, Some(&person("p24", "member")), &person("p24", "member"));
    // Invited by a member; an administrator changed the address.
    insert_audit(10, Some(12), "users.invite", 25, None, &person("old", "member"));
    insert_audit(11, Some(10), "users.change", 25, Some(&person("old", "member")), &person("p25", "member"));
    // A change of another field proves nothing about the address.
    insert_audit(12, Some(12), "users.invite", 26, None, &person("p26", "member"));
    insert_audit(13, Some(10), "users.change", 26, Some(&person("p26", "member")), &person("p26", "member"));
    // This audit row is about another address.
    insert_audit(14, None, "users.create", 27, None, &person("other", "member"));
    drop(conn);

    Store::open(&place.path, Sizes::default()).unwrap().close();
    let conn = connect(&place.path);
    let sql =
        "SELECT id, email_verified_by, email_verified_at FROM users WHERE id >= 10 AND email_verified_by IS NOT NULL";
    let mut query = conn.prepare(sql).unwrap();
    let found: Vec<(u32, String, u32)> =
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect();
    let by = |id: u32| format!("00000000-0000-4000-8000-{id:012}");
    let expected = [
        (10, "operator".to_owned(), 1),
        (11, by(10), 2),
        (21, by(11), 5),
        (23, "operator".to_owned(), 7),
        (25, by(10), 11),
    ];
    assert_eq!(found, expected);
}

#[test]
fn user_ids_are_not_reused_after_the_table_is_recreated() {
    let place = place();
    file_of_version(&place.path, 5);
    connect(&place.path).execute_batch("UPDATE sqlite_sequence SET seq = 77 WHERE name = 'users'").unwrap();
    Store::open(&place.path, Sizes::default()).unwrap().close();
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'users'";
    let last: i64 = connect(&place.path).query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(last, 77);
}

#[test]
fn the_upgrade_normalizes_names_and_addresses_where_possible() {
    let place = place();
    file_of_version(&place.path, 5);
    let conn = connect(&place.path);
    let person = |id: u32, email: &str, key: &str, first_name: &str| {
        let sql =
            "INSERT INTO users (id, uuid, email, email_key, first_name, last_name, kind, state, enabled, developer,
                                      role, must_change_password, created_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, '', 'person', 'active', 1, 1, 'member', 0, 5)";
        conn.execute(sql, (id, format!("00000000-0000-4000-8000-{id:012}"), email, key, first_name)).unwrap();
    };
    person(20, "Zoe\u{308}@example.com", "zoe\u{308}@example.com", "Zoe\u{308}");
    person(21, "bob@xn--mnchen-3ya.example", "bob@xn--mnchen-3ya.example", "Olga");
    person(22, "eve@münchen.example", "eve@münchen.example", "");
    person(23, "eve@xn--mnchen-3ya.example", "eve@xn--mnchen-3ya.example", "a\u{200d}b");
    person(24, "e\u{200b}ve@example.com", "e\u{200b}ve@example.com", "6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11");
    let workspace = |id: u32, name: &str| {
        let sql =
            "INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_at,
                                           ml_models_enabled) VALUES (?1, 1, ?2, ?3, '', 1, 0, 6, 0)";
        conn.execute(sql, (id, name, name.to_lowercase())).unwrap();
    };
    workspace(30, "Cafe\u{301}");
    workspace(31, "Ope\u{301}ra");
    workspace(32, "Op\u{e9}ra");
    workspace(33, "U3BhY2U6MTpiRnVM");
    workspace(34, "a\u{202e}b");
    let every = [
        "UPDATE organizations SET name = 'Home' || char(0x200b), name_key = 'home' || char(0x200b) WHERE id = 1",
        "UPDATE projects SET name = 'e' || char(0x301), name_key = 'e' || char(0x301)",
        "UPDATE roles SET name = 'Um9sZToxOlY0S2E='",
        "UPDATE keys SET name = 'e' || char(0x301)",
    ];
    conn.execute_batch(&every.join(";")).unwrap();
    drop(conn);

    Store::open(&place.path, Sizes::default()).unwrap().close();
    let conn = connect(&place.path);
    let texts = |sql: &str| -> Vec<String> {
        conn.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let people = texts("SELECT email || ' ' || email_key || ' ' || first_name FROM users WHERE id >= 20 ORDER BY id");
    let expected = [
        "Zo\u{eb}@example.com zo\u{eb}@example.com Zo\u{eb}",
        "bob@xn--mnchen-3ya.example bob@münchen.example Olga",
        "eve@münchen.example eve@münchen.example ",
        "eve@xn--mnchen-3ya.example eve@xn--mnchen-3ya.example a\u{200d}b",
        "e\u{200b}ve@example.com e\u{200b}ve@example.com 6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11",
    ];
    assert_eq!(people, expected);
    let workspaces = texts("SELECT name || ' ' || name_key FROM workspaces WHERE id >= 30 ORDER BY id");
    let expected = [
        "Caf\u{e9} caf\u{e9}",
        "Ope\u{301}ra ope\u{301}ra",
        "Op\u{e9}ra op\u{e9}ra",
        "U3BhY2U6MTpiRnVM u3bhy2u6mtpirnvm",
        "a\u{202e}b a\u{202e}b",
    ];
    assert_eq!(workspaces, expected);
    assert_eq!(texts("SELECT name || ' ' || name_key FROM projects"), ["\u{e9} \u{e9}"]);
    assert_eq!(texts("SELECT name FROM keys"), ["\u{e9}"]);
    drop(conn);

    // Rows that were left unchanged are reported and stay readable. They can be changed without being renamed.
    let store = Store::open(&place.path, Sizes::default()).unwrap();
    let old_forms: Vec<String> =
        store.read(|view| names::list(view, 20)).unwrap().0.iter().map(ToString::to_string).collect();
    let expected = [
        r#"organization 1, "Home\u{200b}": must not contain the invisible character U+200B"#,
        r#"workspace 31, "Opéra": another one differs from it only in spelling"#,
        r#"workspace 33, "U3BhY2U6MTpiRnVM": must not look like an id (base64 of a text with a colon)"#,
        r#"workspace 34, "a\u{202e}b": must not contain the invisible character U+202E"#,
        r#"role 1, "Um9sZToxOlY0S2E=": must not look like an id (base64 of a text with a colon)"#,
        r#"first name of user 23, "a\u{200d}b": must not contain the invisible character U+200D"#,
        r#"first name of user 24, "6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11": must not look like a UUID"#,
        r#"address of user 23, "eve@xn--mnchen-3ya.example": another one differs from it only in spelling"#,
        r#"address of user 24, "e\u{200b}ve@example.com": must not contain the invisible character U+200B"#,
    ];
    let messages: Vec<String> =
        old_forms.iter().map(|line| line.replace("e\\u{301}", "é").replace("e\u{301}", "é")).collect();
    assert_eq!(messages, expected);
    let everybody = store.read(users::list).unwrap();
    assert_eq!(everybody.len(), 6);
    for user in everybody {
        store.write_and_wait(move |tx| users::update(tx, &user)).unwrap();
    }
    let found =
        |address: &'static str| store.read(move |view| users::find_by_email(view, address)).unwrap().unwrap().id.0;
    assert_eq!(found(" eve@xn--mnchen-3ya.example "), 22);
    assert_eq!(found("BOB@MU\u{308}NCHEN.example"), 21);
    assert_eq!(store.read(|view| names::list(view, 20)).unwrap().0.len(), expected.len());
}
