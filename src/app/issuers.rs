//! Who the server says it is: the issuer in its tokens and in its discovery document.

/// The path of the one realm, as Keycloak has it.
pub const REALM_PATH: &str = "/auth/realms/master";

/// Who the server says it is.
#[derive(Clone, Debug)]
pub struct Issuers {
    public_url: Option<String>,
    hosts: Vec<String>,
    fallback: String,
}

impl Issuers {
    /// With a public URL (an origin without a slash at its end), that one alone; without, whichever of the
    /// trusted hosts (`name:port` as in the `Host` header) a request came for, else the first of them.
    pub fn new(public_url: Option<String>, hosts: Vec<String>) -> Self {
        let fallback = hosts.first().map_or_else(|| "http://localhost".to_owned(), |host| format!("http://{host}"));
        Self { public_url, hosts, fallback }
    }

    /// The origin that a request for this host is served under: `http://127.0.0.1:8787`.
    pub fn origin(&self, host: Option<&str>) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let known = host.and_then(|host| self.hosts.iter().find(|known| known.eq_ignore_ascii_case(host)));
        known.map_or_else(|| self.fallback.clone(), |host| format!("http://{host}"))
    }

    /// The address that people and programs come by, where it is configured.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Whether people and programs come by https, which a proxy before the server ends.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The issuer that a request for this host is served under.
    pub fn issuer(&self, host: Option<&str>) -> String {
        self.origin(host) + REALM_PATH
    }

    /// Whether the server issues tokens under this name.
    pub fn knows(&self, issuer: &str) -> bool {
        let Some(origin) = issuer.strip_suffix(REALM_PATH) else { return false };
        match &self.public_url {
            Some(url) => origin == url,
            None => {
                origin == self.fallback
                    || origin.strip_prefix("http://").is_some_and(|host| self.hosts.iter().any(|known| known == host))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_the_only_name() {
        let issuers = Issuers::new(Some("https://ml.example.com".to_owned()), vec!["127.0.0.1:8787".to_owned()]);
        assert_eq!(issuers.issuer(Some("evil.example")), "https://ml.example.com/auth/realms/master");
        assert!(issuers.knows("https://ml.example.com/auth/realms/master"));
        assert!(!issuers.knows("http://127.0.0.1:8787/auth/realms/master"));
    }

    #[test]
    fn without_one_a_trusted_host_names_it() {
        let issuers = Issuers::new(None, vec!["127.0.0.1:8787".to_owned(), "localhost:8787".to_owned()]);
        assert_eq!(issuers.origin(Some("LOCALHOST:8787")), "http://localhost:8787");
        assert_eq!(issuers.origin(Some("evil.example")), "http://127.0.0.1:8787");
        assert_eq!(issuers.origin(None), "http://127.0.0.1:8787");
        assert!(issuers.knows("http://localhost:8787/auth/realms/master"));
        assert!(!issuers.knows("http://evil.example/auth/realms/master"));
        assert!(!issuers.knows("http://localhost:8787"));
    }
}
