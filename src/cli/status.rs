//! `atelier status`: asks the running server how it is.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::ask::{Answer, Endpoint};
use super::{CliError, database, print, running};
use crate::config::Config;
use crate::domain::quantity::{age, size};
use crate::store::data_dir::DataDir;

/// Longer than the server waits for its disk.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Prints the state of the server. Fails if none runs, and if it is not ready.
pub(super) fn run(config: &Config, as_json: bool) -> Result<(), CliError> {
    let home = database::at(config)?;
    let answer = ask(config, &home)?;
    let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    if as_json {
        print(&format!("{told:#}\n"))?;
    } else {
        print(&text(&told))?;
    }
    match told["health"]["detail"].as_str() {
        Some(detail) => Err(CliError::Failed(format!("the server is not ready: {detail}; see its log"))),
        None => Ok(()),
    }
}

fn ask(config: &Config, home: &DataDir) -> Result<Answer, CliError> {
    let holder = home.holder()?.ok_or_else(|| {
        let place = home.path().display();
        CliError::Failed(format!(
            "no server runs on {place}; start it with `atelier serve`, or name another --data-dir"
        ))
    })?;
    let pid = holder.pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
    let key = running::of(home).and_then(|running| running.local_key).ok_or_else(|| {
        CliError::Failed(format!("process {pid} has the lock of the data directory, but is not serving yet; try again"))
    })?;
    let endpoint = Endpoint::of(config, home);
    let url = endpoint.url();
    let answer = endpoint.get("/status", Some(&key), TIMEOUT).map_err(|error| {
        CliError::Failed(format!("the server (process {pid}) does not answer at {url}: {error}; see its log"))
    })?;
    if answer.status != 200 {
        let words = format!("the program at {url} answers /status with {}; check `listen`", answer.status);
        return Err(CliError::Failed(words));
    }
    Ok(answer)
}

fn text(told: &Value) -> String {
    let mut out = String::new();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let bytes = |value: &Value| value.as_u64().map_or_else(|| "-".to_owned(), size);
    let stored = &told["stored"];
    let health = match told["health"]["fault"].as_str() {
        Some(fault) => format!("unready ({fault}): {}", word(&told["health"]["detail"])),
        None => word(&told["health"]["status"]),
    };
    let uptime = Duration::from_secs(told["uptime_seconds"].as_u64().unwrap_or_default());
    let backup = match (stored["last_backup_at"].as_str(), stored["backup_failed_at"].as_str()) {
        (Some(at), None) => at.to_owned(),
        (None, None) => "none".to_owned(),
        (last, Some(failed)) => format!("{}; failed {failed}", last.unwrap_or("none")),
    };
    let rows = [
        ("health", health),
        (
            "version",
            format!("{}, SQLite {}, data in {}", word(&told["version"]), word(&told["sqlite"]), word(&told["engine"])),
        ),
        ("running", format!("{} as process {}, since {}", age(uptime), told["pid"], word(&told["started_at"]))),
        ("memory", bytes(&told["memory"])),
        ("connections", told["connections"].to_string()),
        ("database", bytes(&stored["database"])),
        ("log", bytes(&stored["write_ahead_log"])),
        ("files", bytes(&stored["files"])),
        ("free", bytes(&stored["free"])),
        ("servers", stored["servers"].to_string()),
        ("last backup", backup),
        (
            "signing key",
            format!("since {}, until {}", word(&stored["signing_key_since"]), word(&stored["signing_key_rotates_at"])),
        ),
    ];
    // Writing to a String never fails.
    for (name, value) in rows {
        let _ = writeln!(out, "{name:<12} {value}");
    }
    out.push_str("\nqueue        jobs  capacity  refused\n");
    for queue in told["queues"].as_array().into_iter().flatten() {
        let number = |name: &str| queue[name].as_u64().unwrap_or_default();
        let (name, jobs, capacity) = (word(&queue["queue"]), number("jobs"), number("capacity"));
        let _ = writeln!(out, "{name:<12} {jobs:>4}  {capacity:>8}  {:>7}", number("refused"));
    }
    out.push_str("\ncache        entries  hits  misses\n");
    for cache in told["caches"].as_array().into_iter().flatten() {
        let number = |name: &str| cache[name].as_u64().unwrap_or_default();
        let name = word(&cache["cache"]);
        let _ = writeln!(out, "{name:<12} {:>7}  {}  {}", number("entries"), number("hits"), number("misses"));
    }
    out.push_str("\nconfiguration that is not the default\n");
    for entry in told["configuration"].as_array().into_iter().flatten() {
        if entry["from"] != "default" {
            let _ = writeln!(out, "{} = {}  # {}", word(&entry["key"]), word(&entry["value"]), word(&entry["from"]));
        }
    }
    out
}
