//! Opaque random tokens: API keys, refresh tokens, device codes, session cookies and links.
//!
//! A token is `prefix` + base64url(256 random bits + CRC-32). Only its fingerprint is stored. The text is displayed
//! once.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::random;
use crate::domain::secret::Secret;

/// The random bytes of a token.
const RANDOM: usize = 32;
/// The random bytes and their checksum, big-endian.
const BODY: usize = RANDOM + 4;
/// The length of the body as base64url text, in characters.
const TEXT: usize = BODY / 3 * 4;
/// The number of trailing characters that a redacted token contains.
const VISIBLE: usize = 4;

/// The purpose of a token. The prefix prevents the use of one kind as another, and lets scanners find leaked tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The API key of a user or a bot: `atl_`.
    Key,
    /// A refresh token (RFC 6749, 1.5): `atlr_`.
    Refresh,
    /// A device code (RFC 8628, 3.2): `atld_`.
    Device,
    /// The cookie of a browser session: `atls_`.
    Session,
    /// A link to set a password: `atli_`.
    Link,
    /// The cookie of a pending sign-in: `atlh_`.
    Half,
    /// An authorization code (RFC 6749, 1.3.1): `atlg_`.
    Code,
    /// The secret of an OAuth client: `atlc_`.
    ClientSecret,
    /// The key with which the commands of a machine ask its server: `atlo_`.
    Local,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Key,
        Self::Refresh,
        Self::Device,
        Self::Session,
        Self::Link,
        Self::Half,
        Self::Code,
        Self::ClientSecret,
        Self::Local,
    ];

    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Key => "atl_",
            Self::Refresh => "atlr_",
            Self::Device => "atld_",
            Self::Session => "atls_",
            Self::Link => "atli_",
            Self::Half => "atlh_",
            Self::Code => "atlg_",
            Self::ClientSecret => "atlc_",
            Self::Local => "atlo_",
        }
    }

    /// The kind by the prefix alone. [`parse`] checks the rest.
    pub fn of(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| raw.starts_with(kind.prefix()))
    }
}

/// The SHA-256 of a whole token, the only part that is stored. Its `Debug` prints `***`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Hashes any text: a random token, or a whole JWT as the key of a cache.
    pub fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Parses a stored fingerprint. `None` unless there are exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(***)")
    }
}

/// Generates a new token, and the fingerprint to store for it.
pub fn mint(kind: Kind) -> (Secret, Fingerprint) {
    let text = encode(kind, &random::bytes());
    let fingerprint = Fingerprint::of(&text);
    (Secret::new(text), fingerprint)
}

/// The text of a token with these random bytes.
pub(super) fn encode(kind: Kind, random: &[u8; RANDOM]) -> String {
    let mut body = [0; BODY];
    body[..RANDOM].copy_from_slice(random);
    body[RANDOM..].copy_from_slice(&checksum(kind, random));
    let mut text = String::with_capacity(kind.prefix().len() + TEXT);
    text.push_str(kind.prefix());
    URL_SAFE_NO_PAD.encode_string(body, &mut text);
    text
}

/// The fingerprint by which a presented token is looked up.
///
/// `None` for a wrong prefix, length, alphabet or checksum: atelier never issued such a text.
pub fn parse(kind: Kind, raw: &str) -> Option<Fingerprint> {
    let text = raw.strip_prefix(kind.prefix())?;
    if text.len() != TEXT {
        return None;
    }
    let body = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (random, sum) = body.split_at_checked(RANDOM)?;
    (sum == checksum(kind, random)).then(|| Fingerprint::of(raw))
}

/// A token for logs and lists: its prefix and its last four characters, such as `atl_****abcd`.
///
/// A text without a known prefix, or shorter than a token, is redacted completely.
pub fn redacted(raw: &str) -> String {
    let Some(prefix) = Kind::of(raw).map(Kind::prefix) else {
        return "****".to_owned();
    };
    let body = &raw[prefix.len()..];
    let visible = if body.len() >= TEXT { body.get(body.len() - VISIBLE..) } else { None };
    format!("{prefix}****{}", visible.unwrap_or_default())
}

