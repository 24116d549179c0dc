//! Attacks without a credential: connections, bodies and the headers of proxies.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use serde_json::{Value, json};

use crate::client::{Client, TOKEN};
use crate::raw::{RawAnswer, connect, exchange, is_closed, read_answer};
use crate::support::{self, ADMIN, ADMIN_PASSWORD, Server, Setup, run};
use crate::world::{World, fresh, wait_for_log};

pub const CREATE: &str = "/v1/api/workspaces/create";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Connects from another address of this machine.
fn connect_from(base: &str, source: &str) -> std::io::Result<TcpStream> {
    let target: SocketAddr = base.strip_prefix("http://").expect("an http URL").parse().expect("an address");
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    let source: SocketAddr = format!("{source}:0").parse().expect("an address");
    rustix::net::bind(&socket, &source)?;
    rustix::net::connect(&socket, &target)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream, path: &str) -> Option<u16> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
    read_answer(stream).map(|answer| answer.status)
}

/// Whether the peer has closed the connection, without waiting.
fn is_closed_now(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("no waiting");
    let read = stream.read(&mut [0; 64]);
    stream.set_nonblocking(false).expect("waiting");
    !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn still_open(streams: &mut [TcpStream]) -> usize {
    streams.iter_mut().map(|stream| usize::from(!is_closed_now(stream))).sum()
}

#[track_caller]
fn eventually(mut holds: impl FnMut() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Resident memory of a server in MiB.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}

pub fn posting(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

// Bodies.

#[test]
fn every_form_is_limited_to_16_kib() {
    let server = Server::start();
    let form = |length: usize| format!("x={}", "y".repeat(length - 2));
    let told = "body: must not be larger than 16 KiB";
    let realm = "/auth/realms/master/protocol/openid-connect";
    let paths = ["token", "auth/device", "token/introspect", "revoke", "logout"].map(|path| format!("{realm}/{path}"));
    let more = ["/oauth2/token", "/oauth2/device_authorization", "/oauth2/introspect", "/oauth2/revoke"];
    for path in paths.iter().map(String::as_str).chain(more) {
        for (length, status) in [(16 << 10, None), ((16 << 10) + 1, Some(413)), (1 << 20, Some(413))] {
            let body = form(length);
            let declared = posting(path, &format!("{FORM}Content-Length: {length}\r\n"));
            let chunked = posting(path, &format!("{FORM}{CHUNKED}"));
            for bytes in [format!("{declared}{body}"), format!("{chunked}{length:x}\r\n{body}\r\n0\r\n\r\n")] {
                let answer = exchange(server.base(), bytes.as_bytes()).expect("an answer");
                let Some(status) = status else {
                    assert_ne!(answer.status, 413, "{path} {answer:?}");
                    continue;
                };
                assert_eq!(answer.status, status, "{path} {length} {answer:?}");
                if !path.ends_with("logout") {
                    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
                    assert_eq!(body["error_description"], told, "{path}");
                    assert_eq!(body["error"], "invalid_request", "{path}");
                }
            }
        }
    }
    let pages = ["/auth/sign-in", "/auth/sign-in/code", "/auth/invitation", "/auth/password", "/auth/consent"];
    let more = ["/auth/realms/master/device", "/auth/sign-out", "/auth/account/password", "/oauth2/authorize"];
    for path in pages.into_iter().chain(more) {
        let bytes = posting(path, &format!("{FORM}Content-Length: {}\r\n", 1 << 20)) + &form(1000);
        let answer = exchange(server.base(), bytes.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 413, "{path}: {answer:?}");
        assert!(answer.text().contains(&told[1..]) && answer.text().contains("<html"), "{path}: {}", answer.text());
    }
}

#[test]
fn unfinished_bodies_without_a_credential_take_little_memory() {
    const MANY: usize = 1500;
    let server = Setup::new().args(&["--request-timeout", "60s"]).start();
    let nobody = Client::new(server.base());
    assert_eq!(nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 200);
    let before = resident(&server);
    let piece = "y".repeat(1 << 20);
    let credential = "Authorization: Bearer nobody\r\n";
    let mut open = Vec::new();
    for number in 0..MANY {
        let mut stream = connect(server.base());
        let (head, bytes) = match number % 5 {
            0 => (posting(TOKEN, &format!("{FORM}Content-Length: {}\r\n", 1 << 20)), piece.as_bytes()[1..].to_vec()),
            1 => (posting(TOKEN, &format!("{FORM}{CHUNKED}")), format!("100000\r\n{piece}").into_bytes()),
            2 => (posting(TOKEN, &format!("{FORM}Content-Length: 16384\r\n")), vec![b'y'; 16383]),
            3 => (posting(CREATE, &format!("{credential}{CHUNKED}")), format!("100000\r\n{piece}").into_bytes()),
            _ => (posting("/v2/spaces", &format!("{credential}Content-Length: {}\r\n", 1 << 20)), vec![b' '; 1 << 20]),
        };
        stream.write_all(head.as_bytes()).expect("a write");
        // A refused body takes no more memory.
        stream.set_write_timeout(Some(Duration::from_millis(20))).expect("a time-out");
        let _ = stream.write_all(&bytes);
        open.push(stream);
    }
    let after = resident(&server);
    assert!(after < before + 100, "{MANY} unfinished bodies: from {before} to {after} MiB");
    assert_eq!(nobody.get("/healthz").status, 200);
    assert_eq!(nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 200);
    drop(open);
}

#[test]
fn an_endless_refused_body_is_not_read() {
    let server = Server::start();
    let chunk = format!("4000\r\n{}\r\n", "y".repeat(0x4000));
    let big = format!("{FORM}Content-Length: {}\r\n", 1_u64 << 40);
    let bearer = "Authorization: Bearer nobody\r\n";
    for (path, headers, status, piece) in [
        (TOKEN, format!("{FORM}{CHUNKED}"), 413, chunk.as_str()),
        (TOKEN, big, 413, &chunk),
        (CREATE, CHUNKED.to_owned(), 401, &chunk),
        (CREATE, format!("{bearer}{CHUNKED}"), 401, &chunk),
        (CREATE, format!("{bearer}Content-Length: {}\r\n", 1_u64 << 40), 401, &chunk),
        ("/v2/spaces", CHUNKED.to_owned(), 401, &chunk),
        ("/v1/graphql", CHUNKED.to_owned(), 401, &chunk),
        ("/auth/admin/realms/master/users", CHUNKED.to_owned(), 401, &chunk),
        ("/auth/sign-in", format!("{FORM}{CHUNKED}"), 413, &chunk),
        ("/nowhere", CHUNKED.to_owned(), 404, &chunk),
        ("/v2/nowhere", CHUNKED.to_owned(), 404, &chunk),
        ("/healthz", CHUNKED.to_owned(), 405, &chunk),
        // A chunk whose own length never ends.
        ("/nowhere", CHUNKED.to_owned(), 404, "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ] {
        let mut stream = connect(server.base());
        stream.write_all(posting(path, &headers).as_bytes()).expect("a write");
        let mut writer = stream.try_clone().expect("the same connection");
        let started = Instant::now();
        let mut sent = 0_usize;
        let mut pieces =
            std::iter::once(piece).chain(std::iter::repeat(if piece.len() > 100 { piece } else { "xxxx" }));
        loop {
            let next = pieces.next().expect("endless");
            if writer.write_all(next.as_bytes()).is_err() {
                break;
            }
            sent += next.len();
            assert!(started.elapsed() < Duration::from_secs(20), "{path} {headers}: {sent} bytes, and it reads on");
        }
        // The rest of what was sent lies in the buffers of the system.
        assert!(sent < 32 << 20, "{path} {headers}: {sent}");
        let told = read_answer(&mut stream).map(|answer| answer.status);
        assert!(told.is_none_or(|told| told == status), "{path} {headers}: {told:?}");
    }
    assert_eq!(Client::new(server.base()).get("/healthz").status, 200);
}

#[test]
fn a_stalled_refused_body_is_not_waited_for() {
    let server = Setup::new().args(&["--request-timeout", "1s"]).start();
    for (path, headers, status) in [
        (TOKEN, format!("{FORM}Content-Length: {}\r\n", 1 << 20), 413),
        (CREATE, CHUNKED.to_owned(), 401),
        (CREATE, "Content-Length: 100\r\n".to_owned(), 401),
        ("/nowhere", CHUNKED.to_owned(), 404),
        ("/healthz", CHUNKED.to_owned(), 405),
    ] {
        let mut stream = connect(server.base());
        stream.write_all((posting(path, &headers) + "5\r\nab").as_bytes()).expect("a write");
        let answer = read_answer(&mut stream).expect("an answer");
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
        assert!(is_closed(&mut stream), "{path}: it is still open after 20 s");
    }
}

#[test]
fn a_small_refused_body_keeps_the_connection_open() {
    let server = Server::start();
    let mut stream = connect(server.base());
    for _ in 0..50 {
        let body = json!({ "workspace_name": "x" }).to_string();
        let bytes = posting(CREATE, &format!("Content-Length: {}\r\n", body.len())) + &body;
        stream.write_all(bytes.as_bytes()).expect("a write");
        assert_eq!(read_answer(&mut stream).expect("an answer").status, 401);
        assert_eq!(ask(&mut stream, "/healthz"), Some(200));
    }
}

#[test]
fn large_authenticated_bodies_are_read_while_others_stall() {
    let world = World::of(Setup::new().args(&["--max-body", "4MiB"]));
    let idle: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect(world.server.base());
            let head = posting(TOKEN, &format!("{FORM}Content-Length: 16000\r\n"));
            stream.write_all((head + &"y".repeat(15_000)).as_bytes()).expect("a write");
            stream
        })
        .collect();
    std::thread::scope(|scope| {
        for number in 0..3 {
            let bob = world.bob.with(world.bob.credential());
            scope.spawn(move || {
                let name = format!("large-{number}");
                let body = json!({ "workspace_name": name, "x": "y".repeat((4 << 20) - 100) }).to_string();
                assert!(body.len() <= 4 << 20);
                let answer = bob.send("POST", CREATE, &[("content-type", "application/json")], body);
                assert_eq!(answer.status, 200, "{answer:?}");
            });
        }
    });
    drop(idle);
}

#[test]
fn unfinished_bodies_share_a_memory_limit_fairly() {
    let proxied = ["--trusted-proxies", "127.0.0.1", "--body-memory", "4MiB", "--max-body", "1MiB"];
    let world = World::of(Setup::new().args(&proxied));
    let begin = |path: &str, client: &str, length: usize| {
        let mut stream = connect(world.server.base());
        let headers = format!(
            "Authorization: Bearer {}\r\nX-Forwarded-For: {client}\r\nContent-Length: {}\r\n",
            world.bob.credential(),
            length + 1
        );
        let body = format!("{{\"x\":\"{}", "y".repeat(length - 6));
        stream.write_all((posting(path, &headers) + &body).as_bytes()).expect("a write");
        stream
    };
    let refused = |stream: &mut TcpStream| -> Option<RawAnswer> {
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a time-out");
        let is_silent = stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        if is_silent { None } else { read_answer(stream) }
    };
    // Each address has a quarter, all large bodies together three quarters.
    let mut open = Vec::new();
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let mut one = begin(CREATE, address, 900 << 10);
        assert!(refused(&mut one).is_none(), "{address} has its share");
        let mut more = begin(CREATE, address, 900 << 10);
        let answer = refused(&mut more).expect("an answer");
        let told = json!({ "msg": "the server is busy; try again in 1 s", "code": 503 });
        assert_eq!((answer.status, serde_json::from_slice::<Value>(&answer.body).expect("JSON")), (503, told));
        assert_eq!(answer.header("retry-after"), Some("1"));
        open.push(one);
    }
    for path in [CREATE, "/v2/spaces", "/v1/graphql"] {
        let answer = refused(&mut begin(path, "192.0.2.4", 900 << 10)).expect("an answer");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}");
    }
    // Small ones still come in, and those which are there at once.
    let mut small = connect(world.server.base());
    let head = posting(TOKEN, &format!("{FORM}Content-Length: 62\r\n"));
    small.write_all((head + "client_id=sdk-client").as_bytes()).expect("a write");
    assert!(refused(&mut small).is_none());
    small.write_all(b"&grant_type=password&username=x&password=y").expect("a write");
    assert_eq!(read_answer(&mut small).expect("an answer").status, 401);
    assert_eq!(world.bob.post(CREATE, &json!({ "workspace_name": "small" })).status, 200);
    // Memory of a timed-out body is free again.
    drop(open);
    eventually(|| refused(&mut begin(CREATE, "192.0.2.4", 900 << 10)).is_none(), "there is room again");
}

