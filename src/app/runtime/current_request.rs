//! The request that the current task handles, for refusals and for the log.

use std::cell::{Cell, OnceCell};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use uuid::Uuid;

use crate::domain::trace::TraceParent;

tokio::task_local! {
    static CURRENT: CurrentRequest;
}

/// Whether the log wants the parts of its line about a request.
static KEEPS_PARTS: AtomicBool = AtomicBool::new(false);

pub struct CurrentRequest {
    pub id: Uuid,
    pub trace: Option<TraceParent>,
    /// Whether a browser with a valid session sent it.
    is_signed_in: Cell<bool>,
    parts: OnceCell<Parts>,
}

/// The parts of the line about a request in the log.
#[derive(Clone, Debug)]
pub struct Parts {
    pub method: String,
    pub route: String,
    pub status: u16,
    pub micros: u64,
    pub user: String,
    pub address: String,
}

impl CurrentRequest {
    pub const fn new(id: Uuid, trace: Option<TraceParent>) -> Self {
        Self { id, trace, is_signed_in: Cell::new(false), parts: OnceCell::new() }
    }

    /// The id of the server's span in the trace: the second half of the request's id.
    pub const fn span(&self) -> u64 {
        self.id.as_u64_pair().1
    }

    /// The parts of the line about this request, once it is answered.
    pub fn parts(&self) -> Option<&Parts> {
        self.parts.get()
    }

    /// Handles the request in this task.
    pub fn handle<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }
}

/// A part of the current request. None outside of requests, and on the threads of pools and of the writer.
pub fn get<T>(part: impl FnOnce(&CurrentRequest) -> T) -> Option<T> {
    CURRENT.try_with(part).ok()
}

/// Notes that a browser with a valid session sent the current request.
pub fn set_signed_in() {
    // There is no current request in a unit test.
    let _ = CURRENT.try_with(|current| current.is_signed_in.set(true));
}

/// Whether a browser with a valid session sent the current request, as far as this was looked at.
pub fn is_signed_in() -> bool {
    get(|current| current.is_signed_in.get()).unwrap_or_default()
}

/// Keeps the parts of each line about a request, from now on.
pub fn keep_parts() {
    KEEPS_PARTS.store(true, Relaxed);
}

/// Notes the parts of the line about the current request, if the log wants them.
pub fn note_parts(parts: impl FnOnce() -> Parts) {
    if KEEPS_PARTS.load(Relaxed) {
        // A request is answered once.
        let _ = CURRENT.try_with(|current| current.parts.set(parts()));
    }
}
