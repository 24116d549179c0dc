//! The issuer: the address that the server puts into tokens and into its discovery document.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::app::runtime::log_limiter::LogLimiter;
use crate::error::{Error, Result};

/// The path of the only realm, as Keycloak has it.
pub const REALM_PATH: &str = "/auth/realms/master";

/// How often requests for the same unknown host are logged.
const LOGGED_EVERY: Duration = Duration::from_hours(24);

/// The maximum number of characters of an unknown host in the log.
const LOGGED: usize = 100;

/// How the server itself is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    Http,
    Https,
    /// https with a certificate that browsers warn of.
    SelfSigned,
}

impl Transport {
    /// The scheme of URLs.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https | Self::SelfSigned => "https",
        }
    }

    /// The default port, which URLs leave out.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https | Self::SelfSigned => 443,
        }
    }
}

/// Which address a request was sent to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target<'a> {
    /// The `Host` header, which can be anything.
    pub host: Option<&'a str>,
    /// The local address of the connection.
    pub reached: Option<SocketAddr>,
    /// Whether a trusted proxy forwarded the request, so that the client used another address.
    pub is_proxied: bool,
}

/// The addresses that the server is reached at.
#[derive(Clone, Debug)]
pub struct Issuers {
    public_url: Option<String>,
    hosts: Vec<String>,
    /// The addresses that it listens on.
    listening: Vec<SocketAddr>,
    transport: Transport,
    unknown: Arc<LogLimiter>,
}

impl Issuers {
    /// With a public URL (an origin and an optional path, without a trailing slash), only that. Otherwise the trusted host
    /// (`name:port` as in the `Host` header) that the request was sent to, else the local address of its connection,
    /// which must be one that the server listens on.
    pub fn new(public_url: Option<String>, hosts: Vec<String>, listening: &[SocketAddr]) -> Self {
        let listening = listening.to_vec();
        let unknown = Arc::new(LogLimiter::new(LOGGED_EVERY));
        Self { public_url, hosts, listening, transport: Transport::default(), unknown }
    }

    /// The same for a server that is reached like this.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The origin where nothing else is known.
    fn fallback(&self) -> String {
        format!("{}://{}", self.transport.scheme(), self.hosts.first().map_or("localhost", String::as_str))
    }

    /// The address that a request is served under: `http://127.0.0.1:8787`, `https://example.com/atelier`.
    ///
    /// Never the `Host` header alone: with it, a client could make others open a server of its own.
    pub fn origin(&self, target: &Target) -> String {
        self.named(target).0
    }

    /// The issuer that a request is served under.
    pub fn issuer(&self, target: &Target) -> String {
        self.origin(target) + REALM_PATH
    }

    /// The issuer for links and redirects that people follow.
    ///
    /// Refused where the origin is unknown: behind a trusted proxy, for a host that is not configured.
    pub fn reachable_issuer(&self, target: &Target) -> Result<String> {
        let (origin, is_known) = self.named(target);
        if is_known || !target.is_proxied {
            return Ok(origin + REALM_PATH);
        }
        Err(Error::Refused {
            rule: "the server does not know the address that your request came to through a proxy: an administrator \
                   must set public_url to that address or add it to trusted_hosts",
        })
    }

    /// The origin, and whether it is configured or was taken from the request.
    fn named(&self, target: &Target) -> (String, bool) {
        if let Some(url) = &self.public_url {
            return (url.clone(), true);
        }
        if let Some(host) =
            target.host.and_then(|host| self.hosts.iter().find(|known| known.eq_ignore_ascii_case(host)))
        {
            return (format!("{}://{host}", self.transport.scheme()), true);
        }
        let reached = target.reached.map(|address| self.authority(address));
        let of_address = |reached: &String| format!("{}://{reached}", self.transport.scheme());
        let origin = reached.as_ref().map_or_else(|| self.fallback(), of_address);
        let is_reached = |host: &str| reached.as_ref().is_some_and(|reached| reached.eq_ignore_ascii_case(host));
        let is_known = target.host.is_none_or(is_reached);
        if !is_known {
            self.log_unknown(target.host.unwrap_or_default(), &origin);
        }
        (origin, is_known)
    }

