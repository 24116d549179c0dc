//! A server that is told to stop ends within `stop_grace`, whatever runs, and loses no acknowledged write.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::TOKEN;
use crate::raw::connect;
use crate::support::Setup;
use crate::support::database::Database;
use crate::world::World;

const GRACE: Duration = Duration::from_secs(3);

/// What a busy machine may need beyond the grace.
const SLACK: Duration = Duration::from_secs(2);

/// Keeps a server busy, tells it to stop, and checks that it ended in time. Returns its log.
fn stops_in_time<T>(keep_busy: impl FnOnce(&World) -> T) -> String {
    let place = tempfile::tempdir().expect("a directory");
    let mut world = World::of(Setup::new().data_dir(place.path()).args(&["--stop-grace", "3s"]));
    world.bob.create("acknowledged");
    let held = keep_busy(&world);
    let started = Instant::now();
    let ended = world.server.stop();
    let took = started.elapsed();
    let log = world.server.log();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(took < GRACE + SLACK, "{took:?}\n{log}");
    drop(held);
    let database = Database::open(place.path());
    database.assert_sound();
    assert_eq!(database.rows("SELECT name FROM workspaces", []), ["acknowledged"]);
    log
}

/// Sends a request of JSON or a form on a new connection, and reads nothing.
fn send(world: &World, path: &str, credential: &str, kind: &str, body: &str) -> TcpStream {
    let mut stream = connect(world.server.base());
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {credential}\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("a sent request");
    stream
}

fn create(world: &World, name: &str) -> TcpStream {
    let body = json!({ "workspace_name": name }).to_string();
    let stream = send(world, "/v1/api/workspaces/create", world.bob.credential(), "application/json", &body);
    std::thread::sleep(Duration::from_millis(300));
    stream
}

#[test]
fn long_answers_that_nobody_reads_do_not_hold_up_a_stop() {
    stops_in_time(|world| {
        world.database().write(
            "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                                must_change_password, created_at)
             WITH RECURSIVE numbers (n) AS (SELECT 100000 UNION ALL SELECT n + 1 FROM numbers WHERE n < 150000)
             SELECT '6f2c6c0e-3f0b-4a52-9d0e-6a4f5c' || n, n || '@example.org', n || '@example.org', 'Person', '', 'person',
                    'active', 1, 1, 'member', 0, 5
             FROM numbers",
            [],
        );
        let ask = |_| send(world, "/v1/api/users/query", world.ada.credential(), "application/json", "{}");
        let streams: Vec<_> = (0..40).map(ask).collect();
        std::thread::sleep(Duration::from_millis(500));
        streams
    });
}

#[test]
fn passwords_that_wait_to_be_hashed_do_not_hold_up_a_stop() {
    stops_in_time(|world| {
        let attempt = |number| {
            let form = format!("client_id=sdk-client&grant_type=password&username=nobody-{number}&password=wrong");
            send(world, TOKEN, "", "application/x-www-form-urlencoded", &form)
        };
        let streams: Vec<_> = (0..120).map(attempt).collect();
        std::thread::sleep(Duration::from_millis(300));
        streams
    });
}

#[test]
fn a_write_that_waits_for_another_process_does_not_hold_up_a_stop() {
    let log = stops_in_time(|world| {
        let lock = world.database().lock();
        (create(world, "waiting"), lock)
    });
    assert!(log.contains("stop_grace is over"), "{log}");
}

#[test]
fn a_long_write_does_not_hold_up_a_stop() {
    let log = stops_in_time(|world| {
        let slow = "CREATE VIEW slow AS WITH RECURSIVE numbers (n) AS
                        (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000000000) SELECT n FROM numbers;
                    CREATE TRIGGER slow_create AFTER INSERT ON workspaces BEGIN SELECT count(*) FROM slow; END;";
        world.database().file().execute_batch(slow).expect("a slow trigger");
        create(world, "slow")
    });
    assert!(log.contains("stop_grace is over"), "{log}");
}

#[test]
fn a_checkpoint_that_waits_for_a_reader_does_not_hold_up_a_stop() {
    stops_in_time(|world| {
        let reader = world.database();
        reader.file().execute_batch("BEGIN; SELECT count(*) FROM users").expect("a snapshot");
        world.database().write("UPDATE users SET first_name = 'Bob' WHERE email = 'bob@example.com'", []);
        reader
    });
}
