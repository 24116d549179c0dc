//! Answers to health checks, proxies, browsers and other servers on the same host.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::OnceLock;

use atelier::http::{arize, console, keycloak, ops, wallaroo};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::console::browser::{Browser, FORM, hidden};
use crate::raw;
use crate::support::database::Database;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};
use crate::world::{World, wait_for_log};

/// The body of a health check.
const OK: &str = r#"{"status":"ok"}"#;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// Every path that has GET, with its segments filled in. The page of a link counts wrong ones, so it is
/// tested separately.
fn gets() -> Vec<String> {
    let entries = [wallaroo::routes(), keycloak::routes(), console::routes(), ops::routes(), arize::routes()].concat();
    let gets = entries.into_iter().filter(|entry| entry.method.as_str() == "GET" && entry.path != "/auth/invitation");
    let paths = gets.flat_map(|entry| match entry.path.strip_suffix("{file:.*}") {
        Some(docs) => {
            ["", "swagger-ui.css", "swagger-ui-bundle.js", "nothing"].map(|file| format!("{docs}{file}")).to_vec()
        }
        None => vec![
            entry
                .path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part })
                .collect::<Vec<_>>()
                .join("/"),
        ],
    });
    paths.collect()
}

/// The paths whose responses contain numbers that grow with each request.
const GROWING: [&str; 2] = ["/metrics", "/status"];

/// The headers of a response that do not depend on the time, the browser or earlier requests.
fn lasting(path: &str, answer: &Answer) -> Vec<(String, String)> {
    let mut headers = answer.all_headers();
    headers.retain(|(name, _)| !["date", "x-request-id", "set-cookie"].contains(&name.as_str()));
    if GROWING.contains(&path) {
        headers.retain(|(name, _)| name != "content-length");
    }
    headers
}

/// The headers that Chromium sends for a typed URL.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8");

#[test]
fn head_answers_like_get_without_a_body() {
    let world = world();
    let unknown =
        ["/nothing", "/v1/nothing", "/v2/nothing", "/auth/nothing", "/realms/master", "/oauth2/token", "/v1/graphql"];
    for client in [&world.nobody, &*world.ada, &world.nobody.with("nonsense")] {
        for path in gets().into_iter().chain(unknown.map(str::to_owned)) {
            let get = client.get(&path);
            let head = client.send("HEAD", &path, &[], ());
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "HEAD {path}");
            // An answer that has the id of its request or the time in its body is as long each time.
            assert_eq!(lasting(&path, &head), lasting(&path, &get), "HEAD {path}");
        }
    }
}

#[test]
fn no_bytes_follow_a_head_response_and_the_connection_stays_usable() {
    let world = world();
    let mut stream = raw::connect(world.server.base());
    let mut ask = |method: &str, path: &str| {
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", world.ada.credential());
        stream.write_all(head.as_bytes()).expect("a request");
        let answer = if method == "HEAD" { raw::read_head(&mut stream) } else { raw::read_answer(&mut stream) };
        answer.unwrap_or_else(|| panic!("no answer: {method} {path}"))
    };
    for path in gets().iter().map(String::as_str).chain(["/nothing", "/v2/nothing", "/oauth2/token"]) {
        let head = ask("HEAD", path);
        let get = ask("GET", path);
        assert_eq!(head.status, get.status, "{path}");
        let length = |answer: &raw::RawAnswer| {
            let length = answer.header("content-length").map(str::to_owned);
            if GROWING.contains(&path) { length.map(|_| String::new()) } else { length }
        };
        assert_eq!(length(&head), length(&get), "{path}");
        assert_eq!(head.header("transfer-encoding"), None, "{path}");
    }
}

