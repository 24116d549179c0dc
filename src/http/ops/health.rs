//! The health checks: whether the server is alive, and whether it can do its work.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::app::runtime::state::AppState;
use crate::store::health;

/// How long the result of the disk check is cached, so that frequent checks do not cause frequent writes.
const WRITABLE_TTL: Duration = Duration::from_secs(1);

/// Whether the server accepts requests.
#[derive(Debug, Default)]
pub struct Readiness {
    stopping: AtomicBool,
    writable: Mutex<Option<Instant>>,
}

impl Readiness {
    /// Records that the server is stopping.
    pub(in crate::http) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    fn was_writable(&self) -> bool {
        self.writable.lock().is_ok_and(|at| at.is_some_and(|at| at.elapsed() < WRITABLE_TTL))
    }

    fn note(&self, writable: bool) {
        if let Ok(mut at) = self.writable.lock() {
            *at = writable.then(Instant::now);
        }
    }
}

/// `GET /healthz`: 200 while the server runs.
pub(super) async fn alive() -> HttpResponse {
    plain(HttpResponse::Ok(), "ok\n")
}

/// `GET /readyz`: 503 while the server is stopping or cannot write to its file, otherwise 200.
pub(super) async fn ready(state: Data<AppState>, readiness: Data<Readiness>) -> HttpResponse {
    if readiness.stopping.load(Ordering::Acquire) {
        return plain(HttpResponse::ServiceUnavailable(), "stopping\n");
    }
    if !readiness.was_writable() {
        let written = state.write(health::touch).await;
        readiness.note(written.is_ok());
        if let Err(error) = written {
            log::error!("cannot write to the data file: {}", error.chain());
            return plain(HttpResponse::ServiceUnavailable(), "cannot write to the data file\n");
        }
    }
    plain(HttpResponse::Ok(), "ready\n")
}

fn plain(mut response: actix_web::HttpResponseBuilder, text: &'static str) -> HttpResponse {
    response.content_type("text/plain; charset=utf-8").body(text)
}
