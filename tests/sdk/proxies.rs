//! The proxies as the examples and the documentation configure them, before the real binary. Only addresses, ports and
//! certificates are replaced.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::markdown::{self, Step};
use crate::proxy::{ELSEWHERE, HOST, Place, Proxy};
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup, fresh_database};

/// More than proxies take in one piece, and than nginx takes where nothing is said.
const MODEL_BYTES: usize = 3 << 20;

const JSON: &str = "Content-Type: application/json";

#[test]
fn nginx_serves_the_site_of_the_example() {
    let (place, server) = before_a_server("");
    let site = nginx_site(&place, &[("127.0.0.1:8787", address(&server))]);
    serves(&place.nginx(&site), &server, "");
}

#[test]
fn nginx_serves_a_server_at_a_unix_socket() {
    let place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let socket = format!("unix:{}", folder.path().join("http.sock").display());
    // Who can open the socket is trusted.
    let server =
        Setup::new().listen(&socket).args(&["--public-url", &format!("https://{HOST}:{}", place.port)]).start();
    let [_, upstream] = blocks("reverse-proxy", "nginx");
    let upstream = filled(&upstream, &[("unix:/run/atelier/http.sock", &socket)]);
    let site = nginx_site(&place, &[("upstream atelier", "upstream other")]);
    serves(&place.nginx(&format!("{upstream}{site}")), &server, "");
}

#[test]
fn nginx_serves_below_the_base_path_of_the_guide() {
    let (place, server) = before_a_server("/atelier");
    let [lines, _] = blocks("reverse-proxy", "nginx");
    serves(&place.nginx_with(&filled(&lines, &[("127.0.0.1:8787", address(&server))])), &server, "/atelier");
}

#[test]
fn caddy_serves_the_site_of_the_example() {
    let (place, server) = before_a_server("");
    let site = caddy_site(&place, &read("examples/Caddyfile"), &[("127.0.0.1:8787", address(&server))]);
    serves(&place.caddy(&site), &server, "");
}

#[test]
fn caddy_serves_below_the_base_path_of_the_guide() {
    let [guide] = blocks("reverse-proxy", "caddyfile");
    for how in ["handle_path", "handle"] {
        let (place, server) = before_a_server("/atelier");
        let guide = filled(&guide, &[("handle_path /atelier/", &format!("{how} /atelier/"))]);
        let site = caddy_site(&place, &guide, &[("127.0.0.1:8787", address(&server))]);
        serves(&place.caddy(&site), &server, "/atelier");
    }
}

#[test]
fn haproxy_goes_on_when_a_node_dies() {
    let [guide] = blocks("several-nodes", "haproxy");
    goes_on_when_a_node_dies(|place, [one, two]| {
        let text = filled(
            &guide,
            &[
                ("bind :443", &format!("bind 127.0.0.1:{}", place.port)),
                ("/etc/haproxy/atelier.pem", &place.both().display().to_string()),
                ("10.0.0.11:8787", one),
                ("10.0.0.12:8787", two),
            ],
        );
        place.haproxy(&text)
    });
}

#[test]
fn caddy_goes_on_when_a_node_dies() {
    let [guide] = blocks("several-nodes", "caddyfile");
    goes_on_when_a_node_dies(|place, [one, two]| {
        let site = caddy_site(&place, &guide, &[("10.0.0.11:8787", one), ("10.0.0.12:8787", two)]);
        place.caddy(&site)
    });
}

/// A server that is reached below a base path, and the place of the proxy before it.
fn before_a_server(base: &str) -> (Place, Server) {
    let place = Place::new();
    let url = format!("https://{HOST}:{}{base}", place.port);
    let server = Setup::new().args(&["--public-url", &url, "--trusted-proxies", "127.0.0.1"]).start();
    (place, server)
}

/// People and programs can do everything through the proxy.
fn serves(proxy: &Proxy, server: &Server, base: &str) {
    assert_eq!(proxy.ask(&format!("{base}/healthz"), &[]).0, 200);
    let (status, page) = proxy.ask(&format!("{base}/auth/sign-in"), &[]);
    assert!(status == 200 && page.contains(&format!("\"{base}/assets/")), "{page}");
    let discovery = format!("{base}/auth/realms/master/.well-known/openid-configuration");
    let document = json(&proxy.ask(&discovery, &[]));
    let issuer = document["issuer"].as_str().expect("an issuer");
    assert!(issuer.starts_with(&format!("https://{HOST}:")) && issuer.ends_with("/auth/realms/master"), "{document}");
    let between = format!("/.well-known/oauth-authorization-server{base}/auth/realms/master");
    assert_eq!(json(&proxy.ask(&between, &[])), document);

    let token = sign_in(proxy, base);
    let asked = "POST /auth/realms/master/protocol/openid-connect/token";
    assert_eq!(addresses(server, asked, 1), ["127.0.0.2"], "not the client's address");
    assert!(!server.log().contains(ELSEWHERE), "clients choose their address: {}", server.log());

    let workspace = create(proxy, base, &token, "vision");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.onnx");
    fs::write(&file, vec![b'm'; MODEL_BYTES]).expect("a file");
    let metadata = json!({
        "name": "large", "visibility": "private", "workspace_id": workspace,
        "conversion": { "framework": "onnx", "python_version": "3.8", "requirements": [] },
    });
    let parts = [format!("metadata={metadata}"), format!("file=@{}", file.display())];
    let [metadata, file] = &parts;
    let uploaded = proxy
        .ask(&format!("{base}/v1/api/models/upload"), &["--header", &token, "--form-string", metadata, "--form", file]);
    let version = &json(&uploaded)["insert_models"]["returning"][0]["models"][0]["id"];
    let (status, model) = proxy.ask(&format!("{base}/v1/api/models/{version}/file"), &["--header", &token]);
    assert_eq!((status, model.len()), (200, MODEL_BYTES));
}

