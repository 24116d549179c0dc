//! The metrics, read by the parser of Prometheus's own client, and everything that names them: the reference page, the
//! dashboard of Grafana and the rules of alerts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::python;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};

const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

pub fn sign_in(server: &Server, password: &str) -> u16 {
    let form = [("client_id", "sdk-client"), ("grant_type", "password"), ("username", ADMIN), ("password", password)];
    agent().post(format!("{}{TOKEN}", server.base())).send_form(form).expect("an answer").status().as_u16()
}

/// The metrics of a server that has done some of everything.
fn families() -> Vec<Value> {
    let server = Setup::new().args(&["--metrics-listen", "127.0.0.1:0"]).start();
    assert_eq!((sign_in(&server, ADMIN_PASSWORD), sign_in(&server, "wrong wrong wrong")), (200, 401));
    let key = String::from_utf8(server.cli(&["key", "create", "--user", ADMIN]).stdout).expect("a key");
    let bearer = format!("Bearer {}", key.trim());
    for path in ["/v1/api/workspaces/create", "/v1/api/workspaces/list", "/v1/api/workspaces/list"] {
        let request = agent().post(format!("{}{path}", server.base())).header("authorization", &bearer);
        assert_eq!(request.send_json(json!({ "workspace_name": "vision" })).expect("an answer").status().as_u16(), 200);
    }
    for path in ["/v2/spaces/17", "/wp-login.php", "/readyz"] {
        agent().get(format!("{}{path}", server.base())).call().expect("an answer");
    }
    let url = &url(&server);
    let environment = python::environment("prometheus", python::Needs::USUAL);
    let program = python::sources().join("prometheus.py");
    let printed = python::run(&environment, &program, &[("METRICS_URL", url)], Duration::from_mins(1));
    assert!(agent().get(url.replace("/metrics", "/status")).call().expect("an answer").status() == 404);
    serde_json::from_str(&printed).expect("JSON")
}

/// The address of the metrics, which a server prints after the one that its start is waited for by.
pub fn url(server: &Server) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let log = server.log();
        if let Some(url) = log.lines().find_map(|line| line.strip_prefix("metrics at ")) {
            return url.to_owned();
        }
        assert!(Instant::now() < deadline, "no address of the metrics: {log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The value of the sample with this name and these labels.
fn value(families: &[Value], name: &str, labels: &Value) -> f64 {
    let samples = families.iter().flat_map(|family| family["samples"].as_array().expect("a list"));
    let found = samples.filter(|sample| sample["name"] == name && sample["labels"] == *labels);
    let values: Vec<f64> = found.map(|sample| sample["value"].as_f64().expect("a number")).collect();
    let [value] = values[..] else { panic!("{name} {labels}: {values:?}") };
    value
}

pub fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file")
}

/// The words of a text that are names of metrics.
fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("atelier_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
#[allow(clippy::float_cmp, reason = "counts are whole numbers")]
fn prometheus_reads_the_metrics_and_every_text_names_real_ones() {
    let families = families();
    let of = |name: &str, labels: Value| value(&families, name, &labels);
    let list = json!({ "method": "POST", "route": "/v1/api/workspaces/list", "status": "200" });
    assert_eq!(of("atelier_http_requests_total", list), 2.0);
    let list = json!({ "method": "POST", "route": "/v1/api/workspaces/list" });
    assert_eq!(of("atelier_http_request_duration_seconds_count", list), 2.0);
    for (route, status) in [("/v2/spaces/{space_id}", "401"), ("(no route)", "404")] {
        let labels = json!({ "method": "GET", "route": route, "status": status });
        assert_eq!(of("atelier_http_requests_total", labels), 1.0, "{route}");
    }
    assert_eq!(of("atelier_sign_ins_total", json!({ "kind": "password" })), 1.0);
    assert_eq!(of("atelier_sign_in_refusals_total", json!({ "kind": "password", "reason": "wrong" })), 1.0);
    assert!(of("atelier_cache_hits_total", json!({ "cache": "responses" })) >= 1.0);
    assert!(of("atelier_commit_duration_seconds_count", json!({})) >= 2.0);
    assert!(of("atelier_write_batch_size_sum", json!({})) >= of("atelier_write_batch_size_count", json!({})));
    assert_eq!(of("atelier_queue_capacity", json!({ "queue": "writes" })), 1024.0);
    assert!(of("atelier_database_bytes", json!({})) > 4096.0 && of("process_resident_memory_bytes", json!({})) > 1e6);
    let rotation = of("atelier_signing_key_rotation_timestamp_seconds", json!({}));
    assert_eq!(rotation - of("atelier_signing_key_activated_timestamp_seconds", json!({})), 90.0 * 86_400.0);

    // The parser cuts the end off the names of counters.
    let full = |family: &Value| {
        let (name, kind) = (family["name"].as_str().expect("a name"), &family["type"]);
        if kind == "counter" { format!("{name}_total") } else { name.to_owned() }
    };
    let known: BTreeSet<String> = families.iter().map(full).collect();
    let described = names_in(&read("docs/reference/metrics.md"));
    assert_eq!(described, known, "the reference page has every metric and no other");

    let samples = families.iter().flat_map(|family| family["samples"].as_array().expect("a list"));
    let mut usable: BTreeSet<String> =
        samples.map(|sample| sample["name"].as_str().expect("a name").to_owned()).collect();
    usable.extend(known);
    for file in ["examples/grafana-dashboard.json", "examples/prometheus-alerts.yaml", "docs/how-to/monitor.md"] {
        let named = names_in(&read(file));
        let unknown: Vec<&String> = named.difference(&usable).collect();
        assert!(named.len() > 5 && unknown.is_empty(), "{file} names {unknown:?}");
    }
    let dashboard: Value = serde_json::from_str(&read("examples/grafana-dashboard.json")).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() > 8));
}
