//! `atelier check`: its findings, and that it changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use atelier::store::schema::VERSION;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::{ADMIN, Setup};
use crate::{Place, chmod, names};

/// Everything in a directory and those in it.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in names(path).into_iter().map(|name| path.join(name)) {
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The findings of the check, as `level what: found; next`, and its exit code; asserts that nothing changes.
fn check(place: &Place, line: &str) -> (i32, Vec<String>) {
    let before = place.data().is_dir().then(|| contents(&place.data()));
    let run = place.run(&format!("check --json {line}"));
    let after = place.data().is_dir().then(|| contents(&place.data()));
    assert!(before == after, "a check changes nothing");
    let told: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(told["sound"], run.code == 0, "{told:#}");
    assert_eq!(run.err.is_empty(), run.code == 0, "{}", run.err);
    let findings = told["findings"].as_array().unwrap().iter().map(|finding| {
        let text = |name: &str| finding[name].as_str().unwrap();
        let next = finding["next"].as_str().map(|next| format!("; {next}")).unwrap_or_default();
        assert_eq!(finding["level"] == "ok", next.is_empty(), "{finding}");
        format!("{} {}: {}{next}", text("level"), text("what"), text("found"))
    });
    (run.code, findings.collect())
}

/// The findings that are not `ok`.
fn problems(place: &Place, line: &str) -> (i32, Vec<String>) {
    let (code, mut findings) = check(place, line);
    // The cluster of the tests has no durability.
    findings.retain(|finding| !finding.starts_with("ok ") && !finding.starts_with("warning fsync: "));
    (code, findings)
}

/// Asserts that there is one fault with this beginning and end.
fn fault(place: &Place, begin: &str, end: &str) {
    let (code, findings) = problems(place, "");
    assert_eq!(code, 1, "{findings:?}");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with(&format!("fault {begin}")), "{findings:?}");
    assert!(findings[0].ends_with(&format!("; {end}")), "{findings:?}");
}

/// A directory in which a server has run and stopped.
fn served() -> Place {
    let place = Place::new();
    let mut server = Setup::new().data_dir(place.data()).start();
    assert!(server.stop().success());
    place
}

const START: &str = "run `atelier serve` to create it, or give the directory of your server with --data-dir";
const RESTORE: &str = "stop the server, keep a copy of its data and restore the last backup";

#[test]
fn check_finds_nothing_after_a_server_has_stopped() {
    let place = served();
    let (code, findings) = check(&place, "");
    let sqlite = findings.iter().position(|finding| finding.starts_with("ok sqlite: 3.")).unwrap();
    let mut rest = findings;
    rest.remove(sqlite);
    let schema = format!("ok schema: version {VERSION}, the version of this atelier");
    let wanted = [
        "ok public url: not set; only this machine can reach the server",
        "ok data directory: ./atelier-data, mode 700",
        "ok file system: not a network file system",
        "ok server: not running",
        "ok data file: ./atelier-data/atelier.db, mode 600",
        &schema,
        "ok integrity: sound",
        "ok foreign keys: sound",
        "ok master key: ./atelier-data/master.key, opens 2 signing keys",
        "ok administrator: an enabled administrator exists",
        "ok audit: 4 rows, unchanged",
        "ok files: 0 files, 0 bytes, whole",
    ];
    assert_eq!((code, rest), (0, wanted.map(str::to_owned).to_vec()));

    let text = place.run("check").good();
    assert_eq!(text.err, "");
    let (configuration, findings) = text.out.split_once("\n\n").unwrap();
    assert!(configuration.starts_with("data_dir                          = \"./atelier-data\"  # default\n"));
    assert!(findings.contains("\nok  integrity       sound\n"), "{findings}");
}

#[test]
fn check_reports_that_no_server_has_started() {
    let place = Place::new();
    fault(&place, "data directory: ./atelier-data does not exist", START);
    assert!(!place.data().exists());
    let run = place.run("check");
    assert_eq!((run.code, run.err.as_str()), (1, "error: 1 fault found; follow the instructions on its line\n"));

    fs::create_dir(place.data()).unwrap();
    chmod(&place.data(), 0o700);
    fault(&place, "data file: ./atelier-data/atelier.db does not exist", START);
    fs::write(place.database(), "").unwrap();
    chmod(&place.database(), 0o600);
    fault(&place, "schema: ./atelier-data/atelier.db is empty", START);
    fs::remove_dir_all(place.data()).unwrap();
    fs::write(place.data(), "").unwrap();
    let run = place.run("check");
    assert!(
        run.out.contains("fault  data directory  ./atelier-data is not a directory; choose another directory"),
        "{}",
        run.out
    );
}