// Heads.

#[test]
fn a_slow_head_times_out_on_a_reused_connection_too() {
    let server = Setup::new().args(&["--request-timeout", "1s", "--keep-alive", "1h"]).start();
    for begin in ["G", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: "] {
        let mut stream = connect(server.base());
        assert_eq!(ask(&mut stream, "/healthz"), Some(200));
        stream.write_all(begin.as_bytes()).expect("a write");
        assert!(is_closed(&mut stream), "{begin:?}: it is still open after 20 s");
    }
    let mut idle = connect(server.base());
    assert_eq!(ask(&mut idle, "/healthz"), Some(200));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(ask(&mut idle, "/healthz"), Some(200), "one that is idle is kept");
}

#[test]
fn an_endless_head_is_refused_after_32_kib() {
    let server = Server::start();
    let head = |length: usize| format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(length));
    for used in [false, true] {
        let mut stream = connect(server.base());
        if used {
            assert_eq!(ask(&mut stream, "/healthz"), Some(200));
        }
        stream.write_all(head(20_000).as_bytes()).expect("a write");
        assert_eq!(read_answer(&mut stream).expect("an answer").status, 200);
        let _ = stream.write_all(head(120_000).as_bytes());
        let told = read_answer(&mut stream).map(|answer| answer.status);
        assert!(told.is_none_or(|status| status == 431), "{told:?}");
        assert!(is_closed(&mut stream));
    }
    let answer = exchange(server.base(), head(60_000).as_bytes());
    assert!(answer.is_none_or(|answer| answer.status == 431));
}

