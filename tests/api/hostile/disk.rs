//! A disk that is full, that fails or that is stuck: what is told, what is kept, and that the server recovers by itself.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::arize::scene;
use crate::client::{Answer, Client};
use crate::console::browser::Browser;
use crate::hostile_disk::{HostileDisk, log_length};
use crate::support::database::Database;
use crate::support::stop::Stop;
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup};
use crate::world::{Person, World, encoded, fresh, wait_for_log};

const CREATE: &str = "/v1/api/workspaces/create";
const FULL: &str = "the disk of the server is full, so nothing was changed; ask an administrator of the server to free space \
                    on it, then try again";
const FAILING: &str = "the server cannot use the disk of its data; ask an administrator of the server to look at its log and \
                       its disk, then try again";
const MIB: u64 = 1 << 20;

/// A server on a disk that fails as told, and its data directory.
struct Scene {
    world: World,
    disk: HostileDisk,
    place: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (disk, place) = (HostileDisk::new(), tempfile::tempdir().expect("a directory"));
        let setup = disk.under(Setup::new().data_dir(place.path()).args(&["--answer-memory", "0B"]));
        Self { world: World::of(setup), disk, place }
    }

    fn create(&self, name: &str) -> Answer {
        self.world.bob.post(CREATE, &json!({ "workspace_name": name }))
    }

    /// The status of the readiness check, and the sentence about the fault.
    fn ready(&self) -> (u16, String) {
        let answer = self.world.nobody.get("/readyz");
        (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the server is ready, and says what it said last if it is not.
    #[track_caller]
    fn becomes_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.ready().0 != 200 {
            assert!(Instant::now() < deadline, "{:?}", self.ready());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the server is not ready for a reason that begins like this.
    #[track_caller]
    fn becomes_unready(&self, reason: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (status, body) = self.ready();
            if status == 503 && body.starts_with(reason) {
                return;
            }
            assert!(Instant::now() < deadline, "{status} {body}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Kills the server, starts another on the same file, and returns the names of all workspaces.
    #[track_caller]
    fn names_after_a_kill(self) -> BTreeSet<String> {
        let Self { world, place, .. } = self;
        drop(world);
        let mut server = Setup::new().data_dir(place.path()).start();
        let names = {
            let database = Database::open(place.path());
            assert_eq!(database.one::<String>("PRAGMA integrity_check", []), "ok");
            assert!(database.rows("PRAGMA foreign_key_check", []).is_empty());
            database.rows("SELECT name FROM workspaces", []).into_iter().collect()
        };
        let verified = server.cli(&["audit", "verify"]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        assert!(server.stop().success());
        names
    }
}

/// The statuses and the sentence of a write that the disk refuses, in each dialect.
#[track_caller]
fn refused_in_each_dialect(scene: &Scene, sentence: &str, status: u16) {
    let World { ada, bob, carol, nobody, .. } = &scene.world;
    let wallaroo = scene.create(&fresh("refused"));
    assert_eq!(wallaroo.outcome(), (status, json!({ "msg": sentence, "code": status })));

    let organization = json!({ "name": fresh("refused") });
    let arize = ada.post("/v2/organizations", &organization);
    let problem = arize.json();
    assert_eq!((arize.status, arize.header("content-type")), (status, Some("application/problem+json")));
    assert_eq!((&problem["detail"], &problem["status"]), (&json!(sentence), &json!(status)));

    let mutation = format!(
        r#"mutation {{ delete_workspace_users(where: {{user_id: {{_eq: "{}"}}, workspace_id: {{_eq: 1}}}}) {{ affected_rows }} }}"#,
        carol.uuid
    );
    let graphql = bob.post("/v1/graphql", &json!({ "query": mutation }));
    assert_eq!((graphql.status, &graphql.json()["errors"][0]["message"]), (status, &json!(sentence)));

    // OAuth knows 503 and not 507.
    let token = nobody.sign_in(&bob.email, &bob.password);
    let unavailable = json!({ "error": "temporarily_unavailable", "error_description": sentence });
    assert_eq!(token.outcome(), (503, unavailable));
    let path = format!("/auth/admin/realms/master/users/{}", bob.uuid);
    let keycloak = ada.put(&path, &json!({ "firstName": "Refused" }));
    assert_eq!(keycloak.outcome(), (503, json!({ "error": sentence })));

    let page = Browser::new(nobody).sign_in(&bob.email, &bob.password);
    assert_eq!(page.status, status, "{}", page.body);
    assert!(page.body.contains(&sentence[1..]), "{}", page.body);
    for answer in [wallaroo, arize, graphql, token, keycloak, page] {
        assert_eq!(answer.header("retry-after"), None, "nobody knows when: {answer:?}");
    }
}

/// How many lines of the log have this text.
fn lines(scene: &Scene, text: &str) -> usize {
    scene.world.server.log().lines().filter(|line| line.contains(text)).count()
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    for rule in ["write ENOSPC .db-wal", "write SHORT .db-wal"] {
        let scene = Scene::new();
        scene.world.bob.add(scene.world.bob.create("first"), &scene.world.carol, "collaborator");
        let mut acknowledged = BTreeSet::from(["first".to_owned()]);
        scene.disk.fail(&[rule]);
        refused_in_each_dialect(&scene, FULL, 507);
        scene.becomes_unready("cannot write to the data file: ");
        for _ in 0..40 {
            assert_eq!(scene.create(&fresh("refused")).status, 507);
            scene.ready();
        }
        // Reads go on.
        assert_eq!(scene.world.bob.post("/v1/api/workspaces/list", &json!({})).status, 200);
        assert_eq!(scene.world.nobody.get("/healthz").status, 200);
        wait_for_log(&scene.world.server, "free space on the disk of the data directory");
        assert_eq!(lines(&scene, "ERROR"), 1, "one line, however many requests fail");
        assert_eq!(lines(&scene, "batch commit failed"), 0);

        scene.disk.heal();
        assert_eq!(scene.create("last").status, 200);
        acknowledged.insert("last".to_owned());
        scene.becomes_ready();
        assert_eq!(scene.names_after_a_kill(), acknowledged, "{rule}");
    }
}

#[test]
fn a_disk_that_cannot_sync_acknowledges_nothing() {
    let scene = Scene::new();
    scene.world.bob.add(scene.world.bob.create("first"), &scene.world.carol, "collaborator");
    for rule in ["sync EIO .db-wal", "write EIO .db-wal"] {
        scene.disk.fail(&[rule]);
        refused_in_each_dialect(&scene, FAILING, 503);
        scene.becomes_unready("cannot write to the data file: disk I/O error");
        scene.disk.heal();
        scene.becomes_ready();
    }
    wait_for_log(&scene.world.server, "check the disk of the data directory");
    assert_eq!(lines(&scene, "ERROR"), 1);
    assert_eq!(scene.create("last").status, 200);
    assert_eq!(scene.names_after_a_kill(), BTreeSet::from(["first".to_owned(), "last".to_owned()]));
}

/// The log of writes takes what the data file cannot, for some time.
#[test]
fn a_data_file_that_cannot_be_written_is_told_and_the_log_stays_bounded() {
    let scene = Scene::new();
    let mut acknowledged = BTreeSet::new();
    scene.disk.fail(&["write EIO .db", "truncate EIO .db"]);
    let mut create = |scene: &Scene| {
        let name = fresh("kept");
        let answer = scene.create(&name);
        if answer.status == 200 {
            acknowledged.insert(name);
        }
        answer
    };
    // Nobody asks whether the server is ready, and the log has it all the same.
    let told = "cannot move the write-ahead log into the data file: disk I/O error; check the disk";
    let deadline = Instant::now() + Duration::from_mins(2);
    while lines(&scene, told) == 0 {
        assert_eq!(create(&scene).status, 200);
        assert!(Instant::now() < deadline && log_length(&scene.world.server) < 40 * MIB);
    }
    scene.becomes_unready("cannot move the write-ahead log into the data file: disk I/O error");
    let refused = loop {
        let answer = create(&scene);
        if answer.status != 200 {
            break answer;
        }
        assert!(Instant::now() < deadline && log_length(&scene.world.server) < 100 * MIB, "it has no bound");
    };
    assert_eq!(refused.outcome(), (503, json!({ "msg": FAILING, "code": 503 })));
    let full = log_length(&scene.world.server);
    for _ in 0..100 {
        assert_eq!(create(&scene).status, 503);
    }
    assert_eq!(log_length(&scene.world.server), full);
    assert!((50 * MIB..100 * MIB).contains(&full), "{full}");
    assert!(lines(&scene, "ERROR") <= 3, "{}", scene.world.server.log());

    scene.disk.heal();
    scene.becomes_ready();
    assert_eq!(create(&scene).status, 200);
    wait_for_log(&scene.world.server, "the write-ahead log can be moved into the data file again");
    assert!(log_length(&scene.world.server) < 22 * MIB, "{}", log_length(&scene.world.server));
    assert_eq!(scene.names_after_a_kill(), acknowledged);
}

#[test]
fn a_fault_of_the_data_file_is_found_by_the_readiness_check_alone() {
    let scene = Scene::new();
    assert_eq!(scene.ready(), (200, String::new()));
    for rule in ["write ENOSPC .db", "sync EIO .db"] {
        scene.disk.fail(&[rule]);
        scene.becomes_unready("cannot move the write-ahead log into the data file: ");
        assert_eq!(scene.create(&fresh("kept")).status, 200, "the log takes it");
        scene.disk.heal();
        scene.becomes_ready();
    }
}

#[test]
fn reads_that_fail_are_told() {
    let scene = Scene::new();
    let World { ada, bob, nobody, .. } = &scene.world;
    bob.create("first");
    let database = scene.world.database();
    scene.disk.fail(&["read EIO .db", "read EIO .db-wal"]);
    // A change by another process empties the caches of the server's connections.
    database.write("UPDATE users SET first_name = 'Changed' WHERE email = 'carol@example.com'", []);
    let list = bob.post("/v1/api/workspaces/list", &json!({}));
    assert_eq!(list.outcome(), (503, json!({ "msg": FAILING, "code": 503 })));
    assert_eq!(ada.get("/v2/organizations").status, 503);
    assert_eq!(nobody.sign_in(&bob.email, &bob.password).status, 503);
    assert_eq!(nobody.get(&format!("/auth/sign-in?next={}", encoded("/auth/account"))).status, 200, "it reads nothing");
    let (status, body) = scene.ready();
    assert!(status == 503 && body.starts_with("cannot "), "{status} {body}");
    for _ in 0..50 {
        assert_eq!(bob.post("/v1/api/workspaces/list", &json!({})).status, 503);
    }
    assert!(lines(&scene, "ERROR") <= 3, "{}", scene.world.server.log());
    scene.disk.heal();
    scene.becomes_ready();
    assert_eq!(bob.post("/v1/api/workspaces/list", &json!({})).status, 200);
    assert_eq!(scene.names_after_a_kill(), BTreeSet::from(["first".to_owned()]));
}

#[test]
fn a_disk_that_is_stuck_holds_up_no_check_and_no_read() {
    let scene = Scene::new();
    scene.world.bob.create("first");
    scene.becomes_ready();
    std::thread::sleep(Duration::from_millis(1100));
    let commits = || -> i64 { scene.world.database().one("SELECT generation FROM meta", []) };
    let before = commits();
    scene.disk.fail(&["sync HANG .db-wal"]);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let begun = Instant::now();
                let answer = Client::new(scene.world.nobody.base()).get("/readyz");
                assert_eq!(answer.status, 503);
                assert_eq!(answer.json()["fault"], "stuck", "{}", answer.body);
                assert!(answer.body.contains("the check of the data file has not ended for "), "{}", answer.body);
                assert!(begun.elapsed() < Duration::from_secs(8), "the wait is bounded: {:?}", begun.elapsed());
            });
        }
        assert_eq!(scene.world.nobody.get("/healthz").status, 200);
        assert_eq!(scene.world.bob.post("/v1/api/workspaces/list", &json!({})).status, 200);
    });
    scene.disk.heal();
    scene.becomes_ready();
    assert!(commits() - before <= 3, "twenty checks are one: {}", commits() - before);
}