#[test]
fn check_finds_nothing_after_users_were_added_before_the_first_start() {
    let place = Place::with_ada();
    assert_eq!(problems(&place, ""), (0, Vec::new()));
    place.sql("UPDATE users SET role = 'member'");
    let next = "run `atelier serve` to create one, or `atelier user add --admin EMAIL`";
    assert_eq!(problems(&place, ""), (0, vec![format!("warning administrator: no administrator exists; {next}")]));
    place.sql("UPDATE users SET role = 'administrator', enabled = 0");
    fault(&place, "administrator: all administrators are disabled", "enable one with `atelier user enable EMAIL`");
}

#[test]
fn files_of_other_versions_and_programs_are_reported() {
    let place = served();
    place.sql("PRAGMA user_version = 99");
    let newer =
        format!("schema: the data file has schema version 99, but this atelier supports versions up to {VERSION}");
    fault(&place, &newer, "install the newer atelier that wrote it, or go back to a backup from before the upgrade");
    place.sql("PRAGMA user_version = 0");
    let next = "run `atelier check --upgrade` to see how this version upgrades it, then `atelier serve`";
    let older = format!("warning schema: version 0, but this atelier has version {VERSION}; {next}");
    assert_eq!(problems(&place, ""), (0, vec![older]));

    fs::remove_file(place.database()).unwrap();
    Connection::open(place.database()).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    chmod(&place.database(), 0o600);
    let foreign = "schema: this SQLite file belongs to another program";
    fault(&place, foreign, "choose another data directory");

    fs::write(place.database(), "Dear diary, ".repeat(1000)).unwrap();
    fault(&place, "schema: the data file is not a SQLite database", RESTORE);
}

#[test]
fn a_damaged_file_is_reported() {
    let place = served();
    let whole = fs::read(place.database()).unwrap();
    // The page size stands in two bytes at 16 (https://sqlite.org/fileformat.html#the_database_header).
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let mut told = 0;
    for start in (0..whole.len()).step_by(page) {
        let mut bytes = whole.clone();
        for byte in &mut bytes[start..start + 64] {
            *byte ^= 0xff;
        }
        fs::write(place.database(), &bytes).unwrap();
        let (code, findings) = problems(&place, "");
        if code == 1 {
            told += 1;
            assert!(findings.iter().any(|finding| finding.ends_with(RESTORE)), "{findings:?}");
        } else {
            // Pages that are free hold nothing.
            assert!(findings.is_empty(), "{findings:?}");
        }
    }
    assert!(told > whole.len() / page / 2, "{told} of {}", whole.len() / page);

    fs::write(place.database(), &whole[..whole.len() / 2]).unwrap();
    assert_eq!(problems(&place, "").0, 1, "half a file");
    fs::write(place.database(), &whole).unwrap();
    assert_eq!(problems(&place, ""), (0, Vec::new()));
}

#[test]
fn a_broken_foreign_key_is_reported() {
    let place = served();
    place.sql("DELETE FROM users");
    let (code, findings) = problems(&place, "");
    assert_eq!(code, 1);
    let words = "fault foreign keys: row 1 of organization_members refers to a row of users that does not exist";
    assert!(findings.iter().any(|finding| finding.starts_with(words)), "{findings:?}");
}

#[test]
fn a_wrong_master_key_is_reported() {
    let (place, other) = (served(), served());
    let key = place.data().join("master.key");
    let shown = "./atelier-data/master.key";
    fs::copy(other.data().join("master.key"), &key).unwrap();
    let next = format!("restore the {shown} that belongs to this data from the backup");
    fault(&place, "master key: it does not open the signing key ", &next);

    let lost = "restore it from the backup; nothing that it sealed can be opened without it";
    fs::write(&key, "nonsense").unwrap();
    fault(&place, &format!("master key: {shown} is malformed: "), lost);
    chmod(&key, 0o640);
    fault(
        &place,
        &format!("master key: {shown} is open to other users (mode 640)"),
        &format!("run `chmod 600 {shown}`"),
    );
    fs::remove_file(&key).unwrap();
    fault(&place, &format!("master key: {shown} is missing"), lost);
}

#[test]
fn details_of_connections_that_do_not_open_are_reported() {
    let place = Place::new();
    let mut server = Setup::new().data_dir(place.data()).start();
    let key = server.cli(&["key", "create", "--user", ADMIN, "--name", "check"]);
    let key = String::from_utf8(key.stdout).unwrap();
    let ids: Vec<Value> = ["one", "two"]
        .map(|name| {
            let body = serde_json::json!({ "name": name, "type": "HTTP", "details": { "token": "hunter2" } });
            let url = format!("{}/v1/api/connections/create", server.base());
            let sent = ureq::post(&url).header("authorization", &format!("Bearer {}", key.trim()));
            let body = sent.send(body.to_string()).unwrap().body_mut().read_to_string().unwrap();
            serde_json::from_str::<Value>(&body).unwrap()["id"].clone()
        })
        .to_vec();
    assert!(server.stop().success());
    let (code, findings) = check(&place, "");
    let whole = "ok connections: the master key opens the details of all 2".to_owned();
    assert!(code == 0 && findings.contains(&whole), "{findings:?}");
    let run = place.run("master-key rotate").good();
    assert!(run.err.contains("0 second factors and 2 connections were resealed"), "{}", run.err);
    assert!(check(&place, "").1.contains(&whole));
    place.sql("UPDATE connections SET sealed = (SELECT sealed FROM connections WHERE name = 'one')");
    let told = format!(
        "connections: the master key does not open the details of 1 of 2, such as {}",
        ids[1].as_str().unwrap()
    );
    let next = "use the master key of this data, or delete these connections and create them again";
    fault(&place, &told, next);
}

