//! The server process: start, health, stop, and its files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::console::browser::Browser;
use crate::raw::{connect, read_answer};
use crate::support::database::Database;
use crate::support::{self, ADMIN, ADMIN_PASSWORD, Setup, run};
use crate::world::{Person, World, fresh, full_line, wait_for_log};

const CREATE: &str = "/v1/api/workspaces/create";

fn files(place: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(place).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.into_string().expect("a name")).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

// Health.

#[test]
fn a_slow_reader_of_the_log_does_not_delay_requests() {
    const ASKED: usize = 2500;
    let mut server = Setup::new().start();
    let nobody = Client::new(server.base());
    let held = server.hold_log();
    for number in 0..ASKED {
        assert_eq!(nobody.get("/healthz").status, 200, "{number}");
    }
    drop(held);
    assert!(server.stop().success());
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("GET /healthz 200 "));
    assert_eq!((lines.clone().count(), lines.map(str::len).sum::<usize>() > 3 << 16), (ASKED, true), "{log}");
}

#[test]
fn a_server_logs_that_it_serves() {
    let server = Setup::new().start();
    let nobody = Client::new(server.base());
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = nobody.get(path);
        assert_eq!(answer.outcome(), (200, json!({ "status": status })));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_full_write_queue_is_503_with_retry_after_in_each_dialect() {
    let world = World::of(Setup::new().args(&["--write-queue", "1"]));
    let (ada, bob, nobody, database) = (&world.ada, &world.bob, &world.nobody, world.database());
    let workspace = bob.create("full");
    bob.add(workspace, &world.carol, "collaborator");
    let path = format!("/auth/admin/realms/master/users/{}", bob.uuid);
    let busy = "the server is busy; try again in 1 s";
    full_line(ada, &database, || {
        let wallaroo = bob.post(CREATE, &json!({ "workspace_name": fresh("late") }));
        assert_eq!(wallaroo.outcome(), (503, json!({ "msg": busy, "code": 503 })));
        let keycloak = ada.put(&path, &json!({ "firstName": "Late" }));
        assert_eq!(keycloak.outcome(), (503, json!({ "error": busy })));
        let token = nobody.sign_in(&bob.email, &bob.password);
        let unavailable = json!({ "error": "temporarily_unavailable", "error_description": busy });
        assert_eq!(token.outcome(), (503, unavailable));
        let mutation = format!(
            r#"mutation {{ delete_workspace_users(where: {{user_id: {{_eq: "{}"}}, workspace_id: {{_eq: {workspace}}}}}) {{ affected_rows }} }}"#,
            world.carol.uuid
        );
        let graphql = bob.post("/v1/graphql", &json!({ "query": mutation }));
        assert_eq!((graphql.status, &graphql.json()["errors"][0]["message"]), (503, &json!(busy)));
        for answer in [wallaroo, keycloak, token, graphql] {
            assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
        }
        // Reads go on, and load balancers see that the server is not ready.
        assert_eq!(bob.post("/v1/api/workspaces/list", &json!({})).status, 200);
        assert_eq!(nobody.get("/healthz").status, 200);
        let ready = nobody.get("/readyz");
        let detail = format!("cannot write to the data file: {busy}");
        assert_eq!(ready.outcome(), (503, json!({ "status": "unready", "fault": "write", "detail": detail })));
    });
    let ready = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        nobody.get("/readyz").status == 200
    });
    assert!(ready, "and all is well again");
    assert_eq!(bob.members(workspace).len(), 2, "what was turned away was not done");
    assert_eq!(database.one::<i64>("SELECT count(*) FROM workspaces WHERE name LIKE 'late%'", []), 0);
    assert_eq!(database.one::<i64>("SELECT count(*) FROM users WHERE first_name = 'Late'", []), 0);
}

#[test]
fn a_locked_file_makes_the_server_unready_until_released() {
    let world = World::start();
    let database = world.database();
    let lock = database.lock();
    // The server waits for some seconds, as for a command line that is at work. The check does not wait as long.
    let ready = world.nobody.get("/readyz");
    let begin = "the check of the data file has not ended for 3 s: another process has locked the file, ";
    let told = ready.json();
    assert!(ready.status == 503 && told["fault"] == "stuck", "{ready:?}");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.starts_with(begin)), "{ready:?}");
    let answer = world.bob.post(CREATE, &json!({ "workspace_name": "late" }));
    let busy = json!({ "msg": "the server is busy; try again in 1 s", "code": 503 });
    assert_eq!(answer.outcome(), (503, busy));
    assert_eq!(world.nobody.get("/healthz").status, 200);
    assert_eq!(world.bob.post("/v1/api/workspaces/list", &json!({})).status, 200);
    drop(lock);
    assert_eq!(world.nobody.get("/readyz").status, 200);
    assert_eq!(world.bob.post(CREATE, &json!({ "workspace_name": "late" })).status, 200);
}

// Stop.