// Connections.

#[test]
fn idle_connections_of_one_address_do_not_lock_others_out() {
    let server = Setup::new().args(&["--max-connections", "40", "--workers", "2", "--keep-alive", "1h"]).start();
    let base = server.base();
    let mut used = connect_from(base, "127.0.0.3").expect("a connection");
    assert_eq!(ask(&mut used, "/healthz"), Some(200));
    for silent in [true, false] {
        let mut many: Vec<TcpStream> = (0..120)
            .map(|_| {
                let mut stream = connect_from(base, "127.0.0.2").expect("a connection");
                // Some of them are closed for the next ones, and be it in the middle of an answer.
                let _ = silent || ask(&mut stream, "/healthz").is_some();
                stream
            })
            .collect();
        for source in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
            let mut stream = connect_from(base, source).expect("a connection");
            assert_eq!(ask(&mut stream, "/healthz"), Some(200), "{source} comes in");
        }
        assert_eq!(ask(&mut used, "/healthz"), Some(200), "whoever was in stays in");
        eventually(|| still_open(&mut many) <= 35, "they are 35 at most");
    }
    wait_for_log(&server, "127.0.0.2 has 35 open connections, the maximum for one address");
    let log = server.log();
    assert_eq!(log.matches("open connections, the maximum").count(), 1, "{log}");
}

