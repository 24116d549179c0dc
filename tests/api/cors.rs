//! What pages of other origins may read.

use serde_json::json;

use crate::client::{Answer, Client, TOKEN};
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};

const LISTED: &str = "https://dashboard.example.com";
const OF_A_CLIENT: &str = "https://app.example.com:5000";
const STRANGER: &str = "https://evil.example";
const USERINFO: &str = "/auth/realms/master/protocol/openid-connect/userinfo";
const DISCOVERY: &str = "/auth/realms/master/.well-known/openid-configuration";

fn add_client(server: &Server) {
    let done = server.cli(&["client", "add", "app", "--redirect-uri", "https://app.example.com:5000/callback?x"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn preflight(client: &Client, path: &str, origin: &str) -> Answer {
    let asks = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    client.send("OPTIONS", path, &asks, ())
}

/// The origin that may read an answer, which never allows cookies.
fn allowed(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{answer:?}");
    answer.header("access-control-allow-origin")
}

fn varies(answer: &Answer) -> bool {
    answer.headers("vary").iter().any(|vary| vary.to_lowercase().contains("origin"))
}

#[test]
fn a_listed_origin_may_call_the_apis() {
    let server = Setup::new().args(&["--cors-origins", LISTED]).start();
    let nobody = Client::new(server.base());
    let client = nobody.with(&nobody.sign_in(ADMIN, ADMIN_PASSWORD).text("access_token"));
    for path in ["/v1/api/workspaces/list", "/v1/graphql", "/v2/spaces", "/auth/admin/realms/master/users", TOKEN] {
        let answer = preflight(&nobody, path, LISTED);
        assert_eq!((answer.status, allowed(&answer), answer.body.as_str()), (204, Some(LISTED), ""), "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
        assert!(answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
        assert!(varies(&answer));
        // Without CORS, the method is refused as before.
        for origin in [STRANGER, "null", "https://dashboard.example.com.evil.example", "http://dashboard.example.com"] {
            let answer = preflight(&nobody, path, origin);
            assert_eq!((allowed(&answer), varies(&answer)), (None, true), "{path} {origin}");
            assert!(answer.status >= 400, "{path} {origin} {answer:?}");
        }
    }
    let json = ("content-type", "application/json");
    let list = |origin| client.send("POST", "/v1/api/workspaces/list", &[("origin", origin), json], "{}");
    let answer = list(LISTED);
    assert_eq!((answer.status, allowed(&answer), varies(&answer)), (200, Some(LISTED), true));
    assert!(answer.header("access-control-expose-headers").is_some_and(|names| names.contains("x-request-id")));
    let answer = list(STRANGER);
    assert_eq!((answer.status, allowed(&answer), varies(&answer)), (200, None, true));
    assert!(varies(&client.post("/v1/api/workspaces/list", &json!({}))));
    // A page must be able to read why it was refused.
    let answer = nobody.send("GET", "/v2/spaces", &[("origin", LISTED)], ());
    assert_eq!((answer.status, allowed(&answer)), (401, Some(LISTED)));
    // The console is never shared.
    for path in ["/", "/auth/sign-in", "/auth/realms/master/protocol/openid-connect/auth?client_id=app"] {
        let answer = nobody.send("GET", path, &[("origin", LISTED)], ());
        assert_eq!(allowed(&answer), None, "{path}");
        assert_eq!(allowed(&preflight(&nobody, path, LISTED)), None, "{path}");
    }
}

#[test]
fn the_origin_of_a_client_may_sign_in_and_no_more() {
    let server = Server::start();
    let nobody = Client::new(server.base());
    // Discovery has an answer before there is a client, and a later client counts at once.
    assert_eq!(allowed(&nobody.send("GET", DISCOVERY, &[("origin", OF_A_CLIENT)], ())), None);
    add_client(&server);
    let paths = [DISCOVERY, "/auth/realms/master/protocol/openid-connect/certs", TOKEN, USERINFO, "/oauth2/revoke"];
    for path in paths {
        let answer = preflight(&nobody, path, OF_A_CLIENT);
        assert_eq!((answer.status, allowed(&answer)), (204, Some(OF_A_CLIENT)), "{path}");
        for origin in [STRANGER, "https://app.example.com", "http://app.example.com:5000"] {
            assert_eq!(allowed(&preflight(&nobody, path, origin)), None, "{path} {origin}");
        }
        assert!(varies(&nobody.get(path)), "{path}");
    }
    let answer = nobody.send("GET", DISCOVERY, &[("origin", OF_A_CLIENT)], ());
    assert_eq!((answer.status, allowed(&answer)), (200, Some(OF_A_CLIENT)));
    for path in ["/v1/api/workspaces/list", "/v2/spaces", "/auth/admin/realms/master/users", "/oauth2/introspect"] {
        assert_eq!(allowed(&preflight(&nobody, path, OF_A_CLIENT)), None, "{path}");
    }
    let done = server.cli(&["client", "remove", "app", "--yes"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(allowed(&nobody.send("GET", DISCOVERY, &[("origin", OF_A_CLIENT)], ())), None);
}

#[test]
fn an_origin_with_a_path_is_refused_at_the_start() {
    let place = tempfile::tempdir().expect("a folder");
    let place = place.path().display().to_string();
    for bad in ["https://a.example/", "*", "a.example", "https://a.example/x"] {
        let done = crate::support::run(&["serve", "--data-dir", &place, "--cors-origins", bad]);
        let words = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && words.contains("cors_origins"), "{bad}: {words}");
    }
}