#[test]
fn a_signal_lets_accepted_requests_finish_and_cleans_up() {
    for signal in ["TERM", "INT", "QUIT"] {
        let place = tempfile::tempdir().expect("a directory");
        let mut server = Setup::new().data_dir(place.path()).args(&["--write-queue", "1"]).start();
        let ada = Person::enter(&Client::new(server.base()), ADMIN, ADMIN_PASSWORD);
        let mut idle = connect(server.base());
        let database = Database::open(place.path());
        let started = Instant::now();
        let ended = std::thread::scope(|scope| {
            let mut stopping = None;
            // Both that wait in the line are answered, in spite of the signal.
            full_line(&ada, &database, || {
                stopping = Some(scope.spawn(|| server.stop_by(signal)));
                std::thread::sleep(Duration::from_millis(300));
            });
            drop(database);
            stopping.expect("a thread").join().expect("the end")
        });
        assert_eq!(ended.code(), Some(0), "{signal}");
        assert!(
            started.elapsed() < Duration::from_secs(14),
            "an idle connection does not hold it up for the whole grace"
        );
        assert!(read_answer(&mut idle).is_none());
        let log = server.log();
        assert!(log.contains(&format!("stopping on SIG{signal}")), "{log}");
        let (left, is_file) = (files(place.path()), support::database_of(place.path()).is_none());
        assert!(left.contains("atelier.db") == is_file && !left.contains("atelier.db-wal"), "{left:?}");
        let answered = log.lines().filter(|line| line.contains("POST /v1/api/workspaces/create 200")).count();
        let kept = Database::open(place.path()).count("workspaces");
        assert_eq!(usize::try_from(kept), Ok(answered), "{log}");
    }
}

