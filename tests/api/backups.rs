//! Backups of a server that writes, the loss of its machine, and its life elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::hostile_disk::HostileDisk;
use crate::support::database::Database;
use crate::support::stop::Stop;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup, run};
use crate::wallaroo::uploads::{self, FORM, UPLOAD, form, metadata};

/// Runs a command and gives its stdout.
#[track_caller]
fn succeed(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn create(client: &Client, name: &str) -> Option<i64> {
    let body = json!({ "workspace_name": name }).to_string();
    let headers = [("content-type", "application/json")];
    let answer = client.try_send("POST", "/v1/api/workspaces/create", &headers, body).ok()?;
    (answer.status == 200).then(|| answer.number("workspace_id"))
}

fn upload(client: &Client, workspace: i64, name: &str, content: &str) -> i64 {
    let metadata = metadata(workspace, name).to_string();
    let body = form(&[("metadata", None, &metadata), ("file", Some("m.onnx"), content)]);
    uploads::id(&client.send("POST", UPLOAD, &[FORM], body))
}

fn key_of(server: &Server) -> String {
    let made = server.cli(&["key", "create", "--user", ADMIN, "--name", "drill"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("text").trim().to_owned()
}

/// The ids of all workspaces.
fn workspaces(client: &Client) -> BTreeSet<i64> {
    let listed = client.post("/v1/api/workspaces/list", &json!({})).ok();
    listed["workspaces"].as_array().expect("a list").iter().map(|one| one["id"].as_i64().expect("an id")).collect()
}

#[test]
fn a_lost_server_goes_on_elsewhere() {
    let place = tempfile::tempdir().expect("a directory");
    let path = |name: &str| place.path().join(name).to_str().expect("a path").to_owned();
    let (data, backup, elsewhere) = (path("data"), path("backup.tar"), path("elsewhere"));
    let passphrase = path("passphrase");
    fs::write(&passphrase, "four random words joined\n").expect("a passphrase");
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).expect("a mode");
    let server = Setup::new().data_dir(&data).start();
    let client = Client::new(server.base());
    let (key, late_key) = (key_of(&server), key_of(&server));
    let tokens = client.sign_in(ADMIN, ADMIN_PASSWORD).ok();
    let caller = client.with(&key);
    let first = create(&caller, "models").expect("a workspace");
    let version = upload(&caller, first, "ccfraud", &"weights ".repeat(100_000));

    // Four clients write until the server is killed. Each acknowledged row is noted, with the time.
    let acknowledged: Mutex<Vec<(Instant, i64)>> = Mutex::default();
    let (is_over, number) = (Stop::default(), AtomicUsize::new(0));
    let begun = std::thread::scope(|scope| {
        let _stops = is_over.at_the_end();
        for _ in 0..4 {
            scope.spawn(|| {
                let caller = Client::new(client.base()).with(&key);
                while !is_over.is_set() {
                    let name = format!("load-{}", number.fetch_add(1, Ordering::Relaxed));
                    let Some(id) = create(&caller, &name) else { break };
                    acknowledged.lock().expect("a list").push((Instant::now(), id));
                }
            });
        }
        let wait_for = |count: usize| {
            while acknowledged.lock().expect("a list").len() < count {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        wait_for(50);
        let begun = Instant::now();
        succeed(&["backup", &backup, "--passphrase-file", &passphrase, "--data-dir", &data]);
        let during = acknowledged.lock().expect("a list").iter().filter(|(at, _)| *at > begun).count();
        assert!(during > 0, "nobody could write during the backup");
        // What happens after the backup is lost, but its ids must not come back for other things.
        wait_for(during + 100);
        succeed(&["key", "revoke", "2", "--yes", "--data-dir", &data]);
        let pid = server.pid().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill").success());
        begun
    });
    drop(server);
    fs::remove_dir_all(&data).expect("the machine is lost");

    let restored = succeed(&["restore", &backup, "--passphrase-file", &passphrase, "--data-dir", &elsewhere, "--json"]);
    let restored: Value = serde_json::from_str(&restored).expect("JSON");
    assert_eq!(restored["active_keys"].as_array().expect("a list").len(), 2);
    let server = Setup::new().data_dir(&elsewhere).start();
    let client = Client::new(server.base());
    // Keys work, the revocation after the backup is lost, and sessions have ended.
    let caller = client.with(&key);
    let found = workspaces(&caller);
    assert!(!workspaces(&client.with(&late_key)).is_empty());
    assert_eq!(client.refresh(tokens["refresh_token"].as_str().expect("a token")).status, 400);
    let old = client.with(tokens["access_token"].as_str().expect("a token"));
    assert_eq!(old.post("/v1/api/workspaces/list", &json!({})).status, 401);
    let again = client.sign_in(ADMIN, ADMIN_PASSWORD).text("access_token");
    assert_eq!(workspaces(&client.with(&again)), found);
    // Every row that was acknowledged before the backup is there.
    let acknowledged = acknowledged.into_inner().expect("a list");
    let before: BTreeSet<i64> = acknowledged.iter().filter(|(at, _)| *at < begun).map(|(_, id)| *id).collect();
    assert!(before.len() >= 50 && found.is_superset(&before), "lost: {:?}", &before - &found);
    let last = acknowledged.iter().map(|(_, id)| *id).max().expect("an id");
    assert!(!found.contains(&last), "the last ones came after the backup");
    assert!(create(&caller, "after").expect("a workspace") > last + 900_000);
    let file = server.cli(&["model", "get", &version.to_string(), "--output", &path("m.onnx")]);
    assert!(file.status.success(), "{}", String::from_utf8_lossy(&file.stderr));
    assert_eq!(fs::read(path("m.onnx")).expect("a file"), "weights ".repeat(100_000).as_bytes());
    drop(server);
    let check = succeed(&["check", "--data-dir", &elsewhere]);
    assert!(check.contains("rows, unchanged") && check.contains("opens 2 signing keys"), "{check}");
}

/// Waits until a text is in the log of a server.
#[track_caller]
fn wait_for_log(server: &Server, text: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !server.log().contains(text) {
        assert!(Instant::now() < deadline, "{text:?} is not in the log:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn backups(folder: &Path) -> Vec<Value> {
    let listed = succeed(&["backup", "list", folder.to_str().expect("a path"), "--json"]);
    serde_json::from_str(&listed).expect("a list")
}

#[test]
fn a_server_makes_backups_and_removes_old_ones() {
    let place = tempfile::tempdir().expect("a directory");
    let (data, folder) = (place.path().join("data"), place.path().join("backups"));
    let config = place.path().join("atelier.toml");
    let text = format!("[backup]\nschedule = \"6h\"\ndirectory = {:?}\nkeep = \"1d\"\n", folder.display().to_string());
    fs::write(&config, text).expect("a file");
    let start = || Setup::new().data_dir(&data).args(&[Path::new("--config"), &config]).start();
    let server = start();
    wait_for_log(&server, " made in ");
    assert!(server.log().contains("are as secret as the server; set backup_passphrase_file to seal them"));
    let first = backups(&folder);
    assert_eq!(first.len(), 1);
    let database = Database::open(&data);
    let count = |verb: &str| database.one::<i64>("SELECT count(*) FROM audit WHERE verb = ?1", [verb]);
    assert_eq!((count("backups.create"), count("backups.fail")), (1, 0));
    drop(server);

    // The next start makes none, because none is due. An older one is due, and is removed afterwards with its file.
    let server = start();
    let caller = Client::new(server.base()).with(&key_of(&server));
    let workspace = create(&caller, "models").expect("a workspace");
    upload(&caller, workspace, "kept", "kept");
    let output = server.cli(&["backup", folder.to_str().expect("a path")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(backups(&folder).len(), 2);
    drop(server);
    let orphan = folder.join(format!("files/ab/{}", "ab".repeat(32)));
    fs::create_dir_all(orphan.parent().expect("a folder")).expect("a folder");
    fs::write(&orphan, "x").expect("a file");
    for (number, one) in backups(&folder).iter().enumerate() {
        let old = folder.join(format!("atelier-2020010{}T030000Z.tar", number + 1));
        fs::rename(one["path"].as_str().expect("a path"), old).expect("another name");
    }
    let server = start();
    wait_for_log(&server, "removed old backups: 2, model files: 1");
    assert!(!orphan.exists());
    let left = backups(&folder);
    assert_eq!(left.len(), 1);
    drop(server);
    succeed(&["backup", "verify", folder.to_str().expect("a path"), "--all"]);
    let check =
        run(&["check", "--config", config.to_str().expect("a path"), "--data-dir", data.to_str().expect("a path")]);
    let check = String::from_utf8(check.stdout).expect("text");
    assert!(
        check.lines().any(|line| line.starts_with("ok") && line.contains("backup") && line.contains("ago: ")),
        "{check}"
    );
}

#[test]
fn a_failed_backup_is_told_and_leaves_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let (data, folder) = (place.path().join("data"), place.path().join("backups"));
    fs::write(&folder, "a file where the directory should be").expect("a file");
    let arguments =
        ["--backup-schedule", "03:00", "--backup-directory", folder.to_str().expect("a path")].map(str::to_owned);
    let server = Setup::new().data_dir(&data).args(&arguments).start();
    wait_for_log(&server, "no backup was made: cannot ");
    let data_path = data.to_str().expect("a path").to_owned();
    let mut line = vec!["check", "--data-dir", &data_path];
    line.extend(arguments.iter().map(String::as_str));
    // The row is written after the line of the log.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let check = run(&line);
        let text = String::from_utf8(check.stdout).expect("text");
        let found =
            text.lines().any(|line| line.starts_with("fault") && line.contains("no backup could be made, first "));
        if found {
            assert_eq!(check.status.code(), Some(1));
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!data.join("backup.tmp").exists());
    drop(server);
    let output = run(&["serve", "--data-dir", &data_path, "--backup-schedule", "03:00", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.code() == Some(2) && words.contains("set backup_directory, too"), "{words}");
}

#[test]
fn a_full_disk_ends_a_backup_and_nothing_else() {
    let place = tempfile::tempdir().expect("a directory");
    let folder = place.path().join("backups");
    let disk = HostileDisk::new();
    let setup = Setup::new().args(&["--backup-schedule", "1h", "--backup-directory", folder.to_str().expect("a path")]);
    let server = disk.under(setup).start();
    wait_for_log(&server, " made in ");
    let made = backups(&folder);
    assert_eq!(made.len(), 1);
    drop(server);
    // Later starts find the disk of the backups or of the copy full.
    for (rule, words) in [
        ("write ENOSPC backups/", "cannot write "),
        ("write SHORT backups/", "free space on its disk, or choose another place"),
        ("sync EIO backups/", "check its disk"),
        ("write ENOSPC backup.tmp/", "full"),
    ] {
        fs::remove_dir_all(&folder).expect("an empty directory");
        let disk = HostileDisk::new();
        disk.prepare(&[rule]);
        let setup =
            Setup::new().args(&["--backup-schedule", "1h", "--backup-directory", folder.to_str().expect("a path")]);
        let server = disk.under(setup).start();
        wait_for_log(&server, "no backup was made: ");
        let log = server.log();
        let line = log.lines().find(|line| line.contains("no backup was made: ")).expect("a line");
        assert!(line.contains(words), "{rule}: {line}");
        assert_eq!(backups(&folder).len(), 0);
        let left: Vec<_> =
            fs::read_dir(&folder).expect("a directory").map(|one| one.expect("an entry").file_name()).collect();
        assert_eq!(left, [".atelier-backups.lock"]);
        assert!(!server.data_dir().join("backup.tmp").exists());
        assert!(create(&Client::new(server.base()).with(&key_of(&server)), "still").is_some());
    }
}

#[test]
fn a_backup_that_was_killed_leaves_nothing_for_long() {
    let place = tempfile::tempdir().expect("a directory");
    let (data, folder) = (place.path().join("data"), place.path().join("backups"));
    let setup = || {
        let arguments = ["--backup-schedule", "1h", "--backup-directory", folder.to_str().expect("a path")];
        Setup::new().data_dir(&data).args(&arguments)
    };
    let names = || -> Vec<String> {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let disk = HostileDisk::new();
    disk.prepare(&["write HANG backups/"]);
    let server = disk.under(setup()).start();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !names().iter().any(|name| name.ends_with(".partial")) || !data.join("backup.tmp/files").exists() {
        assert!(Instant::now() < deadline, "{:?}\n{}", names(), server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    // The server serves while its backup hangs.
    let caller = Client::new(server.base()).with(&key_of(&server));
    assert!(create(&caller, "meanwhile").is_some());
    let also = server.cli(&["backup", place.path().join("b.tar").to_str().expect("a path")]);
    let words = String::from_utf8(also.stderr).expect("text");
    assert!(also.status.code() == Some(1) && words.contains("is being made; wait until it is finished"), "{words}");
    drop(server);
    assert_eq!(backups(&folder).len(), 0);
    let server = setup().start();
    wait_for_log(&server, " made in ");
    assert_eq!(backups(&folder).len(), 1);
    assert!(!names().iter().any(|name| name.ends_with(".partial")), "{:?}", names());
    drop(server);
    assert!(!data.join("backup.tmp").exists());
}