#[test]
fn a_head_response_has_no_body_next_to_a_pipelined_get() {
    let world = world();
    // The second one is read before the first one is answered.
    for path in ["/readyz", "/v2/spaces", "/auth/sign-in", "/v2/docs/", "/nothing"] {
        let mut stream = raw::connect(world.server.base());
        let both = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(both.as_bytes()).expect("both requests");
        let head = raw::read_head(&mut stream).expect("an answer");
        assert!(head.status == world.nobody.get(path).status || path == "/readyz", "{path}: {head:?}");
        let second = raw::read_answer(&mut stream).expect("another answer");
        assert_eq!((second.status, second.text().as_str()), (200, OK), "{path}");
    }
    // Also where the end of the connection is the end of the answer.
    for version in ["1.0", "1.1"] {
        let request = format!("HEAD /healthz HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut stream = raw::connect(world.server.base());
        stream.write_all(request.as_bytes()).expect("a request");
        assert_eq!(raw::read_head(&mut stream).expect("an answer").header("content-length"), Some("15"));
        assert_eq!(raw::read_rest(&mut stream), "", "HTTP/{version}");
    }
}

/// Every row of every table, except for the last use of sessions and counters of writes. The table `readiness` is left out:
/// the check of readiness writes it, also for HEAD. So is `nodes`, in which servers on PostgreSQL say that they run.
fn content(database: &Database) -> BTreeSet<String> {
    database.content(&["readiness", "nodes"], &["last_used_at", "idle_until", "generation", "edition"])
}

#[test]
fn head_changes_nothing() {
    let world = World::start();
    let database = world.database();
    let id_token = {
        let form = [
            ("client_id", "sdk-client"),
            ("grant_type", "password"),
            ("username", &world.bob.email),
            ("password", &world.bob.password),
            ("scope", "openid"),
        ];
        world.nobody.form(crate::client::TOKEN, &form).text("id_token")
    };
    let browser = Browser::signed_in(&world.nobody, &world.bob.email, &world.bob.password);
    let link = String::from_utf8(world.server.cli(&["user", "reset-link", &world.carol.email]).stdout).expect("a link");
    let link = link[link.find("/auth/").expect("a path")..].trim_end().to_owned();
    let authorize = "client_id=arize-cli&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&scope=openid";
    let logout = format!("id_token_hint={id_token}");
    let special = [
        format!("/oauth2/authorize?{authorize}"),
        format!("/auth/realms/master/protocol/openid-connect/auth?{authorize}"),
        format!("/oauth2/authorize?{authorize}&prompt=none"),
        format!("/auth/sign-out?{logout}"),
        format!("/auth/realms/master/protocol/openid-connect/logout?{logout}"),
        link.clone(),
    ];
    // The user authorizes the client once; from then on, GET returns codes.
    let page = browser.get(browser.get(&special[0]).header("location").expect("the page that asks"));
    let request = hidden(&page.body, "request").expect("what is asked for");
    assert_eq!(browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]).status, 200);
    let before = content(&database);
    for path in gets().iter().chain(&special) {
        let answer = browser.head(path);
        assert!(answer.status < 500, "{path}: {answer:?}");
        let location = answer.header("location").unwrap_or_default();
        assert!(!location.contains("code="), "{path}: {answer:?}");
        world.ada.send("HEAD", path, &[], ());
    }
    let after = content(&database);
    let changed: Vec<_> = after.symmetric_difference(&before).collect();
    assert_eq!(changed, Vec::<&String>::new());
    assert_eq!(browser.get("/auth/account").status, 200, "the session goes on");
    assert_eq!(browser.get(&link).status, 200, "the link is good");
    // And each of them was worth a try: GET does it.
    assert!(browser.get(&special[0]).header("location").is_some_and(|to| to.contains("code=")));
    assert_eq!(browser.get(&special[3]).status, 303);
    assert_eq!(browser.get("/auth/account").status, 303, "the session is over");
}