#[test]
fn the_limit_per_address_is_configurable_and_exempts_proxies() {
    let args = ["--connections-per-address", "5", "--trusted-proxies", "127.0.0.8/30", "--keep-alive", "1h"];
    let server = Setup::new().args(&args).start();
    let open = |source: &str| -> Vec<TcpStream> {
        let mut streams: Vec<TcpStream> = Vec::new();
        for _ in 0..20 {
            let mut stream = connect_from(server.base(), source).expect("a connection");
            assert_eq!(ask(&mut stream, "/healthz"), Some(200), "{source}");
            streams.push(stream);
        }
        streams
    };
    let mut bounded = open("127.0.0.2");
    eventually(|| still_open(&mut bounded) == 5, "five are left");
    let mut last = bounded.pop().expect("the last one");
    assert_eq!(ask(&mut last, "/healthz"), Some(200), "the last one is among them");
    let mut proxys = open("127.0.0.9");
    assert_eq!(still_open(&mut proxys), 20);
}

#[test]
fn clients_that_do_not_read_responses_are_disconnected() {
    let args = ["--connections-per-address", "3", "--max-connections", "40", "--keep-alive", "1h"];
    let server = Setup::new().args(&args).start();
    let many: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = connect_from(server.base(), "127.0.0.2").expect("a connection");
            stream.set_write_timeout(Some(Duration::from_millis(50))).expect("a time-out");
            let _ = stream.write_all("GET /v2/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100).as_bytes());
            stream
        })
        .collect();
    let mut other = connect(server.base());
    assert_eq!(ask(&mut other, "/healthz"), Some(200));
    drop(many);
}

// Headers of proxies.

