//! An OAuth client: a program that requests tokens on behalf of users, or for itself.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use super::group::GroupNames;
use super::ids::UserId;
use super::invalid::Invalid;
use super::text;
use super::timestamp::Timestamp;

pub use super::scope::{Scope, Scopes};

/// The `client_id`: 1 to 128 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `:`, `/` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// The allowed number of characters.
    pub const LENGTH: RangeInclusive<usize> = 1..=128;

    /// Refuses an id of another length or with another character.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
        if Self::LENGTH.contains(&raw.len()) && raw.bytes().all(fits) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::rule("must have 1 to 128 characters, each of them one of a-z, A-Z, 0-9, ., _, :, / and -"))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that users see: 1 to 255 visible characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Removes surrounding whitespace. Refuses a name that is empty or too long, contains an invisible character, or
    /// could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() || raw.trim().chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have 1 to {} characters", Self::MAX_LENGTH)));
        }
        text::label(raw, Self::MAX_LENGTH).map(Self)
    }

    /// A name from the data file, not validated: older releases allowed some names that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A grant type (RFC 6749, section 1.3; RFC 8628).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Grant {
    /// A code from a browser redirect.
    AuthorizationCode,
    /// The client's own secret, on its own behalf.
    ClientCredentials,
    /// A code that a user has approved on another device.
    #[strum(serialize = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// A username and a password.
    Password,
    RefreshToken,
}

impl Grant {
    pub const ALL: [Self; 5] =
        [Self::AuthorizationCode, Self::ClientCredentials, Self::DeviceCode, Self::Password, Self::RefreshToken];

    /// The value of `grant_type`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The policy for a used refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RefreshPolicy {
    /// It stays valid, as in Keycloak's default: the Wallaroo SDK sends the same one twice.
    Reusable,
    /// It is replaced by its successor (RFC 9700, section 4.14.2).
    Rotating,
}

impl RefreshPolicy {
    /// The value in the database, the audit log and the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether authorization requests need PKCE (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PkcePolicy {
    Required,
    /// A request may leave it out, because the client proves itself by its secret. A challenge that is sent counts.
    Optional,
}

impl PkcePolicy {
    /// The value in the database, the audit log and the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The URI to which a browser is redirected after a sign-in or sign-out: an absolute URI without a fragment (RFC 6749,
/// section 3.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 2000;

    /// Accepts the schemes `https:` and `http:`, and private-use schemes that contain a dot (RFC 8252, section 7.1).
    /// The URI is not normalized.
    ///
    /// Refuses a URI that is too long, has a fragment or user information, or is ambiguous.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.len() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        // Programs disagree about characters outside of ASCII, backslashes and quotes, and some of them end a header.
        if !raw.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"'<>^`{|}#*".contains(&b)) {
            return Err(Invalid::rule("must be a URI in plain ASCII, without a fragment, wildcards or spaces"));
        }
        let web = raw.strip_prefix("https://").or_else(|| raw.strip_prefix("http://"));
        let fits = match web {
            Some(rest) => {
                let authority = rest.split(['/', '?']).next().unwrap_or_default();
                !authority.is_empty() && !authority.contains('@') && !authority.starts_with(':')
            }
            None => raw.split_once(':').is_some_and(|(scheme, rest)| {
                scheme.starts_with(|c: char| c.is_ascii_lowercase())
                    && scheme.contains('.')
                    && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b))
                    && !rest.is_empty()
            }),
        };
        if fits {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::rule("must begin with https://, http:// or the app's own scheme, such as com.example.app:"))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request may contain this redirect URI. All bytes must be equal, except the port of a loopback address
    /// (RFC 8252, section 7.3).
    pub fn allows(&self, requested: &str) -> bool {
        if self.0 == requested {
            return true;
        }
        match (loopback(&self.0), loopback(requested)) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
    }

    /// Whether the URI uses unencrypted HTTP over the network.
    pub fn is_exposed(&self) -> bool {
        self.0.starts_with("http://") && loopback(&self.0).is_none() && !self.0.starts_with("http://localhost")
    }
}