#[test]
fn head_does_not_start_a_second_factor() {
    let server = Setup::new().args(&["--administrators-need-second-factor", "true"]).start();
    let database = Database::open(server.data_dir());
    let browser = Browser::new(&Client::new(server.base()));
    browser.sign_in(ADMIN, ADMIN_PASSWORD);
    let page = "/auth/sign-in/second-factor";
    let answer = browser.head(page);
    assert_eq!((answer.status, answer.header("content-length")), (200, None), "{answer:?}");
    assert_eq!(database.count("second_factors"), 0);
    assert_eq!(browser.get(page).status, 200);
    assert_eq!(database.count("second_factors"), 1, "GET does it");
}

/// Requests of every kind to see their headers: pages, redirects, refusals of every dialect, malformed ones.
fn questions() -> Vec<(&'static str, String, Option<&'static str>)> {
    let refused =
        ["/nothing", "/v1/nothing", "/v2/nothing", "/auth/nothing", "/oauth2/nothing", "/realms/x", "/admin/x"];
    let get = gets().into_iter().chain(refused.map(str::to_owned)).map(|path| ("GET", path, None));
    let post = [
        "/oauth2/token",
        "/auth/sign-in",
        "/v1/graphql",
        "/v1/api/workspaces/list",
        "/v2/spaces",
        "/nothing",
        "/healthz",
    ];
    let posts = post
        .into_iter()
        .flat_map(|path| [None, Some("{"), Some("a=b"), Some("\0")].map(|body| ("POST", path.to_owned(), body)));
    let others = ["PUT", "DELETE", "OPTIONS"].into_iter().map(|method| (method, "/v2/spaces".to_owned(), None));
    get.chain(posts).chain(others).collect()
}

/// Public and the same for everybody.
fn is_public(path: &str) -> bool {
    path.contains("/.well-known/")
        || path.ends_with("/certs")
        || path.ends_with("/openapi.json")
        || path.contains("/docs/")
        || path == "/favicon.ico"
}

#[test]
fn every_response_forbids_sniffing_and_caching() {
    let world = world();
    for client in [&world.nobody, &*world.ada] {
        for (method, path, body) in questions() {
            for method in if method == "GET" { vec!["GET", "HEAD"] } else { vec![method] } {
                let answer = match body {
                    Some(body) => client.send(method, &path, &[], body),
                    None => client.send(method, &path, &[], ()),
                };
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path} {answer:?}");
                let kept = if is_public(&path) && answer.status == 200 { "no-cache" } else { "no-store" };
                assert_eq!(answer.header("cache-control"), Some(kept), "{method} {path} {answer:?}");
                assert_eq!(answer.header("strict-transport-security"), None, "{method} {path}");
            }
        }
    }
}

#[test]
fn responses_with_secrets_are_not_cached() {
    let world = world();
    let key = json!({ "key_type": "USER", "name": "shown-once" });
    let key = world.bob.post("/v2/api-keys", &key);
    let refreshed = format!("/v2/api-keys/{}/refresh", key.json()["id"].as_str().expect("an id"));
    let person = json!({
        "name": "Tim", "email": "tim@example.com", "role": { "type": "PREDEFINED", "name": "MEMBER" },
        "invite_mode": "TEMPORARY_PASSWORD",
    });
    let browser = Browser::signed_in(&world.nobody, &world.carol.email, &world.carol.password);
    browser.get("/auth/account");
    let device = world.nobody.form("/oauth2/device_authorization", &[("client_id", "sdk-client")]);
    let device_page = format!("/auth/realms/master/device?user_code={}", device.text("user_code"));
    let secret = [("client_id", "sdk-client"), ("token", world.ada.credential())];
    for (what, answer, status) in [
        ("tokens", world.nobody.sign_in(&world.carol.email, &world.carol.password), 200),
        ("a refused sign-in", world.nobody.sign_in(&world.carol.email, "wrong"), 401),
        ("a key", key, 201),
        ("the next key", world.bob.post(&refreshed, &json!({})), 200),
        ("a temporary password", world.ada.post("/v2/users", &person), 201),
        ("a device code", device, 200),
        ("a user code", browser.get(&device_page), 200),
        ("userinfo", world.ada.get("/oauth2/userinfo"), 403),
        ("introspection", world.nobody.form("/oauth2/introspect", &secret), 401),
        ("people", world.ada.get("/auth/admin/realms/master/users"), 200),
        ("an account", browser.get("/auth/account"), 200),
        ("the key of a second factor", browser.post("/auth/account/second-factor", &[]), 200),
        ("GraphQL", world.ada.post("/v1/graphql", &json!({ "query": "{ workspace { name } }" })), 200),
    ] {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}: {answer:?}");
    }
}

