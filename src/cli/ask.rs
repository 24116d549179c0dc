//! Asks a running server over HTTP, one request for each connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::local_stream::LocalStream;
use super::{running, sockets};
use crate::app::runtime::issuers::Transport;
use crate::config::Config;
use crate::config::listen::Listen;
use crate::domain::secret::Secret;
use crate::store::data_dir::DataDir;

/// The maximum length of an answer, in bytes.
const MAX_LENGTH: u64 = 4 << 20;

/// Where a server listens, as seen from this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Http(SocketAddr),
    Https(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Endpoint {
    /// The first socket of the running server, or else of this configuration.
    pub(super) fn of(config: &Config, home: &DataDir) -> Self {
        let running = running::of(home).filter(|running| !(running.listen.is_empty() && running.unix.is_empty()));
        let (addresses, unix, is_https) = match running {
            Some(running) => (running.listen, running.unix, running.https),
            None => (
                config.addresses(),
                config.listen.iter().filter_map(Listen::unix).collect(),
                sockets::transport(config) != Transport::Http,
            ),
        };
        match (addresses.first(), unix.first()) {
            (None, Some(path)) => Self::Unix(path.clone()),
            (address, _) => {
                let address = reachable(address.copied().unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8787).into()));
                if is_https { Self::Https(address) } else { Self::Http(address) }
            }
        }
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::Http(address) => format!("http://{address}"),
            Self::Https(address) => format!("https://{address}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// Asks with GET. Fails when there is no complete answer within the timeout.
    pub(super) fn get(&self, path: &str, bearer: Option<&Secret>, timeout: Duration) -> io::Result<Answer> {
        let until = Instant::now() + timeout;
        let (mut stream, host) = match self {
            Self::Http(address) => (LocalStream::tcp(*address, until)?, address.to_string()),
            Self::Https(address) => (LocalStream::tls(*address, until)?, address.to_string()),
            Self::Unix(path) => (LocalStream::unix(path, until)?, "localhost".to_owned()),
        };
        let authorization = bearer.map(|key| format!("Authorization: Bearer {}\r\n", key.expose())).unwrap_or_default();
        let agent = concat!("atelier/", env!("CARGO_PKG_VERSION"));
        // With HTTP/1.0, the end of the connection is the end of the answer.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: {agent}\r\n{authorization}\r\n");
        stream.write_all(request.as_bytes())?;
        stream.flush()?;
        let mut bytes = Vec::new();
        let mut part = [0; 8192];
        loop {
            match stream.read(&mut part) {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(&part[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if bytes.len() as u64 > MAX_LENGTH {
                return Err(malformed("the answer is too long"));
            }
        }
        Answer::parse(&bytes)
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let text = str::from_utf8(bytes).map_err(|_| malformed("the answer is not text"))?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| malformed("the answer is not HTTP"))?;
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| malformed("the answer is not HTTP"))?;
        Ok(Self { status, body: body.to_owned() })
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// An address at which this machine reaches a server that listens on this one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer = Answer::parse(b"HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "{}"));
        for bad in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 ok\r\n\r\n", b"\x16\x03\x01\xff"]
        {
            assert!(Answer::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_at_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.5:80", "10.0.0.5:80"),
            ("[fd00::1]:80", "[fd00::1]:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