#[test]
fn a_healthy_server_that_nobody_asks_writes_nothing() {
    let scene = Scene::new();
    scene.becomes_ready();
    std::thread::sleep(Duration::from_millis(300));
    let state = || {
        ["atelier.db", "atelier.db-wal"].map(|name| {
            let file = fs::metadata(scene.place.path().join(name)).expect("the file");
            (file.len(), file.modified().expect("a time"))
        })
    };
    let before = state();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(state(), before);
    // However often it is asked, it writes once a second.
    let commits = || -> i64 { scene.world.database().one("SELECT generation FROM meta", []) };
    let (start, begun) = (commits(), Instant::now());
    for _ in 0..100 {
        assert_eq!(scene.ready(), (200, String::new()));
    }
    let seconds = i64::try_from(begun.elapsed().as_secs()).expect("some seconds");
    assert!((1..=seconds + 2).contains(&(commits() - start)), "{} in {seconds} s", commits() - start);
}

/// A reader of another process holds the log. Once it is gone, the log is cut by itself.
#[test]
fn the_log_is_short_again_once_a_reader_has_gone() {
    let scene = Scene::new();
    let reader = scene.world.database();
    reader.file().execute_batch("BEGIN; SELECT count(*) FROM users").expect("a read");
    let deadline = Instant::now() + Duration::from_mins(2);
    let organization = scene::home(&scene.world);
    while log_length(&scene.world.server) < 30 * MIB {
        let body = json!({ "name": fresh("long"), "organization_id": organization, "is_private": true,
                           "description": "d".repeat(1000) });
        assert_eq!(scene.world.bob.post("/v2/spaces", &body).status, 201);
        assert!(Instant::now() < deadline);
    }
    assert_eq!(scene.ready().0, 200, "a reader is no fault");
    reader.file().execute_batch("COMMIT").expect("the end of the read");
    let deadline = Instant::now() + Duration::from_secs(10);
    while log_length(&scene.world.server) > 22 * MIB {
        assert!(Instant::now() < deadline, "{}", log_length(&scene.world.server));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Faults come and go while four people write. Whatever was acknowledged is there after a kill. Reads do not fail:
/// SQLite takes a page that it cannot read for a damaged file.
#[test]
fn no_fault_of_the_disk_loses_what_was_acknowledged() {
    let faults = [
        "write ENOSPC .db-wal",
        "write SHORT .db-wal",
        "write EIO .db-wal",
        "sync EIO .db-wal",
        "write EIO .db",
        "sync EIO .db",
        "truncate EIO .db-wal",
    ];
    let scene = Scene::new();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let (done, seen) = (Stop::default(), Mutex::new(BTreeSet::new()));
    std::thread::scope(|scope| {
        let _stops = done.at_the_end();
        for _ in 0..4 {
            let (client, acknowledged) = (scene.world.bob.with(scene.world.bob.credential()), acknowledged.clone());
            let (done, seen) = (&done, &seen);
            scope.spawn(move || {
                while !done.is_set() {
                    let name = fresh("storm");
                    let answer = client.post(CREATE, &json!({ "workspace_name": &name }));
                    seen.lock().expect("a list").insert(answer.status);
                    match answer.status {
                        200 => drop(acknowledged.lock().expect("a list").insert(name)),
                        503 | 507 => {}
                        other => panic!("{other}: {answer:?}"),
                    }
                }
            });
        }
        for round in 0..28 {
            scene.disk.fail(&[faults[round % faults.len()]]);
            scene.world.nobody.get("/readyz");
            std::thread::sleep(Duration::from_millis(60));
            scene.disk.heal();
            std::thread::sleep(Duration::from_millis(60));
        }
    });
    assert_eq!(seen.into_inner().expect("a list"), BTreeSet::from([200, 503, 507]), "faults and successes took turns");
    scene.becomes_ready();
    scene.world.bob.create("last");
    let acknowledged = acknowledged.lock().expect("a list").clone();
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    let names = scene.names_after_a_kill();
    let lost: Vec<_> = acknowledged.difference(&names).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}

#[test]
fn a_server_starts_after_a_fault_at_its_stop() {
    let mut scene = Scene::new();
    scene.world.bob.create("first");
    scene.disk.fail(&["write EIO .db", "sync EIO .db"]);
    assert!(scene.world.server.stop().success(), "the log is kept, so nothing is lost");
    let server = Setup::new().data_dir(scene.place.path()).start();
    let ada = Person::enter(&Client::new(server.base()), ADMIN, ADMIN_PASSWORD);
    assert_eq!(ada.get("/v2/organizations").status, 200);
    assert_eq!(Database::open(scene.place.path()).rows("SELECT name FROM workspaces", []), ["first"]);
}
