//! The health checks: whether the server is alive, and whether it can do its work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::rt::time::timeout;
use actix_web::web::Data;
use serde::Serialize;
use tokio::sync::watch;

use crate::app::runtime::state::AppState;
use crate::store::Unready;

/// How long the result of the disk check is cached, so that frequent checks do not cause frequent writes.
const CACHED: Duration = Duration::from_secs(1);

/// How long a request waits for the disk check.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Whether the server accepts requests.
#[derive(Debug, Default)]
pub struct Readiness {
    stopping: AtomicBool,
    check: watch::Sender<Check>,
}

/// The check of the disk. There is one at a time, however many requests ask.
#[derive(Clone, Debug, Default)]
enum Check {
    #[default]
    Never,
    Running {
        since: Instant,
    },
    Ended {
        at: Instant,
        outcome: Result<(), Unready>,
    },
}

impl Check {
    /// Whether a request may start another check.
    fn is_due(&self) -> bool {
        match self {
            Self::Never => true,
            Self::Running { .. } => false,
            Self::Ended { at, .. } => at.elapsed() >= CACHED,
        }
    }
}

impl Readiness {
    /// Records that the server is stopping.
    pub(in crate::http) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }
}

/// Why the server is not ready.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fault {
    /// A word for programs.
    pub(super) fault: &'static str,
    /// A sentence for people.
    pub(super) detail: String,
}

impl Fault {
    fn new(fault: &'static str, detail: impl Into<String>) -> Self {
        Self { fault, detail: detail.into() }
    }
}

/// The result of a check that is at most a second old. A request that finds none starts one.
async fn check(state: &Data<AppState>, readiness: &Data<Readiness>) -> Result<(), Fault> {
    let started = readiness.check.send_if_modified(|check| {
        let is_due = check.is_due();
        if is_due {
            *check = Check::Running { since: Instant::now() };
        }
        is_due
    });
    if started {
        let (state, readiness) = (state.clone(), readiness.clone());
        // The check goes on when this request is given up.
        actix_web::rt::spawn(async move {
            let outcome = state.store.check_disk().await;
            readiness.check.send_replace(Check::Ended { at: Instant::now(), outcome });
        });
    }
    let mut checks = readiness.check.subscribe();
    // After the wait, the check that is still running is the result.
    let _ = timeout(MAX_WAIT, checks.wait_for(|check| matches!(check, Check::Ended { .. }))).await;
    let check = readiness.check.borrow().clone();
    match check {
        Check::Ended { outcome, .. } => outcome.map_err(|unready| Fault::new(unready.access(), unready.to_string())),
        Check::Running { since } => {
            let seconds = since.elapsed().as_secs();
            let detail = format!(
                "the check of the data file has not ended for {seconds} s: another process has locked the file, or the disk \
                 is stuck"
            );
            Err(Fault::new("stuck", detail))
        }
        Check::Never => Err(Fault::new("stuck", "the disk was not checked")),
    }
}

/// Whether the server can do its work.
pub(super) async fn readiness(state: &Data<AppState>, readiness: &Data<Readiness>) -> Result<(), Fault> {
    if readiness.stopping.load(Ordering::Acquire) {
        return Err(Fault::new("stopping", "the server is stopping"));
    }
    if let Some(fault) = state.store.fault() {
        return Err(Fault::new(fault.as_str(), fault.to_string()));
    }
    check(state, readiness).await
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(flatten)]
    fault: Option<Fault>,
}

/// `GET /healthz`: 200 while the server runs.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", fault: None })
}

/// `GET /readyz`: 503 with the fault while the server is stopping, cannot write or read its file or has lost it,
/// otherwise 200.
pub(super) async fn ready(state: Data<AppState>, checks: Data<Readiness>) -> HttpResponse {
    match readiness(&state, &checks).await {
        Ok(()) => HttpResponse::Ok().json(Health { status: "ready", fault: None }),
        Err(fault) => HttpResponse::ServiceUnavailable().json(Health { status: "unready", fault: Some(fault) }),
    }
}