#[test]
fn file_modes_that_others_can_read_are_reported() {
    let place = served();
    chmod(&place.data(), 0o755);
    let words =
        "warning data directory: ./atelier-data is open to other users (mode 755); run `chmod 700 ./atelier-data`";
    assert_eq!(problems(&place, ""), (0, vec![words.to_owned()]));
    chmod(&place.data(), 0o700);
    chmod(&place.database(), 0o644);
    let begin = "data file: ./atelier-data/atelier.db is open to other users (mode 644)";
    fault(&place, begin, "run `chmod 600 ./atelier-data/atelier.db`");
}

#[test]
fn a_server_unreachable_by_others_is_reported() {
    let place = served();
    let problems = |line: &str| problems(&place, line);
    let unnamed = "warning public url: other machines can reach 0.0.0.0:80, but tokens are issued for this machine's own \
                   names only; set public_url to the address that people use";
    assert_eq!(problems("--listen 0.0.0.0:80"), (0, vec![unnamed.to_owned()]));
    let none = (0, Vec::new());
    assert_eq!(problems("--listen 127.0.0.1:80 --listen [::1]:80"), none);
    assert_eq!(problems("--listen 0.0.0.0:80 --trusted-hosts atelier.lan"), none);
    assert_eq!(problems("--listen 0.0.0.0:80 --public-url https://atelier.lan"), none);
    assert_eq!(problems("--public-url http://localhost:80"), none);
    let open = "warning public url: passwords and tokens are sent to http://atelier.lan unencrypted; put a TLS proxy in \
                front of the server and set public_url to its https:// address";
    assert_eq!(problems("--public-url http://atelier.lan"), (0, vec![open.to_owned()]));
    let idle = "warning trusted hosts: they have no effect while public_url is set; remove trusted_hosts or public_url";
    assert_eq!(problems("--public-url https://a.lan --trusted-hosts b.lan"), (0, vec![idle.to_owned()]));
}

#[test]
fn the_wal_of_a_killed_server_is_read() {
    let place = Place::new();
    // Dropped: killed before it could move the log into the file.
    drop(Setup::new().data_dir(place.data()).start());
    assert!(names(&place.data()).contains(&"atelier.db-wal".to_owned()));
    let before = fs::read(place.database()).unwrap();
    let run = place.run("check").good();
    assert!(run.out.contains("opens 2 signing keys"), "{}", run.out);
    assert!(run.out.contains("ok  server          not running"), "{}", run.out);
    assert_eq!(fs::read(place.database()).unwrap(), before);
}

