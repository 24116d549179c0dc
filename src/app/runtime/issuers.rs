//! Who the server says it is: the issuer in its tokens and in its discovery document.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::app::runtime::log_limiter::LogLimiter;
use crate::error::{Error, Result};

/// The path of the one realm, as Keycloak has it.
pub const REALM_PATH: &str = "/auth/realms/master";

/// How often it is logged that requests come for the same unknown host.
const LOGGED_EVERY: Duration = Duration::from_hours(24);

/// How much is logged of an unknown host, in characters.
const LOGGED: usize = 100;

/// The port that addresses of http leave out.
const HTTP_PORT: u16 = 80;

/// What is known of where a request was made for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target<'a> {
    /// The `Host` that the client names, which may be anything.
    pub host: Option<&'a str>,
    /// The address of this machine that the connection came to.
    pub reached: Option<SocketAddr>,
    /// Whether a trusted proxy has passed it on, so that the client itself came by another address.
    pub is_proxied: bool,
}

/// Who the server says it is.
#[derive(Clone, Debug)]
pub struct Issuers {
    public_url: Option<String>,
    hosts: Vec<String>,
    /// Where it listens.
    listening: Vec<SocketAddr>,
    fallback: String,
    unknown: Arc<LogLimiter>,
}

impl Issuers {
    /// With a public URL (an origin without a slash at its end), that one alone. Without one, the trusted host
    /// (`name:port` as in the `Host` header) that a request came for. Else the address that its connection came to, which
    /// is one of those where the server listens.
    pub fn new(public_url: Option<String>, hosts: Vec<String>, listening: &[SocketAddr]) -> Self {
        let fallback = hosts.first().map_or_else(|| "http://localhost".to_owned(), |host| format!("http://{host}"));
        let listening = listening.to_vec();
        Self { public_url, hosts, listening, fallback, unknown: Arc::new(LogLimiter::new(LOGGED_EVERY)) }
    }

    /// The origin that a request is served under: `http://127.0.0.1:8787`.
    ///
    /// Never the `Host` of the client alone: whoever sends it could have others led to a server of their own.
    pub fn origin(&self, target: &Target) -> String {
        self.named(target).0
    }

    /// The issuer that a request is served under.
    pub fn issuer(&self, target: &Target) -> String {
        self.origin(target) + REALM_PATH
    }

    /// The same, for those who are to come back by it.
    ///
    /// Refused where that is not known: behind a trusted proxy, for a host that nobody has named.
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

    /// The origin, and whether the client has named it or it is configured.
    fn named(&self, target: &Target) -> (String, bool) {
        if let Some(url) = &self.public_url {
            return (url.clone(), true);
        }
        if let Some(host) =
            target.host.and_then(|host| self.hosts.iter().find(|known| known.eq_ignore_ascii_case(host)))
        {
            return (format!("http://{host}"), true);
        }
        let reached = target.reached.map(authority);
        let origin = reached.as_ref().map_or_else(|| self.fallback.clone(), |reached| format!("http://{reached}"));
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

    /// The address that people and programs come by, where it is configured.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Whether people and programs come by https, which a proxy before the server ends.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether the server issues tokens under this name.
    pub fn knows(&self, issuer: &str) -> bool {
        let Some(origin) = issuer.strip_suffix(REALM_PATH) else { return false };
        match &self.public_url {
            Some(url) => origin == url,
            None => {
                origin == self.fallback
                    || origin
                        .strip_prefix("http://")
                        .is_some_and(|host| self.hosts.iter().any(|known| known == host) || self.is_served(host))
            }
        }
    }

    /// Whether this is an address where the server listens, as [`authority`] writes it.
    fn is_served(&self, host: &str) -> bool {
        let without_port =
            || host.trim_matches(['[', ']']).parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, HTTP_PORT));
        let Some(address) = host.parse::<SocketAddr>().ok().or_else(without_port) else { return false };
        let at = |listening: &SocketAddr| listening.port() == address.port();
        let on = |listening: &SocketAddr| listening.ip().is_unspecified() || listening.ip() == address.ip();
        authority(address) == host && self.listening.iter().any(|listening| at(listening) && on(listening))
    }
}

/// An address as it stands in a URL.
fn authority(address: SocketAddr) -> String {
    // The zone of a link-local address is this machine's own.
    let plain = SocketAddr::new(address.ip().to_canonical(), address.port());
    match plain {
        SocketAddr::V4(v4) if v4.port() == HTTP_PORT => v4.ip().to_string(),
        SocketAddr::V6(v6) if v6.port() == HTTP_PORT => format!("[{}]", v6.ip()),
        _ => plain.to_string(),
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
}