/// The checksum covers the prefix, so that a token with another prefix is invalid.
fn checksum(kind: Kind, random: &[u8]) -> [u8; 4] {
    let mut sum = crc32fast::Hasher::new();
    sum.update(kind.prefix().as_bytes());
    sum.update(random);
    sum.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_minted_token_is_its_prefix_and_48_characters() {
        for kind in Kind::ALL {
            let (token, fingerprint) = mint(kind);
            let text = token.expose();
            assert!(text.starts_with(kind.prefix()));
            assert_eq!(text.len(), kind.prefix().len() + 48);
            assert_eq!(Kind::of(text), Some(kind));
            assert!(parse(kind, text).unwrap().matches(&fingerprint));
        }
    }

    #[test]
    fn a_token_is_valid_for_its_kind_only() {
        for made in Kind::ALL {
            let (token, _) = mint(made);
            for kind in Kind::ALL {
                assert_eq!(parse(kind, token.expose()).is_some(), made == kind);
                let body = token.expose().strip_prefix(made.prefix()).unwrap();
                let swapped = format!("{}{body}", kind.prefix());
                assert_eq!(parse(kind, &swapped).is_some(), made == kind, "the prefix is in the checksum");
            }
        }
    }

    #[test]
    fn tokens_are_unique() {
        let minted: HashSet<_> = (0..1000).map(|_| mint(Kind::Key).0.expose().to_owned()).collect();
        assert_eq!(minted.len(), 1000);
    }

    #[test]
    fn any_changed_character_is_refused() {
        let (token, _) = mint(Kind::Key);
        let text = token.expose();
        for at in 0..text.len() {
            for other in ['A', 'b', '_', '=', ' '] {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                let changed: String = changed.into_iter().collect();
                assert_eq!(parse(Kind::Key, &changed), None, "{at} {other}");
            }
        }
    }

    #[test]
    fn a_wrong_length_is_refused() {
        let (token, _) = mint(Kind::Key);
        let text = token.expose();
        let longer = format!("{text}A");
        let padded = format!("{text}=");
        let spaced = format!(" {text}");
        for wrong in [&text[..text.len() - 1], &text[..4], "", &longer, &padded, &spaced] {
            assert_eq!(parse(Kind::Key, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_format_is_stable() {
        // Issued keys and stored fingerprints outlive a release. This key must always parse.
        let stored = "atl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA9PUVC";
        assert_eq!(parse(Kind::Key, stored), Some(Fingerprint::of(stored)));
        let prefixes = Kind::ALL.map(Kind::prefix);
        assert_eq!(prefixes, ["atl_", "atlr_", "atld_", "atls_", "atli_", "atlh_", "atlg_", "atlc_", "atlo_"]);
    }

    #[test]
    fn a_fingerprint_is_sha256_of_the_whole_text() {
        let known = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03,
            0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        let fingerprint = Fingerprint::of("abc");
        assert_eq!(fingerprint.as_bytes(), &known);
        assert_eq!(Fingerprint::from_slice(&known), Some(fingerprint));
        assert_eq!(Fingerprint::from_slice(&known[1..]), None);
        assert!(!fingerprint.matches(&Fingerprint::of("abd")));
        assert_eq!(format!("{fingerprint:?}"), "Fingerprint(***)");
    }

    #[test]
    fn a_redacted_token_contains_its_prefix_and_last_characters() {
        let (token, _) = mint(Kind::Refresh);
        let text = redacted(token.expose());
        assert_eq!(text, format!("atlr_****{}", &token.expose()[token.expose().len() - 4..]));
        assert_eq!(redacted("atl_short"), "atl_****");
        assert_eq!(redacted("hunter2"), "****");
        assert_eq!(redacted(""), "****");
        assert_eq!(redacted(&"ü".repeat(40)), "****");
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_without_a_panic(text in any::<String>()) {
            for kind in Kind::ALL {
                prop_assert_eq!(parse(kind, &text), None);
                prop_assert_eq!(parse(kind, &format!("{}{text}", kind.prefix())), None);
            }
            let _ = redacted(&text);
        }

        #[test]
        fn arbitrary_bodies_of_the_right_length_are_refused(body in "[A-Za-z0-9_-]{48}") {
            prop_assert_eq!(parse(Kind::Key, &format!("atl_{body}")), None);
        }
    }
}