#[test]
fn a_stopping_server_is_not_ready() {
    let World { mut server, ada, .. } = World::of(Setup::new().args(&["--write-queue", "1"]));
    let mut open = connect(server.base());
    let ask = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        read_answer(stream).map(|answer| answer.status)
    };
    assert_eq!(ask(&mut open), Some(200));
    let database = Database::open(server.data_dir());
    std::thread::scope(|scope| {
        let mut stopping = None;
        full_line(&ada, &database, || {
            stopping = Some(scope.spawn(|| server.stop()));
            // An open connection gets a response or is closed, and no new one is accepted.
            let deadline = Instant::now() + Duration::from_secs(3);
            while ask(&mut open) == Some(200) {
                assert!(Instant::now() < deadline, "it is ready still");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        assert_eq!(stopping.expect("a thread").join().expect("the end").code(), Some(0));
    });
}

#[test]
fn acknowledged_writes_survive_a_kill() {
    const THREADS: usize = 8;
    let place = tempfile::tempdir().expect("a directory");
    let server = Setup::new().data_dir(place.path()).start();
    let ada = Person::enter(&Client::new(server.base()), ADMIN, ADMIN_PASSWORD);
    let (acknowledged, count, gone) = (Mutex::new(BTreeSet::new()), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let client = ada.with(ada.credential());
            let (acknowledged, count, gone) = (&acknowledged, &count, &gone);
            scope.spawn(move || {
                for n in 0..2000 {
                    let name = format!("w-{thread}-{n}");
                    let body = json!({ "workspace_name": name }).to_string();
                    let Ok(answer) = client.try_send("POST", CREATE, &[], body) else {
                        assert!(gone.load(Ordering::Acquire), "refused before the kill");
                        return;
                    };
                    assert_eq!(answer.status, 200, "{answer:?}");
                    acknowledged.lock().expect("a lock").insert(name);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while count.load(Ordering::Relaxed) < 200 {
            assert!(Instant::now() < deadline, "only {} creates in 30 s", count.load(Ordering::Relaxed));
            std::thread::sleep(Duration::from_millis(1));
        }
        gone.store(true, Ordering::Release);
        drop(server);
    });
    if support::database_of(place.path()).is_none() {
        assert!(files(place.path()).contains("atelier.db-wal"), "it was killed, not stopped");
    }
    let server = Setup::new().data_dir(place.path()).start();
    let database = Database::open(place.path());
    let kept: BTreeSet<String> = database.rows("SELECT name FROM workspaces", []).into_iter().collect();
    let acknowledged = acknowledged.into_inner().expect("a lock");
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(kept.len() <= acknowledged.len() + THREADS, "more than was asked for");
    // Each came whole: with its owner and its row in the audit.
    let count = i64::try_from(kept.len()).expect("few");
    assert_eq!(database.count("members"), count);
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE verb = 'workspaces.create'", []), count);
    database.assert_sound();
    assert!(server.cli(&["check"]).status.success());
}

// Start.

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let server = Setup::new().start();
    let place = server.data_dir().to_str().expect("a path");
    let second = run(&["serve", "--data-dir", place, "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{words}");
    let expected = format!(
        "error: another atelier server (process {}) is using {place}; stop it first, or give this one its own directory with --data-dir",
        server.pid()
    );
    assert!(words.lines().any(|line| line == expected), "{words}");
    assert_eq!(String::from_utf8_lossy(&second.stdout), "");
    assert_eq!(Client::new(server.base()).get("/readyz").status, 200, "the first one does not mind");
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let server = Setup::new().start();
    let address = server.base().strip_prefix("http://").expect("a URL");
    let place = tempfile::tempdir().expect("a directory");
    let second = run(&["serve", "--data-dir", place.path().to_str().expect("a path"), "--listen", address]);
    let words = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert!(words.contains(&format!("error: cannot listen on {address}: ")), "{words}");
}

#[test]
fn only_the_owner_can_read_the_data_directory() {
    let server = Setup::new().start();
    let place = server.data_dir();
    assert_eq!(mode(place), 0o700);
    for name in files(place) {
        assert_eq!(mode(&place.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_first_administrator_is_generated_if_none_is_configured() {
    let place = tempfile::tempdir().expect("a directory");
    let server = Setup::new().data_dir(place.path()).without_admin().start();
    let nobody = Client::new(server.base());
    let note = place.path().join("first-admin.txt");
    assert_eq!(mode(&note), 0o600);
    let text = fs::read_to_string(&note).expect("the note");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let [email, password] = lines.as_slice() else { panic!("{text}") };
    assert_eq!(*email, "admin@localhost");
    assert!(password.len() >= 16, "{password}");
    wait_for_log(&server, &format!("{}/auth/sign-in\n    {password}\n", server.base()));
    wait_for_log(&server, "password=YOUR_PASSWORD");
    let refused = nobody.sign_in(email, password);
    let told = json!({ "error": "invalid_grant", "error_description": "Account is not fully set up" });
    assert_eq!(refused.outcome(), (400, told), "the password is good for choosing another alone");
    let browser = Browser::new(&nobody);
    assert_eq!(browser.sign_in(email, password).header("location"), Some("/auth/sign-in/password"));
    browser.get("/auth/sign-in/password");
    let choose = |chosen: &str| browser.post("/auth/sign-in/password", &[("password", chosen), ("again", chosen)]);
    assert_eq!(choose(password).status, 400, "the same one");
    assert_eq!(choose(ADMIN_PASSWORD).status, 303);
    let admin = Person::enter(&nobody, email, ADMIN_PASSWORD);
    assert_eq!(admin.post("/v1/api/users/invite", &json!({ "email": "bob@example.com" })).status, 200);
    for guess in ["admin", "password", "atelier", ""] {
        assert_ne!(nobody.sign_in(email, guess).status, 200, "{guess}");
    }
    // The next start creates nobody and prints nothing.
    let password = (*password).to_owned();
    drop(server);
    let server = Setup::new().data_dir(place.path()).start();
    assert!(!server.log().contains(&password) && !server.log().contains("first start"), "{}", server.log());
    let nobody = Client::new(server.base());
    assert_eq!(nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 401, "there is an administrator already");
    assert_eq!(nobody.sign_in("admin@localhost", &password).status, 401, "what was printed is worth nothing");
    assert_eq!(nobody.sign_in("admin@localhost", ADMIN_PASSWORD).status, 200);
}

#[test]
fn generated_passwords_differ() {
    let passwords = [(), ()].map(|()| {
        let server = Setup::new().without_admin().start();
        let text = fs::read_to_string(server.data_dir().join("first-admin.txt")).expect("the note");
        text.lines().last().expect("a password").to_owned()
    });
    assert_ne!(passwords[0], passwords[1]);
}

#[test]
fn the_configured_first_administrator_is_created() {
    let server = Setup::new().start();
    let nobody = Client::new(server.base());
    assert!(!server.data_dir().join("first-admin.txt").exists(), "a known password is not written down");
    let ada = Person::enter(&nobody, ADMIN, ADMIN_PASSWORD);
    assert_eq!(ada.post("/v1/api/users/invite", &json!({ "email": "bob@example.com" })).status, 200);
    for (email, password) in [("admin@localhost", "admin"), ("admin@localhost", ADMIN_PASSWORD), ("admin", "admin")] {
        assert_eq!(nobody.sign_in(email, password).status, 401);
    }
    let people = Database::open(server.data_dir()).rows("SELECT email, role FROM users ORDER BY id", []);
    assert_eq!(people, ["ada@example.com|administrator", "bob@example.com|member"]);
    assert!(!server.log().contains(ADMIN_PASSWORD), "nor is it printed");
}

#[test]
fn the_password_of_the_first_administrator_can_be_read_from_a_file() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "the secret of a file\n").expect("a write");
    let server = Setup::new()
        .without_admin()
        .env("ATELIER_ADMIN_EMAIL", "grace@example.com")
        .env("ATELIER_ADMIN_PASSWORD_FILE", file.path())
        .start();
    assert_eq!(Client::new(server.base()).sign_in("grace@example.com", "the secret of a file").status, 200);
    assert!(!server.log().contains("the secret of a file"));
    assert!(!server.data_dir().join("first-admin.txt").exists());
}
