//! Malformed requests, and secrets that must not be logged.

use std::io::Write;
use std::net::Shutdown;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::client::TOKEN;
use crate::raw::{RawAnswer, connect, exchange, is_closed, read_answer};
use crate::support::{ADMIN_PASSWORD, Setup};
use crate::world::{World, fresh, wait_for_log};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--request-timeout", "1s"])))
}

fn base() -> &'static str {
    world().server.base()
}

/// Asserts that the server serves, and has logged no panic and no 500.
#[track_caller]
fn is_healthy(world: &World) {
    assert_eq!(world.nobody.get("/healthz").status, 200);
    let last = world.nobody.get("/readyz");
    assert_eq!(last.status, 200);
    // The log has what came before, too.
    wait_for_log(&world.server, last.header("x-request-id").expect("an id"));
    let log = world.server.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.lines().any(|line| line.contains(" 500 ")), "{log}");
}

fn get(path: &str) -> Option<RawAnswer> {
    let credential = world().ada.credential();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n\r\n");
    exchange(base(), head.as_bytes())
}

fn post(path: &str, headers: &str, body: &str) -> Option<RawAnswer> {
    let credential = world().ada.credential();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n{headers}\r\n");
    exchange(base(), &[head.as_bytes(), body.as_bytes()].concat())
}

#[test]
fn a_path_is_not_normalized_to_another_route() {
    let bob = &world().bob.uuid;
    for path in [
        "//v1/api/config".to_owned(),
        "/v1//api/config".to_owned(),
        "/v1/api//config".to_owned(),
        "/v1/api/config/".to_owned(),
        "/v1/api/config/.".to_owned(),
        "/v1/api/./config".to_owned(),
        "/v1/api/x/../config".to_owned(),
        "/v1/api/../../v1/api/config".to_owned(),
        "/../v1/api/config".to_owned(),
        "/v1/api/config;x".to_owned(),
        "/v1;x/api/config".to_owned(),
        "/v1/api/config%00".to_owned(),
        "/v1/api/config%20".to_owned(),
        "/v1/api/config%2F".to_owned(),
        "/v1/api%2Fconfig".to_owned(),
        "/v1%2fapi/config".to_owned(),
        "/v1/api/x/%2e%2e/config".to_owned(),
        "/v1/api/%2e/config".to_owned(),
        "/v1/api/x%2f..%2fconfig".to_owned(),
        "/v1/api/config%3F".to_owned(),
        "/v1/api/config%23x".to_owned(),
        "/v1/api/config%253F".to_owned(),
        "/V1/api/config".to_owned(),
        "\\v1\\api\\config".to_owned(),
        "/v1\\api\\config".to_owned(),
        "/healthz%00".to_owned(),
        "/healthz;x".to_owned(),
        format!("/auth/admin/realms/master/users/{bob}/"),
        format!("/auth/admin/realms/master/users/{bob}/.."),
        format!("/auth/admin/realms/master/users/{bob}%2F"),
        format!("/auth/admin/realms/master/users/{bob};x"),
        format!("/auth/admin/realms/master/users/{bob}%00"),
        format!("/auth/admin/realms/master/users/x%2F..%2F{bob}"),
        "/auth/admin/realms/master/users/%2e%2e".to_owned(),
        "/auth/admin/realms/master/users//".to_owned(),
        "/auth/realms/master%2F..%2Fother/protocol/openid-connect/certs".to_owned(),
    ] {
        let answer = get(&path).unwrap_or_else(|| panic!("no answer to {path}"));
        assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("default_arch") && !answer.text().contains("bob@example.com"), "{path}");
    }
    is_healthy(world());
}

#[test]
fn encoded_paths_need_the_same_credentials() {
    // Unreserved characters may be encoded (RFC 3986, section 2.3): the same handler with the same credentials.
    let head = "POST /v1/api/%77orkspaces/list HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let answer = exchange(base(), head.as_bytes()).expect("an answer");
    assert!(matches!(answer.status, 401 | 404), "{answer:?}");
    let head = "POST http://evil.example/v1/api/workspaces/list HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(exchange(base(), head.as_bytes()).expect("an answer").status, 401, "the absolute form");
}

#[test]
fn a_very_long_path_or_query_is_refused() {
    for path in [format!("/v1/api/{}", "x".repeat(60_000)), format!("/v1/api/{}", "x".repeat(300_000))] {
        if let Some(answer) = get(&path) {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    }
    let query = format!("/auth/admin/realms/master/users?email={}", "x".repeat(60_000));
    assert!(get(&query).is_none_or(|answer| answer.status < 500));
    is_healthy(world());
}

#[test]
fn malformed_requests_are_refused() {
    for bytes in [
        b"\r\n\r\n".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1 x\r\nHost: x\r\n\r\n",
        b"GET v1/api/config HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n no colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        if let Some(answer) = exchange(base(), bytes) {
            assert!((400..500).contains(&answer.status), "{}: {answer:?}", String::from_utf8_lossy(bytes));
        }
    }
    is_healthy(world());
}

