//! The limits of a connection: the bytes and the time that a client may take. It knows no dialect.
//!
//! actix-web limits neither what it reads after a refusal nor how long it waits for the rest of a request on a
//! kept-alive connection.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

/// The maximum bytes of a request's head, including what is read before it.
pub(super) const MAX_HEAD: usize = 32 << 10;

/// The same with TLS, which also reads a handshake and whole records.
pub(super) const MAX_HEAD_TLS: usize = MAX_HEAD + (32 << 10);

/// The maximum bytes of a refused body that are read after its response.
const MAX_DRAIN: usize = 64 << 10;

/// The same maximum for an authenticated client. Most clients read no response before they have sent the whole body.
const MAX_DRAIN_AUTHENTICATED: usize = 16 << 20;

/// Seconds within which the end of a refused body must arrive if its length is unknown.
const DRAIN_TIME: u32 = 5;

/// Seconds for which a connection stays open after the last read, so that its client can read the response.
const LINGER_TIME: u32 = 2;

/// A time that is never reached.
pub(super) const NEVER: u32 = u32::MAX;

/// The timeouts of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For the head of the first request, and for reading the last response.
    pub(super) request: Duration,
    /// For the head of the next request.
    pub(super) keep_alive: Duration,
    /// For accepting more of a response.
    pub(super) write: Duration,
}

/// The maximum bytes of a refused body that are read after its response.
pub(super) const fn max_drain(is_authenticated: bool) -> usize {
    if is_authenticated { MAX_DRAIN_AUTHENTICATED } else { MAX_DRAIN }
}

/// Whether one of the requests that share a connection of HTTP/2 is authenticated.
#[derive(Default)]
pub(super) struct StreamState(Cell<bool>);

impl StreamState {
    pub(super) fn mark_authenticated(&self) {
        self.0.set(true);
    }

    pub(super) fn is_authenticated(&self) -> bool {
        self.0.get()
    }
}

/// The state of a connection. The connection's own thread writes it, and the sweep reads it.
pub(super) struct Connection {
    clock: Arc<AtomicU32>,
    /// The maximum bytes that are read before a request begins.
    max_head: usize,
    /// The maximum seconds for the head of a request.
    head_time: u32,
    /// The maximum seconds in which a client must accept more of a response.
    write_time: u32,
    /// When bytes were last read or written.
    active: AtomicU32,
    /// When the connection is closed, unless a request begins before.
    until: AtomicU32,
    /// When the connection is closed, unless the client accepts more of a response before.
    unwritten_until: AtomicU32,
    /// How many bytes may be read before the next request begins; `usize::MAX` during a request.
    left: AtomicUsize,
    /// Whether the request has a body that was not read to its end.
    unread: AtomicBool,
    /// Whether the request is authenticated.
    authenticated: AtomicBool,
    /// Whether it speaks HTTP/2 and serves no request.
    idle: AtomicBool,
    closing: AtomicBool,
    /// Wakes the task that serves the connection.
    waker: OnceLock<Waker>,
}

impl Connection {
    pub(super) fn new(clock: Arc<AtomicU32>, max_head: usize, head_time: u32, write_time: u32) -> Self {
        let now = clock.load(Relaxed);
        Self {
            max_head,
            head_time,
            write_time,
            active: AtomicU32::new(now),
            // actix-web answers a late first head itself, one second before this.
            until: AtomicU32::new(now.saturating_add(head_time).saturating_add(1)),
            unwritten_until: AtomicU32::new(NEVER),
            left: AtomicUsize::new(max_head),
            unread: AtomicBool::new(false),
            authenticated: AtomicBool::new(false),
            idle: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            waker: OnceLock::new(),
            clock,
        }
    }

    pub(super) fn begin_request(&self, has_body: bool) {
        self.unread.store(has_body, Relaxed);
        self.authenticated.store(false, Relaxed);
        self.until.store(NEVER, Relaxed);
        self.left.store(usize::MAX, Relaxed);
    }

    pub(super) fn mark_authenticated(&self) {
        self.authenticated.store(true, Relaxed);
    }

