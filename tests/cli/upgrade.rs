//! Upgrades of older data files: the copy from before, what is told before, and ways in which they fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::hostile_disk::HostileDisk;
use crate::support::Setup;
use crate::{Place, chmod, mode, names};

const STEPS: [&str; 5] = [
    include_str!("../../src/store/engine/steps/0001.sql"),
    include_str!("../../src/store/engine/steps/0002.sql"),
    include_str!("../../src/store/engine/steps/0003.sql"),
    include_str!("../../src/store/engine/steps/0004.sql"),
    include_str!("../../src/store/engine/steps/0005.sql"),
];

/// A data directory with a file of version 5, with one user and so many audit rows.
fn old(audit_rows: u32) -> Place {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    chmod(&place.data(), 0o700);
    let conn = Connection::open(place.database()).unwrap();
    for step in STEPS {
        conn.execute_batch(step).unwrap();
    }
    conn.execute_batch(&format!(
        "PRAGMA user_version = 5;
         INSERT INTO organizations (name, name_key, description, home, created_at) VALUES ('Home', 'home', '', 1, 5);
         INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                            must_change_password, created_at)
         VALUES ('6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11', 'ada@example.com', 'ada@example.com', 'Ada', '', 'person',
                 'active', 1, 1, 'administrator', 0, 5);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {audit_rows})
         INSERT INTO audit (at, actor, credential, dialect, request_id, verb, kind, object, before)
         SELECT n, 'operator', 'console', 'cli', '-', 'users.change', 'user', n, '{{}}' FROM n;"
    ))
    .unwrap();
    drop(conn);
    chmod(&place.database(), 0o600);
    place
}

