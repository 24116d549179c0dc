//! Counts the open connections of each address and enforces the limit. It knows addresses and time, but no dialect.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connection::{Connection, MAX_HEAD, MAX_HEAD_TLS, NEVER};
use super::forwarded::TrustedProxies;
use super::socket::Socket;
use super::stream::{Stream, Wire};
use crate::app::runtime::log_limiter::LogLimiter;

/// How many connections are compared to find the one that has been idle longest. Comparing thousands would take too
/// long.
const CANDIDATES: usize = 64;

/// Seconds between two warnings that an address has too many connections.
const WARNING_INTERVAL: u32 = 60;

/// The interval between two log lines about the wrong protocol, or a failed handshake, from the same address.
const PROTOCOL_LOGGED_EVERY: Duration = Duration::from_mins(1);

/// The client that a limit counts for: an IPv4 address, or the /64 network of an IPv6 address, because one client can
/// use any number of addresses in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl Client {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into())),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) total: usize,
    /// The maximum from one address; 0 for a share of the total.
    pub(super) per_address: usize,
    /// The maximum time in which a client must send the head of a request.
    pub(super) head_time: Duration,
    /// The time in which a client must accept more of a response.
    pub(super) write_time: Duration,
}

impl Limits {
    /// By default, a loopback address has nearly all connections. A proxy on this machine connects for every client,
    /// and often it is not configured as a proxy.
    fn of(&self, client: Client) -> usize {
        match self.per_address {
            0 if client.0.is_loopback() => (self.total / 8 * 7).max(1),
            0 => (self.total / 4).max(1),
            some => some,
        }
    }
}

/// All open connections.
///
/// When an address has reached its limit, a new connection closes the one that has been idle longest. One address
/// cannot take the connections of others, and other clients that share its address can still connect.
pub(super) struct Connections {
    limits: Limits,
    proxies: TrustedProxies,
    /// Seconds since the start.
    clock: Arc<AtomicU32>,
    /// Connections without a limit have the key `None`.
    open: Mutex<HashMap<Option<Client>, Vec<Arc<Connection>>>>,
    /// Where the next search for an idle connection starts.
    next: AtomicUsize,
    /// When the last warning about too many connections was logged.
    warned: AtomicU32,
    /// Limits the log lines about clients that speak another protocol.
    protocol_log: Arc<LogLimiter>,
}

impl Connections {
    pub(super) fn new(limits: Limits, proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self {
            limits,
            proxies,
            clock: Arc::default(),
            open: Mutex::default(),
            next: AtomicUsize::default(),
            warned: AtomicU32::new(NEVER),
            protocol_log: Arc::new(LogLimiter::new(PROTOCOL_LOGGED_EVERY)),
        })
    }

    /// Admits a connection. It counts until the returned stream is dropped.
    pub(super) fn admit(self: &Arc<Self>, socket: Socket, wire: Wire) -> Stream {
        let address = socket.peer().map(|peer| peer.ip().to_canonical());
        let client = address.filter(|address| !self.proxies.contains(*address)).map(Client::of);
        let [head_time, write_time] = [self.limits.head_time, self.limits.write_time]
            .map(|time| u32::try_from(time.as_secs()).unwrap_or(NEVER / 4).saturating_add(1));
        let max_head = if wire == Wire::Tls { MAX_HEAD_TLS } else { MAX_HEAD };
        let connection = Arc::new(Connection::new(self.clock.clone(), max_head, head_time, write_time));
        let mut open = self.open();
        let theirs = open.entry(client).or_default();
        let too_many = client.is_some_and(|client| theirs.len() >= self.limits.of(client));
        let too_many = too_many.then(|| theirs.swap_remove(self.longest_idle(theirs)));
        theirs.push(connection.clone());
        drop(open);
        if let Some(idle) = too_many {
            idle.close();
            self.warn(client);
        }
        let all = self.clone();
        let ended = connection.clone();
        Stream::new((socket, wire), connection, self.protocol_log.clone(), move || all.leave(client, &ended))
    }

    /// Logs that a client did not complete the TLS handshake.
    pub(super) fn log_handshake(&self, peer: Option<SocketAddr>, error: &io::Error) {
        // Clients that look whether the port is open say nothing.
        if error.kind() == io::ErrorKind::InvalidData
            && let Some(peer) = peer.map(|peer| peer.ip().to_canonical().to_string())
            && self.protocol_log.allows(&peer)
        {
            log::info!("{peer} did not complete the TLS handshake: {error}");
        }
    }

    /// The number of open connections.
    pub(super) fn count(&self) -> usize {
        self.open().values().map(Vec::len).sum()
    }

    /// Closes late connections every second.
    pub(super) async fn sweep(self: Arc<Self>) {
        loop {
            actix_web::rt::time::sleep(Duration::from_secs(1)).await;
            // The seconds are counted, not measured: clients must not be blamed for a time in which the server could
            // not run.
            let now = self.clock.fetch_add(1, Relaxed).saturating_add(1);
            self.open().values().flatten().filter(|connection| connection.is_late(now)).for_each(|late| late.close());
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Option<Client>, Vec<Arc<Connection>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, client: Option<Client>, connection: &Arc<Connection>) {
        let mut open = self.open();
        let Some(theirs) = open.get_mut(&client) else { return };
        if let Some(at) = theirs.iter().position(|other| Arc::ptr_eq(other, connection)) {
            theirs.swap_remove(at);
        }
        if theirs.is_empty() {
            open.remove(&client);
        }
    }

    /// The index of the connection that has been idle longest, approximately.
    fn longest_idle(&self, theirs: &[Arc<Connection>]) -> usize {
        let start = self.next.fetch_add(CANDIDATES, Relaxed);
        let some = (0..theirs.len().min(CANDIDATES)).map(|at| start.wrapping_add(at) % theirs.len());
        some.min_by_key(|at| theirs[*at].close_order()).unwrap_or_default()
    }

    fn warn(&self, client: Option<Client>) {
        let (now, last) = (self.clock.load(Relaxed), self.warned.load(Relaxed));
        let due = last == NEVER || now.saturating_sub(last) >= WARNING_INTERVAL;
        if let Some(client) = client.filter(|_| due && self.warned.swap(now, Relaxed) == last) {
            log::warn!(
                "{} has {} open connections, the maximum for one address: each new connection closes an idle one; if \
                 it is a proxy, add it to trusted_proxies, otherwise raise connections_per_address",
                client.0,
                self.limits.of(client)
            );
        }
    }
}