#[test]
fn an_https_public_url_sends_strict_transport_security() {
    let outcome = |public_url: &str| {
        let server = Setup::new().args(&["--public-url", public_url]).start();
        let client = Client::new(server.base());
        let paths =
            ["/", "/healthz", "/auth/sign-in", "/v2/spaces", "/nothing", "/v2/docs/", "/v1/graphql", "/oauth2/token"];
        let told = paths.map(|path| client.get(path).header("strict-transport-security").map(str::to_owned));
        assert!(told.iter().all(|header| *header == told[0]), "{told:?}");
        told[0].clone()
    };
    assert_eq!(outcome("https://ml.example.com").as_deref(), Some("max-age=31536000"));
    assert_eq!(outcome("http://ml.example.com"), None);
}

#[test]
fn the_api_documents_have_a_content_security_policy_and_cannot_be_framed() {
    let paths = [
        "/v1/api/docs/",
        "/v2/docs/",
        "/v2/docs/index.html",
        "/v2/docs/swagger-ui.css",
        "/v2/docs/index.css",
        "/v2/docs/index.js",
        "/v2/openapi.json",
        "/v1/api/openapi.json",
    ];
    for path in paths {
        let answer = world().nobody.get(path);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
            "{path} {policy}"
        );
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("unsafe-eval") && !policy.contains('*'),
            "{path} {policy}"
        );
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
    let page = world().nobody.get("/v2/docs/");
    assert!(!page.body.contains("<script>") && !page.body.contains(" style="), "{}", page.body);
}

#[test]
fn two_servers_on_one_host_do_not_share_cookies() {
    let (one, other) = (Setup::new().start(), Setup::new().start());
    let at = |server: &Server| Browser::signed_in(&Client::new(server.base()), ADMIN, ADMIN_PASSWORD);
    let first = at(&one);
    // It is one browser: what it has from one port of the host it sends to the other.
    let second = Browser::new(&Client::new(other.base()));
    second.share(&first);
    assert_eq!(second.sign_in(ADMIN, ADMIN_PASSWORD).status, 303);
    first.share(&second);
    for browser in [&first, &second, &first] {
        let page = browser.get("/auth/account");
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(page.headers("set-cookie"), [""; 0]);
    }
    // Forms are still sent, and whoever leaves one stays at the other.
    assert_eq!(second.post("/auth/sign-out", &[]).status, 303);
    first.share(&second);
    assert_eq!((second.get("/auth/account").status, first.get("/auth/account").status), (303, 200));
    let port = one.base().rsplit(':').next().expect("a port");
    let sent = Browser::new(&Client::new(one.base())).sign_in(ADMIN, ADMIN_PASSWORD);
    assert!(sent.headers("set-cookie").iter().any(|set| set.starts_with(&format!("atelier-{port}=atls_"))), "{sent:?}");
}

#[test]
fn https_cookies_are_named_by_the_port_of_the_public_url() {
    for (public_url, name) in [("https://ml.lan", "__Host-atelier"), ("https://ml.lan:8443", "__Host-atelier-8443")] {
        let server = Setup::new().args(&["--public-url", public_url]).start();
        let sent = Browser::new(&Client::new(server.base())).sign_in(ADMIN, ADMIN_PASSWORD);
        assert!(sent.headers("set-cookie").iter().any(|set| set.starts_with(&format!("{name}=atls_"))), "{sent:?}");
    }
}

