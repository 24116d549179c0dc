//! `/metrics`: the measures of the server, in the text format of Prometheus.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time::timeout;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use tokio::sync::Mutex;

use super::exposition::{self, Exposition};
use super::operator::{Failure, Operator};
use super::process::{self, Usage};
use crate::app::measures::{self, Measures, Stored};
use crate::app::runtime::log_limiter::LogLimiter;
use crate::app::runtime::state::AppState;
use crate::app::system;
use crate::domain::actor::Actor;
use crate::domain::timestamp::Timestamp;
use crate::http::compression;
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
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    system::require(&operator.0)?;
    Ok(open(state, meters, requests, request).await)
}

/// `GET /metrics` on a listener of its own, for all who reach it.
pub(super) async fn open(
    state: Data<AppState>,
    meters: Data<Meters>,
    requests: Data<RequestStats>,
    request: HttpRequest,
) -> HttpResponse {
    let stored = meters.stored(&state).await;
    let scrape = Scrape {
        engine: measures::engine(&state),
        process: process::usage(),
        requests: requests.all(),
        connections: meters.connections.count(),
        found: measures::in_memory(&state),
        stored,
    };
    let (coding, body) = compression::encoded(request.headers(), exposition::text(scrape).into_bytes());
    let mut response = HttpResponse::Ok().insert_header((CONTENT_TYPE, exposition::CONTENT_TYPE)).body(body);
    compression::tell(response.headers_mut(), coding);
    response
}

/// The values of all metrics at one time.
#[derive(Debug)]
struct Scrape {
    engine: &'static str,
    process: Usage,
    requests: Vec<Counted>,
    connections: usize,
    found: Measures,
    stored: Option<Arc<Stored>>,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let (mut out, found) = (Exposition(encoder), &self.found);
        let build =
            [("version", env!("CARGO_PKG_VERSION")), ("sqlite", measures::sqlite_version()), ("engine", self.engine)];
        let help = "The version of the server, and where its data is.";
        out.gauges("atelier_build_info", help, [(build, 1_u32)])?;
        processes(&mut out, &self.process, found.started_at)?;
        requests(&mut out, &self.requests)?;
        out.gauge("atelier_http_connections", "Open connections.", Some(self.connections))?;
        sign_ins(&mut out, found)?;
        queues(&mut out, found)?;
        caches(&mut out, found)?;
        writes(&mut out, found)?;
        let is_up = u32::from(self.stored.is_some());
        out.gauge("atelier_database_up", "Whether the database could be read for these metrics.", Some(is_up))?;
        facts(&mut out, self.stored.as_deref())
    }
}

/// The names that Prometheus's own clients use.
fn processes(out: &mut Exposition, process: &Usage, started_at: Timestamp) -> fmt::Result {
    let started = started_at.seconds();
    out.gauge("process_start_time_seconds", "When the server started, since 1970.", Some(started))?;
    let cpu = process.cpu_seconds.map(|seconds| ([], seconds));
    out.counter("process_cpu_seconds", "Processor time of the server.", cpu)?;
    out.gauge("process_resident_memory_bytes", "Memory of the server.", process.memory)?;
    out.gauge("process_open_fds", "Open files and connections of the server.", process.open_files)
}

fn requests(out: &mut Exposition, all: &[Counted]) -> fmt::Result {
    let statuses = all.iter().flat_map(|counted| {
        let labels = |status| [("method", counted.method), ("route", counted.route), ("status", status)];
        counted.statuses.iter().map(move |(status, count)| (labels(status.as_str()), *count))
    });
    out.counter("atelier_http_requests", "Answered requests by method, route and status.", statuses)?;
    let durations =
        all.iter().map(|counted| ([("method", counted.method), ("route", counted.route)], &counted.durations));
    let help = "Time from the head of a request to the head of its answer.";
    out.durations("atelier_http_request_duration_seconds", help, durations)
}

