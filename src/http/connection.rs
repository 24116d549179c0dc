//! One connection, as the web server reads and writes it: when it is closed that is of no more use.
//!
//! The web server itself neither bounds what it reads after a refusal nor how long it waits for the rest of a request on
//! a connection that is kept, so this stands between it and the socket. It knows bytes and time, but no dialect.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::app::runtime::log_limiter::LogLimiter;

/// The most bytes of a request's head, and of what is read before it.
const MAX_HEAD: usize = 32 << 10;

/// The most bytes that are read after an answer of the body that it has refused.
const MAX_DRAIN: usize = 64 << 10;

/// The same for those who have proved who they are: most clients read no answer before they have sent all of a body.
const MAX_DRAIN_OF_KNOWN: usize = 16 << 20;

/// The most bytes that are read before the web server looks at them.
const MAX_BURST: usize = 16 << 10;

/// Seconds in which the end of a refused body has to come, where its length was not told.
const DRAIN_TIME: u32 = 5;

/// Seconds for which a connection of which nothing more is read is open, so that its client can read the answer.
const LINGER_TIME: u32 = 2;

/// Seconds in which a client has to take some more of an answer.
const WRITE_TIME: u32 = 60;

/// A second that never comes.
pub(super) const NEVER: u32 = u32::MAX;

/// How TLS begins: a record of a handshake, in any version of it (RFC 8446, section 5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// The answer to a head that is too large, which the web server would go on to read.
const HEAD_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What is known of a connection. Its own thread writes it, the one that sweeps reads it.
pub(super) struct Connection {
    clock: Arc<AtomicU32>,
    /// Seconds that the head of a request may take.
    head_time: u32,
    /// When something was last read or written.
    active: AtomicU32,
    /// When it is closed unless a request begins before.
    until: AtomicU32,
    /// When it is closed unless more of an answer is taken before.
    unwritten_until: AtomicU32,
    /// How many bytes are read before the next request begins; `usize::MAX` while one is answered.
    left: AtomicUsize,
    /// Whether the request has a body of which the end was not read.
    unread: AtomicBool,
    /// Whether who sends the request has proved who they are.
    known: AtomicBool,
    closing: AtomicBool,
    /// Wakes the task that serves it.
    waker: OnceLock<Waker>,
}

impl Connection {
    pub(super) fn new(clock: Arc<AtomicU32>, head_time: u32) -> Self {
        let now = clock.load(Relaxed);
        Self {
            head_time,
            active: AtomicU32::new(now),
            // The web server itself tells a client that its first head is late, and does so before.
            until: AtomicU32::new(now.saturating_add(head_time).saturating_add(1)),
            unwritten_until: AtomicU32::new(NEVER),
            left: AtomicUsize::new(MAX_HEAD),
            unread: AtomicBool::new(false),
            known: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            waker: OnceLock::new(),
            clock,
        }
    }

    pub(super) fn begin(&self, has_body: bool) {
        self.unread.store(has_body, Relaxed);
        self.known.store(false, Relaxed);
        self.until.store(NEVER, Relaxed);
        self.left.store(usize::MAX, Relaxed);
    }

    /// Who sends the request has proved who they are.
    pub(super) fn is_proved(&self) {
        self.known.store(true, Relaxed);
    }

    /// The body of the request was read to its end.
    pub(super) fn body_is_read(&self) {
        self.unread.store(false, Relaxed);
    }

    /// The request is answered. Tells whether the connection has to be closed then: where the end of the body was not
    /// read and its length is not known either.
    pub(super) fn answer(&self, is_chunked: impl FnOnce() -> bool) -> bool {
        if !self.unread.load(Relaxed) {
            self.left.store(MAX_HEAD, Relaxed);
            return false;
        }
        let is_known = self.known.load(Relaxed);
        self.left.store(if is_known { MAX_DRAIN_OF_KNOWN } else { MAX_DRAIN }, Relaxed);
        let endless = is_chunked();
        if endless {
            self.until.store(self.now().saturating_add(DRAIN_TIME), Relaxed);
        }
        endless
    }

    /// How much its client would miss it: less if nothing is asked now, it was asked long ago, or never.
    pub(super) fn use_of(&self) -> (bool, u32, bool) {
        let is_busy = self.left.load(Relaxed) == usize::MAX;
        (is_busy, self.active.load(Relaxed), self.until.load(Relaxed) == NEVER)
    }

    fn now(&self) -> u32 {
        self.clock.load(Relaxed)
    }

    pub(super) fn is_late(&self, now: u32) -> bool {
        self.until.load(Relaxed) < now || self.unwritten_until.load(Relaxed) < now
    }

    /// Has it end: nothing more is read, and what the client does not take of an answer is lost.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    fn took(&self, bytes: usize) {
        self.active.store(self.now(), Relaxed);
        let left = self.left.load(Relaxed);
        if left != usize::MAX {
            self.left.store(left.saturating_sub(bytes), Relaxed);
            // Of the head of a request that is not the first one, nobody else keeps the time.
            if self.until.load(Relaxed) == NEVER && !self.is_stuck() {
                self.until.store(self.now().saturating_add(self.head_time), Relaxed);
            }
        }
    }

    /// Whether it is still open for no more than that the client can read why its body was refused: closing while
    /// something is unread throws away what is on its way to the client.
    fn lingers(&self) -> bool {
        let lingers = self.unread.load(Relaxed);
        if lingers {
            self.until.fetch_min(self.now().saturating_add(LINGER_TIME), Relaxed);
        }
        lingers
    }

    /// Whether the client does not take what is written.
    fn is_stuck(&self) -> bool {
        self.unwritten_until.load(Relaxed) != NEVER
    }

    fn wrote(&self) {
        self.active.store(self.now(), Relaxed);
        if self.is_stuck() {
            self.unwritten_until.store(NEVER, Relaxed);
        }
    }

    fn could_not_write(&self) {
        if !self.is_stuck() {
            self.unwritten_until.store(self.now().saturating_add(WRITE_TIME), Relaxed);
        }
    }
}

/// A connection as the web server reads and writes it.
pub(super) struct Stream {
    socket: TcpStream,
    connection: Arc<Connection>,
    leave: Box<dyn Fn()>,
    /// How many bytes were read since the web server last looked.
    burst: usize,
    /// Whether nothing was read yet.
    is_fresh: bool,
    /// Whose TLS was logged lately.
    tls: Arc<LogLimiter>,
}

impl Stream {
    pub(super) fn new(
        socket: TcpStream,
        connection: Arc<Connection>,
        tls: Arc<LogLimiter>,
        leave: impl Fn() + 'static,
    ) -> Self {
        Self { socket, connection, leave: Box::new(leave), burst: 0, is_fresh: true, tls }
    }

    /// The address of this machine that it came to.
    pub(super) fn reached(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Logs that the client speaks TLS: it is answered with a 400 of plain HTTP, which TLS clients do not show.
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

    /// What is known of it, for those who answer its requests.
    pub(super) fn connection(&self) -> Arc<Connection> {
        self.connection.clone()
    }

    /// Ends a connection on which as much was read as the head of a request may have.
    fn end(&self) {
        self.connection.closing.store(true, Relaxed);
        // Whether it arrives is of no concern.
        let _ = self.socket.try_write(HEAD_TOO_LARGE);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        (self.leave)();
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
            this.end();
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
        this.connection.took(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.socket).poll_write(context, bytes) {
            Poll::Pending if this.connection.closing.load(Relaxed) => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Poll::Pending => {
                this.connection.could_not_write();
                Poll::Pending
            }
            Poll::Ready(written) => {
                this.connection.wrote();
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
