//! Old audit rows: a running server exports and deletes them, a killed one goes on, and the space is given back.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use atelier::tokens::chain::{Hash, RowHash, to_hex};
use rusqlite::types::Value;
use serde_json::Value as Json;

use crate::support::{Server, Setup};
use crate::{Place, mode, names};

const PATIENCE: Duration = Duration::from_mins(1);

fn number(place: &Place, sql: &str) -> i64 {
    place.db().one(sql, [])
}

/// Computes the hash of every row anew.
fn chain(place: &Place) {
    let sql =
        "SELECT id, at, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after
               FROM audit ORDER BY id";
    let (mut script, mut last) = (String::new(), (0, Hash::default()));
    for row in place.db().values(sql) {
        let mut hash = RowHash::after(&last.1);
        for value in &row {
            match value {
                Value::Null => hash.null(),
                Value::Integer(number) => hash.integer(*number),
                Value::Text(text) => hash.text(text.as_bytes()),
                other => panic!("{other:?}"),
            }
        }
        let Value::Integer(id) = row[0] else { panic!("{row:?}") };
        last = (id, hash.finish());
        writeln!(script, "UPDATE audit SET hash = x'{}' WHERE id = {id};", to_hex(&last.1)).unwrap();
    }
    write!(script, "UPDATE audit_chain SET last_id = {}, last_hash = x'{}'", last.0, to_hex(&last.1)).unwrap();
    place.sql(&format!("BEGIN; {script}; COMMIT"));
}

/// A place with this many audit rows of more than a year ago, before some of today. Returns the last old row too.
fn place_with_old_rows(count: i64) -> (Place, i64) {
    let place = Place::with_ada();
    place.sql(&format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
         INSERT INTO audit (id, at, actor, credential, dialect, request_id, verb, kind, object, after)
         SELECT (SELECT max(id) FROM audit) + n, at + n * CAST(1000000 AS BIGINT), 'operator', 'console', 'cli', request_id,
             'users.v' || (n % 9), 'user', n, '{{\"n\":' || n || '}}' FROM n, audit WHERE id = 1;
         UPDATE audit SET at = at - 500 * 86400000000"
    ));
    chain(&place);
    let last = number(&place, "SELECT max(id) FROM audit");
    place.run("user add bob@example.com").good();
    (place, last)
}

fn serve(place: &Place, args: &[&str]) -> Server {
    Setup::new().without_admin().data_dir(place.data()).args(args).start()
}

#[track_caller]
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn exported(directory: &Path) -> Vec<i64> {
    let mut ids = Vec::new();
    for name in names(directory) {
        assert_eq!(mode(&directory.join(&name)), 0o600);
        for line in fs::read_to_string(directory.join(name)).unwrap().lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            ids.push(line["id"].as_i64().unwrap());
        }
    }
    ids
}

#[test]
fn a_server_exports_and_deletes_old_rows_and_compact_gives_the_space_back() {
    let (place, last) = place_with_old_rows(4000);
    let directory = place.path().join("export");
    let mut server = serve(&place, &["--audit-export", directory.to_str().unwrap()]);
    let told = format!("audit log: deleted the rows 1 to {last}, which were older than audit_life");
    wait(&told, || server.log().contains(&told));
    assert!(exported(&directory).into_iter().eq(1..=last), "each once, in order");
    assert_eq!(number(&place, "SELECT min(id) FROM audit"), last + 1);
    assert_eq!(number(&place, "SELECT count(*) FROM audit WHERE verb = 'audit.sweep'"), 1);

    let run = place.run("audit verify").good();
    let words = format!("the rows up to {last} were deleted because of their age, as a checkpoint proves\n");
    assert!(run.err.starts_with(&words), "{}", run.err);
    assert_eq!(place.json("audit verify --json")["deleted_up_to"], last);
    let check = place.run("check").good().out;
    assert!(check.contains(&format!("the rows up to {last} were deleted because of their age")), "{check}");

    let refused = place.run("compact");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains(" is using ") && refused.err.contains("; stop it first"), "{}", refused.err);
    server.stop();
    let before = fs::metadata(place.database()).unwrap().len();
    let told = place.json("compact --json");
    let after = fs::metadata(place.database()).unwrap().len();
    assert_eq!((told["bytes_before"].as_u64(), told["bytes"].as_u64()), (Some(before), Some(after)));
    assert!(after * 2 < before, "{before} to {after}");
    let run = place.run("compact").good();
    assert!(run.out.contains(" before, ") && run.err.contains("no free pages"), "{} {}", run.out, run.err);
    assert_eq!(names(&place.data()), ["atelier.db", "atelier.lock", "master.key"]);

    // The log of a server that starts on the compacted file, and is killed, belongs to it.
    let mut server = serve(&place, &[]);
    place.run("user add carol@example.com").good();
    server.stop_by("KILL");
    assert!(place.data().join("atelier.db-wal").exists());
    place.run("audit verify").good();
    assert!(place.run("user list").good().out.contains("carol@example.com"));
    serve(&place, &[]).stop();
}