fn sign_ins(out: &mut Exposition, found: &Measures) -> fmt::Result {
    let kinds = found.sign_ins.iter().map(|&(kind, count)| ([("kind", kind)], count));
    out.counter("atelier_sign_ins", "Sign-ins and new tokens by kind.", kinds)?;
    let reasons = found.refusals.iter().map(|&(kind, reason, count)| ([("kind", kind), ("reason", reason)], count));
    let help = "Refused sign-ins, codes, tokens and API keys by kind and reason.";
    out.counter("atelier_sign_in_refusals", help, reasons)
}

fn queues(out: &mut Exposition, found: &Measures) -> fmt::Result {
    let jobs = found.queues.iter().map(|&(queue, state)| ([("queue", queue)], state.waiting));
    out.gauges("atelier_queue_jobs", "Jobs in a queue.", jobs)?;
    let capacity = found.queues.iter().map(|&(queue, state)| ([("queue", queue)], state.capacity));
    out.gauges("atelier_queue_capacity", "The maximum number of jobs in a queue.", capacity)?;
    let refused = found.queues.iter().map(|&(queue, state)| ([("queue", queue)], state.refused));
    out.counter("atelier_queue_refusals", "Jobs that were refused because a queue was full.", refused)
}

fn caches(out: &mut Exposition, found: &Measures) -> fmt::Result {
    let hits = found.caches.iter().map(|&(cache, state)| ([("cache", cache)], state.hits));
    out.counter("atelier_cache_hits", "Look-ups that a cache answered.", hits)?;
    let misses = found.caches.iter().map(|&(cache, state)| ([("cache", cache)], state.misses));
    out.counter("atelier_cache_misses", "Look-ups that a cache did not answer.", misses)?;
    let entries = found.caches.iter().map(|&(cache, state)| ([("cache", cache)], state.entries));
    out.gauges("atelier_cache_entries", "Entries of a cache.", entries)
}

fn writes(out: &mut Exposition, found: &Measures) -> fmt::Result {
    let help = "Writes that were taken from the queue together, for one commit.";
    out.numbers("atelier_write_batch_size", help, &found.batches)?;
    let help = "Time of a commit that changed something. With SQLite, it includes the sync of the log.";
    out.durations("atelier_commit_duration_seconds", help, [([], &found.commits)])?;
    let help = "Time to move the write-ahead log into the data file, with the syncs of both. SQLite only.";
    let checkpoints = found.checkpoints.as_ref().map(|checkpoints| ([], checkpoints));
    out.durations("atelier_checkpoint_duration_seconds", help, checkpoints)
}

fn facts(out: &mut Exposition, stored: Option<&Stored>) -> fmt::Result {
    let seconds = |at: Option<Timestamp>| at.map(Timestamp::seconds);
    let fact = |read: fn(&Stored) -> Option<Timestamp>| seconds(stored.and_then(read));
    out.gauge("atelier_database_bytes", "Size of the database.", stored.map(|stored| stored.database))?;
    let log = stored.and_then(|stored| stored.write_ahead_log);
    out.gauge("atelier_write_ahead_log_bytes", "Size of the write-ahead log. SQLite only.", log)?;
    out.gauge("atelier_files_bytes", "Size of all files of models.", stored.map(|stored| stored.files))?;
    let free = stored.and_then(|stored| stored.free);
    out.gauge("atelier_disk_free_bytes", "Free space on the disk of the data directory.", free)?;
    out.gauge("atelier_servers", "Servers that run on the database.", stored.map(|stored| stored.servers))?;
    let help = "When the last backup was made, since 1970. None if there was none.";
    out.gauge("atelier_backup_last_timestamp_seconds", help, fact(|stored| stored.last_backup_at))?;
    let help = "Whether the last attempt to make a backup failed.";
    let has_failed = stored.map(|stored| u32::from(stored.backup_failed_at.is_some()));
    out.gauge("atelier_backup_failed", help, has_failed)?;
    let help = "When the active signing key began to sign, since 1970.";
    out.gauge("atelier_signing_key_activated_timestamp_seconds", help, fact(|stored| stored.key_activated_at))?;
    let help = "When the active signing key is due to be replaced, since 1970.";
    out.gauge("atelier_signing_key_rotation_timestamp_seconds", help, fact(|stored| stored.key_rotates_at))
}