/// Two nodes share the requests, and the one that is left gets all of them, without any help.
fn goes_on_when_a_node_dies(front: impl FnOnce(Place, [&str; 2]) -> Proxy) {
    let (place, database) = (Place::new(), fresh_database());
    let url = format!("https://{HOST}:{}", place.port);
    // No file is stored here, so no object storage is there.
    let setup = || {
        let files = ["--files-url", "s3://models", "--files-endpoint", "http://127.0.0.1:9"];
        Setup::new().database(&database).args(&["--public-url", &url, "--trusted-proxies", "127.0.0.1"]).args(&files)
    };
    let mut one = setup().start();
    let key = one.data_dir().join("master.key");
    let two = setup().args(&["--master-key-file"]).args(&[key]).start();
    let proxy = front(place, [address(&one), address(&two)]);
    let token = sign_in(&proxy, "");
    let ask = || proxy.try_ask("/v1/api/workspaces/list", &["--header", &token, "--header", JSON, "--data", "{}"]);
    let length_of = |answer: &(u16, String)| json(answer)["workspaces"].as_array().expect("a list").len();
    let list = |length| ask().is_ok_and(|answer| answer.0 == 200 && length_of(&answer) == length);
    create(&proxy, "", &token, "vision");
    let length = length_of(&ask().expect("an answer"));
    assert!((0..20).all(|_| list(length)));
    for (node, server) in [("one", &one), ("two", &two)] {
        let of = addresses(server, "POST /v1/api/workspaces/list", 1);
        assert!(of.iter().all(|address| address == "127.0.0.2"), "node {node}: {of:?}");
        assert!(!server.log().contains(ELSEWHERE), "clients choose their address");
    }

    assert!(!one.stop_by("KILL").success());
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut failures = 0;
    while !(0..20).all(|_| list(length)) {
        failures += 1;
        assert!(Instant::now() < deadline, "the proxy still asks the node that is dead");
    }
    assert!(failures <= 3, "{failures} rounds with a request that failed");
    create(&proxy, "", &token, "speech");
    assert!((0..20).all(|_| list(length + 1)));
}

/// The addresses of the clients that sent a request, once at least `count` of them are in the log.
fn addresses(server: &Server, asked: &str, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let log = server.log();
        // After the status, the time and the person.
        let of = |line: &str| line.split_once(asked)?.1.split(' ').nth(5).map(str::to_owned);
        let found: Vec<String> = log.lines().filter_map(of).collect();
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "fewer than {count} of {asked}:\n{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Signs in through the proxy, and returns the header that says so.
fn sign_in(proxy: &Proxy, base: &str) -> String {
    let form = [
        "client_id=sdk-client",
        "grant_type=password",
        &format!("username={ADMIN}"),
        &format!("password={ADMIN_PASSWORD}"),
    ];
    let form: Vec<&str> = form.iter().flat_map(|field| ["--data-urlencode", field]).collect();
    let answer = json(&proxy.ask(&format!("{base}/auth/realms/master/protocol/openid-connect/token"), &form));
    format!("Authorization: Bearer {}", answer["access_token"].as_str().expect("a token"))
}

/// Creates a workspace through the proxy, and returns its id.
fn create(proxy: &Proxy, base: &str, token: &str, name: &str) -> i64 {
    let body = json!({ "workspace_name": name }).to_string();
    let path = format!("{base}/v1/api/workspaces/create");
    let answer = json(&proxy.ask(&path, &["--header", token, "--header", JSON, "--data", &body]));
    answer["workspace_id"].as_i64().expect("an id")
}

fn json((status, body): &(u16, String)) -> Value {
    assert!((200..300).contains(status), "{status}: {body}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn address(server: &Server) -> &str {
    server.base().strip_prefix("http://").expect("a server without TLS")
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the repository")
}

/// The blocks of a language in a guide.
fn blocks<const N: usize>(guide: &str, language: &str) -> [String; N] {
    let steps = markdown::steps(&read(&format!("docs/how-to/{guide}.md")));
    let blocks = steps.into_iter().filter_map(|step| match step {
        Step::Code(block) if block.language == language => Some(block.text),
        _ => None,
    });
    blocks.collect::<Vec<_>>().try_into().unwrap_or_else(|found| panic!("{guide}.md has other blocks: {found:?}"))
}

/// The example for nginx on the port of a place.
fn nginx_site(place: &Place, values: &[(&str, &str)]) -> String {
    let (listen, certificate, key) = (format!("listen 127.0.0.1:{}", place.port), place.certificate(), place.key());
    let here = [
        ("listen 443", &*listen),
        ("/etc/ssl/atelier.example.com.pem", certificate.to_str().expect("a path")),
        ("/etc/ssl/atelier.example.com.key", key.to_str().expect("a path")),
    ];
    filled(&read("examples/nginx.conf"), &[&here[..], values].concat())
}

/// A site of Caddy on the port of a place.
fn caddy_site(place: &Place, text: &str, values: &[(&str, &str)]) -> String {
    let name =
        text.lines().find_map(|line| line.strip_suffix(" {").filter(|name| !name.starts_with(char::is_whitespace)));
    let name = name.expect("a site has a name");
    let here = format!("{HOST}:{} {{\n\ttls {} {}\n", place.port, place.certificate().display(), place.key().display());
    filled(text, &[&[(&*format!("{name} {{\n"), &*here)], values].concat())
}

/// A configuration with values of here in place of those that stand there.
fn filled(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (stands, here)| {
        assert!(text.contains(stands), "{stands} is not in the configuration:\n{text}");
        text.replace(stands, here)
    })
}
