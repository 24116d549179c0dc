//! How the server answers health checks, proxies, browsers and neighbours on the same host.

use std::io::{Read, Write};
use std::sync::OnceLock;

use serde_json::json;

use crate::console::browser::{Browser, FORM};
use crate::raw;
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup};
use crate::world::World;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// What Chromium sends when somebody types an address.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8");

#[test]
fn a_browser_gets_a_page_for_an_unknown_path_and_a_program_its_dialects_answer() {
    let paths = [
        "/nonsense",
        "/auth",
        "/auth/",
        "/auth/realms/other",
        "/auth/x/%3Cb%3E",
        "/v1/nonsense",
        "/v2/nonsense",
        "/oauth2/x",
    ];
    for path in paths {
        let page = world().nobody.send("GET", path, &[BROWSER], ());
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")), "{path}");
        assert!(page.body.contains("Page not found") && page.body.contains("href=\"/auth/sign-in\""), "{page:?}");
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        for accept in ["*/*", "application/json", "application/json, text/html;q=0.5", "image/avif,*/*"] {
            let answer = world().nobody.send("GET", path, &[("accept", accept)], ());
            assert_eq!(answer.status, 404, "{path} {accept}");
            assert!(
                !answer.header("content-type").is_some_and(|kind| kind.contains("html")),
                "{path} {accept}: {answer:?}"
            );
        }
        let posted = world().nobody.send("POST", path, &[BROWSER], ());
        assert!(!posted.body.contains("Page not found"), "{path}: {posted:?}");
    }
    // What exists is not hidden by the page.
    assert_eq!(world().nobody.send("GET", "/v1/api/config", &[BROWSER], ()).status, 200);
    assert_eq!(world().nobody.send("GET", "/v2/spaces", &[BROWSER], ()).status, 401);
    assert_eq!(world().nobody.send("GET", "/auth/realms/master", &[BROWSER], ()).status, 200);
}

#[test]
fn a_path_of_keycloak_without_auth_is_answered_with_a_hint() {
    let hint = "Could not find resource for full path: on this server, the paths of Keycloak begin with /auth";
    for path in [
        "/realms/master",
        "/realms/master/.well-known/openid-configuration",
        "/realms/master/protocol/openid-connect/token",
        "/admin/realms/master/users",
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(
                world().nobody.send(method, path, &[], ()).told(),
                (404, json!({ "error": hint })),
                "{method} {path}"
            );
        }
        let page = world().nobody.send("GET", path, &[BROWSER], ());
        assert!(page.status == 404 && page.body.contains(&format!("href=\"/auth{path}\"")), "{page:?}");
    }
    let script = world().nobody.send("GET", "/realms/%22%3E%3Cscript%3E", &[BROWSER], ());
    assert!(!script.body.contains("<script"), "{script:?}");
}