fn version(file: &Path) -> u32 {
    let conn = Connection::open(file).unwrap();
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn rows(file: &Path, table: &str) -> u32 {
    Connection::open(file).unwrap().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Everything in a directory and those in it.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in names(path).into_iter().map(|name| path.join(name)) {
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The version of this program's schema.
fn newest() -> u64 {
    let place = Place::with_ada();
    u64::from(version(&place.database()))
}

#[test]
fn check_upgrade_tells_what_an_upgrade_does_and_changes_nothing() {
    let place = old(2000);
    let before = contents(&place.data());
    let told = place.json("check --upgrade --json");
    assert!(contents(&place.data()) == before);
    let upgrade = &told["upgrade"];
    assert_eq!((&upgrade["from"], &upgrade["to"], &told["sound"]), (&5.into(), &newest().into(), &true.into()));
    let steps = upgrade["steps"].as_array().unwrap();
    let numbers: Vec<u64> = steps.iter().map(|step| step["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (6..=newest()).collect::<Vec<_>>());
    assert!(steps.iter().all(|step| step["does"].as_str().unwrap().len() > 10), "{steps:?}");
    let number = |key: &str| upgrade[key].as_u64().unwrap_or_else(|| panic!("{upgrade}"));
    assert_eq!(number("bytes"), fs::metadata(place.database()).unwrap().len());
    assert!(number("rows") > 2000 && number("bytes_needed") > 3 * number("bytes") && number("bytes_free") > 0);
    assert!(upgrade["seconds"].as_f64().unwrap() > 0.0);

    let text = place.run("check --upgrade").good().out;
    assert!(text.contains("version 5; it is upgraded to version"), "{text}");
    assert!(text.contains("6 verifies addresses by the audit log, and rebuilds the users"), "{text}");
    assert!(text.contains("the server does not serve during an upgrade"), "{text}");
    assert!(place.run("check").good().out.contains("run `atelier check --upgrade` to see how"));
    assert!(contents(&place.data()) == before);

    place.sql("UPDATE audit SET before = 'not JSON' WHERE id = 7");
    let before = contents(&place.data());
    let failing = place.run("check --upgrade");
    assert_eq!(failing.code, 1);
    assert!(failing.out.contains("malformed JSON"), "{}", failing.out);
    assert_eq!(failing.err, "error: the data file cannot be upgraded; follow the instructions above\n");
    assert!(contents(&place.data()) == before);
}

#[test]
fn check_upgrade_tells_what_the_first_start_deletes() {
    let place = old(2000);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    place.sql(&format!(
        "INSERT INTO audit (at, actor, credential, dialect, request_id, verb, kind, object)
         VALUES ({now}, 'operator', 'console', 'cli', '-', 'users.change', 'user', 1);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 123)
         INSERT INTO sessions (uuid, user_id, cookie, scope, authenticated_at, second_factor, created_at, last_used_at,
             idle_until, ends_at)
         SELECT lower(hex(randomblob(18))), 1, randomblob(32), '', 1, 0, 1, 1, iif(n = 1, 4102444800000000, n),
             4102444800000000 FROM n;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 70)
         INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, revoked_at, expires_at)
         SELECT 1, 'k' || n, randomblob(32), 'x', '', 1, iif(n <= 60, 1, NULL), NULL FROM n;
         INSERT INTO links VALUES (randomblob(32), 1, 'password_reset', 1, 2);"
    ));
    let before = contents(&place.data());
    let told = place.json("check --upgrade --json");
    let deletes = &told["upgrade"]["first_start_deletes"];
    let expected = serde_json::json!({ "audit_rows": 2000, "sessions": 122, "codes": 1, "keys": 60 });
    assert_eq!((deletes, &told["sound"]), (&expected, &true.into()));
    let text = place.run("check --upgrade").good().out;
    let words = "the first start deletes 2000 audit rows, 122 ended sessions, 1 expired code, 60 ended keys, as audit_life \
                 and ended_key_life say; set audit_export to keep the audit rows in files";
    assert!(text.contains(words), "{text}");
    let kept = [("ATELIER_AUDIT_LIFE", "forever"), ("ATELIER_ENDED_KEY_LIFE", "forever")];
    let text = place.run_with("check --upgrade", &kept).good().out;
    assert!(text.contains("the first start deletes 122 ended sessions, 1 expired code, as"), "{text}");
    assert!(contents(&place.data()) == before);

    // The first start does just that.
    let mut server = Setup::new().without_admin().data_dir(place.data()).start();
    let begun = Instant::now();
    while rows(&place.database(), "audit WHERE id <= 2000") > 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    server.stop();
    let left = |table: &str| rows(&place.database(), table);
    assert_eq!((left("sessions"), left("links"), left("keys")), (1, 0, 10));
}

#[test]
fn check_upgrade_finds_nothing_to_do_in_a_file_of_this_version() {
    let place = Place::with_ada();
    let told = place.json("check --upgrade --json");
    assert_eq!((&told["upgrade"], &told["sound"]), (&Value::Null, &true.into()));
    let found = told["findings"][1]["found"].as_str().unwrap();
    assert!(found.ends_with("the version of this atelier: nothing is to be upgraded"), "{found}");
    assert!(!place.data().join("backup").exists());

    let nothing = Place::new();
    let told = nothing.run("check --upgrade");
    assert_eq!(told.code, 1);
    assert!(told.out.contains("does not exist; run `atelier serve` to create it"), "{}", told.out);
    assert!(!nothing.data().exists());
}

#[test]
fn an_upgrade_keeps_the_old_file() {
    for by_server in [false, true] {
        let place = old(2000);
        let before = fs::read(place.database()).unwrap();
        let log = if by_server {
            let mut server = Setup::new().data_dir(place.data()).start();
            assert!(server.stop().success());
            server.log()
        } else {
            place.run("user list").good().err
        };
        let folder = place.data().join("backup");
        let copy = folder.join(format!("before-schema-{}", newest()));
        let line = format!("upgraded the data file from schema version 5 to {} in ", newest());
        assert!(log.contains(&line) && log.contains("/backup/before-schema-"), "{log}");
        assert_eq!(names(&folder), [copy.file_name().unwrap().to_str().unwrap()]);
        assert_eq!((mode(&folder), mode(&copy)), (0o700, 0o600));
        assert_eq!((version(&copy), rows(&copy, "audit"), rows(&copy, "users")), (5, 2000, 1));
        assert_eq!(fs::metadata(&copy).unwrap().len(), before.len() as u64);
        let check = place.run("check");
        assert!(
            check.out.contains("integrity       sound") && !check.out.contains("audit           0 rows"),
            "{}",
            check.out
        );

        let kept = fs::read(&copy).unwrap();
        place.run("user list").good();
        assert!(fs::read(&copy).unwrap() == kept, "a file of this version is not copied");
    }
}

#[test]
fn a_newer_file_is_refused_with_the_way_back() {
    let place = old(10);
    place.run("user list").good();
    let folder = place.data().join("backup");
    fs::rename(folder.join(format!("before-schema-{}", newest())), folder.join("before-schema-77")).unwrap();
    place.sql("PRAGMA user_version = 77");
    let before = fs::read(place.database()).unwrap();
    let serve = "serve --listen 127.0.0.1:0";
    for line in
        ["user list", "user add bob@example.com", "check", "check --upgrade", "audit verify", "model list", serve]
    {
        let run = place.run(line);
        let text = run.out + &run.err;
        assert_eq!(run.code, 1, "{line}: {text}");
        let found =
            format!("the data file has schema version 77, but this atelier supports versions up to {}", newest());
        assert!(text.contains(&found), "{line}: {text}");
        assert!(
            text.contains("; install the newer atelier that wrote it, or go back to the data as it was"),
            "{line}: {text}"
        );
        assert!(text.contains("and copy backup/before-schema-77 to atelier.db"), "{line}: {text}");
        assert!(fs::read(place.database()).unwrap() == before, "{line}");
    }
    // As the message says.
    fs::rename(place.database(), place.path().join("away")).unwrap();
    fs::copy(folder.join("before-schema-77"), place.database()).unwrap();
    place.run("user list").good();
    assert!(place.run("check").out.contains("integrity       sound"));
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    for rules in [&["write ENOSPC backup/"][..], &["write ENOSPC atelier.db-wal"], &["sync EIO backup/"]] {
        let place = old(2000);
        let before = fs::read(place.database()).unwrap();
        let disk = HostileDisk::with(rules);
        let variables = disk.variables();
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let run = place.run_with("user list", &variables);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{rules:?}: {}", run.err);
        assert!(run.err.contains("disk of the data directory"), "{rules:?}: {}", run.err);
        assert_eq!(version(&place.database()), 5, "{rules:?}");
        assert!(fs::read(place.database()).unwrap()[100..] == before[100..], "{rules:?}");
        let left = place.data().join("backup");
        let left = if left.exists() { names(&left) } else { Vec::new() };
        assert!(
            left.iter().all(|name| Path::new(name).extension().is_none_or(|end| end != "part")),
            "{rules:?}: {left:?}"
        );
        place.run("user list").good();
        assert_eq!(u64::from(version(&place.database())), newest());
    }
}

#[test]
fn a_process_that_is_killed_in_an_upgrade_leaves_a_whole_file() {
    let place = old(60_000);
    let start = |place: &Place| {
        Command::new(env!("CARGO_BIN_EXE_atelier"))
            .args(["user", "list"])
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut killed = 0;
    for delay in [5, 20, 50, 100, 200, 400, 800, 1600] {
        let mut child = start(&place);
        let copy = place.data().join("backup");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !copy.exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(delay));
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let told = place.run("check");
        assert!(told.out.contains("integrity       sound"), "{delay}: {}{}", told.out, told.err);
        let now = u64::from(version(&place.database()));
        assert!(now == newest() || now == 5 && !ended, "{delay}: {now}");
        assert_eq!(rows(&place.database(), "audit"), 60_000);
        if now == newest() {
            break;
        }
        killed += 1;
    }
    assert!(killed > 0, "it was never killed in the middle");
    place.run("user list").good();
    assert_eq!(names(&place.data().join("backup")), [format!("before-schema-{}", newest())]);
    let copy = place.data().join("backup").join(format!("before-schema-{}", newest()));
    assert_eq!((version(&copy), rows(&copy, "audit")), (5, 60_000));
}