#[test]
fn forms_are_accepted_only_from_our_own_pages() {
    let nobody = &world().nobody;
    let host = nobody.base().strip_prefix("http://").expect("an http URL");
    let (ours, tls) = (nobody.base().to_owned(), format!("https://{host}"));
    let (upper, slash) = (ours.to_uppercase(), format!("{ours}/"));
    let origins = [
        None,
        Some(ours.as_str()),
        Some(&tls),
        Some("null"),
        Some("https://evil.example"),
        Some("http://127.0.0.1"),
        Some(""),
        Some(&upper),
        Some(&slash),
        Some("NULL"),
        Some("null, null"),
        Some(host),
    ];
    let sites = [
        None,
        Some("same-origin"),
        Some("none"),
        Some("same-site"),
        Some("cross-site"),
        Some(""),
        Some("Same-Origin"),
        Some("same-origin, cross-site"),
    ];
    for origin in origins {
        for site in sites {
            let is_ours = match (origin, site) {
                (None, None | Some("same-origin" | "none")) => true,
                (Some("null"), site) => site == Some("same-origin"),
                (Some(origin), None | Some("same-origin" | "none")) => origin == ours || origin == tls,
                _ => false,
            };
            let browser = Browser::new(nobody);
            browser.get("/auth/sign-in");
            let headers: Vec<_> = [("origin", origin), ("sec-fetch-site", site)]
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            let fields = [("username", world().bob.email.as_str()), ("password", world().bob.password.as_str())];
            let with =
                |token: &str| browser.post_as("/auth/sign-in", &[&fields[..], &[("token", token)]].concat(), &headers);
            // Where a form comes from does not stand in for its token.
            assert_eq!(with("nonsense").status, 403, "{headers:?}");
            let token = browser.token();
            let answer = with(&token);
            assert_eq!(answer.status, if is_ours { 303 } else { 403 }, "{headers:?}: {answer:?}");
            assert!(is_ours || answer.body.contains("can be sent only from this server"), "{headers:?}: {answer:?}");
        }
    }
}

#[test]
fn the_page_that_refuses_a_form_names_the_setting_to_check() {
    let outcome = |server: &Server, host: &str, headers: &[(&str, &str)]| {
        let browser = Browser::new(&Client::new(server.base()));
        browser.get("/auth/sign-in");
        let token = browser.token();
        let answer = browser.post_as("/auth/sign-in", &[("token", &token)], &[&[("host", host)], headers].concat());
        assert_eq!(answer.status, 403, "{answer:?}");
        answer.body
    };
    let settings =
        "set public_url to the address that people use, or to make the proxy pass the Host header on unchanged";
    let plain = Setup::new().start();
    let configured = Setup::new().args(&["--public-url", "https://ml.example.com"]).start();
    for (server, expected) in [(&plain, "http://10.0.0.7:8787"), (&configured, "https://ml.example.com")] {
        for (header, sent_by) in [
            (("origin", "https://ml.lan"), "It was sent by a page at https://ml.lan."),
            (("origin", "null"), "Your browser did not say which page sent it (Origin: null)."),
            (("sec-fetch-site", "cross-site"), "It was sent by a page of another site."),
        ] {
            let page = outcome(server, "10.0.0.7:8787", &[header]);
            assert!(page.contains(&format!("{sent_by} The pages of this server are at {expected}.")), "{page}");
            assert!(page.contains(settings), "{page}");
            assert_eq!(page.contains("Referrer-Policy: no-referrer"), header.1 == "null", "{page}");
        }
        // The header of the browser is shown as text, and cut.
        let long = format!("https://<script>alert(1)</script>{}", "x".repeat(5000));
        let page = outcome(server, "<b>host</b>", &[("origin", &long)]);
        assert!(!page.contains("<script>") && !page.contains("<b>host") && page.len() < 8000, "{page}");
    }
}

