//! A server whose `public_url` has a path: no address that it gives leads outside of it.

use std::sync::OnceLock;

use actix_web::http::Method;
use serde_json::{Value, json};

use super::browser::Browser;
use super::pages::{House, routes};
use crate::client::{Answer, Client};
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup};
use crate::world::World;

const HOST: &str = "https://ml.lan";
const BASE: &str = "/team/atelier";
const URL: &str = "https://ml.lan/team/atelier";

fn setup() -> Setup {
    Setup::new().args(&["--public-url", URL])
}

/// A server below the base path, and a client that sends it along.
fn world() -> (&'static World, Client) {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(|| World::shared_of(setup()));
    (world, Client::new(&format!("{}{BASE}", world.server.base())))
}

/// Whether an address of this host is below the base path.
fn is_below(address: &str) -> bool {
    let rest = address.strip_prefix(HOST).unwrap_or(address).strip_prefix(BASE);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Whether an address leads to this host.
fn is_here(address: &str) -> bool {
    address.starts_with('/') || address.starts_with(HOST)
}

/// The names and values of all attributes of a page.
fn attributes(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.match_indices("=\"").filter_map(|(at, _)| {
        let name = page[..at].rsplit([' ', '\n', '<']).next()?;
        Some((name, page[at + 2..].split('"').next()?))
    })
}

/// The addresses of an answer that lead to this host, but not below the base path.
fn outside(answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut look = |what: &str, address: &str| {
        if is_here(address) && !is_below(address) {
            wrong.push(format!("{what} {address}"));
        }
    };
    answer.headers("location").into_iter().for_each(|to| look("location", to));
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        for (name, value) in attributes(&answer.body) {
            // The value of a field is no address of the page.
            if name != "value" {
                look(name, value.strip_prefix("0;url=").unwrap_or(value));
            }
        }
    }
    for cookie in answer.headers("set-cookie") {
        let path = format!("; Path={BASE};");
        if !cookie.starts_with("__Secure-atelier") || !cookie.contains(&path) || !cookie.contains("; Secure") {
            wrong.push(format!("cookie {cookie}"));
        }
    }
    wrong
}

#[test]
fn no_page_and_no_form_leads_outside_of_the_base_path() {
    let house = House::of(setup(), BASE);
    let mut links = 0;
    for entry in routes(&Method::GET).into_iter().filter(|entry| entry.path != "/auth/sign-out") {
        let path = house.filled(entry.path);
        for (name, browser) in &house.people {
            let answer = browser.get(&path);
            assert!(answer.status < 500, "{name} {path}: {answer:?}");
            assert_eq!(outside(&answer), [""; 0], "{name} {path}");
            links += attributes(&answer.body).filter(|(_, value)| is_below(value)).count();
        }
    }
    assert!(links > 5000, "{links} links");
    // A form that is not filled in; the one that signs out comes last.
    let (_, ada) = house.people.last().expect("an administrator");
    let (last, forms): (Vec<_>, Vec<_>) =
        routes(&Method::POST).into_iter().partition(|entry| entry.path == "/auth/sign-out");
    for entry in forms.into_iter().chain(last) {
        ada.get("/auth/account/password");
        let answer = ada.post(&house.filled(entry.path), &[]);
        assert_eq!(outside(&answer), [""; 0], "{}", entry.path);
    }
}

