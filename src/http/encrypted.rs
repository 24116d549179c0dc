//! A TLS connection that serves HTTP/1: it answers a head that is too large. It knows no dialect.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::stream::{HEAD_TOO_LARGE, Stream};

pub(super) struct Encrypted {
    tls: TlsStream<Stream>,
    /// Whether a head that is too large was answered.
    is_answered: bool,
}

impl Encrypted {
    pub(super) const fn new(tls: TlsStream<Stream>) -> Self {
        Self { tls, is_answered: false }
    }

    /// The stream below TLS.
    pub(super) fn stream(&self) -> &Stream {
        self.tls.get_ref().0
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let read = Pin::new(&mut this.tls).poll_read(context, into);
        if !this.stream().has_refused_head() {
            return read;
        }
        if !this.is_answered {
            this.is_answered = true;
            // The client may not receive it, which does not matter.
            let _ = Pin::new(&mut this.tls).poll_write(context, HEAD_TOO_LARGE);
        }
        // The web server must see the end of the connection here, and no error of TLS about its missing end.
        into.set_filled(before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tls).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_shutdown(context)
    }
}
