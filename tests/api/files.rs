//! The files of models, where processes are killed, disks are full and files come and go at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::client::Client;
use crate::hostile_disk::HostileDisk;
use crate::support::database::Database;
use crate::support::{ADMIN, Server, Setup};
use crate::wallaroo::uploads::{self, FORM, UPLOAD, form, metadata};
use crate::world::{World, fresh, wait_for_log};

/// How often the server is killed.
const KILLS: usize = 50;

fn sha256(content: &str) -> String {
    HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes()).as_ref())
}

/// A content that depends on a number, and its length.
fn content(number: usize, length: usize) -> String {
    let mut text = format!("{number} ").repeat(length / 3 + 1);
    text.truncate(length);
    text
}

/// The names of all files in a folder and those in it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { found.extend(files_in(&entry)) } else { found.push(entry) }
    }
    found
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    files_in(folder).iter().map(name).collect()
}

/// Waits until the files of the server are those of its versions, and no other.
#[track_caller]
fn only_files_of_versions_are_left(data_dir: &Path) {
    // A removal that has failed is tried again after a minute, and looked for each minute.
    let deadline = Instant::now() + Duration::from_mins(3);
    let database = Database::open(data_dir);
    loop {
        let wanted =
            database.rows("SELECT DISTINCT lower(hex(sha256)) FROM model_versions WHERE sha256 IS NOT NULL", []);
        let (wanted, found) = (wanted.into_iter().collect::<BTreeSet<_>>(), names_in(&data_dir.join("files")));
        if wanted == found && database.count("unreferenced_files") == 0 {
            return;
        }
        let (more, less) = (&found - &wanted, &wanted - &found);
        assert!(Instant::now() < deadline, "{more:?} too many, {less:?} missing, or a note of a file is left");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn upload(client: &Client, workspace: i64, name: &str, content: &str) -> Option<i64> {
    let metadata = metadata(workspace, name).to_string();
    let body = form(&[("metadata", None, &metadata), ("file", Some("m.onnx"), content)]);
    let answer = client.try_send("POST", UPLOAD, &[FORM], body).ok()?;
    // A server that stops may say that it is busy.
    (answer.status == 200).then(|| uploads::id(&answer))
}

/// Deletes the versions of a model. Returns whether that was acknowledged.
fn delete(client: &Client, workspace: i64, name: &str) -> bool {
    let body = json!({ "model_id": name, "workspace_id": workspace, "confirm_delete": true }).to_string();
    let answer = client.try_send("POST", "/v1/api/models/delete_model", &[], body);
    answer.is_ok_and(|answer| answer.status == 200)
}

#[test]
fn an_answered_upload_survives_kills_and_nothing_else_is_left() {
    let place = tempfile::tempdir().expect("a directory");
    let data_dir = place.path().join("data");
    let start = || Setup::new().data_dir(&data_dir).start();
    let server = start();
    let made = server.cli(&["key", "create", "--user", ADMIN, "--name", "uploads"]);
    let key = String::from_utf8(made.stdout).expect("text").trim().to_owned();
    let workspace = Client::new(server.base())
        .with(&key)
        .post("/v1/api/workspaces/create", &json!({ "workspace_name": "files" }))
        .number("workspace_id");
    drop(server);

    let (mut answered, number) = (0, AtomicUsize::new(0));
    for cycle in 0..10 * KILLS {
        // On a slow machine, some servers are killed before they answer.
        if cycle >= KILLS && answered > KILLS {
            break;
        }
        let server = start();
        let client = Client::new(server.base()).with(&key);
        // What was answered in this cycle: the SHA-256 by version, without those that may be deleted.
        let done: Mutex<BTreeMap<i64, String>> = Mutex::default();
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (client, done, number) = (client.with(&key), &done, &number);
                scope.spawn(move || {
                    for turn in 0.. {
                        // Two threads have the same contents; one of them deletes what it has uploaded.
                        let number =
                            if thread == 0 { number.fetch_add(1, Ordering::Relaxed) } else { cycle * 10 + turn % 3 };
                        let length = [10, 40_000, 300_000, 1_500_000][number % 4];
                        let content = content(number, length);
                        let name = format!("m{thread}-{cycle}-{turn}");
                        let Some(id) = upload(&client, workspace, &name, &content) else { return };
                        if thread == 2 {
                            if !delete(&client, workspace, &name) {
                                return;
                            }
                        } else {
                            done.lock().expect("no panic").insert(id, sha256(&content));
                        }
                    }
                });
            }
            // Most servers live until they have answered once, however slow the machine is.
            let deadline = Instant::now() + Duration::from_secs(10);
            while cycle % 4 > 0 && done.lock().expect("no panic").is_empty() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(20 + (cycle as u64 * 37) % 180));
            // It kills the server.
            drop(server);
        });
        let database = Database::open(&data_dir);
        for (id, sha256) in done.into_inner().expect("no panic") {
            let found: String = database.one("SELECT lower(hex(sha256)) FROM model_versions WHERE id = ?1", [id]);
            assert_eq!(found, sha256, "version {id} of cycle {cycle}");
            let path = data_dir.join("files").join(&sha256[..2]).join(&sha256);
            let stored = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("version {id}: {error}"));
            assert_eq!(self::sha256(&stored), sha256, "version {id} of cycle {cycle}");
            answered += 1;
        }
    }
    let mut server = start();
    only_files_of_versions_are_left(&data_dir);
    assert!(server.stop().success());
    let checked = server.cli(&["check", "--json"]);
    let told: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    let files: Vec<_> =
        told["findings"].as_array().expect("findings").iter().filter(|one| one["what"] == "files").collect();
    assert!(files.len() == 1 && files[0]["level"] == "ok" && told["sound"] == true, "{told:#}");
    assert!(answered > KILLS, "{answered} were answered");
}