/// The client address in the audit for a request of bob's from this address with these headers.
fn client_address(world: &World, source: &str, headers: &[(&str, &str)]) -> String {
    let name = fresh("seen");
    let body = json!({ "workspace_name": name }).to_string();
    let mut head = format!(
        "Authorization: Bearer {}\r\nConnection: close\r\nContent-Length: {}\r\n",
        world.bob.credential(),
        body.len()
    );
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let mut stream = connect_from(world.server.base(), source).expect("a connection");
    stream.write_all((posting(CREATE, &head) + &body).as_bytes()).expect("a write");
    let answer = read_answer(&mut stream).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-request-id").expect("an id");
    world.database().one("SELECT address FROM audit WHERE request_id = ?1", [id])
}

#[test]
fn the_client_address_is_read_from_every_header_of_trusted_proxies() {
    let args = [
        "--trusted-proxies",
        "::ffff:127.0.0.1",
        "--trusted-proxies",
        "127.0.1.0/24",
        "--trusted-proxies",
        "10.0.0.0/8",
    ];
    let world = World::of(Setup::new().args(&args));
    for (header, value, meant) in [
        ("X-Forwarded-For", "198.51.100.7:40001", "198.51.100.7"),
        ("X-Forwarded-For", "[2001:db8::7]:1", "2001:db8::7"),
        ("X-Forwarded-For", "2001:db8::7", "2001:db8::7"),
        ("X-Forwarded-For", "\"[2001:db8::7]:1\"", "2001:db8::7"),
        ("X-Forwarded-For", "::ffff:198.51.100.7", "198.51.100.7"),
        ("X-Forwarded-For", "9.9.9.9, 198.51.100.7:1, 10.1.2.3, [::ffff:10.9.9.9]:80", "198.51.100.7"),
        ("Forwarded", "for=198.51.100.7", "198.51.100.7"),
        ("Forwarded", "FOR=\"[2001:db8:cafe::17]:4711\";proto=https", "2001:db8:cafe::17"),
        ("Forwarded", "for=9.9.9.9, for=192.0.2.60;by=203.0.113.43, for=10.0.0.2", "192.0.2.60"),
        ("Forwarded", "for=9.9.9.9, for=_hidden, for=10.0.0.2", "10.0.0.2"),
        ("Forwarded", "for=9.9.9.9, for=unknown", ""),
        ("Forwarded", "for=\"9.9.9.9, for=198.51.100.7", "198.51.100.7"),
        ("X-Forwarded-For", "unknown", ""),
    ] {
        for source in ["127.0.0.1", "127.0.1.9"] {
            let meant = if meant.is_empty() { source } else { meant };
            assert_eq!(client_address(&world, source, &[(header, value)]), meant, "{header}: {value} from {source}");
        }
        assert_eq!(
            client_address(&world, "127.0.0.2", &[(header, value)]),
            "127.0.0.2",
            "{header}: {value} from a stranger"
        );
    }
    let lines = [("X-Forwarded-For", "9.9.9.9"), ("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "10.0.0.1")];
    assert_eq!(client_address(&world, "127.0.0.1", &lines), "198.51.100.7", "lines are one list");
    // The proxy adds to one header and hands on the other.
    let spoofed = [("Forwarded", "for=9.9.9.9"), ("X-Forwarded-For", "198.51.100.7")];
    assert_eq!(client_address(&world, "127.0.0.1", &spoofed), "198.51.100.7");
    wait_for_log(&world.server, "set forwarded_header to the header that the proxy sets itself");
    let args = ["--trusted-proxies", "127.0.0.0/8", "--forwarded-header", "forwarded"];
    let world = World::of(Setup::new().args(&args));
    let spoofed = [("Forwarded", "for=198.51.100.7"), ("X-Forwarded-For", "9.9.9.9")];
    assert_eq!(client_address(&world, "127.0.0.1", &spoofed), "198.51.100.7");
}

#[test]
fn users_behind_one_proxy_do_not_share_a_limit() {
    let server = Setup::new().args(&["--trusted-proxies", "127.0.0.1/32"]).start();
    let nobody = Client::new(server.base());
    let guess = |client: &str, password: &str| {
        let form =
            [("client_id", "sdk-client"), ("grant_type", "password"), ("username", ADMIN), ("password", password)];
        let body = serde_urlencoded::to_string(form).expect("a form");
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-for", client)];
        nobody.send("POST", TOKEN, &headers, body).status
    };
    let throttled = (0..40).any(|number| guess(&format!("198.51.100.7:{}", 40_000 + number), "a wrong one") == 429);
    assert!(throttled, "one client is one, from whichever port it comes");
    assert_eq!(guess("198.51.100.8:40001", ADMIN_PASSWORD), 200);
    assert_eq!(guess("[2001:db8::7]:1", ADMIN_PASSWORD), 200);
}

#[test]
fn an_invalid_trusted_proxy_is_reported_with_key_and_value() {
    for value in ["10.0.0.0/33", "proxy.example", "10.0.0.1:80", "fd00::/129", "10.0.0.1-10.0.0.9"] {
        let told = run(&["check", "--trusted-proxies", value]);
        let words = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!(told.status.code(), Some(2), "{words}");
        assert!(words.contains("`trusted_proxies` (--trusted-proxies) must be an IP address"), "{words}");
        assert!(words.contains(&format!("{value:?}")), "{words}");
    }
}

// Variables that others have set.

/// The variables that Kubernetes sets for the Services `atelier` and `atelier-metrics`.
const SERVICES: [(&str, &str); 18] = [
    ("ATELIER_SERVICE_HOST", "10.0.0.1"),
    ("ATELIER_SERVICE_PORT", "8787"),
    ("ATELIER_SERVICE_PORT_HTTP", "8787"),
    ("ATELIER_PORT", "tcp://10.0.0.1:8787"),
    ("ATELIER_PORT_8787_TCP", "tcp://10.0.0.1:8787"),
    ("ATELIER_PORT_8787_TCP_PROTO", "tcp"),
    ("ATELIER_PORT_8787_TCP_PORT", "8787"),
    ("ATELIER_PORT_8787_TCP_ADDR", "10.0.0.1"),
    ("ATELIER_METRICS_SERVICE_HOST", "fd00::1"),
    ("ATELIER_METRICS_SERVICE_PORT", "9090"),
    ("ATELIER_METRICS_SERVICE_PORT_PROMETHEUS", "9090"),
    ("ATELIER_METRICS_PORT", "tcp://[fd00::1]:9090"),
    ("ATELIER_METRICS_PORT_9090_TCP", "tcp://[fd00::1]:9090"),
    ("ATELIER_METRICS_PORT_9090_TCP_PROTO", "tcp"),
    ("ATELIER_METRICS_PORT_9090_TCP_PORT", "9090"),
    ("ATELIER_METRICS_PORT_9090_TCP_ADDR", "fd00::1"),
    ("ATELIER_METRICS_PORT_53_UDP", "udp://[fd00::1]:53"),
    ("ATELIER_METRICS_PORT_53_UDP_PROTO", "udp"),
];

#[test]
fn variables_of_kubernetes_services_are_ignored_with_one_warning() {
    let setup = SERVICES.iter().fold(Setup::new(), |setup, (name, value)| setup.env(name, value));
    let server = setup.env("ATELIER_KEEP_ALIVE", "30s").start();
    assert_eq!(Client::new(server.base()).get("/readyz").status, 200);
    let warning = "warning: ignored ATELIER_METRICS_PORT and 17 more like it: Kubernetes";
    wait_for_log(&server, warning);
    assert_eq!(server.log().matches("Kubernetes").count(), 1);
    let place = server.data_dir().to_str().expect("a path");
    let ask = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = support::atelier_on(server.data_dir());
        command.args(args).args(["--data-dir", place]).stdin(Stdio::null());
        command.envs(variables.iter().copied()).output().expect("the binary starts")
    };
    for args in [&["user", "list", "--json"][..], &["check", "--json"], &["keys", "list"], &["client", "list"]] {
        let told = ask(args, &SERVICES);
        let words = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "{args:?}: {words}");
        assert_eq!(words.matches(warning).count(), 1, "{args:?}: {words}");
        assert_eq!(told.stdout, ask(args, &[]).stdout, "what is printed as data is the same");
    }
    for (name, value) in [
        ("ATELIER_PORT", "8787"),
        ("ATELIER_PORT", "http://10.0.0.1:8787"),
        ("ATELIER_SERVICE_HOST", "atelier.example"),
        ("ATELIER_SERVICE_PORT", "http"),
        ("ATELIER_PORT_8787", "tcp://10.0.0.1:8787"),
        ("ATELIER_NAME", "/web/atelier"),
        ("ATELIER_KEEPALIVE", "30s"),
    ] {
        let told = ask(&["user", "list"], &[("ATELIER_SERVICE_HOST", "10.0.0.1"), (name, value)]);
        let words = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.code(), Some(2), "{name}={value}: {words}");
        assert!(words.contains("unknown key `") && words.contains(name), "{name}={value}: {words}");
    }
}
