//! Tags: short MACs, derived from a secret of the data file, which prove that atelier issued a public id or cursor.

use aws_lc_rs::{constant_time, hmac};

/// The alphabet of tags. The base64 of a text of only these letters and `:` contains neither `+` nor `/`.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The secret that tags are derived from (HMAC-SHA-256, RFC 2104).
#[derive(Clone)]
pub struct TagKey(hmac::Key);

impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl TagKey {
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The tag of a text: `length` letters and digits, at most 32. A tag is valid for its `purpose` only.
    pub fn tag(&self, purpose: &str, text: &str, length: usize) -> String {
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        self.sign(purpose, text.as_bytes()).as_ref().iter().take(length).map(letter).collect()
    }

    /// The hash of some bytes for a purpose.
    pub fn hash(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.iter_mut().zip(self.sign(purpose, bytes).as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }

    fn sign(&self, purpose: &str, bytes: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(bytes);
        context.sign()
    }

    /// Whether this is the tag of a text. Compares in constant time.
    pub fn matches(&self, purpose: &str, text: &str, tag: &str) -> bool {
        constant_time::verify_slices_are_equal(self.tag(purpose, text, tag.len()).as_bytes(), tag.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_is_valid_for_one_text_one_purpose_and_one_key() {
        let key = TagKey::new(&[7; 32]);
        let tag = key.tag("id", "Space:1", 8);
        assert_eq!(tag.len(), 8);
        assert!(key.matches("id", "Space:1", &tag));
        assert!(!key.matches("id", "Space:2", &tag));
        assert!(!key.matches("cursor", "Space:1", &tag));
        assert!(!TagKey::new(&[8; 32]).matches("id", "Space:1", &tag));
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>(), tag in any::<String>()) {
            let _ = TagKey::new(&[7; 32]).matches("id", &text, &tag);
        }
    }
}