#[test]
fn one_file_uploaded_and_deleted_at_once_is_whole_or_gone() {
    let world = World::start();
    let workspace = world.bob.create(&fresh("lab"));
    let content = content(7, 200_000);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, content) = (world.bob.with(world.bob.credential()), &content);
            scope.spawn(move || {
                for turn in 0..8 {
                    let name = format!("m{thread}-{turn}");
                    let id = upload(&client, workspace, &name, content).expect("an upload is accepted");
                    let answer = client.get(&format!("/v1/api/models/{id}/file"));
                    assert!(answer.status == 200 && answer.body == *content, "version {id}: {}", answer.status);
                    assert!(delete(&client, workspace, &name));
                    // Time for the removal of the file.
                    std::thread::sleep(Duration::from_millis(150 * thread));
                }
            });
        }
    });
    only_files_of_versions_are_left(world.server.data_dir());
    assert!(names_in(&world.server.data_dir().join("files")).is_empty());
    let id = upload(&world.bob, workspace, "last", &content).expect("an upload is accepted");
    assert_eq!(world.bob.get(&format!("/v1/api/models/{id}/file")).body, content);
}

#[test]
fn a_full_disk_refuses_uploads_and_loses_nothing() {
    let (disk, place) = (HostileDisk::new(), tempfile::tempdir().expect("a directory"));
    let world = World::of(disk.under(Setup::new().data_dir(place.path())));
    let workspace = world.bob.create(&fresh("lab"));
    let first = upload(&world.bob, workspace, "first", "kept").expect("an upload is accepted");
    let full = "the disk of the server is full, so nothing was changed; ask an administrator of the server to free space on \
                it, then try again";
    let failing = "the server cannot use the disk of its data; ask an administrator of the server to look at its log and its \
                   disk, then try again";
    for (rule, status, words) in [
        ("write ENOSPC /files/incoming/", 507, full),
        ("write SHORT /files/incoming/", 507, full),
        ("sync ENOSPC /files/incoming/", 507, full),
        ("write EIO /files/incoming/", 503, failing),
        ("sync EIO /files/incoming/", 503, failing),
        ("sync EIO /files/5f", 503, failing),
        ("the database", 507, full),
    ] {
        if rule == "the database" {
            world.database().fill_disk(&disk);
        } else {
            disk.fail(&[rule]);
        }
        for length in [6, 700_000] {
            let content = if length == 6 { "refuse".to_owned() } else { content(1, length) };
            let refused = uploads::send(&world.bob, UPLOAD, &metadata(workspace, "no"), Some(("m.onnx", &content)));
            let is_in_other_folder = rule.ends_with("/5f") && !sha256(&content).starts_with("5f");
            if !is_in_other_folder {
                assert_eq!(refused.outcome(), (status, json!({ "msg": words, "code": status })), "{rule}, {length}");
            }
        }
        // Other files can be read.
        assert_eq!(world.bob.get(&format!("/v1/api/models/{first}/file")).body, "kept", "{rule}");
        disk.heal();
    }
    world.database().free_disk(&disk);
    wait_for_log(&world.server, "free space on the disk of the data directory");
    assert!(names_in(&place.path().join("files/incoming")).is_empty());
    delete(&world.bob, workspace, "no");
    let last = upload(&world.bob, workspace, "last", "also kept").expect("the disk works again");
    only_files_of_versions_are_left(place.path());
    assert_eq!(world.bob.get(&format!("/v1/api/models/{last}/file")).body, "also kept");
}

#[test]
fn files_are_removed_with_their_workspace_and_after_a_start() {
    let place = tempfile::tempdir().expect("a directory");
    let world = World::of(Setup::new().data_dir(place.path()));
    let workspace = world.bob.create(&fresh("lab"));
    upload(&world.bob, workspace, "one", "1").expect("an upload is accepted");
    upload(&world.bob, workspace, "two", "2").expect("an upload is accepted");
    let World { server, .. } = world;
    drop(server);
    // Another process deletes the workspace, and the upload of a third one was killed.
    Database::open(place.path()).write("DELETE FROM workspaces WHERE id = ?1", [workspace]);
    std::fs::write(place.path().join("files/incoming/0"), "killed").expect("a file");
    let server: Server = Setup::new().data_dir(place.path()).start();
    only_files_of_versions_are_left(server.data_dir());
    assert!(files_in(&place.path().join("files")).is_empty());
}

#[test]
fn a_lost_file_is_told_in_the_log() {
    let world = World::start();
    let workspace = world.bob.create(&fresh("lab"));
    let id = upload(&world.bob, workspace, "lost", "lost").expect("an upload is accepted");
    for path in files_in(&world.server.data_dir().join("files")) {
        std::fs::remove_file(path).expect("a file is removed");
    }
    let answer = world.bob.get(&format!("/v1/api/models/{id}/file"));
    let told = answer.json()["msg"].to_string();
    assert!(answer.status == 500 && told.contains("look in the server's log"), "{answer:?}");
    wait_for_log(&world.server, "is missing; run `atelier check`");
    upload(&world.bob, workspace, "again", "lost").expect("an upload is accepted");
    assert_eq!(world.bob.get(&format!("/v1/api/models/{id}/file")).body, "lost", "an upload brings it back");
}