#[test]
fn an_unknown_path_is_a_page_for_browsers_and_an_error_of_the_dialect_for_programs() {
    let nobody = &world().nobody;
    let paths = [
        "/nonsense",
        "/auth",
        "/auth/",
        "/auth/realms/other",
        "/auth/x/%3Cb%3E",
        "/v1",
        "/v1/nonsense",
        "/v2/nonsense",
        "/oauth2/x",
        "/.well-known/nonsense",
        "/realms",
        "/admin/",
    ];
    for path in paths {
        let page = nobody.send("GET", path, &[BROWSER], ());
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")), "{path}");
        assert!(page.body.contains("<h1>Page not found</h1>") && !page.body.contains("RESTEASY"), "{page:?}");
        for link in ["href=\"/auth/sign-in\"", "href=\"/auth/account\""] {
            assert!(page.body.contains(link), "{page:?}");
        }
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        let head = nobody.send("HEAD", path, &[BROWSER], ());
        assert_eq!((head.status, lasting(path, &head)), (404, lasting(path, &page)), "{path}");
        for accept in
            ["*/*", "application/json", "application/json, text/html;q=0.5", "image/avif,*/*", "", "text/htmlx"]
        {
            let answer = nobody.send("GET", path, &[("accept", accept)], ());
            assert_eq!(answer.status, 404, "{path} {accept}");
            assert!(
                !answer.header("content-type").is_some_and(|kind| kind.contains("html")),
                "{path} {accept}: {answer:?}"
            );
        }
        let posted = nobody.send("POST", path, &[BROWSER], ());
        assert!(posted.status == 404 && !posted.body.contains("Page not found"), "{path}: {posted:?}");
    }
    // The page does not hide existing routes.
    for (path, status) in [
        ("/v1/api/config", 200),
        ("/v2/spaces", 401),
        ("/auth/realms/master", 200),
        ("/healthz", 200),
        ("/oauth2/token", 405),
    ] {
        assert_eq!(nobody.send("GET", path, &[BROWSER], ()).status, status, "{path}");
    }
}

#[test]
fn a_keycloak_path_without_auth_names_the_right_path() {
    let nobody = &world().nobody;
    let hint = "on this server, Keycloak's paths begin with /auth and the realm is master";
    for (path, meant) in [
        ("/realms/master", "/auth/realms/master"),
        ("/realms/master/.well-known/openid-configuration", "/auth/realms/master/.well-known/openid-configuration"),
        ("/realms/ours/protocol/openid-connect/token", "/auth/realms/master/protocol/openid-connect/token"),
        ("/admin/realms/ours/users", "/auth/admin/realms/master/users"),
    ] {
        let told = json!({ "error": format!("Could not find resource for full path: {hint}; try {meant}") });
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(nobody.send(method, path, &[], ()).outcome(), (404, told.clone()), "{method} {path}");
        }
        let page = nobody.send("GET", path, &[BROWSER], ());
        assert!(
            page.status == 404
                && page.body.contains(&format!("{}: {meant}.", hint.replacen('o', "O", 1).replace('\'', "&#39;"))),
            "{page:?}"
        );
        assert_ne!(nobody.get(meant).status, 404, "{meant} is there");
    }
    for path in ["/realms/%22%3E%3Cscript%3E/x", "/realms/x/%22%3E%3Cscript%3E", "/admin/'onload='x"] {
        let page = nobody.send("GET", path, &[BROWSER], ());
        assert!(page.status == 404 && !page.body.contains("<script") && !page.body.contains("'onload"), "{page:?}");
    }
}

/// The unverified claims of a token.
fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("claims")
}

fn issuer_at(client: &Client, host: &str) -> String {
    client.send("GET", "/.well-known/openid-configuration", &[("host", host)], ()).text("issuer")
}