#[test]
fn too_many_or_too_large_headers_are_refused() {
    let many = "X-Y: z\r\n".repeat(10_000);
    let huge = format!("X: {}\r\n", "y".repeat(1 << 20));
    let credential = format!("Authorization: Bearer {}\r\n", "z".repeat(100_000));
    for headers in [many, huge, credential] {
        let head = format!("POST /v1/api/workspaces/list HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 0\r\n\r\n");
        if let Some(answer) = exchange(base(), head.as_bytes()) {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    is_healthy(world());
}

#[test]
fn a_malformed_chunked_body_is_refused_without_effect() {
    let name = fresh("chunk");
    let body = format!(r#"{{"workspace_name":"{name}"}}"#);
    for broken in [
        format!("ZZ\r\n{body}\r\n0\r\n\r\n"),
        format!("-5\r\n{body}\r\n0\r\n\r\n"),
        format!("FFFFFFFFFFFFFFFFFF\r\n{body}\r\n0\r\n\r\n"),
        format!("{:x}\r\n{body}0\r\n\r\n", body.len()),
        format!("{:x}\n{body}\n0\n\n", body.len()),
        format!("\r\n{body}\r\n0\r\n\r\n"),
    ] {
        if let Some(answer) = post("/v1/api/workspaces/create", "Transfer-Encoding: chunked\r\n", &broken) {
            assert_eq!(answer.status, 400, "{broken:?}: {answer:?}");
        }
    }
    let made = world().database().one::<i64>("SELECT count(*) FROM workspaces WHERE name = ?1", [&name]);
    assert_eq!(made, 0, "nothing was made of it");
    is_healthy(world());
}

#[test]
fn a_request_of_ambiguous_length_smuggles_nothing() {
    let inner = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = format!("0\r\n\r\n{inner}");
    let cases = [
        ("both lengths", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", chunked.clone()),
        ("both, the other way", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", chunked.clone()),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 35\r\n", inner.to_owned()),
        ("a list of lengths", "Content-Length: 0, 35\r\n", inner.to_owned()),
        ("a signed length", "Content-Length: +0\r\n", inner.to_owned()),
        ("a negative length", "Content-Length: -1\r\n", inner.to_owned()),
        ("a length in hexadecimal", "Content-Length: 0x0\r\n", inner.to_owned()),
        ("an empty length", "Content-Length: \r\n", inner.to_owned()),
        ("a blank before the colon", "Transfer-Encoding : chunked\r\n", chunked.clone()),
        ("another coding", "Transfer-Encoding: xchunked\r\n", chunked.clone()),
        ("chunked not last", "Transfer-Encoding: chunked, identity\r\n", chunked.clone()),
        ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked.clone()),
        ("chunked in old HTTP", "", String::new()),
    ];
    for (name, headers, body) in &cases {
        let version = if headers.is_empty() { "1.0" } else { "1.1" };
        let headers = if headers.is_empty() { "Transfer-Encoding: chunked\r\n" } else { headers };
        let body = if body.is_empty() { &chunked } else { body };
        let head = format!("POST /v1/api/workspaces/validate HTTP/{version}\r\nHost: x\r\n{headers}\r\n");
        let mut stream = connect(base());
        let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
        let _ = stream.shutdown(Shutdown::Write);
        let mut answers = Vec::new();
        while let Some(answer) = read_answer(&mut stream) {
            answers.push(answer.status);
        }
        assert_eq!(answers, [400], "{name}: the hidden one gets no answer of its own");
    }
    is_healthy(world());
}

#[test]
fn an_unfinished_head_times_out() {
    let started = Instant::now();
    let mut silent = connect(base());
    let mut halting = connect(base());
    halting.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-").expect("a write");
    let mut dripping = connect(base());
    dripping.write_all(b"GET /healthz HTTP/1.1\r\n").expect("a write");
    let drip = std::thread::spawn(move || {
        // One header a moment, until the server has had enough of it.
        let gone = (0..200).any(|n| {
            std::thread::sleep(Duration::from_millis(50));
            dripping.write_all(format!("X-{n}: y\r\n").as_bytes()).is_err()
        });
        assert!(gone, "ten seconds of dripping were let pass");
    });
    for stream in [&mut silent, &mut halting] {
        assert_eq!(read_answer(stream).map(|answer| answer.status), Some(408));
        assert!(is_closed(stream));
    }
    let elapsed = started.elapsed();
    assert!((Duration::from_millis(500)..Duration::from_secs(10)).contains(&elapsed), "{elapsed:?}");
    drip.join().expect("the dripping ends");
    is_healthy(world());
}

#[test]
fn an_unfinished_body_times_out() {
    let started = Instant::now();
    let credential = world().ada.credential();
    let wallaroo = json!({ "msg": "body: was not received in time; send it again", "code": 400 });
    let keycloak = json!({ "error": "body: was not received in time; send it again" });
    let token =
        json!({ "error": "invalid_request", "error_description": "body: was not received in time; send it again" });
    let path = format!("/auth/admin/realms/master/users/{}", world().bob.uuid);
    for (line, headers, part, told) in [
        ("POST /v1/api/workspaces/create", "Content-Length: 100\r\n", "{", wallaroo.clone()),
        ("POST /v1/api/workspaces/create", "Transfer-Encoding: chunked\r\n", "1\r\n{\r\n", wallaroo),
        (&format!("PUT {path}"), "Content-Length: 100\r\n", "{", keycloak),
        (
            &format!("POST {TOKEN}"),
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n",
            "a=b",
            token,
        ),
    ] {
        let mut stream = connect(base());
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n{headers}\r\n{part}");
        stream.write_all(head.as_bytes()).expect("a write");
        let answer = read_answer(&mut stream).expect("an answer");
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, body), (400, told), "{line}");
        assert!(is_closed(&mut stream), "{line}: the connection is of no more use");
    }
    assert!(started.elapsed() < Duration::from_secs(40));
    is_healthy(world());
}

#[test]
fn early_disconnects_do_no_harm() {
    let credential = world().ada.credential();
    for n in 0..40 {
        let mut stream = connect(base());
        let head = format!(
            "POST /v1/api/workspaces/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\nContent-Length: 40\r\n\r\n"
        );
        let half = &head.as_bytes()[..head.len() * (n % 4 + 1) / 4];
        stream.write_all(half).expect("a write");
        if n % 2 == 0 {
            let _ = stream.write_all(br#"{"workspace_name":"#);
        }
        drop(stream);
    }
    for _ in 0..20 {
        let mut stream = connect(base());
        let head = format!(
            "POST /v1/api/users/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a write");
        let _ = stream.shutdown(Shutdown::Both);
    }
    is_healthy(world());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut stream = connect(base());
    let mut bytes = Vec::new();
    let paths = ["/healthz", "/v1/api/config", "/nonsense", "/v1/api/workspaces/list", "/auth/x"];
    for n in 0..100 {
        bytes.extend(format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", paths[n % paths.len()]).into_bytes());
    }
    let mut writer = stream.try_clone().expect("the same connection");
    let sender = std::thread::spawn(move || writer.write_all(&bytes).expect("a write"));
    let statuses: Vec<u16> = (0..100).map(|_| read_answer(&mut stream).expect("an answer").status).collect();
    sender.join().expect("all is sent");
    assert_eq!(statuses, [200, 200, 404, 405, 404].repeat(20));
}

#[test]
fn every_response_has_the_request_id_of_the_log() {
    let world = world();
    let ask = |method: &str, path: &str| world.ada.send(method, path, &[("x-request-id", "mine")], ());
    let mut ids = Vec::new();
    for (answer, status) in [
        (ask("GET", "/healthz"), 200),
        (ask("GET", "/v1/api/config"), 200),
        (ask("POST", "/v1/api/workspaces/list"), 200),
        (ask("POST", "/v1/api/workspaces/create"), 400),
        (world.nobody.post("/v1/api/workspaces/list", &json!({})), 401),
        (world.bob.put(&format!("/auth/admin/realms/master/users/{}", world.bob.uuid), &json!({})), 403),
        (ask("GET", "/v1/nonsense"), 404),
        (ask("GET", "/nonsense"), 404),
        (ask("GET", "/auth/nonsense"), 404),
        (ask("GET", "/v1/api/workspaces/list"), 405),
        (ask("GET", TOKEN), 405),
        (world.nobody.form(TOKEN, &[]), 401),
        (ask("POST", "/v1/graphql"), 200),
        (ask("GET", "/v1/api/docs"), 307),
        (ask("GET", "/v1/api/openapi.json"), 200),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        let id = answer.header("x-request-id").expect("an id").parse::<Uuid>().expect("a UUID");
        wait_for_log(&world.server, &format!("{id}\n"));
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 15, "each has its own");
}

#[test]
fn the_audit_has_the_request_id_of_the_response() {
    let answer = world().bob.post("/v1/api/workspaces/create", &json!({ "workspace_name": fresh("traced") }));
    let id = answer.header("x-request-id").expect("an id");
    let rows = world().database().rows("SELECT verb FROM audit WHERE request_id = ?1", [id]);
    assert_eq!(rows, ["workspaces.create"]);
}

#[test]
fn passwords_tokens_and_keys_are_never_logged() {
    let mut world = World::of(Setup::new().args(&["--log", "trace"]));
    let (nobody, ada, bob) = (&world.nobody, &world.ada, &world.bob);
    let mut secrets = vec![ADMIN_PASSWORD.to_owned()];
    for person in [ada, bob, &world.carol] {
        secrets.extend([person.password.clone(), person.refresh_token.clone(), person.credential().to_owned()]);
    }
    let signature = |token: &str| token.rsplit('.').next().expect("a signature").to_owned();

    // Successes.
    let renewed = nobody.refresh(&bob.refresh_token).text("access_token");
    secrets.push(signature(&renewed));
    let invited = ada.post("/v1/api/users/invite", &json!({ "email": "ida@example.com" })).text("password");
    assert_eq!(nobody.sign_in("ida@example.com", &invited).status, 200);
    let key =
        String::from_utf8(world.server.cli(&["key", "create", "--user", "bob@example.com"]).stdout).expect("a text");
    let key = key.trim_end().to_owned();
    assert_eq!(nobody.with(&key).post("/v1/api/workspaces/list", &json!({})).status, 200);
    secrets.extend([invited, key.clone(), signature(ada.credential()), signature(bob.credential())]);

    // Failures, with secrets in each place where a client might put one.
    let typed = "a mistyped password 4711";
    assert_eq!(nobody.sign_in(&bob.email, typed).status, 401);
    assert_eq!(nobody.refresh("atlr_not-a-token-4712").status, 400);
    nobody.with("bearer-of-nonsense-4713").post("/v1/api/workspaces/list", &json!({}));
    nobody.send("POST", &format!("{TOKEN}?password=in-the-address-4714"), &[], "");
    nobody.send("GET", "/v1/api/config?access_token=in-the-query-4715", &[("cookie", "session=in-a-cookie-4716")], ());
    nobody.send("GET", "/auth/admin/realms/master/users/in-the-path-4717", &[("x-api-key", "in-a-header-4718")], ());
    ada.post("/v1/api/users/invite", &json!({ "email": "bob@example.com", "password": "of-a-duplicate-4719" }));
    ada.post("/v1/api/users/invite", &json!({ "email": 5, "password": "of-a-bad-body-4720" }));
    ada.send("POST", "/v1/api/users/invite", &[], r#"{"email":"x@example.com","password":"of-a-broken-body-4721"#);
    nobody.form(TOKEN, &[("client_id", "sdk-client"), ("password", "4722-twice"), ("password", "4722-twice")]);
    nobody.form(TOKEN, &[("client_id", "sdk-client"), ("grant_type", "4723-as-a-grant"), ("username", "x")]);
    nobody.sign_in("4724-a-password-as-a-name", "x");
    let query = "query Q($p: String) { workspace(where: {name: {_eq: $p}}) { id } }";
    bob.post("/v1/graphql", &json!({ "query": query, "variables": { "p": "of-graphql-4725" } }));
    secrets.extend([typed.to_owned(), "of-graphql-4725".to_owned(), "of-a-broken-body-4721".to_owned()]);
    secrets.extend(
        ["atlr_not-a-token-4712", "bearer-of-nonsense-4713", "in-the-address-4714", "in-the-query-4715"]
            .map(str::to_owned),
    );
    secrets
        .extend(["in-a-cookie-4716", "in-the-path-4717", "in-a-header-4718", "of-a-duplicate-4719"].map(str::to_owned));
    secrets.extend(
        ["of-a-bad-body-4720", "4722-twice", "4723-as-a-grant", "4724-a-password-as-a-name"].map(str::to_owned),
    );

    assert!(world.server.stop().success());
    let log = world.server.log();
    assert!(log.contains(" TRACE ") && log.lines().count() > 50, "the log is not at its most talkative:\n{log}");
    let found: Vec<String> = secrets
        .iter()
        .filter_map(|secret| {
            log.lines().find(|line| line.contains(secret.as_str())).map(|line| format!("{secret}: {line}"))
        })
        .collect();
    assert_eq!(found, [""; 0]);
    assert!(!log.contains("argon2id$"), "nor a hash");
}
