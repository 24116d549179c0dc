//! The log in JSON, and the trace of a request in it.

use serde_json::{Value, json};

use crate::client::Client;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};
use crate::world::wait_for_log;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn parent() -> String {
    format!("00-{TRACE}-00f067aa0ba902b7-01")
}

fn get(server: &Server, headers: &[(&str, &str)]) -> crate::client::Answer {
    Client::new(server.base()).send("GET", "/v2/spaces", headers, ())
}

/// The lines of stderr. The lines of stdout, the greeting, come first.
fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn a_log_in_json_has_an_object_on_each_line() {
    let mut server = Setup::new().args(&["--log-format", "json", "--log", "debug"]).start();
    let nobody = Client::new(server.base());
    assert_eq!(nobody.sign_in(ADMIN, ADMIN_PASSWORD).status, 200);
    assert_eq!(nobody.sign_in(ADMIN, "wrong \"password\"\n of mine").status, 401);
    let answer = get(&server, &[("traceparent", &parent())]);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    assert!(server.stop().success());
    let log = server.log();
    assert!(!log.contains("[20"), "a line is in the other format: {log}");
    let lines = lines(&log);
    for line in &lines {
        for key in ["time", "level", "target", "message"] {
            assert!(line[key].is_string(), "{key} of {line}");
        }
    }
    let find = |id: &str| lines.iter().find(|line| line["request_id"] == id && line["route"].is_string());
    let line = find(&id).expect("the line of the request");
    assert_eq!((&line["method"], &line["route"], &line["status"]), (&json!("GET"), &json!("/v2/spaces"), &json!(401)));
    assert_eq!((&line["trace_id"], &line["traceparent"]), (&json!(TRACE), &json!(parent())));
    assert_eq!((&line["address"], &line["user"]), (&json!("127.0.0.1"), &json!("-")));
    assert!(line["duration_us"].is_u64(), "{line}");
    assert_eq!(
        answer.header("traceresponse"),
        Some(&*format!("00-{TRACE}-{}-00", line["span_id"].as_str().expect("a span")))
    );

    // A refusal has the id of its request, and no line has a secret.
    let refused =
        lines.iter().find(|line| line["message"].as_str().is_some_and(|text| text.starts_with("sign-in refused")));
    let refused = refused.expect("a refusal");
    assert_eq!(refused["level"], "WARN");
    assert!(find(refused["request_id"].as_str().expect("an id")).is_some());
    assert!(!log.contains(ADMIN_PASSWORD) && !log.contains("of mine"), "{log}");
}

#[test]
fn a_trace_is_answered_and_logged_only_if_it_is_well_formed() {
    let server = Server::start();
    let answer = get(&server, &[("traceparent", &parent())]);
    let response = answer.header("traceresponse").expect("a span").to_owned();
    assert!(response.starts_with(&format!("00-{TRACE}-")) && response.ends_with("-00"), "{response}");
    assert_ne!(response[36..52], parent()[36..52], "the span is the server's own");
    let id = answer.header("x-request-id").expect("an id").to_owned();
    wait_for_log(&server, &format!("{id} trace={TRACE}"));
    for bad in ["", "00-0-0-0", &parent().to_uppercase(), &parent().replace("00-4", "ff-4"), &"0".repeat(4000)] {
        let answer = get(&server, &[("traceparent", bad)]);
        assert_eq!((answer.status, answer.header("traceresponse")), (401, None), "{bad}");
    }
    let twice = get(&server, &[("traceparent", &parent()), ("traceparent", &parent())]);
    assert_eq!(twice.header("traceresponse"), None, "two of them");
    assert_eq!(server.log().matches(" trace=").count(), 1, "{}", server.log());
}

#[test]
fn a_server_works_and_stops_whatever_it_logs() {
    for level in ["off", "error", "warn", "info", "debug", "trace"] {
        let mut server = Setup::new().args(&["--log", level]).start();
        let nobody = Client::new(server.base());
        assert_eq!(
            (nobody.get("/healthz").status, nobody.sign_in(ADMIN, ADMIN_PASSWORD).status),
            (200, 200),
            "{level}"
        );
        assert!(server.ended().is_none(), "{level}: it has ended");
        assert!(server.stop().success(), "{level}");
    }
}
