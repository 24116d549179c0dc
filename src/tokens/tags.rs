//! Tags: short proofs that a public id or cursor was made here, derived from a secret of the data file.

use aws_lc_rs::{constant_time, hmac};

/// The letters that a tag is spelled with; base64 of text that holds only these and `:` has neither `+` nor `/`.
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
    /// A key of these secret bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The tag of a text: so many letters and digits, 32 at most. `purpose` keeps tags for one thing from being good
    /// for another.
    pub fn tag(&self, purpose: &str, text: &str, length: usize) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        context.sign().as_ref().iter().take(length).map(letter).collect()
    }

    /// Whether this is the tag of a text, compared in constant time.
    pub fn matches(&self, purpose: &str, text: &str, tag: &str) -> bool {
        constant_time::verify_slices_are_equal(self.tag(purpose, text, tag.len()).as_bytes(), tag.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_is_for_one_text_one_purpose_and_one_key() {
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
        fn no_text_is_a_panic(text in any::<String>(), tag in any::<String>()) {
            let _ = TagKey::new(&[7; 32]).matches("id", &text, &tag);
        }
    }
}
