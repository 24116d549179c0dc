//! Passwords and their rules. Hashing is not part of this layer.

mod common;
mod opaque_string;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::invalid::Invalid;
use super::secret::Secret;

/// A new password: 10 to 256 visible characters, and none of the most common ones. Its `Debug` prints `***`.
///
/// A password to be *verified* is not one of these. It is compared in the [`compared`] form, whatever its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(Secret);

/// The maximum number of bytes of a typed password that are normalized. No password of any form was ever longer.
const MAX_TYPED_BYTES: usize = 16 * 1024;

/// A typed password in the normalized form that is hashed (RFC 8265, section 4.2): all spaces are ASCII spaces, and
/// letters are composed with their marks. Case and surrounding spaces are significant.
pub fn compared(typed: &str) -> Cow<'_, str> {
    if typed.len() > MAX_TYPED_BYTES { Cow::Borrowed(typed) } else { opaque_string::prepared(typed) }
}

impl Password {
    /// The allowed number of characters (Unicode scalar values).
    pub const LENGTH: RangeInclusive<usize> = 10..=256;

    /// Normalizes a typed password to the [`compared`] form.
    ///
    /// Refused when it is too short or too long, contains invisible characters, or is one of the most common passwords.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let text = compared(raw);
        // One more than the maximum is enough. A body of megabytes is not counted to its end.
        let length = text.chars().take(Self::LENGTH.end() + 1).count();
        if !Self::LENGTH.contains(&length) {
            return Err(Invalid::rule(format!(
                "must have {} to {} characters",
                Self::LENGTH.start(),
                Self::LENGTH.end()
            )));
        }
        if !opaque_string::is_allowed(&text) {
            return Err(Invalid::rule("must not contain control characters or invisible characters"));
        }
        if common::contains(&text) {
            return Err(Invalid::rule("must not be a common password; a few unrelated words make a good one"));
        }
        Ok(Self(Secret::new(text)))
    }

    /// An existing password that is hashed again. The rules for new passwords do not apply.
    pub fn existing(typed: &str) -> Self {
        Self(Secret::new(compared(typed)))
    }

    /// Whether it contains nothing but these texts, digits, punctuation and spaces. Ignores case.
    pub fn is_made_of<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let fold = |text: &str| compared(text).to_lowercase();
        let mut texts: Vec<String> = texts.into_iter().map(fold).filter(|text| !text.is_empty()).collect();
        // Longer texts come first, because they may contain shorter ones.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let whole = fold(self.expose());
        let rest = texts.iter().fold(whole.clone(), |rest, text| rest.replace(text.as_str(), " "));
        rest != whole && !rest.contains(char::is_alphabetic)
    }

    /// The plain text, for hashing or for displaying a generated password once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bounds_are_inclusive_and_count_characters() {
        for (text, good) in [
            ("xq".repeat(4) + "x", false),
            ("xq".repeat(5), true),
            ("ü".repeat(9), false),
            ("ü".repeat(10), true),
            ("u\u{308}".repeat(9), false),
            ("u\u{308}".repeat(10), true),
            (" ".repeat(10), true),
            ("x".repeat(256), true),
            ("🔑".repeat(256), true),
            ("u\u{308}".repeat(256), true),
            ("x".repeat(257), false),
            ("u\u{308}".repeat(257), false),
            ("u\u{308}".repeat(100_000), false),
            (String::new(), false),
        ] {
            assert_eq!(Password::parse(&text).is_ok(), good, "{} bytes", text.len());
        }
    }

    #[test]
    fn the_error_names_the_rule_and_not_the_password() {
        for (text, rule) in [
            ("hunter2", "must have 10 to 256 characters"),
            ("Password123", "must not be a common password; a few unrelated words make a good one"),
            ("correct\u{0}horse", "must not contain control characters or invisible characters"),
            ("correct\u{200b}horse", "must not contain control characters or invisible characters"),
        ] {
            assert_eq!(Password::parse(text).unwrap_err().to_string(), rule, "{text:?}");
        }
    }

    #[test]
    fn it_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert_eq!(format!("{password:?}"), "Password(***)");
        assert_eq!(password.expose(), "correct horse");
        assert_eq!(Password::parse("correct\u{a0}horse").unwrap(), password);
        assert_eq!(Password::existing("short").expose(), "short");
    }

    #[test]
    fn a_password_made_of_a_name_is_detected_in_every_form() {
        let made = |password: &str| Password::existing(password).is_made_of(["ada", "lovelace", "example", "com", ""]);
        for own in ["ada@example.com", "Ada.Lovelace", "LOVELACE-1815", "adaadaada!", "lovelace ada 2026", "1ada2ada3"]
        {
            assert!(made(own), "{own}");
        }
        for good in ["ada's analytical engine", "adamant", "1234567890", "", "love", "the example of ada"] {
            assert!(!made(good), "{good}");
        }
        assert!(Password::existing("ZU\u{308}RICH2026").is_made_of(["z\u{fc}rich"]));
    }

    proptest! {
        #[test]
        fn a_valid_password_is_normalized_and_bounded(text in any::<String>()) {
            if let Ok(password) = Password::parse(&text) {
                prop_assert!(Password::LENGTH.contains(&password.expose().chars().count()));
                prop_assert_eq!(compared(&text), password.expose());
                prop_assert_eq!(Password::parse(password.expose()), Ok(password));
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>(), word in any::<String>()) {
            let _ = Password::existing(&text).is_made_of([word.as_str(), &text]);
        }
    }
}
