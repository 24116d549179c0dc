//! `/metrics`: the measures of the server, in the text format of Prometheus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time::timeout;
use actix_web::web::Data;
use tokio::sync::Mutex;

use super::exposition::{self, Exposition, Kind};
use super::operator::{Failure, Operator};
use super::process;
use crate::app::measures::{self, Measures, Stored};
use crate::app::runtime::log_limiter::LogLimiter;
use crate::app::runtime::state::AppState;
use crate::app::system;
use crate::domain::actor::Actor;
use crate::domain::timestamp::Timestamp;
use crate::http::connections::Connections;
use crate::http::request_stats::{Counted, RequestStats};

/// How long facts from the disk and the database are used again, however often somebody asks.
const CACHED: Duration = Duration::from_secs(5);

/// How long a request waits for these facts. A disk that is stuck must not hide the other metrics.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// The time between two log lines about facts that cannot be read.
const WARNED_EVERY: Duration = Duration::from_mins(1);

/// The facts that were read last. One request reads them, the others wait for it.
type Recent = Mutex<Option<(Instant, Arc<Stored>)>>;

/// The measures outside of the state.
pub(in crate::http) struct Meters {
    pub(in crate::http) connections: Arc<Connections>,
    recent: Recent,
    warnings: LogLimiter,
}

impl Meters {
    pub(in crate::http) fn new(connections: Arc<Connections>) -> Self {
        Self { connections, recent: Recent::default(), warnings: LogLimiter::new(WARNED_EVERY) }
    }

    /// The facts from the disk and the database; none if they cannot be read in time.
    pub(super) async fn stored(&self, state: &AppState) -> Option<Arc<Stored>> {
        timeout(MAX_WAIT, self.read(state)).await.unwrap_or_else(|_| {
            self.warn(&format!("it has not answered for {} s", MAX_WAIT.as_secs()));
            None
        })
    }

    async fn read(&self, state: &AppState) -> Option<Arc<Stored>> {
        let mut recent = self.recent.lock().await;
        if let Some((at, stored)) = &*recent
            && at.elapsed() < CACHED
        {
            return Some(stored.clone());
        }
        // Who may ask was decided before.
        let stored = measures::stored(state, &Actor::operator()).await;
        let stored = stored.inspect_err(|error| self.warn(&error.chain())).ok().map(Arc::new);
        *recent = stored.clone().map(|stored| (Instant::now(), stored));
        stored
    }

    fn warn(&self, why: &str) {
        if self.warnings.allows("") {
            log::warn!("cannot measure the database: {why}");
        }
    }
}

/// `GET /metrics` where everybody is served: for administrators.
pub(super) async fn show(
    state: Data<AppState>,
    meters: Data<Meters>,
    requests: Data<RequestStats>,
    operator: Operator,
) -> Result<HttpResponse, Failure> {
    system::require(&operator.0)?;
    Ok(open(state, meters, requests).await)
}

/// `GET /metrics` on a listener of its own, for all who reach it.
pub(super) async fn open(state: Data<AppState>, meters: Data<Meters>, requests: Data<RequestStats>) -> HttpResponse {
    let stored = meters.stored(&state).await;
    let text = written(&state, &meters, &requests, stored.as_deref());
    HttpResponse::Ok().insert_header((CONTENT_TYPE, exposition::CONTENT_TYPE)).body(text)
}

fn written(state: &AppState, meters: &Meters, counted: &RequestStats, stored: Option<&Stored>) -> String {
    let (mut out, found) = (Exposition::default(), measures::in_memory(state));
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("sqlite", measures::sqlite_version()),
        ("engine", measures::engine(state)),
    ];
    out.metric(Kind::Gauge, "atelier_build_info", "The version of the server, and where its data is.")
        .sample(&build, 1);
    processes(&mut out, &found);
    requests(&mut out, &counted.all());
    out.gauge("atelier_http_connections", "Open connections.", Some(meters.connections.count()));
    sign_ins(&mut out, &found);
    queues(&mut out, &found);
    caches(&mut out, &found);
    writes(&mut out, &found);
    let is_up = u8::from(stored.is_some());
    out.gauge("atelier_database_up", "Whether the database could be read for these metrics.", Some(is_up));
    facts(&mut out, stored);
    out.into_text()
}

/// The names that Prometheus's own clients use.
fn processes(out: &mut Exposition, found: &Measures) {
    let process = process::usage();
    let started = found.started_at.seconds();
    out.gauge("process_start_time_seconds", "When the server started, since 1970.", Some(started));
    let mut cpu = out.metric(Kind::Counter, "process_cpu_seconds_total", "Processor time of the server.");
    if let Some(seconds) = process.cpu_seconds {
        cpu.sample(&[], seconds);
    }
    out.gauge("process_resident_memory_bytes", "Memory of the server.", process.memory);
    out.gauge("process_open_fds", "Open files and connections of the server.", process.open_files);
}