#[test]
fn a_form_is_accepted_from_our_own_pages_only_whatever_a_proxy_hides() {
    let browser = Browser::new(&world().nobody);
    let base = world().nobody.base();
    let fields = [("username", "bob@example.com"), ("password", "not the password of bob")];
    for (origin, site, accepted) in [
        (None, None, true),
        (None, Some("same-origin"), true),
        (None, Some("none"), true),
        (None, Some("same-site"), false),
        (None, Some("cross-site"), false),
        (Some(base), None, true),
        (Some(base), Some("same-origin"), true),
        (Some(base), Some("cross-site"), false),
        (Some("null"), Some("same-origin"), true),
        (Some("null"), None, false),
        (Some("null"), Some("none"), false),
        (Some("null"), Some("same-site"), false),
        (Some("null"), Some("cross-site"), false),
        (Some("NULL"), Some("same-origin"), false),
        (Some("https://evil.example"), Some("same-origin"), false),
        (Some("https://evil.example"), None, false),
        (Some(""), None, false),
    ] {
        browser.get("/auth/sign-in");
        let token = browser.token();
        let headers: Vec<_> = [("origin", origin), ("sec-fetch-site", site)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let answer = browser.post_as("/auth/sign-in", &[&fields[..], &[("token", &token)]].concat(), &headers);
        let refused = answer.status == 403 && answer.body.contains("but the pages of this server are at");
        assert_eq!(refused, !accepted, "{origin:?} {site:?}: {answer:?}");
        if refused {
            assert!(answer.body.contains("public_url") && answer.body.contains("Host header"), "{answer:?}");
        }
        // The token of the form is needed all the same.
        let answer = browser.post_as("/auth/sign-in", &fields, &headers);
        assert_eq!(answer.status, 403, "{origin:?} {site:?}: {answer:?}");
    }
    let markup = browser.post_as("/auth/sign-in", &fields, &[("origin", "https://<b>.example")]);
    assert!(markup.status == 403 && !markup.body.contains("<b>"), "{markup:?}");
}

#[test]
fn head_is_answered_as_get_is_and_leaves_the_connection_usable() {
    for path in ["/healthz", "/readyz", "/v1/api/config", "/v2/docs/", "/auth/sign-in", "/v2/spaces", "/nonsense"] {
        let get = world().nobody.get(path);
        let head = world().nobody.send("HEAD", path, &[], ());
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        for name in ["content-type", "allow", "cache-control", "content-security-policy", "www-authenticate"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    // On the wire: no byte follows the head, and the next answer comes on the same connection.
    let mut connection = raw::connect(world().nobody.base());
    let asked =
        "HEAD /v1/api/config HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    connection.write_all(asked.as_bytes()).expect("a request");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("two answers");
    let (head, rest) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK") && rest.starts_with("HTTP/1.1 200 OK"), "{text}");
}

#[test]
fn head_does_not_do_what_get_would() {
    let world = World::start();
    let browser = Browser::signed_in(&world.nobody, ADMIN, ADMIN_PASSWORD);
    let codes = || world.database().count("authorization_codes");
    let asked = "/oauth2/authorize?response_type=code&client_id=arize-cli&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback\
                 &scope=openid&state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let answer = browser.head(asked);
    assert_eq!((answer.status, answer.header("location"), codes()), (200, None, 0));
    assert_eq!(browser.head("/auth/sign-out?client_id=arize-cli").status, 200);
    assert_eq!(browser.get("/auth/account").status, 200, "still signed in");
}

#[test]
fn every_answer_has_the_headers_that_protect_it() {
    let nobody = &world().nobody;
    let token = nobody.sign_in("bob@example.com", &world().bob.password);
    let answers = [
        ("a token", token),
        ("a page", nobody.get("/auth/sign-in")),
        ("a redirect", nobody.get("/")),
        ("a health check", nobody.get("/healthz")),
        ("a refusal of /v1", nobody.get("/v1/api/nonsense")),
        ("a refusal of /v2", nobody.get("/v2/spaces")),
        ("a wrong method", nobody.send("PUT", "/v2/spaces", &[], ())),
        ("no page", nobody.get("/nonsense")),
        ("a list", world().ada.get("/v2/spaces")),
        ("a person", world().ada.get("/auth/admin/realms/master/users")),
        ("a key", world().bob.post("/v2/api-keys", &json!({ "key_type": "USER", "name": "headers" }))),
        ("a client secret", world().ada.get("/auth/admin/realms/master/clients")),
        ("HEAD", nobody.send("HEAD", "/healthz", &[], ())),
        ("OPTIONS", nobody.send("OPTIONS", "/healthz", &[], ())),
        ("a malformed form", nobody.send("POST", crate::client::TOKEN, &[FORM], "%")),
    ];
    for (name, answer) in answers {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{name}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}: {answer:?}");
        assert_eq!(answer.header("strict-transport-security"), None, "{name}: the server has no https");
    }
    for path in ["/v1/api/docs/", "/v2/docs/", "/v2/docs/swagger-ui-bundle.js", "/v2/docs/swagger-initializer.js"] {
        let answer = nobody.get(path);
        assert_eq!((answer.status, answer.header("x-frame-options")), (200, Some("DENY")), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[test]
fn browsers_come_back_by_https_where_that_is_the_address() {
    let world = World::of(Setup::new().args(&["--public-url", "https://ml.example.com:8443"]));
    for path in ["/healthz", "/auth/sign-in", "/v2/spaces", "/nonsense", "/v1/api/config"] {
        let answer = world.nobody.get(path);
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "{path}");
    }
    let cookie = world.nobody.get("/auth/sign-in");
    let set = cookie.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-atelier-form-8443=") && set.contains("; Secure"), "{set}");
}

#[test]
fn two_servers_on_one_host_do_not_sign_each_other_out() {
    let (first, second) = (world(), World::start());
    let one = Browser::signed_in(&first.nobody, ADMIN, ADMIN_PASSWORD);
    let other = Browser::signed_in(&second.nobody, ADMIN, ADMIN_PASSWORD);
    let names = |browser: &Browser| browser.cookie_names().into_iter().collect::<std::collections::BTreeSet<_>>();
    assert!(!names(&one).is_empty() && names(&one).is_disjoint(&names(&other)), "{:?}", names(&one));
}