/// The host and the part after the port of a loopback URI. `None` for any other URI.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
    let after = &rest[host.len()..];
    let tail = match after.strip_prefix(':') {
        None => after,
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let number = port[..digits].parse::<u16>().ok().filter(|number| *number > 0)?;
            // A port must be written without leading zeros.
            if number.to_string().len() != digits {
                return None;
            }
            &port[digits..]
        }
    };
    (tail.is_empty() || tail.starts_with(['/', '?'])).then_some((host, tail))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// The name that users see.
    pub name: ClientName,
    /// Whether atelier created it. Such a client cannot be removed.
    pub built_in: bool,
    /// Whether it authenticates with a secret.
    pub confidential: bool,
    /// The grants that it may use.
    pub grants: BTreeSet<Grant>,
    /// The scopes that it may request.
    pub scopes: Scopes,
    /// The allowed redirect URIs of the authorization endpoint.
    pub redirect_uris: Vec<RedirectUri>,
    /// The allowed redirect URIs after a sign-out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The policy for its used refresh tokens.
    pub refresh: RefreshPolicy,
    pub pkce: PkcePolicy,
    /// The names that it reads in place of groups.
    pub groups: GroupNames,
    /// The lifetime of its access tokens. `None` for the server's setting.
    pub access_token_life: Option<Duration>,
    /// The maximum idle time of its sessions. `None` for the server's setting.
    pub session_idle: Option<Duration>,
    /// The maximum lifetime of its sessions. `None` for the server's setting.
    pub session_life: Option<Duration>,
    /// The bot that it acts as on its own behalf.
    pub service_user: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Client {
    /// Whether it may use this grant.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// The scopes that every request of this client is granted implicitly. The programs that use the built-in clients
    /// were written for servers without a scope `api`, so they never request it.
    pub fn implied(&self) -> Scopes {
        if self.built_in { Scopes::of([Scope::Api]).intersection(&self.scopes) } else { Scopes::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_values_are_stable() {
        let words = [
            "authorization_code",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "password",
            "refresh_token",
        ];
        assert_eq!(Grant::ALL.map(Grant::as_str), words);
        assert_eq!(words.map(str::parse), Grant::ALL.map(Ok));
        let policies = [RefreshPolicy::Reusable, RefreshPolicy::Rotating];
        let words = ["reusable", "rotating"];
        assert_eq!(policies.map(RefreshPolicy::as_str), words);
        assert_eq!(words.map(str::parse), policies.map(Ok));
        let policies = [PkcePolicy::Required, PkcePolicy::Optional];
        let words = ["required", "optional"];
        assert_eq!(policies.map(PkcePolicy::as_str), words);
        assert_eq!(words.map(str::parse), policies.map(Ok));
    }

    #[test]
    fn a_redirect_uri_is_absolute_and_unambiguous() {
        for good in ["https://a.example/cb?x=1", "http://127.0.0.1/callback", "http://[::1]:80/", "com.example.app:/cb"]
        {
            assert!(RedirectUri::parse(good).is_ok(), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2000));
        for bad in [
            "",
            "/cb",
            "//a.example/cb",
            "https://",
            "https:///cb",
            "https://u@a.example/",
            "https://a.example/#x",
            "https://a.example/ x",
            "https://a.example\\@b",
            "javascript:alert(1)",
            "data:text/html,x",
            "app:/cb",
            "https://*.example/",
            "https://:80/",
            "HTTPS://a.example/",
            "https://ä.example/",
            &long,
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        let registered = RedirectUri::parse("http://127.0.0.1/callback").unwrap();
        for good in ["http://127.0.0.1/callback", "http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback"] {
            assert!(registered.allows(good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:1/callback/",
            "http://127.0.0.1:1/Callback",
            "http://127.0.0.1:1/callback?x",
            "https://127.0.0.1:1/callback",
            "http://localhost:1/callback",
            "http://[::1]:1/callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.2:1/callback",
            "",
        ] {
            assert!(!registered.allows(bad), "{bad}");
        }
        let web = RedirectUri::parse("https://a.example:8443/cb").unwrap();
        assert!(web.allows("https://a.example:8443/cb"));
        assert!(!web.allows("https://a.example:8444/cb"));
        let named = RedirectUri::parse("http://localhost:3000/cb").unwrap();
        assert!(named.allows("http://localhost:3000/cb") && !named.allows("http://localhost:3001/cb"));
    }

    #[test]
    fn unencrypted_uris_are_detected() {
        let exposed = |uri| RedirectUri::parse(uri).unwrap().is_exposed();
        assert!(exposed("http://grafana.lan/cb"));
        assert!(!exposed("https://grafana.lan/cb") && !exposed("http://127.0.0.1:3/cb"));
        assert!(!exposed("http://localhost:3/cb"));
    }

    proptest! {
        #[test]
        fn every_byte_must_be_equal(at in 0_usize..40, byte in b'!'..=b'~') {
            let text = "https://a.example:8443/callback?state=x1";
            let registered = RedirectUri::parse(text).unwrap();
            let mut requested = text.as_bytes().to_vec();
            requested[at] = byte;
            let requested = String::from_utf8(requested).unwrap();
            prop_assert_eq!(registered.allows(&requested), requested == text);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>()) {
            let _ = ClientId::parse(&text);
            let _ = ClientName::parse(&text);
            let _ = Scopes::parse_known(&text);
            if let Ok(uri) = RedirectUri::parse(&text) {
                prop_assert!(uri.allows(&text));
            }
        }
    }
}
