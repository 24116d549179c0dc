//! The real Prometheus, configured as the guide says: it scrapes a server, knows every series of the dashboard, and judges
//! the alerts.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::markdown::{self, Step};
use crate::metrics::{self, agent, read, sign_in};
use crate::programs::program;
use crate::support::{ADMIN_PASSWORD, Setup};

/// What a server without backups and without failures has no series for.
const ABSENT: [&str; 3] =
    ["atelier_backup_last_timestamp_seconds", "atelier_queue_refusals_total", "checkpoint_duration"];

/// A running Prometheus, killed when dropped.
struct Prometheus {
    child: Child,
    url: String,
}

impl Prometheus {
    fn start(folder: &Path, configuration: &str) -> Self {
        let file = folder.join("prometheus.yml");
        fs::write(&file, configuration).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let mut command = Command::new(program("prometheus", &["prometheus"]));
        command.arg("--config.file").arg(&file).arg("--storage.tsdb.path").arg(folder.join("data"));
        command.args(["--log.level", "error", "--web.listen-address", &address]).stdin(Stdio::null());
        let child = command.spawn().expect("Prometheus starts");
        Self { child, url: format!("http://{address}") }
    }

    /// An answer of its API.
    fn get(&self, path: &str) -> Option<Value> {
        let mut answer = agent().get(format!("{}/api/v1/{path}", self.url)).call().ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The number of series that an expression finds now.
    fn series(&self, expression: &str) -> usize {
        let encoded = serde_urlencoded::to_string([("query", expression)]).expect("a query");
        let answer = self.get(&format!("query?{encoded}")).unwrap_or_default();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().expect("a list").len()
    }

    /// Waits until an answer of its API is as wanted.
    fn wait_for(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let answer = self.get(path).unwrap_or_default();
            if is_wanted(&answer) {
                return;
            }
            assert!(Instant::now() < deadline, "{path} is still {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The expressions of the dashboard, as Grafana sends them.
fn dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("examples/grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions = targets.map(|target| target["expr"].as_str().expect("an expression"));
    expressions
        .map(|text| text.replace("$job", "atelier").replace("$instance", ".*").replace("$__rate_interval", "1m"))
        .collect()
}

#[test]
fn prometheus_scrapes_a_server_and_knows_every_series_and_alert() {
    let mut server = Setup::new().args(&["--metrics-listen", "127.0.0.1:0"]).start();
    let url = metrics::url(&server);
    let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/metrics")).expect("a URL");

    let guide = markdown::steps(&read("docs/how-to/monitor.md"));
    let scrape = guide.into_iter().find_map(|step| match step {
        Step::Code(block) if block.language == "yaml" => Some(block.text),
        _ => None,
    });
    let scrape = scrape.expect("a configuration").replace("10.0.0.5:9787", address);
    assert!(scrape.contains(address), "{scrape}");
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody waits for minutes here.
    let alerts = read("examples/prometheus-alerts.yaml");
    let hasty: String =
        alerts.lines().filter(|line| !line.trim_start().starts_with("for: ")).flat_map(|line| [line, "\n"]).collect();
    let rules = folder.path().join("alerts.yaml");
    fs::write(&rules, hasty).expect("a file");
    let check = Command::new(program("prometheus", &["promtool"]))
        .args(["check", "rules"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/prometheus-alerts.yaml"))
        .output()
        .expect("promtool runs");
    assert!(check.status.success(), "{check:?}");

    let global = "global: { scrape_interval: 1s, evaluation_interval: 1s }";
    let prometheus =
        Prometheus::start(folder.path(), &format!("{global}\nrule_files: [{}]\n{scrape}", rules.display()));
    let up = |answer: &Value| {
        let targets = answer["data"]["activeTargets"].as_array();
        targets.is_some_and(|all| !all.is_empty() && all.iter().all(|target| target["health"] == "up"))
    };
    prometheus.wait_for("targets", up);
    // Rates have two samples.
    let rate = serde_urlencoded::to_string([("query", "rate(atelier_http_requests_total[1m])")]).expect("a query");
    assert_eq!((sign_in(&server, ADMIN_PASSWORD), sign_in(&server, "wrong wrong wrong")), (200, 401));
    prometheus.wait_for(&format!("query?{rate}"), |answer| answer["data"]["result"] != json!([]));
    let expressions = dashboard();
    assert!(expressions.len() > 20);
    for expression in &expressions {
        let count = prometheus.series(expression);
        assert!(count > 0 || ABSENT.iter().any(|name| expression.contains(name)), "nothing for {expression}");
    }

    let judged = |answer: &Value| {
        let rules = answer["data"]["groups"][0]["rules"].as_array();
        rules.is_some_and(|all| all.iter().all(|rule| rule["health"] == "ok" && rule["state"] == "inactive"))
    };
    prometheus.wait_for("rules", judged);
    let loaded = prometheus.get("rules").expect("an answer");
    let loaded = loaded["data"]["groups"][0]["rules"].as_array().expect("rules").len();
    assert_eq!(loaded, alerts.matches("- alert: ").count());
    assert!(server.stop().success());
    let down = |answer: &Value| {
        let alerts = answer["data"]["alerts"].as_array();
        alerts.is_some_and(|all| {
            all.iter().any(|alert| alert["labels"]["alertname"] == "AtelierDown" && alert["state"] == "firing")
        })
    };
    prometheus.wait_for("alerts", down);
}