#[test]
fn a_server_that_is_killed_between_two_writes_goes_on_after_its_restart() {
    let (place, last) = place_with_old_rows(12_000);
    let directory = place.path().join("export");
    let args = ["--audit-export", directory.to_str().unwrap()];
    let old = || number(&place, &format!("SELECT count(*) FROM audit WHERE id <= {last}"));
    let mut left = old();
    let mut kills = 0;
    while left > 0 {
        let mut server = serve(&place, &args);
        let goal = (left - 1500).max(1);
        wait("some rows are deleted", || old() < goal);
        server.stop_by("KILL");
        left = old();
        place.run("audit verify").good();
        kills += i64::from(left > 0);
    }
    assert!(kills >= 2, "{kills}");
    assert!(exported(&directory).into_iter().eq(1..=last), "each once, in order");
    let sweeps = number(&place, "SELECT count(*) FROM audit WHERE verb = 'audit.sweep'");
    assert!((2..=kills + 1).contains(&sweeps), "{sweeps} rows for {kills} kills");
    place.run("check").good();
}

#[test]
fn a_compaction_that_is_killed_leaves_the_data_as_they_were() {
    let (place, last) = place_with_old_rows(4000);
    place.sql("CREATE TABLE note (bytes BLOB); INSERT INTO note VALUES (zeroblob(20000000)); DROP TABLE note");
    for pause in [5, 10, 20, 40, 80, 160] {
        let mut child = place.atelier().arg("compact").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
        place.run("audit verify").good();
        let names = names(&place.data());
        assert!(names.iter().all(|name| name.starts_with("atelier.")), "nothing else is left: {names:?}");
    }
    let told = place.json("compact --json");
    assert!(told["bytes"].as_u64().unwrap() < 10_000_000, "{told}");
    assert_eq!(number(&place, &format!("SELECT count(*) FROM audit WHERE id <= {last}")), last);
}

#[test]
fn nothing_is_deleted_that_cannot_be_exported_or_has_no_life() {
    let (place, _) = place_with_old_rows(300);
    let kept = || number(&place, "SELECT count(*) FROM audit WHERE verb LIKE 'users.v%'");
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let server = serve(&place, &["--audit-export", file.to_str().unwrap()]);
    let told = format!("cannot delete old audit rows: internal error: cannot write audit rows to {}: ", file.display());
    wait(&told, || server.log().contains(&told));
    assert_eq!(kept(), 300);
    drop(server);
    let mut server = serve(&place, &["--audit-life", "forever"]);
    std::thread::sleep(Duration::from_millis(500));
    server.stop();
    assert_eq!(kept(), 300);
    for wrong in ["0s", "0d", "23h", "3651d"] {
        let run = place.run(&format!("serve --audit-life {wrong}"));
        assert_eq!(run.code, 2, "{wrong}");
        assert!(run.err.contains("must be from 1d to 3650d, or forever"), "{}", run.err);
    }
    let run = place.run("serve --audit-life never");
    assert!(run.code == 2 && run.err.contains("must be a duration such as 90d, or forever"), "{}", run.err);
}

#[test]
fn a_beginning_that_somebody_else_removed_is_found() {
    let (place, last) = place_with_old_rows(300);
    let mut server = serve(&place, &[]);
    wait("the old rows are deleted", || number(&place, "SELECT min(id) FROM audit") == last + 1);
    server.stop();
    let sound = place.keep();
    let more = last + 1;
    let next = format!("start_id = {more}, start_hash = (SELECT hash FROM audit WHERE id = {more})");
    for (forged, wanted) in [
        (format!("UPDATE audit_chain SET {next}"), format!("unsealed 1-{more}")),
        (format!("UPDATE audit_chain SET {next}, start_seal = NULL"), format!("unsealed 1-{more}")),
        (format!("UPDATE audit_chain SET {next}, start_seal = randomblob(77)"), format!("unsealed 1-{more}")),
        ("SELECT 1".to_owned(), format!("missing {more}-{more}")),
    ] {
        place.sql(&format!("{forged}; DELETE FROM audit WHERE id = {more}"));
        let run = place.run("audit verify --json");
        let told: Json = serde_json::from_str(&run.out).unwrap();
        let first = &told["faults"][0];
        let found = format!("{} {}-{}", first["fault"].as_str().unwrap(), first["first"], first["last"]);
        assert_eq!((run.code, found), (1, wanted), "{told:#}");
        assert_eq!(place.run("check").code, 1);
        place.put_back(&sound);
    }
    // Without the master key nobody can tell.
    fs::rename(place.data().join("master.key"), place.path().join("away")).unwrap();
    let run = place.run("audit verify");
    assert_eq!(run.code, 1);
    assert!(run.out.contains("without the master key it is unknown"), "{}", run.out);
    assert!(run.err.contains("run this command as the user and with the master key of the server"), "{}", run.err);
    fs::rename(place.path().join("away"), place.data().join("master.key")).unwrap();
    place.run("master-key rotate").good();
    place.run("audit verify").good();
}