#[test]
fn a_server_on_all_addresses_names_the_one_of_the_request() {
    let server = Setup::new().listen("0.0.0.0:0").listen("[::]:0").start();
    let port = |base: &str| base.rsplit_once(':').expect("a port").1.to_owned();
    let (v4, v6) = (port(&server.bases()[1]), port(&server.bases()[2]));
    let plain = Client::new(server.base());
    for reached in
        [format!("127.0.0.2:{v4}"), format!("127.0.0.1:{v4}"), format!("[::1]:{v6}"), format!("127.0.0.3:{v6}")]
    {
        let client = Client::new(&format!("http://{reached}"));
        let issuer = format!("http://{reached}/auth/realms/master");
        for host in [reached.as_str(), "evil.example", "evil.example:1", "127.0.0.1.evil.example", "x@127.0.0.1", ""] {
            let headers = [("host", host), FORM];
            let document = client.send("GET", "/.well-known/openid-configuration", &[("host", host)], ());
            assert_eq!(document.text("issuer"), issuer, "{host}");
            assert!(!document.body.contains("evil"), "{document:?}");
            let device = client.send("POST", "/oauth2/device_authorization", &headers, "client_id=sdk-client");
            assert_eq!(device.text("verification_uri"), format!("{issuer}/device"), "{host}");
            assert!(device.text("verification_uri_complete").starts_with(&issuer), "{host}");
        }
        // Tokens issued under one name are valid under every other.
        let form = [
            ("client_id", "sdk-client"),
            ("grant_type", "password"),
            ("username", ADMIN),
            ("password", ADMIN_PASSWORD),
        ];
        let form = serde_urlencoded::to_string(form).expect("a form");
        let token =
            client.send("POST", crate::client::TOKEN, &[("host", "evil.example"), FORM], form).text("access_token");
        assert_eq!(claims(&token)["iss"], issuer.as_str());
        for base in [server.base(), &format!("http://127.0.0.2:{v4}"), &format!("http://[::1]:{v6}")] {
            assert_eq!(Client::new(base).with(&token).get("/v2/spaces").status, 200, "{issuer} at {base}");
        }
        let page = Browser::new(&client);
        assert_eq!(page.sign_in(ADMIN, ADMIN_PASSWORD).header("location"), Some("/"), "{reached}");
    }
    // The names of this very machine stay what they were.
    let port = port(server.base());
    assert_eq!(issuer_at(&plain, &format!("localhost:{port}")), format!("http://localhost:{port}/auth/realms/master"));
    assert_eq!(issuer_at(&plain, "evil.example"), format!("{}/auth/realms/master", server.base()));
}

#[test]
fn each_unknown_host_is_logged_once_with_the_setting() {
    let server = Setup::new().listen("0.0.0.0:0").start();
    let base = server.bases()[1].replace("0.0.0.0", "127.0.0.2");
    wait_for_log(&server, "is every address of this machine, but public_url is not set");
    let client = Client::new(&base);
    let hosts = ["ml.lan:8787", "a\"b\\c", &format!("{}.lan", "x".repeat(3000))];
    for host in hosts.iter().cycle().take(9) {
        assert_eq!(issuer_at(&client, host), format!("{base}/auth/realms/master"));
    }
    for (shown, host) in [(r#""ml.lan:8787""#, "ml.lan"), (r#""a\"b\\c""#, "a\\\"b")] {
        let line = format!("requests arrive for the unknown host {shown},");
        wait_for_log(&server, &line);
        assert_eq!(server.log().matches(&line).count(), 1, "{host}: {}", server.log());
    }
    let log = server.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("requests arrive for the unknown host")).collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(
        lines.iter().all(|line| line.contains(&base)
            && line.contains("public_url")
            && line.contains("trusted_hosts")
            && line.len() < 500),
        "{log}"
    );
    // However many there are, few are logged.
    for number in 0..600 {
        issuer_at(&client, &format!("host-{number}.lan"));
    }
    let lines = server.log().lines().filter(|line| line.contains("requests arrive for the unknown host")).count();
    assert!(lines <= 256, "{lines}");
}

