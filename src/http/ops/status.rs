//! `/status`: the state of the server for `atelier status`, as JSON.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

use super::health::{self, Readiness};
use super::metrics::Meters;
use super::operator::{Failure, Operator};
use super::process;
use crate::app::measures::{self, Stored};
use crate::app::runtime::state::AppState;
use crate::app::system;
use crate::domain::timestamp::Timestamp;

/// The configuration of the server: each key with its value and its source, secrets masked.
pub(in crate::http) struct Configuration(pub(in crate::http) Vec<(&'static str, String, String)>);

/// `GET /status`
pub(super) async fn show(
    state: Data<AppState>,
    readiness: Data<Readiness>,
    meters: Data<Meters>,
    configuration: Data<Configuration>,
    operator: Operator,
) -> Result<HttpResponse, Failure> {
    system::require(&operator.0)?;
    let (found, process) = (measures::in_memory(&state), process::usage());
    let (health, stored) = (health::readiness(&state, &readiness).await, meters.stored(&state).await);
    let health = match health {
        Ok(()) => json!({ "status": "ready" }),
        Err(fault) => json!({ "status": "unready", "fault": fault.fault, "detail": fault.detail }),
    };
    let queues: Value = found
        .queues
        .iter()
        .map(|(name, queue)| {
            json!({ "queue": name, "jobs": queue.waiting, "capacity": queue.capacity, "refused": queue.refused })
        })
        .collect();
    let caches: Value = found
        .caches
        .iter()
        .map(|(name, cache)| {
            json!({ "cache": name, "entries": cache.entries, "hits": cache.hits, "misses": cache.misses })
        })
        .collect();
    let row = |(key, value, from): &(&str, String, String)| json!({ "key": key, "value": value, "from": from });
    Ok(HttpResponse::Ok().json(json!({
        "health": health,
        "version": env!("CARGO_PKG_VERSION"),
        "sqlite": measures::sqlite_version(),
        "engine": measures::engine(&state),
        "pid": std::process::id(),
        "started_at": found.started_at.zulu(),
        "uptime_seconds": found.started_at.until(Timestamp::now()).as_secs(),
        "memory": process.memory,
        "connections": meters.connections.count(),
        "stored": stored.as_deref().map(facts),
        "queues": queues,
        "caches": caches,
        "configuration": configuration.0.iter().map(row).collect::<Value>(),
    })))
}

fn facts(stored: &Stored) -> Value {
    json!({
        "database": stored.database,
        "write_ahead_log": stored.write_ahead_log,
        "files": stored.files,
        "free": stored.free,
        "servers": stored.servers,
        "last_backup_at": stored.last_backup_at.map(Timestamp::zulu),
        "backup_failed_at": stored.backup_failed_at.map(Timestamp::zulu),
        "signing_key_since": stored.key_activated_at.map(Timestamp::zulu),
        "signing_key_rotates_at": stored.key_rotates_at.map(Timestamp::zulu),
    })
}