    fn log_unknown(&self, host: &str, origin: &str) {
        let host: String = host.chars().take(LOGGED).collect();
        if self.unknown.allows(&host) {
            log::warn!(
                "requests arrive for the unknown host {host:?}, so their tokens and links name {origin}; set \
                 public_url to the address that people use, or add the host to trusted_hosts"
            );
        }
    }

    /// The configured address, if there is one.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Whether clients connect by https, to the server or to a proxy in front of it.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().map_or(self.transport != Transport::Http, |url| url.starts_with("https://"))
    }

    /// Whether browsers must use https only, for every port of the host: an administrator has named the address, and
    /// nobody has to get past a warning about the certificate.
    pub fn is_strict(&self) -> bool {
        self.public_url.is_some() && self.is_https() && self.transport != Transport::SelfSigned
    }

    pub const fn transport(&self) -> Transport {
        self.transport
    }

    pub const fn scheme(&self) -> &'static str {
        self.transport.scheme()
    }

    /// Whether the server issues tokens under this name.
    pub fn knows(&self, issuer: &str) -> bool {
        let Some(origin) = issuer.strip_suffix(REALM_PATH) else { return false };
        match &self.public_url {
            Some(url) => origin == url,
            None => {
                origin == self.fallback()
                    || origin
                        .strip_prefix(self.transport.scheme())
                        .and_then(|rest| rest.strip_prefix("://"))
                        .is_some_and(|host| self.hosts.iter().any(|known| known == host) || self.is_served(host))
            }
        }
    }

    /// Whether the server listens on this address, in the form of [`Self::authority`].
    fn is_served(&self, host: &str) -> bool {
        let without_port =
            || host.trim_matches(['[', ']']).parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, self.transport.port()));
        let Some(address) = host.parse::<SocketAddr>().ok().or_else(without_port) else { return false };
        let at = |listening: &SocketAddr| listening.port() == address.port();
        let on = |listening: &SocketAddr| listening.ip().is_unspecified() || listening.ip() == address.ip();
        self.authority(address) == host && self.listening.iter().any(|listening| at(listening) && on(listening))
    }

    /// An address as it is written in a URL.
    fn authority(&self, address: SocketAddr) -> String {
        // The zone of a link-local address has a meaning on this machine only.
        let plain = SocketAddr::new(address.ip().to_canonical(), address.port());
        match plain {
            SocketAddr::V4(v4) if v4.port() == self.transport.port() => v4.ip().to_string(),
            SocketAddr::V6(v6) if v6.port() == self.transport.port() => format!("[{}]", v6.ip()),
            _ => plain.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str) -> Target<'_> {
        Target { host: Some(host), ..Target::default() }
    }

    fn reached<'a>(host: &'a str, address: &str) -> Target<'a> {
        Target { reached: Some(address.parse().unwrap()), ..at(host) }
    }

    fn open(port: u16) -> Issuers {
        Issuers::new(None, vec![format!("127.0.0.1:{port}")], &[SocketAddr::from(([0; 4], port))])
    }

    #[test]
    fn a_public_url_is_the_only_name() {
        let hosts = vec!["127.0.0.1:8787".to_owned()];
        let open = [SocketAddr::from(([0; 4], 8787))];
        let issuers = Issuers::new(Some("https://ml.example.com".to_owned()), hosts, &open);
        for target in [at("evil.example"), reached("evil.example", "192.0.2.7:8787"), Target::default()] {
            assert_eq!(issuers.issuer(&target), "https://ml.example.com/auth/realms/master");
            let proxied = Target { is_proxied: true, ..target };
            assert_eq!(issuers.reachable_issuer(&proxied).unwrap(), "https://ml.example.com/auth/realms/master");
        }
        assert!(issuers.knows("https://ml.example.com/auth/realms/master"));
        assert!(!issuers.knows("http://127.0.0.1:8787/auth/realms/master"));
        assert!(!issuers.knows("http://192.0.2.7:8787/auth/realms/master"));
    }

    #[test]
    fn without_one_a_trusted_host_names_it() {
        let issuers = Issuers::new(None, vec!["127.0.0.1:8787".to_owned(), "localhost:8787".to_owned()], &[]);
        assert_eq!(issuers.origin(&at("LOCALHOST:8787")), "http://localhost:8787");
        assert_eq!(issuers.origin(&reached("localhost:8787", "127.0.0.1:8787")), "http://localhost:8787");
        assert_eq!(issuers.origin(&at("evil.example")), "http://127.0.0.1:8787");
        assert_eq!(issuers.origin(&Target::default()), "http://127.0.0.1:8787");
        assert!(issuers.knows("http://localhost:8787/auth/realms/master"));
        assert!(!issuers.knows("http://evil.example/auth/realms/master"));
        assert!(!issuers.knows("http://192.0.2.7:8787/auth/realms/master"));
        assert!(!issuers.knows("http://localhost:8787"));
    }

    #[test]
    fn an_unknown_host_is_served_under_the_address_that_was_reached() {
        for (address, origin) in [
            ("192.0.2.7:8787", "http://192.0.2.7:8787"),
            ("[2001:db8::7]:8787", "http://[2001:db8::7]:8787"),
            ("[::ffff:192.0.2.7]:8787", "http://192.0.2.7:8787"),
            ("[fe80::7%3]:8787", "http://[fe80::7]:8787"),
            ("192.0.2.7:80", "http://192.0.2.7"),
            ("[2001:db8::7]:80", "http://[2001:db8::7]"),
        ] {
            let issuers = open(if address.ends_with(":80") { 80 } else { 8787 });
            for host in ["evil.example", "evil.example:8787", origin.trim_start_matches("http://"), ""] {
                assert_eq!(issuers.origin(&reached(host, address)), origin, "{host}");
            }
            assert!(issuers.knows(&issuers.issuer(&reached("evil.example", address))), "{address}");
        }
        let issuers = open(8787);
        for unknown in
            ["192.0.2.7", "192.0.2.7:8788", "evil.example:8787", "[::ffff:192.0.2.7]:8787", "0192.0.2.7:8787"]
        {
            assert!(!issuers.knows(&format!("http://{unknown}{REALM_PATH}")), "{unknown}");
        }
    }

    #[test]
    fn what_a_token_names_is_known_wherever_the_server_listens() {
        for port in [80, 8787] {
            let address = SocketAddr::new("192.0.2.7".parse().unwrap(), port);
            let issuers = Issuers::new(None, vec![address.to_string()], &[address]);
            for host in ["evil.example", "192.0.2.7", "192.0.2.7:80", "192.0.2.7:8787"] {
                let target = Target { reached: Some(address), ..at(host) };
                assert!(issuers.knows(&issuers.issuer(&target)), "{port} {host}");
            }
            assert!(!issuers.knows(&format!("http://192.0.2.8:{port}{REALM_PATH}")));
        }
    }

    #[test]
    fn behind_a_proxy_nobody_is_sent_to_an_address_that_nobody_has_named() {
        let issuers = open(8787);
        let proxied = |host| Target { is_proxied: true, ..reached(host, "192.0.2.7:8787") };
        assert!(issuers.reachable_issuer(&proxied("ml.lan")).is_err());
        assert!(issuers.reachable_issuer(&reached("ml.lan", "192.0.2.7:8787")).is_ok());
        for known in ["127.0.0.1:8787", "192.0.2.7:8787"] {
            let issuer = issuers.reachable_issuer(&proxied(known)).unwrap();
            assert_eq!(issuer, format!("http://{known}{REALM_PATH}"));
        }
    }

    #[test]
    fn with_tls_every_name_is_https() {
        let hosts = vec!["localhost:443".to_owned()];
        let issuers = Issuers::new(None, hosts, &[SocketAddr::from(([0; 4], 443))]).over(Transport::Https);
        assert_eq!(issuers.origin(&at("localhost:443")), "https://localhost:443");
        assert_eq!(issuers.origin(&Target::default()), "https://localhost:443");
        assert_eq!(issuers.origin(&reached("evil.example", "192.0.2.7:443")), "https://192.0.2.7");
        assert!(issuers.knows("https://192.0.2.7/auth/realms/master"));
        assert!(!issuers.knows("http://192.0.2.7/auth/realms/master"));
        assert!(issuers.is_https() && !issuers.is_strict());
        for (url, transport, is_strict) in [
            ("https://ml.lan", Transport::Http, true),
            ("https://ml.lan", Transport::Https, true),
            ("https://ml.lan", Transport::SelfSigned, false),
            ("http://ml.lan", Transport::Http, false),
        ] {
            let issuers = Issuers::new(Some(url.to_owned()), Vec::new(), &[]).over(transport);
            assert_eq!(issuers.is_strict(), is_strict, "{url} {transport:?}");
        }
    }
}