#[test]
fn a_path_without_the_base_path_is_served_as_it_is() {
    let (world, door) = world();
    for client in [&door, &world.nobody] {
        assert_eq!(client.get("/healthz").status, 200);
        let browser = Browser::new(client);
        let answer = browser.get("/keys?status=ended");
        let to = format!("{BASE}/auth/sign-in?next=%2Fkeys%3Fstatus%3Dended");
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*to)));
        let page = browser.get("/auth/sign-in?next=%2Fkeys%3Fstatus%3Dended");
        assert!(page.body.contains(&format!("action=\"{BASE}/auth/sign-in\"")), "{}", page.body);
        let next = ("next", "/keys?status=ended");
        let answer = browser.post("/auth/sign-in", &[("username", ADMIN), ("password", ADMIN_PASSWORD), next]);
        let to = format!("{BASE}/keys?status=ended");
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*to)), "{answer:?}");
        assert_eq!(outside(&answer), [""; 0]);
        let keys = browser.get("/keys?status=ended");
        assert_eq!(keys.status, 200, "the cookie counts");
    }
    assert_eq!(door.get("").status, 303, "the base path itself is the home page");
    for path in ["/team", "/team/ateliers/healthz", "/team/ATELIER/healthz", "/team/%61telier/healthz"] {
        assert_eq!(world.nobody.get(path).status, 404, "{path}");
    }
    assert_eq!(door.get(&format!("{BASE}/healthz")).status, 404, "it is removed once");
}

#[test]
fn a_page_after_sign_in_is_named_with_or_without_the_base_path() {
    let (_, door) = world();
    let browser = Browser::signed_in(&door, ADMIN, ADMIN_PASSWORD);
    for next in ["/keys", &format!("{BASE}/keys")] {
        browser.get("/auth/sign-in?again=1");
        let fields = [("username", ADMIN), ("password", ADMIN_PASSWORD), ("next", next)];
        let answer = browser.post("/auth/sign-in", &fields);
        assert_eq!(answer.header("location"), Some(&*format!("{BASE}/keys")), "{answer:?}");
    }
    for evil in ["//evil.example", &format!("{BASE}//evil.example"), "https://evil.example", &format!("{BASE}/\\evil")]
    {
        browser.get("/auth/sign-in?again=1");
        let fields = [("username", ADMIN), ("password", ADMIN_PASSWORD), ("next", evil)];
        let answer = browser.post("/auth/sign-in", &fields);
        assert_eq!((answer.status, answer.header("location")), (400, None), "{evil}: {answer:?}");
    }
}

/// Every text in a document.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn documents_name_addresses_below_the_base_path() {
    let (world, door) = world();
    let issuer = format!("{URL}/auth/realms/master");
    let discovery = door.get("/auth/realms/master/.well-known/openid-configuration").ok();
    assert_eq!(discovery["issuer"], issuer);
    let shared = door.get("/auth/realms/master/.well-known/openid-configuration");
    assert_eq!(shared.header("vary"), Some("origin"), "pages of other origins are judged by the server's own path");
    // RFC 8414, section 3.1: between the host and the path of the issuer. A proxy passes that on as it is.
    let path = format!("/.well-known/oauth-authorization-server{BASE}/auth/realms/master");
    assert_eq!(world.nobody.get(&path).ok(), discovery);
    let realm = door.get("/auth/realms/master").ok();
    let begun =
        door.form("/auth/realms/master/protocol/openid-connect/auth/device", &[("client_id", "sdk-client")]).ok();
    for document in [&discovery, &realm, &begun] {
        let addresses: Vec<_> = texts(document).into_iter().filter(|text| text.contains("://")).collect();
        assert!(addresses.len() >= 2 && addresses.iter().all(|address| is_below(address)), "{addresses:?}");
    }
    let tokens = door.sign_in(ADMIN, ADMIN_PASSWORD).ok();
    let claims = tokens["access_token"].as_str().and_then(|token| token.split('.').nth(1)).expect("claims");
    let claims = data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["iss"], issuer);
    assert_eq!(world.ada.post("/v1/api/workspaces/list", &json!({})).status, 200, "its tokens count");
    for document in ["/v1/api/openapi.json", "/v2/openapi.json"] {
        assert_eq!(door.get(document).ok()["servers"], json!([{ "url": BASE }]), "{document}");
    }
    for docs in ["/v1/api/docs", "/v2/docs"] {
        assert_eq!(door.get(docs).header("location"), Some(&*format!("{BASE}{docs}/")));
        let script = door.get(&format!("{docs}/swagger-initializer.js")).body;
        assert!(script.contains(&format!("url: \"{BASE}/v")), "{script}");
        assert_eq!(outside(&door.get(&format!("{docs}/"))), [""; 0]);
    }
}

