//! The texts of refresh tokens. A reusable token is a plain random token. A rotating token has a dot and a second part,
//! the family, which all tokens of its session share. The family identifies a token that was exchanged long ago, so
//! that its reuse is detected.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::opaque::{self, Fingerprint, Kind};
use super::random;
use crate::domain::secret::Secret;

/// The random bytes of the family part.
const FAMILY: usize = 24;
/// The length of the family part as base64url text, in characters.
const TEXT: usize = FAMILY / 3 * 4;

/// The salt from which a successor is derived.
pub type Salt = [u8; 32];

/// A refresh token, generated or presented.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    pub text: Secret,
    /// The fingerprint of the whole text.
    pub fingerprint: Fingerprint,
    /// The fingerprint of the family part. `None` for a reusable token.
    pub family: Option<Fingerprint>,
}

impl RefreshToken {
    pub fn reusable() -> Self {
        let (text, fingerprint) = opaque::mint(Kind::Refresh);
        Self { text, fingerprint, family: None }
    }

    /// Generates the first token of a new family.
    pub fn new_family() -> Self {
        let family = URL_SAFE_NO_PAD.encode(random::bytes::<FAMILY>());
        Self::from_parts(&random::bytes(), &family)
    }

    /// Parses a presented text. `None` if atelier never issued such a text.
    pub fn parse(raw: &str) -> Option<Self> {
        let Some((token, family)) = raw.split_once('.') else {
            let fingerprint = opaque::parse(Kind::Refresh, raw)?;
            return Some(Self { text: Secret::new(raw), fingerprint, family: None });
        };
        opaque::parse(Kind::Refresh, token)?;
        if family.len() != TEXT || URL_SAFE_NO_PAD.decode(family).is_err() {
            return None;
        }
        let (fingerprint, family) = (Fingerprint::of(raw), Some(Fingerprint::of(family)));
        Some(Self { text: Secret::new(raw), fingerprint, family })
    }

    /// The token that replaces this one. The same salt always gives the same successor, so its text need not be stored.
    ///
    /// `None` for a reusable token.
    pub fn successor(&self, salt: &Salt) -> Option<Self> {
        let (_, family) = self.text.expose().split_once('.')?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        let mut random = [0; 32];
        random.copy_from_slice(hmac::sign(&key, self.text.expose().as_bytes()).as_ref());
        Some(Self::from_parts(&random, family))
    }

    fn from_parts(random: &[u8; 32], family: &str) -> Self {
        let text = format!("{}.{family}", opaque::encode(Kind::Refresh, random));
        let (fingerprint, family) = (Fingerprint::of(&text), Some(Fingerprint::of(family)));
        Self { text: Secret::new(text), fingerprint, family }
    }
}

pub fn salt() -> Salt {
    random::bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_of_a_family_share_their_second_part() {
        let first = RefreshToken::new_family();
        let (one, other) = (salt(), salt());
        let second = first.successor(&one).unwrap();
        assert_eq!(second.family, first.family);
        assert!(second.text != first.text);
        assert!(first.successor(&one).unwrap().text == second.text, "the same salt, the same successor");
        assert!(first.successor(&other).unwrap().text != second.text);
        for token in [&first, &second] {
            let parsed = RefreshToken::parse(token.text.expose()).unwrap();
            assert_eq!((parsed.fingerprint, parsed.family), (token.fingerprint, token.family));
        }
        assert!(RefreshToken::new_family().family != first.family);
    }

    #[test]
    fn a_reusable_token_has_no_family_and_no_successor() {
        let token = RefreshToken::reusable();
        assert!(token.family.is_none() && token.successor(&salt()).is_none());
        assert_eq!(RefreshToken::parse(token.text.expose()).unwrap().fingerprint, token.fingerprint);
    }

    #[test]
    fn malformed_tokens_are_refused() {
        let token = RefreshToken::new_family();
        let text = token.text.expose();
        let (head, family) = text.split_once('.').unwrap();
        for bad in [
            format!("{head}."),
            format!("{head}.{}", &family[1..]),
            format!("{head}.{family}="),
            format!("{head}.{family}.{family}"),
            format!(".{family}"),
            format!("{}.{family}", &head[..head.len() - 1]),
            format!(" {text}"),
            String::new(),
        ] {
            assert!(RefreshToken::parse(&bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>()) {
            prop_assert!(RefreshToken::parse(&text).is_none());
            let prefixed = format!("atlr_{text}");
            prop_assert!(RefreshToken::parse(&prefixed).is_none());
        }
    }
}
