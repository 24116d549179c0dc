//! A keep-alive HTTP/1.1 connection that sends one request at a time.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::error::Result;

/// The number of bytes per read.
const CHUNK: usize = 64 * 1024;

/// A connection with its request and its partial response.
pub(super) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    written: usize,
    response: Vec<u8>,
    filled: usize,
    /// Once the head is complete: the begin and end of the body, and the status.
    head: Option<(usize, usize, u16)>,
    /// The time at which the latency of the current request began.
    since: Option<Instant>,
}

/// The result of a step.
pub(super) enum Progress {
    /// The response is incomplete.
    Waiting,
    /// The response is complete.
    Complete {
        status: u16,
        /// The latency.
        took: Duration,
    },
    /// The peer has closed the connection, or the response is not valid HTTP.
    Broken {
        /// Whether a response was outstanding.
        outstanding: bool,
    },
}

impl Connection {
    pub(super) fn open(address: SocketAddr, registry: &Registry, token: Token) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        // Some systems refuse this before the socket is connected, and nothing depends on it.
        let _ = stream.set_nodelay(true);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            written: 0,
            response: vec![0; CHUNK],
            filled: 0,
            head: None,
            since: None,
        })
    }

    /// Sends the request that `write` writes. The latency counts from now, or from `since` if that is earlier.
    pub(super) fn start(&mut self, write: impl FnOnce(&mut Vec<u8>), since: Option<Instant>) -> Result<()> {
        self.request.clear();
        write(&mut self.request);
        self.written = 0;
        self.since = Some(since.unwrap_or_else(Instant::now));
        match self.send() {
            Ok(()) => Ok(()),
            // A connection that is not established yet, or is closed, reports that at the next poll.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotConnected | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn send(&mut self) -> std::io::Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(0) => return Err(ErrorKind::BrokenPipe.into()),
                Ok(sent) => self.written += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends and reads as much as possible without blocking.
    pub(super) fn advance(&mut self) -> Progress {
        if self.since.is_some() && self.send().is_err() {
            return Progress::Broken { outstanding: true };
        }
        loop {
            if self.filled == self.response.len() {
                self.response.resize(self.filled * 2, 0);
            }
            match self.stream.read(&mut self.response[self.filled..]) {
                Ok(0) => return Progress::Broken { outstanding: self.since.is_some() },
                Ok(read) => self.filled += read,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return Progress::Waiting;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Progress::Broken { outstanding: self.since.is_some() },
            }
            if self.head.is_none() {
                match head(&self.response[..self.filled]) {
                    Head::Partial => continue,
                    Head::Whole(found) => self.head = Some(found),
                    Head::Invalid => return Progress::Broken { outstanding: true },
                }
            }
            if let (Some((_, end, status)), Some(since)) = (self.head, self.since)
                && self.filled >= end
            {
                self.since = None;
                return Progress::Complete { status, took: since.elapsed() };
            }
        }
    }

    /// The body of the response.
    pub(super) fn body(&self) -> &[u8] {
        self.head.map_or(&[], |(begin, end, _)| &self.response[begin..end])
    }

    /// Discards the response.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
        self.head = None;
    }
}

enum Head {
    Partial,
    /// The begin and end of the body, and the status.
    Whole((usize, usize, u16)),
    Invalid,
}

/// Parses the head of a response. The length of the body comes from `Content-Length`; without that header there is no
/// body.
fn head(response: &[u8]) -> Head {
    let Some(length) = response.windows(4).position(|four| four == b"\r\n\r\n") else { return Head::Partial };
    let Ok(text) = std::str::from_utf8(&response[..length]) else { return Head::Invalid };
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let Some(status) = status else { return Head::Invalid };
    let mut body = 0;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { return Head::Invalid };
        if name.eq_ignore_ascii_case("content-length") {
            let Ok(bytes) = value.trim().parse() else { return Head::Invalid };
            body = bytes;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Head::Invalid;
        }
    }
    Head::Whole((length + 4, length + 4 + body, status))
}
