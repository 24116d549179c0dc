//! How the server answers health checks, proxies, browsers and neighbours on the same host.

use std::sync::OnceLock;

use serde_json::json;

use crate::world::World;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// What Chromium sends when somebody types an address.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8");

#[test]
fn a_browser_gets_a_page_for_an_unknown_path_and_a_program_its_dialects_answer() {
    let paths = ["/nonsense", "/auth", "/auth/", "/auth/realms/other", "/auth/x/%3Cb%3E", "/v1/nonsense", "/v2/nonsense", "/oauth2/x"];
    for path in paths {
        let page = world().nobody.send("GET", path, &[BROWSER], ());
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")), "{path}");
        assert!(page.body.contains("Page not found") && page.body.contains("href=\"/auth/sign-in\""), "{page:?}");
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        for accept in ["*/*", "application/json", "application/json, text/html;q=0.5", "image/avif,*/*"] {
            let answer = world().nobody.send("GET", path, &[("accept", accept)], ());
            assert_eq!(answer.status, 404, "{path} {accept}");
            assert!(!answer.header("content-type").is_some_and(|kind| kind.contains("html")), "{path} {accept}: {answer:?}");
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
            assert_eq!(world().nobody.send(method, path, &[], ()).told(), (404, json!({ "error": hint })), "{method} {path}");
        }
        let page = world().nobody.send("GET", path, &[BROWSER], ());
        assert!(page.status == 404 && page.body.contains(&format!("href=\"/auth{path}\"")), "{page:?}");
    }
    let script = world().nobody.send("GET", "/realms/%22%3E%3Cscript%3E", &[BROWSER], ());
    assert!(!script.body.contains("<script"), "{script:?}");
}
