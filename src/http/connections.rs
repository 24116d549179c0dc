//! All connections: how many each address may have open. It knows addresses and time, but no dialect.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt::net::TcpStream;

use super::connection::{Connection, NEVER, Stream};
use super::forwarded::TrustedProxies;
use crate::app::runtime::log_limiter::LogLimiter;

/// Of how many connections the one that has been idle longest is closed for a new one. To look at all would take too
/// long where there are thousands.
const CANDIDATES: usize = 64;

/// Seconds from one warning that an address has too many connections to the next.
const WARNING_INTERVAL: u32 = 60;

/// How often it is logged that an address begins TLS.
const TLS_LOGGED_EVERY: Duration = Duration::from_mins(1);

/// Whose limits something counts against: an IPv4 address, or the /64 network of an IPv6 address, of which one client
/// has as many addresses as it likes.
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

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) total: usize,
    /// From one address; 0 for a share of all of them.
    pub(super) per_address: usize,
    /// How long a client may take to send the head of a request.
    pub(super) head_time: Duration,
}

impl Limits {
    /// A loopback address has nearly all by default: a proxy on this machine brings everybody, and often nobody has said
    /// that it is one.
    fn of(&self, client: Client) -> usize {
        match self.per_address {
            0 if client.0.is_loopback() => (self.total / 8 * 7).max(1),
            0 => (self.total / 4).max(1),
            some => some,
        }
    }
}

/// All connections that are open.
///
/// When an address has as many as it may have, the one of them that has been idle longest is closed for a new one. So
/// nobody takes the places of others, and those who share an address with somebody who tries it come in too.
pub(super) struct Connections {
    limits: Limits,
    proxies: TrustedProxies,
    /// Seconds since the start.
    clock: Arc<AtomicU32>,
    /// Those that have no limit stand under no client.
    open: Mutex<HashMap<Option<Client>, Vec<Arc<Connection>>>>,
    /// Where the search for an idle one goes on.
    next: AtomicUsize,
    /// When it was last told that an address has too many.
    warned: AtomicU32,
    /// Whose TLS was logged lately.
    tls: Arc<LogLimiter>,
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
            tls: Arc::new(LogLimiter::new(TLS_LOGGED_EVERY)),
        })
    }

    /// Takes a connection in. It counts until it is dropped.
    pub(super) fn admit(self: &Arc<Self>, stream: TcpStream) -> Stream {
        let address = stream.peer_addr().ok().map(|peer| peer.ip().to_canonical());
        let client = address.filter(|address| !self.proxies.contains(*address)).map(Client::of);
        let head_time = u32::try_from(self.limits.head_time.as_secs()).unwrap_or(NEVER / 4).saturating_add(1);
        let connection = Arc::new(Connection::new(self.clock.clone(), head_time));
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
        Stream::new(stream, connection, self.tls.clone(), move || all.leave(client, &ended))
    }

    /// Closes what is of no more use, every second.
    pub(super) async fn sweep(self: Arc<Self>) {
        loop {
            actix_web::rt::time::sleep(Duration::from_secs(1)).await;
            // Counted, not measured: a second in which the server could not go on is nobody's fault.
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

    /// Which of an address's connections has been idle longest, or nearly so.
    fn longest_idle(&self, theirs: &[Arc<Connection>]) -> usize {
        let start = self.next.fetch_add(CANDIDATES, Relaxed);
        let some = (0..theirs.len().min(CANDIDATES)).map(|at| start.wrapping_add(at) % theirs.len());
        some.min_by_key(|at| theirs[*at].use_of()).unwrap_or_default()
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