/// The SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn check_finds_missing_damaged_and_orphaned_files() {
    let place = served();
    place.sql(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
             ml_models_enabled) SELECT id, 'w', 'w', '', 0, 0, 0, 1 FROM organizations WHERE home = 1",
    );
    place.sql(
        "INSERT INTO models (workspace_id, name, created_at, updated_at) SELECT max(id), 'm', 0, 0 FROM workspaces",
    );
    place.sql(&format!(
        "INSERT INTO model_versions (model_id, organization_id, uuid, visibility, sha256, size, file_name, created_at,
             updated_at)
         SELECT m.id, w.organization_id, printf('%036d', 1), 'private', x'{ABC}', 3, 'f', 0, 0
         FROM models m JOIN workspaces w ON w.id = m.workspace_id"
    ));
    let restore = "restore it from the backup of the files, or upload the same file again";
    fault(&place, &format!("files: 1 file ({ABC}) is missing"), restore);
    let folder = place.data().join("files/ba");
    fs::create_dir_all(&folder).unwrap();
    for damaged in ["ab", "abcd", "abd"] {
        fs::write(folder.join(ABC), damaged).unwrap();
        fault(&place, &format!("files: 1 file ({ABC}) is damaged"), restore);
    }
    fs::write(folder.join(ABC), "abc").unwrap();
    assert_eq!(problems(&place, ""), (0, Vec::new()));
    assert!(check(&place, "").1.contains(&"ok files: 1 file, 3 bytes, whole".to_owned()));

    let other = "0".repeat(64);
    let incoming = place.data().join("files/incoming");
    fs::create_dir_all(&incoming).unwrap();
    fs::write(incoming.join("left"), "x").unwrap();
    fs::create_dir_all(place.data().join("files/00")).unwrap();
    fs::write(place.data().join("files/00").join(&other), "x").unwrap();
    fs::write(folder.join("note"), "x").unwrap();
    let (code, findings) = problems(&place, "");
    let wanted = [
        format!(
            "warning orphaned files: 2 files (ba/note, {other}) are in the place of the files, but no model has it; delete \
             what you do not need in the place of the files"
        ),
        "warning orphaned files: 1 unfinished uploads of a killed process; run `atelier serve`, whose start removes them"
            .to_owned(),
    ];
    assert_eq!((code, findings), (0, wanted.to_vec()));

    // A file that waits for its version or for its removal is not orphaned, and the next start removes it.
    place.sql(&format!(
        "INSERT INTO unreferenced_files (sha256, remove_after, removing) VALUES (x'{other}', 9000000000000000, 0)"
    ));
    fs::remove_file(folder.join("note")).unwrap();
    assert_eq!(problems(&place, "").1, wanted[1..]);
    let mut server = Setup::new().data_dir(place.data()).start();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while place.data().join("files/00").join(&other).exists() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let beside = place.run("check").good().out;
    assert!(beside.contains("1 file, 3 bytes, whole") && !beside.contains("orphaned"), "{beside}");
    assert!(server.stop().success());
    assert_eq!(names(&incoming), Vec::<String>::new());

    place.sql("UPDATE organizations SET file_bytes = 4 WHERE file_bytes = 3");
    let (code, findings) = problems(&place, "");
    assert!(code == 1 && findings[0].contains("1 organization ("), "{findings:?}");
    assert!(findings[0].ends_with(&format!(") is recorded with a wrong size of files; {RESTORE}")), "{findings:?}");
}

/// Runs a server that refuses to start, and gives the first half of its reason.
fn refusal(place: &Place, line: &str) -> String {
    let free = if line.contains("--listen") { "" } else { "--listen 127.0.0.1:0" };
    let run = place.run(&format!("serve {free} {line}"));
    assert!(run.code == 1 || run.code == 2, "{line}: {} {}", run.code, run.out);
    let words = run.err.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or_default();
    assert!(words.contains("; "), "{line}: {}", run.err);
    words.rsplit_once("; ").unwrap().0.to_owned()
}

#[test]
fn check_tells_what_a_start_refuses() {
    let told = |line: &str| {
        let place = Place::new();
        fs::write(place.path().join("text"), "nonsense").unwrap();
        let run = place.run(&format!("check {line}"));
        let reason = refusal(&place, line);
        assert!(run.code == 1 || run.code == 2, "{line}: {}", run.code);
        assert!((run.out.clone() + &run.err).contains(&reason), "{line}: {reason}: {} {}", run.out, run.err);
        !place.data().exists()
    };
    for line in [
        "--tls-certificate text",
        "--tls-key text",
        "--tls-self-signed --tls-key text",
        "--tls-certificate absent --tls-key absent",
        "--tls-certificate text --tls-key text",
        "--server-logo absent",
        "--server-logo text",
        "--server-logo .",
        "--backup-schedule 1d",
        "--backup-directory atelier-data/backups",
        "--files-url s3://models --files-access-key lone",
        "--cors-origins https://app.example.com/path",
        "--public-url https://example.com/auth",
        "--database mysql://example.com/x",
        "--database postgres://u@127.0.0.1:1/x?sslmode=odd",
        "--database postgres://u@127.0.0.1:1/x --listen 0.0.0.0:0",
        "--database postgres://u@127.0.0.1:1/x --backup-directory backups",
    ] {
        assert!(told(line), "{line}: nothing is created");
    }
    for line in [
        "--listen 192.0.2.1:8787",
        "--listen 127.0.0.1:18787 --listen 127.0.0.1:18787",
        "--listen 0.0.0.0:18787 --listen 127.0.0.1:18787",
        "--listen 127.0.0.1:18787 --metrics-listen 127.0.0.1:18787",
        "--metrics-listen 192.0.2.1:9787",
        "--listen unix:absent/http.sock",
        "--listen unix:text",
        "--admin-password-file absent",
    ] {
        told(line);
    }
}

#[test]
fn check_does_not_complain_about_the_sockets_of_a_running_server() {
    let place = Place::new();
    let socket = format!("unix:{}", place.path().join("http.sock").display());
    let _server = Setup::new().data_dir(place.data()).listen(&socket).start();
    let (code, findings) = check(&place, &format!("--listen 127.0.0.1:0 --listen {socket}"));
    assert_eq!(code, 0, "{findings:?}");
}
