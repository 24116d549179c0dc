//! A connection between the web server and the socket. It limits the bytes and the time that a client may take, and
//! closes the connection when a limit is exceeded. It knows no dialect.
//!
//! actix-web limits neither what it reads after a refusal nor how long it waits for the rest of a request on a
//! kept-alive connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::app::runtime::log_limiter::LogLimiter;

/// The maximum bytes of a request's head, including what is read before it.
const MAX_HEAD: usize = 32 << 10;

/// The maximum bytes of a refused body that are read after its response.
const MAX_DRAIN: usize = 64 << 10;

/// The same maximum for an authenticated client. Most clients read no response before they have sent the whole body.
const MAX_DRAIN_AUTHENTICATED: usize = 16 << 20;

/// The maximum bytes that are read before the task yields to the web server.
const MAX_BURST: usize = 16 << 10;

/// The maximum bytes that are written before the task yields to the web server. A client that reads as fast as the
/// server writes would otherwise hold up the other connections of the thread.
const MAX_WRITE_BURST: usize = 256 << 10;

/// Seconds within which the end of a refused body must arrive if its length is unknown.
const DRAIN_TIME: u32 = 5;

/// Seconds for which a connection stays open after the last read, so that its client can read the response.
const LINGER_TIME: u32 = 2;

/// A time that is never reached.
pub(super) const NEVER: u32 = u32::MAX;

/// The start of a TLS handshake record, in any version (RFC 8446, section 5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// The response to a head that is too large. actix-web would continue to read it.
const HEAD_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The state of a connection. The connection's own thread writes it, and the sweep reads it.
pub(super) struct Connection {
    clock: Arc<AtomicU32>,
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
    closing: AtomicBool,
    /// Wakes the task that serves the connection.
    waker: OnceLock<Waker>,
}

impl Connection {
    pub(super) fn new(clock: Arc<AtomicU32>, head_time: u32, write_time: u32) -> Self {
        let now = clock.load(Relaxed);
        Self {
            head_time,
            write_time,
            active: AtomicU32::new(now),
            // actix-web answers a late first head itself, one second before this.
            until: AtomicU32::new(now.saturating_add(head_time).saturating_add(1)),
            unwritten_until: AtomicU32::new(NEVER),
            left: AtomicUsize::new(MAX_HEAD),
            unread: AtomicBool::new(false),
            authenticated: AtomicBool::new(false),
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
            self.left.store(MAX_HEAD, Relaxed);
            return false;
        }
        let is_authenticated = self.authenticated.load(Relaxed);
        self.left.store(if is_authenticated { MAX_DRAIN_AUTHENTICATED } else { MAX_DRAIN }, Relaxed);
        let endless = is_chunked();
        if endless {
            self.until.store(self.now().saturating_add(DRAIN_TIME), Relaxed);
        }
        endless
    }

    /// The order in which connections are closed, lowest first: no request in progress, then longest idle, then no
    /// request received yet.
    pub(super) fn close_order(&self) -> (bool, u32, bool) {
        let is_busy = self.left.load(Relaxed) == usize::MAX;
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

    fn record_read(&self, bytes: usize) {
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
    fn lingers(&self) -> bool {
        let lingers = self.unread.load(Relaxed);
        if lingers {
            self.until.fetch_min(self.now().saturating_add(LINGER_TIME), Relaxed);
        }
        lingers
    }

    /// Whether the client does not accept what is written.
    fn is_stuck(&self) -> bool {
        self.unwritten_until.load(Relaxed) != NEVER
    }

    fn record_write(&self) {
        self.active.store(self.now(), Relaxed);
        if self.is_stuck() {
            self.unwritten_until.store(NEVER, Relaxed);
        }
    }

    fn record_blocked_write(&self) {
        if !self.is_stuck() {
            self.unwritten_until.store(self.now().saturating_add(self.write_time), Relaxed);
        }
    }
}

/// The socket of a connection, with its limits applied.
pub(super) struct Stream {
    socket: TcpStream,
    connection: Arc<Connection>,
    on_close: Box<dyn Fn()>,
    /// How many bytes were read since the last yield.
    burst: usize,
    /// How many bytes were written since the last yield.
    write_burst: usize,
    /// Whether nothing was read yet.
    is_fresh: bool,
    /// Limits the log lines about clients that start TLS.
    tls: Arc<LogLimiter>,
}

impl Stream {
    pub(super) fn new(
        socket: TcpStream,
        connection: Arc<Connection>,
        tls: Arc<LogLimiter>,
        on_close: impl Fn() + 'static,
    ) -> Self {
        Self { socket, connection, on_close: Box::new(on_close), burst: 0, write_burst: 0, is_fresh: true, tls }
    }

    /// The local address of the connection.
    pub(super) fn reached(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Logs that the client started TLS. It receives a 400 in plain HTTP, which TLS clients do not show.
    fn log_tls(&self) {
        let (Ok(peer), Some(reached)) = (self.socket.peer_addr(), self.reached()) else { return };
        let peer = peer.ip().to_canonical();
        if self.tls.allows(&peer.to_string()) {
            log::warn!(
                "{peer} started TLS at {reached}, which serves plain HTTP: use an http:// address; for https, put a \
                 TLS proxy in front of the server and set public_url to its address"
            );
        }
    }

    /// The state of the connection, for the code that handles its requests.
    pub(super) fn connection(&self) -> Arc<Connection> {
        self.connection.clone()
    }

    /// Ends a connection whose request head is too large.
    fn refuse_head(&self) {
        self.connection.closing.store(true, Relaxed);
        // The client may not receive it, which does not matter.
        let _ = self.socket.try_write(HEAD_TOO_LARGE);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        (self.on_close)();
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.waker.get().is_none() {
            let _ = this.connection.waker.set(context.waker().clone());
        }
        if this.connection.closing.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        if this.burst >= MAX_BURST {
            this.burst = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.connection.left.load(Relaxed) == 0 {
            if this.connection.is_stuck() || this.connection.lingers() {
                return Poll::Pending;
            }
            this.refuse_head();
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, into);
        if read.is_pending() {
            this.burst = 0;
        }
        ready!(read)?;
        let bytes = into.filled().len() - before;
        if std::mem::take(&mut this.is_fresh) && into.filled()[before..].starts_with(&TLS_HANDSHAKE) {
            this.log_tls();
        }
        this.burst += bytes;
        this.connection.record_read(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_burst >= MAX_WRITE_BURST {
            this.write_burst = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut this.socket).poll_write(context, bytes) {
            Poll::Pending if this.connection.closing.load(Relaxed) => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Poll::Pending => {
                this.write_burst = 0;
                this.connection.record_blocked_write();
                Poll::Pending
            }
            Poll::Ready(written) => {
                this.write_burst += written.as_ref().copied().unwrap_or_default();
                this.connection.record_write();
                Poll::Ready(written)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
