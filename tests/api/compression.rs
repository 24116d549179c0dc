//! Content codings: what is compressed, for whom, and that it is the same content.

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::raw::{self, RawAnswer};
use crate::support::Setup;
use crate::world::{Person, World, fresh};

/// Enough workspaces for lists that are longer than a chunk of a response.
const WORKSPACES: usize = 200;

/// Below this, an answer is sent as it is.
const MIN: usize = 1024;

/// What is compressed.
const COMPRESSED: [(&str, &str, Option<&str>); 11] = [
    ("POST", "/v1/api/workspaces/list", Some("{}")),
    ("POST", "/v1/api/users/query", Some("{}")),
    ("POST", "/v1/graphql", Some(r#"{"query":"query { workspace_by_pk(id: 1) { id name users { user_id } } }"}"#)),
    ("GET", "/v2/spaces", None),
    ("GET", "/v2/organizations", None),
    ("GET", "/v2/users", None),
    ("GET", "/v2/roles", None),
    ("GET", "/auth/admin/realms/master/users", None),
    ("GET", "/auth/admin/realms/master/clients", None),
    ("GET", "/v1/api/openapi.json", None),
    ("GET", "/v2/openapi.json", None),
];

/// A server whose data no test changes.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    static FILLED: OnceLock<()> = OnceLock::new();
    let world = World::shared(&WORLD);
    FILLED.get_or_init(|| {
        for _ in 0..WORKSPACES {
            world.ada.create(&fresh("a-workspace-with-a-long-name"));
        }
        let ask = |name: String| {
            world.ada.post("/v2/organizations", &json!({ "name": name, "description": "Where models are" })).status
        };
        (0..30).for_each(|_| assert_eq!(ask(fresh("organization")), 201));
        let members = (0..30).map(|_| world.new_member(&fresh("person")));
        members.for_each(|person| world.ada.add(1, &person, "COLLABORATOR"));
    });
    world
}

fn ask(base: &str, who: Option<&Person>, (method, path, body): (&str, &str, Option<&str>), more: &str) -> RawAnswer {
    let credential = who.map(|who| format!("authorization: Bearer {}\r\n", who.credential())).unwrap_or_default();
    let body = body.unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\n{credential}{more}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    if method != "HEAD" {
        return raw::exchange(base, request.as_bytes()).expect("an answer");
    }
    let mut stream = raw::connect(base);
    stream.write_all(request.as_bytes()).expect("a request");
    raw::read_head(&mut stream).expect("a head")
}

fn coded(who: Option<&Person>, what: (&str, &str, Option<&str>), accept: &str) -> RawAnswer {
    let base = who.map_or_else(|| world().server.base(), |who| who.base());
    let answer = ask(base, who, what, &format!("accept-encoding: {accept}\r\n"));
    assert_eq!(answer.status, 200, "{what:?}: {answer:?}");
    answer
}

fn decoded(answer: &RawAnswer) -> Vec<u8> {
    match answer.header("content-encoding") {
        None => answer.body.clone(),
        Some("gzip") => gunzip(&answer.body),
        Some("zstd") => unzstd(&answer.body),
        Some(other) => panic!("{other}"),
    }
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

fn unzstd(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).expect("zstd")
}

fn varies(answer: &RawAnswer) -> bool {
    let lines = answer.head.lines().filter_map(|line| line.split_once(':'));
    let values = lines.filter(|(name, _)| name.eq_ignore_ascii_case("vary")).map(|(_, value)| value);
    values.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
}

#[test]
fn a_list_in_a_coding_is_the_same_list() {
    let ada = &world().ada;
    for what in COMPRESSED {
        let plain = ask(ada.base(), Some(ada), what, "");
        assert!(plain.status == 200 && plain.body.len() > MIN, "{what:?}: {plain:?}");
        assert!(plain.header("content-encoding").is_none() && varies(&plain), "{what:?}");
        let plain = sorted(&plain.body);
        for (accept, coding) in [("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "zstd")] {
            // The second one may come from the cache.
            for _ in 0..2 {
                let answer = coded(Some(ada), what, accept);
                assert_eq!(answer.header("content-encoding"), Some(coding), "{what:?}");
                assert!(varies(&answer) && answer.header("etag").is_none(), "{what:?}");
                let whole = decoded(&answer);
                assert!(answer.body.len() < whole.len(), "{what:?}: {} of {}", answer.body.len(), whole.len());
                assert_eq!(sorted(&whole), plain, "{what:?}");
            }
        }
        let refused = coded(Some(ada), what, "gzip;q=0, identity");
        assert_eq!((refused.header("content-encoding"), sorted(&refused.body)), (None, plain), "{what:?}");
    }
}

/// The JSON, whose objects have no order.
fn sorted(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn a_list_of_many_chunks_is_compressed_as_it_is_written() {
    let what = ("POST", "/v1/api/workspaces/list", Some("{}"));
    let plain = ask(world().server.base(), Some(&world().ada), what, "").body;
    assert!(plain.len() > 32 << 10, "{}", plain.len());
    for accept in ["gzip", "zstd"] {
        assert_eq!(decoded(&coded(Some(&world().ada), what, accept)), plain, "{accept}");
    }
}

#[test]
fn short_answers_secrets_and_pages_are_sent_as_they_are() {
    let world = World::start();
    let (ada, bob) = (&world.ada, &world.bob);
    let workspace = bob.create(&fresh("of-bob"));
    let details = json!({ "password": "p".repeat(4 * MIN) });
    let connection = fresh("connection");
    let new = json!({ "name": connection, "type": "HTTP", "details": details });
    ada.post("/v1/api/connections/create", &new).ok();
    let sign_in = "grant_type=password&client_id=sdk-client&username=bob%40example.com&password=bob+builds+bridges";
    let questions = [
        (Some(ada), ("POST", "/v1/api/connections/list", Some("{}"))),
        (None, ("GET", "/auth/sign-in", None)),
        (None, ("GET", "/auth/realms/master/.well-known/openid-configuration", None)),
    ];
    for (who, what) in questions {
        let answer = coded(who, what, "gzip, zstd");
        assert!(answer.header("content-encoding").is_none() && answer.body.len() > MIN, "{what:?}: {answer:?}");
    }
    let list = format!(r#"{{"workspace_id":{workspace}}}"#);
    let members = coded(Some(bob), ("POST", "/v1/api/workspaces/list_users", Some(&list)), "gzip");
    assert!(members.header("content-encoding").is_none() && members.body.len() < MIN && varies(&members));
    let token = raw::exchange(
        world.server.base(),
        format!(
            "POST /auth/realms/master/protocol/openid-connect/token HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{sign_in}",
            sign_in.len()
        )
        .as_bytes(),
    );
    let token = token.expect("an answer");
    assert_eq!((token.status, token.header("content-encoding")), (200, None));
}

#[test]
fn a_cached_list_is_kept_in_each_coding_and_for_each_person() {
    let world = World::start();
    let what = ("POST", "/v1/api/workspaces/list", Some("{}"));
    for _ in 0..20 {
        world.ada.create(&fresh("of-ada"));
    }
    for accept in ["identity", "gzip", "zstd"] {
        let before = decoded(&coded(Some(&world.ada), what, accept));
        let of_bob = decoded(&coded(Some(&world.bob), what, accept));
        assert_ne!(before, of_bob);
        let name = fresh("new-one");
        world.ada.create(&name);
        let after = String::from_utf8(decoded(&coded(Some(&world.ada), what, accept))).expect("text");
        assert!(after.contains(&name) && !before.is_empty(), "{accept}: a write is seen at once");
    }
}

#[test]
fn a_head_request_has_the_headers_of_the_answer() {
    let ada = &world().ada;
    for accept in ["gzip", "zstd", "identity"] {
        let whole = coded(Some(ada), ("GET", "/v2/openapi.json", None), accept);
        let head = coded(Some(ada), ("HEAD", "/v2/openapi.json", None), accept);
        for name in ["content-encoding", "content-length", "vary", "content-type"] {
            assert_eq!(head.header(name), whole.header(name), "{accept}: {name}");
        }
    }
}

#[test]
fn an_answer_of_the_arize_dialect_depends_on_the_version_too() {
    let answer = coded(Some(&world().ada), ("GET", "/v2/spaces", None), "gzip");
    let vary = answer.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("vary:"));
    let vary: Vec<_> = vary.collect();
    assert!(vary.iter().any(|line| line.contains("sdk-version")) && varies(&answer), "{vary:?}");
}

#[test]
fn metrics_are_compressed_too() {
    let answer = coded(Some(&world().ada), ("GET", "/metrics", None), "gzip");
    let text = String::from_utf8(decoded(&answer)).expect("text");
    assert!(answer.header("content-encoding") == Some("gzip") && varies(&answer));
    assert!(text.contains("\natelier_http_connections ") && answer.body.len() < text.len() / 4);
}

#[test]
fn every_transport_compresses_below_a_base_path_too() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("atelier.sock");
    let socket = socket.to_str().expect("a path is text");
    let public = ["--tls-self-signed", "--public-url", "https://localhost/atelier"];
    let server = Setup::new().args(&public).listen(&format!("unix:{socket}")).start();
    let encrypted = format!("{}/atelier/v2/openapi.json", server.bases()[0]);
    let local = "http://localhost/atelier/v2/openapi.json";
    for to in [
        &["--insecure", "--http1.1", &encrypted] as &[&str],
        &["--insecure", "--http2", &encrypted],
        &["--unix-socket", socket, local],
    ] {
        let curl = |accept: &str| {
            let body = place.path().join("body");
            let done = Command::new("curl")
                .args(["--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*"])
                .args(["--header", &format!("accept-encoding: {accept}"), "--write-out", "%header{content-encoding}"])
                .arg("--output")
                .arg(&body)
                .args(to)
                .output()
                .expect("curl runs");
            assert!(done.status.success(), "{to:?}: {}", String::from_utf8_lossy(&done.stderr));
            (String::from_utf8(done.stdout).expect("a coding"), std::fs::read(body).expect("the body"))
        };
        let (coding, plain) = curl("identity");
        assert_eq!(coding, "", "{to:?}");
        for (accept, unpack) in [("gzip", gunzip as fn(&[u8]) -> Vec<u8>), ("zstd", unzstd)] {
            let (coding, body) = curl(accept);
            assert!(coding == accept && unpack(&body) == plain, "{to:?} {accept}: {coding}");
        }
    }
}
