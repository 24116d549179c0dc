//! Long answers: many askers, and readers that are slow or do not read at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::params;
use rustix::net::{AddressFamily, SocketType};
use serde_json::json;

use crate::client::Client;
use crate::console::browser::Browser;
use crate::raw::{RawAnswer, connect, read_answer, read_head};
use crate::support::{Server, Setup};
use crate::world::{Person, World, fresh, wait_for_log};

/// The people in the file. A list of them takes about 10 MB.
const PEOPLE: i64 = 20_000;

/// `unsent_memory`, in MiB. Seven eighths of it are for large answers, so one list of all people fits.
const MEMORY: usize = 12;

const USERS: &str = "/v1/api/users/query";

/// Adds people to the home organization, and makes them members of a workspace.
fn populate(world: &World, workspace: i64, people: i64) {
    let database = world.database();
    database.write(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
             must_change_password, created_at)
         SELECT substr(CAST(100000000 + i AS TEXT), 2) || '-0000-4000-8000-000000000000',
             'crowd-' || i || '@example.com', 'crowd-' || i || '@example.com', 'First-' || i, 'Last-' || i, 'person',
             'active', 1, 0, 'member', 0, i FROM n",
        [people],
    );
    database.write(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at)
         SELECT (SELECT min(id) FROM organizations), id, 'member', 0 FROM users WHERE email LIKE 'crowd-%'",
        [],
    );
    database.write(
        "INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT ?1, id, 'member', 0 FROM users WHERE email LIKE 'crowd-%'",
        [workspace],
    );
}

/// The server with a crowd, and its workspace of everybody.
struct Crowd {
    world: World,
    workspace: i64,
}

impl Crowd {
    fn with_write_timeout(timeout: &str) -> Self {
        let memory = format!("{MEMORY}MiB");
        let world = World::shared_of(Setup::new().args(&["--unsent-memory", &memory, "--write-timeout", timeout]));
        let workspace = world.bob.create("everybody");
        populate(&world, workspace, PEOPLE);
        Self { world, workspace }
    }
}

/// The tests that share a server run one after the other, because they all use the memory of unsent answers.
fn crowd() -> MutexGuard<'static, Crowd> {
    static CROWD: OnceLock<Mutex<Crowd>> = OnceLock::new();
    let crowd = CROWD.get_or_init(|| Mutex::new(Crowd::with_write_timeout("2s")));
    crowd.lock().unwrap_or_else(PoisonError::into_inner)
}

fn requesting(method: &str, path: &str, who: &Client, body: &str) -> Vec<u8> {
    let (credential, length) = (who.credential(), body.len());
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n");
    format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Asks and does not read.
fn ask(who: &Client, path: &str, body: &str) -> TcpStream {
    let mut stream = connect(who.base());
    stream.write_all(&requesting("POST", path, who, body)).expect("a request");
    stream
}

/// The same, where the system on this side takes little of the answer.
fn ask_narrowly(who: &Client, path: &str, body: &str) -> TcpStream {
    let target: SocketAddr = who.base().strip_prefix("http://").expect("an http URL").parse().expect("an address");
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("a small buffer");
    rustix::net::connect(&socket, &target).expect("a connection");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    stream.write_all(&requesting("POST", path, who, body)).expect("a request");
    stream
}

fn ask_and_read(method: &str, path: &str, who: &Client, body: &str) -> RawAnswer {
    let mut stream = connect(who.base());
    stream.write_all(&requesting(method, path, who, body)).expect("a request");
    read_answer(&mut stream).expect("an answer")
}

/// A field of `/proc/PID/status`, in KiB.
fn status(server: &Server, field: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a figure");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Waits until the memory of unsent answers is free again.
fn wait_until_free(who: &Person) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while ask_and_read("POST", USERS, who, "{}").status != 200 {
        assert!(Instant::now() < deadline, "the memory is still taken after 20 s");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
fn is_refused_for_now(answer: &RawAnswer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text());
    let seconds = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| (1..60).contains(&seconds)), "{what}: {}", answer.head);
}

