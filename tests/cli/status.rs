//! `atelier status`: the state of the running server.

use serde_json::Value;

use crate::Place;
use crate::support::{ADMIN_PASSWORD, Setup};

#[test]
fn a_running_server_tells_its_state_and_its_configuration() {
    let server = Setup::new().args(&["--keep-alive", "30s", "--listen", "[::1]:0"]).start();
    let output = server.cli(&["status"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let has = |begin: &str, part: &str| out.lines().any(|line| line.starts_with(begin) && line.contains(part));
    assert!(has("health ", "ready") && has("version ", env!("CARGO_PKG_VERSION")), "{out}");
    assert!(has("running ", &format!("as process {}", server.pid())), "{out}");
    assert!(has("writes ", " 1024 ") && has("responses ", "") && has("keep_alive = ", "--keep-alive"), "{out}");
    assert!(has("admin_password = \"***\"", "ATELIER_ADMIN_PASSWORD") && !out.contains(ADMIN_PASSWORD), "{out}");
    assert!(!out.contains("atlo_"), "{out}");

    let output = server.cli(&["status", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["health"]["status"], &told["pid"]), (&"ready".into(), &server.pid().into()));
    assert!(told["stored"]["database"].as_u64().is_some_and(|bytes| bytes > 4096), "{told:#}");
    let readers = told["configuration"].as_array().unwrap().iter().find(|entry| entry["key"] == "readers").unwrap();
    assert_eq!((&readers["value"], &readers["from"]), (&"4".into(), &"default".into()));
    // The lock has the key of the command; nothing else does.
    let log = server.log();
    assert!(!log.contains("atlo_"), "{log}");
}

#[test]
fn a_server_that_is_not_ready_is_told_and_exits_1() {
    let server = Setup::new().start();
    let database = server.data_dir().join("atelier.db");
    std::fs::rename(&database, server.data_dir().join("moved")).unwrap();
    let output = server.cli(&["status"]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(out.contains("unready (replaced): ") && err.starts_with("error: the server is not ready: "), "{out}{err}");
}

#[test]
fn without_a_server_it_says_so() {
    let place = Place::with_ada();
    let words = "no server runs on ./atelier-data; start it with `atelier serve`, or name another --data-dir";
    place.run("status").refused(1, words);
    place.run("status --json").refused(1, words);
    let run = Place::new().run("status");
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
}

#[test]
fn only_administrators_and_this_machine_see_the_state() {
    let server = Setup::new().start();
    let lock = std::fs::read_to_string(server.data_dir().join("atelier.lock")).unwrap();
    let published: Value = serde_json::from_str(lock.lines().nth(1).unwrap()).unwrap();
    let local = published["local_key"].as_str().unwrap();
    server.cli(&["user", "add", "bob@example.com"]);
    let key = |user: &str| {
        let output = server.cli(&["key", "create", "--user", user]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (ada, bob) = (key(crate::support::ADMIN), key("bob@example.com"));
    for path in ["/status", "/metrics"] {
        for (credential, status) in [
            (None, 401),
            (Some("atlo_x"), 401),
            (Some(bob.as_str()), 403),
            (Some(ada.as_str()), 200),
            (Some(local), 200),
        ] {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let mut request = agent.get(format!("{}{path}", server.base()));
            if let Some(credential) = credential {
                request = request.header("authorization", format!("Bearer {credential}"));
            }
            assert_eq!(request.call().unwrap().status().as_u16(), status, "{path} {credential:?}");
        }
    }
}