    pub(super) fn mark_body_read(&self) {
        self.unread.store(false, Relaxed);
    }

    /// The response is ready. Returns whether the connection must be closed after it, which is so if the body was not
    /// read to its end and its length is unknown.
    pub(super) fn end_request(&self, is_chunked: impl FnOnce() -> bool) -> bool {
        if !self.unread.load(Relaxed) {
            self.left.store(self.max_head, Relaxed);
            return false;
        }
        self.left.store(max_drain(self.authenticated.load(Relaxed)), Relaxed);
        let endless = is_chunked();
        if endless {
            self.until.store(self.now().saturating_add(DRAIN_TIME), Relaxed);
        }
        endless
    }

    /// The connection speaks HTTP/2, which limits the heads itself. The first request must begin in time.
    pub(super) fn begin_http2(&self) {
        self.idle.store(true, Relaxed);
        self.left.store(usize::MAX, Relaxed);
    }

    /// Sets whether a connection of HTTP/2 serves requests.
    pub(super) fn set_serving(&self, is_serving: bool) {
        self.idle.store(!is_serving, Relaxed);
        self.until.store(NEVER, Relaxed);
    }

    /// Closes the connection shortly, in which time its client can read what is on its way.
    pub(super) fn close_soon(&self) {
        self.until.fetch_min(self.now().saturating_add(LINGER_TIME), Relaxed);
    }

    /// The order in which connections are closed, lowest first: no request in progress, then longest idle, then no
    /// request received yet.
    pub(super) fn close_order(&self) -> (bool, u32, bool) {
        let is_busy = self.left.load(Relaxed) == usize::MAX && !self.idle.load(Relaxed);
        (is_busy, self.active.load(Relaxed), self.until.load(Relaxed) == NEVER)
    }

    fn now(&self) -> u32 {
        self.clock.load(Relaxed)
    }

    pub(super) fn is_late(&self, now: u32) -> bool {
        self.until.load(Relaxed) < now || self.unwritten_until.load(Relaxed) < now
    }

    /// Closes the connection. Nothing more is read, and the part of a response that the client does not accept is lost.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Ends the connection: nothing more is read.
    pub(super) fn end(&self) {
        self.closing.store(true, Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Remembers the task that serves the connection. It is the same task for as long as the connection lasts.
    pub(super) fn served_by(&self, waker: &Waker) {
        if self.waker.get().is_none() {
            let _ = self.waker.set(waker.clone());
        }
    }

    /// Whether nothing more may be read before the next request.
    pub(super) fn is_full(&self) -> bool {
        self.left.load(Relaxed) == 0
    }

    pub(super) fn record_read(&self, bytes: usize) {
        self.active.store(self.now(), Relaxed);
        let left = self.left.load(Relaxed);
        if left != usize::MAX {
            self.left.store(left.saturating_sub(bytes), Relaxed);
            // actix-web has no timeout for the head of a later request.
            if self.until.load(Relaxed) == NEVER && !self.is_stuck() {
                self.until.store(self.now().saturating_add(self.head_time), Relaxed);
            }
        }
    }

    /// Whether the connection stays open only so that the client can read why its body was refused. Closing a socket
    /// with unread bytes discards the response that is still on its way.
    pub(super) fn lingers(&self) -> bool {
        let lingers = self.unread.load(Relaxed);
        if lingers {
            self.until.fetch_min(self.now().saturating_add(LINGER_TIME), Relaxed);
        }
        lingers
    }

    /// Whether the client does not accept what is written.
    pub(super) fn is_stuck(&self) -> bool {
        self.unwritten_until.load(Relaxed) != NEVER
    }

    pub(super) fn record_write(&self) {
        self.active.store(self.now(), Relaxed);
        if self.is_stuck() {
            self.unwritten_until.store(NEVER, Relaxed);
        }
    }

    pub(super) fn record_blocked_write(&self) {
        if !self.is_stuck() {
            self.unwritten_until.store(self.now().saturating_add(self.write_time), Relaxed);
        }
    }
}