#[test]
fn redirects_of_programs_stay_below_the_base_path() {
    let (world, door) = world();
    let openid = "/auth/realms/master/protocol/openid-connect";
    let logout = door.get(&format!("{openid}/logout?client_id=x"));
    assert_eq!(logout.header("location"), Some(&*format!("{BASE}/auth/sign-out?client_id=x")));
    let posted = door.form(&format!("{openid}/logout"), &[("state", "s")]);
    assert_eq!(posted.header("location"), Some(&*format!("{BASE}/auth/sign-out?state=s")));
    let form = door.form(&format!("{openid}/auth"), &[("client_id", "x")]);
    assert_eq!(form.header("location"), Some(&*format!("{BASE}{openid}/auth?client_id=x")));
    let admin = door.with(world.ada.credential());
    let created = admin
        .post("/auth/admin/realms/master/users", &json!({ "username": "dan@example.com", "email": "dan@example.com" }));
    assert_eq!(created.status, 201, "{created:?}");
    let place = created.header("location").expect("an address").strip_prefix(URL).expect("below the base path");
    assert_eq!(door.with(world.ada.credential()).get(place).text("email"), "dan@example.com");
    // Newer versions of Keycloak have paths without /auth; the refusal names the right one.
    let refused = door.get("/realms/master");
    assert!(refused.body.contains(&format!("{BASE}/auth/realms/master")), "{}", refused.body);
}

#[test]
fn forward_authentication_leads_back_to_what_the_cookie_reaches() {
    let (_, door) = world();
    let ask = |uri: &str| {
        let headers = [("x-original-uri", uri), ("x-forwarded-host", "ml.lan")];
        door.send("GET", "/auth/check", &headers, ()).header("location").map(str::to_owned)
    };
    let sign_in = format!("{URL}/auth/sign-in");
    assert_eq!(ask(&format!("{BASE}/board/d?x=1")), Some(format!("{sign_in}?next=%2Fboard%2Fd%3Fx%3D1")));
    // The browser sends the cookie to no other page, so a way back there would lead here again.
    assert_eq!(ask("/board/d?x=1"), Some(sign_in));
    let browser = Browser::signed_in(&door, ADMIN, ADMIN_PASSWORD);
    let answer = browser.get("/auth/check");
    assert_eq!((answer.status, answer.header("remote-user")), (200, Some(ADMIN)));
}

#[test]
fn what_is_given_to_people_names_the_base_path() {
    let (world, door) = world();
    let link = world.server.cli(&["user", "invite", "erin@example.com"]);
    let link = String::from_utf8(link.stdout).expect("text");
    assert!(link.starts_with(&format!("{URL}/auth/invitation?token=")), "{link}");
    let browser = Browser::signed_in(&door, ADMIN, ADMIN_PASSWORD);
    browser.get("/keys/new");
    let made = browser.post("/keys/new", &[("name", "mine"), ("description", ""), ("expires_at", "2099-12-31")]);
    assert_eq!(outside(&made), [""; 0]);
    let page = made.body.replace("&#34;", "\"");
    for line in [
        &format!("curl {URL}/v2/spaces"),
        &format!("api_endpoint=\"{URL}\""),
        "api_host=\"ml.lan/team/atelier\", api_scheme=\"https\"",
        "api_host = \"ml.lan/team/atelier\"\napi_scheme = \"https\"",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
}

#[test]
fn a_path_that_begins_as_one_of_the_servers_is_refused() {
    for url in
        ["https://ml.lan/auth", "https://ml.lan/v1/x", "https://ml.lan/", "https://ml.lan/a//b", "https://ml.lan/a?b"]
    {
        let home = tempfile::tempdir().expect("a folder");
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_atelier"))
            .args(["serve", "--listen", "127.0.0.1:0", "--public-url", url, "--data-dir"])
            .arg(home.path().join("data"))
            .output()
            .expect("the binary starts");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success() && said.contains("`public_url` (--public-url) must be http://"), "{url}: {said}");
    }
}