#[test]
fn askers_that_do_not_read_share_one_budget_and_others_are_answered() {
    let crowd = crowd();
    let World { server, ada, bob, carol, .. } = &crowd.world;
    wait_until_free(ada);
    let (before, whole) = (status(server, "VmHWM"), ask_and_read("POST", USERS, ada, "{}").body.len());
    assert!(whole > 9 << 20, "{whole}");
    let asked = |server: &Server| server.log().matches(&format!("POST {USERS} ")).count();
    let asked_before = asked(server);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.extend([ada, bob, carol, ada].map(|who| ask(who, USERS, "{}")));
        // Others are answered meanwhile, with short lists and with pages.
        assert_eq!(carol.post("/v1/api/workspaces/list", &json!({})).status, 200);
        assert_eq!(carol.get("/v2/users?limit=50").status, 200);
        let members = carol.get("/auth/admin/realms/master/users?max=100");
        assert_eq!(members.status, 200, "{}", members.body);
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    while asked(server) < asked_before + streams.len() {
        assert!(Instant::now() < deadline, "not all are answered within 60 s");
        assert_eq!(carol.post("/v1/api/workspaces/list", &json!({})).status, 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    let grown = status(server, "VmHWM").saturating_sub(before) / 1024;
    // Forty such answers take 400 MB.
    assert!(grown < 2 * MEMORY, "{grown} MiB");
    let heads: Vec<_> = streams.iter_mut().map(|stream| read_head(stream).expect("a head")).collect();
    let served = heads.iter().filter(|head| head.status == 200).count();
    assert!((1..20).contains(&served), "{served} of {}", heads.len());
    for head in heads.iter().filter(|head| head.status != 200) {
        is_refused_for_now(head, "an asker");
    }
    drop(streams);
    wait_until_free(bob);
}

#[test]
fn each_dialect_says_that_no_memory_is_left() {
    let crowd = Crowd::with_write_timeout("60s");
    let World { ada, bob, carol, nobody, .. } = &crowd.world;
    let database = crowd.world.database();
    let (browser, other) =
        (Browser::signed_in(nobody, &ada.email, &ada.password), crowd.world.new_member(&fresh("dora")));
    database.write(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
         INSERT INTO sessions (uuid, user_id, client, scope, address, user_agent, authenticated_at, second_factor,
             created_at, last_used_at, idle_until, ends_at)
         SELECT substr(CAST(100000000 + i AS TEXT), 2) || '-0000-4000-9000-000000000000', s.user_id, s.client, s.scope, s.address, s.user_agent,
             s.authenticated_at, 0, s.created_at, s.last_used_at, s.idle_until, s.ends_at
         FROM n, (SELECT * FROM sessions WHERE client IS NOT NULL
             AND user_id = (SELECT id FROM users WHERE email = ?1) LIMIT 1) s",
        [&bob.email],
    );
    database.write(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO workspaces (organization_id, name, name_key, archived, private, description, ml_models_enabled,
             gradient_start_color, gradient_end_color, default_agent_runtime, created_at)
         SELECT (SELECT min(id) FROM organizations), 'full-' || i, 'full-' || i, 0, 0, ?1, 0, ?2, ?2, ?2, 0 FROM n",
        params!["\u{1F4A1}".repeat(1000), "\u{1F4A1}".repeat(255)],
    );
    wait_until_free(ada);
    // One list of everybody, then smaller ones of others, until not even a short part of it fits.
    let mut held = vec![ask_narrowly(ada, USERS, "{}")];
    assert_eq!(read_head(&mut held[0]).expect("a head").status, 200);
    let some = |count: i64| {
        let some: Vec<String> = (1..=count).map(|i| format!("{i:08}-0000-4000-8000-000000000000")).collect();
        json!({ "user_ids": some }).to_string()
    };
    for some in [some(2000), some(1500)] {
        loop {
            let mut stream = ask_narrowly(carol, USERS, &some);
            let status = read_head(&mut stream).expect("a head").status;
            held.push(stream);
            if status == 503 {
                break;
            }
            assert!(status == 200 && held.len() < 60, "{status} after {}", held.len());
        }
    }
    let some = some(1500);

    let told = "the server is busy; try again in 1 s";
    let workspace = json!({ "workspace_id": crowd.workspace }).to_string();
    for (path, body) in [(USERS, "{}"), (USERS, &some), ("/v1/api/workspaces/list_users", &workspace)] {
        let answer = ask_and_read("POST", path, bob, body);
        is_refused_for_now(&answer, path);
        let text: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(text, json!({ "msg": told, "code": 503 }), "{path}");
    }

    let query = format!("{{ workspace_by_pk(id: {}) {{ id users {{ user_id user_type }} }} }}", crowd.workspace);
    let answer = ask_and_read("POST", "/v1/graphql", bob, &json!({ "query": query }).to_string());
    is_refused_for_now(&answer, "GraphQL");
    let mut text: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert!(text["errors"][0]["extensions"]["request_id"].take().is_string());
    assert_eq!(
        (&text["errors"][0]["message"], &text["errors"][0]["extensions"]["code"]),
        (&json!(told), &json!("unexpected"))
    );

    let sessions = format!("/auth/admin/realms/master/users/{}/sessions", bob.uuid);
    let answer = ask_and_read("GET", &sessions, bob, "");
    is_refused_for_now(&answer, "Keycloak");
    let text: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert!(text["errorMessage"].is_string() || text["error"].is_string(), "{text}");

    let spaces = ask_and_read("GET", "/v2/spaces?limit=100&name=full-", ada, "");
    is_refused_for_now(&spaces, "Arize");
    assert_eq!(spaces.header("content-type"), Some("application/problem+json"), "{}", spaces.head);
    let text: serde_json::Value = serde_json::from_slice(&spaces.body).expect("JSON");
    assert_eq!((&text["status"], text["detail"].is_string()), (&json!(503), true), "{text}");

    let page = browser.get("/access.csv");
    assert_eq!((page.status, page.header("retry-after")), (503, Some("1")), "{}", page.body);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));

    // Short answers need none of the memory.
    assert_eq!(other.post("/v1/api/workspaces/list", &json!({})).status, 200);
    assert_eq!(other.get("/v2/users?limit=10").status, 200);
    drop(held);
    wait_until_free(carol);
    let all = ask_and_read("GET", &sessions, bob, "");
    let all: Vec<serde_json::Value> = serde_json::from_slice(&all.body).expect("JSON");
    assert!(all.len() > 8000, "{}", all.len());
}