#[test]
fn a_trusted_host_or_the_public_url_logs_no_warning() {
    let server = Setup::new().listen("0.0.0.0:0").args(&["--trusted-hosts", "ml.lan"]).start();
    let client = Client::new(&server.bases()[1].replace("0.0.0.0", "127.0.0.2"));
    assert_eq!(issuer_at(&client, "ml.lan"), "http://ml.lan/auth/realms/master");
    let configured = Setup::new().listen("0.0.0.0:0").args(&["--public-url", "https://ml.example.com"]).start();
    let client = Client::new(&configured.bases()[1].replace("0.0.0.0", "127.0.0.2"));
    assert_eq!(issuer_at(&client, "evil.example"), "https://ml.example.com/auth/realms/master");
    for server in [server, configured] {
        let log = server.log();
        assert!(!log.contains("is every address") && !log.contains("requests arrive for the unknown host"), "{log}");
    }
}

#[test]
fn redirects_behind_a_proxy_never_name_the_inner_address() {
    let server = Setup::new().args(&["--trusted-proxies", "127.0.0.1"]).start();
    let client = Client::new(server.base());
    let known = server.base().trim_start_matches("http://");
    let plain = Setup::new().start();
    let client_of_plain = Client::new(plain.base());
    for header in [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9"), ("via", "1.1 proxy")] {
        let paths = [
            "/.well-known/openid-configuration",
            "/auth/realms/master/.well-known/openid-configuration",
            "/auth/realms/master",
        ];
        for path in paths {
            let answer = client.send("GET", path, &[header, ("host", "ml.lan")], ());
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.body.contains("public_url") && answer.body.contains("trusted_hosts"), "{answer:?}");
            assert!(!answer.body.contains("127.0.0.1") && !answer.body.contains("ml.lan"), "{answer:?}");
            assert_eq!(client.send("GET", path, &[header, ("host", known)], ()).status, 200);
        }
        let device = client.send(
            "POST",
            "/oauth2/device_authorization",
            &[header, ("host", "ml.lan"), FORM],
            "client_id=sdk-client",
        );
        assert_eq!((device.status, device.json()["error"].as_str()), (400, Some("invalid_request")), "{device:?}");
        assert!(
            device.json()["error_description"].as_str().is_some_and(|text| text.contains("public_url")),
            "{device:?}"
        );
        assert_eq!(Database::open(server.data_dir()).count("device_codes"), 0);
        // Without a trusted proxy the header is the client's own word, and changes nothing.
        let direct = client_of_plain.send("GET", "/auth/realms/master", &[header, ("host", "ml.lan")], ());
        assert_eq!(
            direct.text("token-service"),
            format!("{}/auth/realms/master/protocol/openid-connect", plain.base())
        );
        // Tokens are no links: who has a password needs no address from here.
        let form = [
            ("client_id", "sdk-client"),
            ("grant_type", "password"),
            ("username", ADMIN),
            ("password", ADMIN_PASSWORD),
        ];
        let form = serde_urlencoded::to_string(form).expect("a form");
        assert_eq!(client.send("POST", crate::client::TOKEN, &[header, ("host", "ml.lan"), FORM], form).status, 200);
    }
}

#[test]
fn tls_at_the_plain_port_is_logged_once_with_advice() {
    let server = Setup::new().start();
    let address = server.base().trim_start_matches("http://");
    // The begin of what clients of TLS 1.0 and later send.
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    for _ in 0..5 {
        // The client could not read an answer; the connection ends.
        assert_eq!(raw::exchange(server.base(), hello), None);
    }
    let line = format!("127.0.0.1 started TLS at {address}, which serves plain HTTP: use an http:// address");
    wait_for_log(&server, &line);
    // Other bytes are not taken for TLS, nor are these within a request.
    for other in [
        &b"\x16nonsense\r\n\r\n"[..],
        b"\x00\x16\x03\x01",
        b"POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n\x16\x03\x01\x00",
    ] {
        raw::exchange(server.base(), other);
    }
    let client = Client::new(server.base());
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(server.log().matches("started TLS").count(), 1, "{}", server.log());
}
