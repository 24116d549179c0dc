//! The socket of a connection, with the limits of the connection applied. It knows no dialect.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;
use super::socket::{Reached, Socket};
use crate::app::runtime::log_limiter::LogLimiter;

/// The maximum bytes that are read before the task yields to the web server.
const MAX_BURST: usize = 16 << 10;

/// The maximum bytes that are written before the task yields to the web server. A client that reads as fast as the
/// server writes would otherwise hold up the other connections of the thread.
const MAX_WRITE_BURST: usize = 256 << 10;

/// The start of a TLS handshake record, in any version (RFC 8446, section 5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// The response to a head that is too large. actix-web would continue to read it.
pub(super) const HEAD_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The response to plain HTTP where TLS is served.
const NEEDS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\n\
    content-length: 57\r\n\r\nthis port serves https: use an https:// address instead.\n";

/// The protocol on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Plain,
    Tls,
}

impl Wire {
    /// How often a read must be pending before the task yields. TLS takes the first time as the end of what it has read
    /// until then.
    const fn yields(self) -> u8 {
        match self {
            Self::Plain => 1,
            Self::Tls => 2,
        }
    }
}

pub(super) struct Stream {
    socket: Socket,
    wire: Wire,
    connection: Arc<Connection>,
    on_close: Box<dyn Fn()>,
    /// How many bytes were read since the last yield.
    burst: usize,
    /// How often the task was told to yield since the last read.
    yields: u8,
    /// How many bytes were written since the last yield.
    write_burst: usize,
    /// Whether nothing was read yet.
    is_fresh: bool,
    has_refused_head: bool,
    /// Limits the log lines about clients that speak the other protocol.
    log: Arc<LogLimiter>,
}

impl Stream {
    pub(super) fn new(
        (socket, wire): (Socket, Wire),
        connection: Arc<Connection>,
        log: Arc<LogLimiter>,
        on_close: impl Fn() + 'static,
    ) -> Self {
        let on_close = Box::new(on_close);
        Self {
            socket,
            wire,
            connection,
            on_close,
            burst: 0,
            yields: 0,
            write_burst: 0,
            is_fresh: true,
            has_refused_head: false,
            log,
        }
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The state of the connection, for the code that handles its requests.
    pub(super) fn connection(&self) -> Arc<Connection> {
        self.connection.clone()
    }

    /// Whether the client's first bytes are of the other protocol. Then the connection ends: neither side could read
    /// what the other one sends.
    fn ends_at(&self, first: &[u8]) -> bool {
        let is_tls = first.starts_with(&TLS_HANDSHAKE);
        match self.wire {
            Wire::Plain if is_tls => self.log_tls(),
            Wire::Tls if first.first().is_some_and(u8::is_ascii_uppercase) => {
                self.log_plain();
                // The client may not receive it, which does not matter.
                let _ = self.socket.try_write(NEEDS_TLS);
            }
            _ => return false,
        }
        self.connection.end();
        true
    }

    /// Logs that the client started TLS. It cannot read an answer in plain HTTP.
    fn log_tls(&self) {
        self.log_once(|peer, reached| {
            format!(
                "{peer} started TLS at {reached}, which serves plain HTTP: use an http:// address; for https, set \
                 tls_certificate and tls_key, or put a TLS proxy in front of the server and set public_url to its \
                 address"
            )
        });
    }

    fn log_plain(&self) {
        self.log_once(|peer, reached| {
            format!("{peer} sent plain HTTP to {reached}, which serves https: use an https:// address")
        });
    }

    fn log_once(&self, line: impl Fn(&str, &str) -> String) {
        let peer = self.socket.peer().map(|peer| peer.ip().to_canonical().to_string());
        let reached = match self.socket.reached() {
            Reached::Tcp(reached) => reached.map(|reached| reached.to_string()),
            Reached::Unix => Some("a Unix socket".to_owned()),
        };
        let peer = peer.unwrap_or_else(|| "a client".to_owned());
        if self.log.allows(&peer) {
            log::warn!("{}", line(&peer, &reached.unwrap_or_default()));
        }
    }

    /// Whether the head of a request was too large. With TLS, the layer above answers it.
    pub(super) const fn has_refused_head(&self) -> bool {
        self.has_refused_head
    }

    /// Ends a connection whose request head is too large.
    fn refuse_head(&mut self) {
        self.connection.end();
        self.has_refused_head = true;
        if self.wire == Wire::Plain {
            // The client may not receive it, which does not matter.
            let _ = self.socket.try_write(HEAD_TOO_LARGE);
        }
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
        this.connection.served_by(context.waker());
        if this.connection.is_closing() {
            return Poll::Ready(Ok(()));
        }
        if this.burst >= MAX_BURST {
            this.yields += 1;
            if this.yields >= this.wire.yields() {
                (this.burst, this.yields) = (0, 0);
            }
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.connection.is_full() {
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
        if std::mem::take(&mut this.is_fresh) && this.ends_at(&into.filled()[before..]) {
            into.set_filled(before);
            return Poll::Ready(Ok(()));
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
            Poll::Pending if this.connection.is_closing() => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
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
