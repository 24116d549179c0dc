//! An OAuth client: a program that asks for tokens on behalf of people, or on its own.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use super::ids::UserId;
use super::invalid::Invalid;
use super::text;
use super::timestamp::Timestamp;

pub use super::scope::{Scope, Scopes};

/// The `client_id`: 1 to 128 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `:`, `/` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// How many characters.
    pub const LENGTH: RangeInclusive<usize> = 1..=128;

    /// Takes an id as it is.
    ///
    /// Refuses one of another length or with another character.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
        if Self::LENGTH.contains(&raw.len()) && raw.bytes().all(fits) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::rule("must have 1 to 128 characters, each of them one of a-z, A-Z, 0-9, ., _, :, / and -"))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client's name as people are shown it: 1 to 255 characters, all of them visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, without the blanks around it.
    ///
    /// Refuses one that is empty or too long, has a character that nobody sees, or reads as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.trim().is_empty() || raw.trim().chars().count() > Self::LONGEST {
            return Err(Invalid::rule(format!("must have 1 to {} characters", Self::LONGEST)));
        }
        text::label(raw, Self::LONGEST).map(Self)
    }

    /// A name of the data file as it is there: an older file may have one that would be refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A way to get tokens (RFC 6749, section 1.3; RFC 8628).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Grant {
    /// A code that a person's browser has brought.
    AuthorizationCode,
    /// The client's own secret, on its own behalf.
    ClientCredentials,
    /// A code that a person has approved on another device.
    #[strum(serialize = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// A name and a password.
    Password,
    /// A refresh token.
    RefreshToken,
}

impl Grant {
    /// Each way.
    pub const ALL: [Self; 5] =
        [Self::AuthorizationCode, Self::ClientCredentials, Self::DeviceCode, Self::Password, Self::RefreshToken];

    /// The `grant_type` on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RefreshPolicy {
    /// It stays good, as in Keycloak's default: the Wallaroo SDK sends the same one twice.
    Reusable,
    /// It is exchanged for its successor (RFC 9700, section 4.14.2).
    Rotating,
}

impl RefreshPolicy {
    /// The word for the policy in the database, the audit and the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where a browser is sent back to, after it signed in or out: an absolute address without a fragment (RFC 6749,
/// section 3.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The most characters.
    pub const LONGEST: usize = 2000;

    /// Takes an address as it is: `https:`, `http:`, or a scheme of a program's own with a dot in it (RFC 8252, section
    /// 7.1).
    ///
    /// Refuses one that is too long, has a fragment or a user, or could be read in two ways.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.len() > Self::LONGEST {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::LONGEST)));
        }
        // What is not plain ASCII, a backslash or a quote is read differently by different programs, or ends a header.
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

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request may ask for this address: the same to the byte, but for the port of a loopback address (RFC
    /// 8252, section 7.3).
    pub fn allows(&self, asked: &str) -> bool {
        if self.0 == asked {
            return true;
        }
        match (loopback(&self.0), loopback(asked)) {
            (Some(registered), Some(asked)) => registered == asked,
            _ => false,
        }
    }

    /// Whether it leads over an unprotected network.
    pub fn is_exposed(&self) -> bool {
        self.0.starts_with("http://") && loopback(&self.0).is_none() && !self.0.starts_with("http://localhost")
    }
}

/// The host and what follows the port of an address on this very machine; none for any other address.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
    let after = &rest[host.len()..];
    let tail = match after.strip_prefix(':') {
        None => after,
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let number = port[..digits].parse::<u16>().ok().filter(|number| *number > 0)?;
            // One port is written in one way.
            if number.to_string().len() != digits {
                return None;
            }
            &port[digits..]
        }
    };
    (tail.is_empty() || tail.starts_with(['/', '?'])).then_some((host, tail))
}

/// An OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// What people are shown.
    pub name: ClientName,
    /// Whether it is there from the start and stays.
    pub built_in: bool,
    /// Whether it proves by a secret who it is.
    pub confidential: bool,
    /// The ways that it may use.
    pub grants: BTreeSet<Grant>,
    /// What its tokens may be good for.
    pub scopes: Scopes,
    /// Where it may have a browser sent to with a code.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where it may have a browser sent to after it signed out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// What becomes of its refresh tokens when they are used.
    pub refresh: RefreshPolicy,
    /// How long its access tokens live, where that is not the server's own.
    pub access_token_life: Option<Duration>,
    /// How long its sessions may stay unused, where that is not the server's own.
    pub session_idle: Option<Duration>,
    /// How long its sessions last in any case, where that is not the server's own.
    pub session_life: Option<Duration>,
    /// The bot that it acts as on its own behalf.
    pub service_user: Option<UserId>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// Whether it may get tokens this way.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// The scopes that are granted with whatever it asks for. The programs that use the built-in clients were written
    /// for servers without a scope `api`, so they never ask for it.
    pub fn implied(&self) -> Scopes {
        if self.built_in { Scopes::of([Scope::Api]).within(&self.scopes) } else { Scopes::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_stay() {
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
    }

    #[test]
    fn an_address_to_return_to_is_absolute_and_plain() {
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
    fn what_leads_over_a_network_unprotected_is_known() {
        let exposed = |uri| RedirectUri::parse(uri).unwrap().is_exposed();
        assert!(exposed("http://grafana.lan/cb"));
        assert!(!exposed("https://grafana.lan/cb") && !exposed("http://127.0.0.1:3/cb"));
        assert!(!exposed("http://localhost:3/cb"));
    }

    proptest! {
        #[test]
        fn no_byte_may_differ(at in 0_usize..40, byte in b'!'..=b'~') {
            let text = "https://a.example:8443/callback?state=x1";
            let registered = RedirectUri::parse(text).unwrap();
            let mut asked = text.as_bytes().to_vec();
            asked[at] = byte;
            let asked = String::from_utf8(asked).unwrap();
            prop_assert_eq!(registered.allows(&asked), asked == text);
        }

        #[test]
        fn no_text_is_a_panic(text in any::<String>()) {
            let _ = ClientId::parse(&text);
            let _ = ClientName::parse(&text);
            let _ = Scopes::known(&text);
            if let Ok(uri) = RedirectUri::parse(&text) {
                prop_assert!(uri.allows(&text));
            }
        }
    }
}