fn requests(out: &mut Exposition, all: &[Counted]) {
    let help = "Answered requests by method, route and status.";
    let mut metric = out.metric(Kind::Counter, "atelier_http_requests_total", help);
    for counted in all {
        for (status, count) in &counted.statuses {
            metric.sample(&[("method", counted.method), ("route", counted.route), ("status", status.as_str())], count);
        }
    }
    let help = "Time from the head of a request to the head of its answer.";
    let mut metric = out.metric(Kind::Histogram, "atelier_http_request_duration_seconds", help);
    for counted in all {
        metric.durations(&[("method", counted.method), ("route", counted.route)], &counted.durations);
    }
}

fn sign_ins(out: &mut Exposition, found: &Measures) {
    let mut metric = out.metric(Kind::Counter, "atelier_sign_ins_total", "Sign-ins and new tokens by kind.");
    for &(kind, count) in &found.sign_ins {
        metric.sample(&[("kind", kind)], count);
    }
    let help = "Refused sign-ins, codes, tokens and API keys by kind and reason.";
    let mut metric = out.metric(Kind::Counter, "atelier_sign_in_refusals_total", help);
    for &(kind, reason, count) in &found.refusals {
        metric.sample(&[("kind", kind), ("reason", reason)], count);
    }
}

fn queues(out: &mut Exposition, found: &Measures) {
    let mut metric = out.metric(Kind::Gauge, "atelier_queue_jobs", "Jobs in a queue.");
    for &(queue, state) in &found.queues {
        metric.sample(&[("queue", queue)], state.waiting);
    }
    let mut metric = out.metric(Kind::Gauge, "atelier_queue_capacity", "The maximum number of jobs in a queue.");
    for &(queue, state) in &found.queues {
        metric.sample(&[("queue", queue)], state.capacity);
    }
    let help = "Jobs that were refused because a queue was full.";
    let mut metric = out.metric(Kind::Counter, "atelier_queue_refusals_total", help);
    for &(queue, state) in &found.queues {
        metric.sample(&[("queue", queue)], state.refused);
    }
}

fn caches(out: &mut Exposition, found: &Measures) {
    let mut metric = out.metric(Kind::Counter, "atelier_cache_hits_total", "Look-ups that a cache answered.");
    for &(cache, state) in &found.caches {
        metric.sample(&[("cache", cache)], state.hits);
    }
    let help = "Look-ups that a cache did not answer.";
    let mut metric = out.metric(Kind::Counter, "atelier_cache_misses_total", help);
    for &(cache, state) in &found.caches {
        metric.sample(&[("cache", cache)], state.misses);
    }
    let mut metric = out.metric(Kind::Gauge, "atelier_cache_entries", "Entries of a cache.");
    for &(cache, state) in &found.caches {
        metric.sample(&[("cache", cache)], state.entries);
    }
}

fn writes(out: &mut Exposition, found: &Measures) {
    let help = "Writes that were taken from the queue together, for one commit.";
    out.metric(Kind::Histogram, "atelier_write_batch_size", help).numbers(&[], &found.batches);
    let help = "Time of a commit that changed something. With SQLite, it includes the sync of the log.";
    out.metric(Kind::Histogram, "atelier_commit_duration_seconds", help).durations(&[], &found.commits);
    let help = "Time to move the write-ahead log into the data file, with the syncs of both. SQLite only.";
    let mut metric = out.metric(Kind::Histogram, "atelier_checkpoint_duration_seconds", help);
    if let Some(checkpoints) = &found.checkpoints {
        metric.durations(&[], checkpoints);
    }
}

fn facts(out: &mut Exposition, stored: Option<&Stored>) {
    let seconds = |at: Option<Timestamp>| at.map(Timestamp::seconds);
    let fact = |read: fn(&Stored) -> Option<Timestamp>| seconds(stored.and_then(read));
    out.gauge("atelier_database_bytes", "Size of the database.", stored.map(|stored| stored.database));
    let log = stored.and_then(|stored| stored.write_ahead_log);
    out.gauge("atelier_write_ahead_log_bytes", "Size of the write-ahead log. SQLite only.", log);
    out.gauge("atelier_files_bytes", "Size of all files of models.", stored.map(|stored| stored.files));
    let free = stored.and_then(|stored| stored.free);
    out.gauge("atelier_disk_free_bytes", "Free space on the disk of the data directory.", free);
    out.gauge("atelier_servers", "Servers that run on the database.", stored.map(|stored| stored.servers));
    let help = "When the last backup was made, since 1970. None if there was none.";
    out.gauge("atelier_backup_last_timestamp_seconds", help, fact(|stored| stored.last_backup_at));
    let help = "Whether the last attempt to make a backup failed.";
    let has_failed = stored.map(|stored| u8::from(stored.backup_failed_at.is_some()));
    out.gauge("atelier_backup_failed", help, has_failed);
    let help = "When the active signing key began to sign, since 1970.";
    out.gauge("atelier_signing_key_activated_timestamp_seconds", help, fact(|stored| stored.key_activated_at));
    let help = "When the active signing key is due to be replaced, since 1970.";
    out.gauge("atelier_signing_key_rotation_timestamp_seconds", help, fact(|stored| stored.key_rotates_at));
}