#[test]
fn a_slow_but_steady_reader_is_served_whole() {
    let crowd = crowd();
    let World { ada, bob, .. } = &crowd.world;
    wait_until_free(ada);
    let mut stream = ask(ada, USERS, "{}");
    let begun = Instant::now();
    let head = read_head(&mut stream).expect("a head");
    assert_eq!(head.status, 200);
    let length: usize = head.header("content-length").and_then(|text| text.parse().ok()).expect("a length");
    let (mut body, mut part) = (Vec::with_capacity(length), vec![0; 128 << 10]);
    while body.len() < length {
        std::thread::sleep(Duration::from_millis(100));
        let read = stream.read(&mut part).expect("more of the answer");
        assert!(read > 0, "dropped after {} of {length}", body.len());
        body.extend_from_slice(&part[..read]);
    }
    assert!(begun.elapsed() > Duration::from_secs(4), "several times the write timeout");
    let slow: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert!(slow["users"].as_object().is_some_and(|users| users.len() > 20_000));
    let quick: serde_json::Value = serde_json::from_slice(&ask_and_read("POST", USERS, ada, "{}").body).expect("JSON");
    assert_eq!(slow, quick);
    // The connection serves the next request.
    stream.write_all(&requesting("POST", "/v1/api/workspaces/list", bob, "{}")).expect("a request");
    assert_eq!(read_answer(&mut stream).expect("an answer").status, 200);
}

#[test]
fn a_reader_that_takes_nothing_is_dropped_and_frees_its_memory() {
    let crowd = crowd();
    let World { ada, bob, carol, .. } = &crowd.world;
    wait_until_free(ada);
    let mut stream = ask(carol, USERS, "{}");
    let head = read_head(&mut stream).expect("a head");
    let length: usize = head.header("content-length").and_then(|text| text.parse().ok()).expect("a length");
    is_refused_for_now(&ask_and_read("POST", USERS, bob, "{}"), "while the first one does not read");
    wait_until_free(bob);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < length, "the whole answer arrived");
}

#[test]
fn an_answer_that_never_fits_is_refused_with_the_reason() {
    let world = World::of(Setup::new().args(&["--unsent-memory", "1MiB"]));
    let workspace = world.bob.create("everybody");
    populate(&world, workspace, 4000);
    let told =
        "the response is longer than the server's unsent_memory allows; ask for less at a time, or raise unsent_memory";
    let answer = world.bob.post(USERS, &json!({}));
    assert_eq!(answer.outcome(), (400, json!({ "msg": told, "code": 400 })));
    let half = world.bob.post("/v1/api/workspaces/list_users", &json!({ "workspace_id": workspace })).ok();
    assert_eq!(half["users"].as_array().map(Vec::len), Some(4001));
    wait_for_log(&world.server, USERS);
}
