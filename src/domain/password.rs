//! A password that someone chooses. How it is hashed is no concern of this layer.

use std::ops::RangeInclusive;

use super::invalid::Invalid;
use super::secret::Secret;

/// A password to be set: 8 to 256 characters, any characters. Its `Debug` prints `***`.
///
/// A password to be *checked* is not one of these: it is compared as it came, whatever its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(Secret);

impl Password {
    /// How many characters (Unicode scalar values) a password may have.
    pub const LENGTH: RangeInclusive<usize> = 8..=256;

    /// Takes a password as typed, nothing trimmed or folded. Refused when too short or too long.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        // One more than allowed is enough to know: a body of megabytes is not counted to its end.
        let length = raw.chars().take(Self::LENGTH.end() + 1).count();
        if Self::LENGTH.contains(&length) {
            Ok(Self(Secret::new(raw)))
        } else {
            Err(Invalid::rule(format!("must have {} to {} characters", Self::LENGTH.start(), Self::LENGTH.end())))
        }
    }

    /// The text itself, for hashing or for showing a generated one once.
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
            ("x".repeat(7), false),
            ("x".repeat(8), true),
            ("ü".repeat(8), true),
            (" ".repeat(8), true),
            ("x".repeat(256), true),
            ("🔑".repeat(256), true),
            ("x".repeat(257), false),
            (String::new(), false),
        ] {
            assert_eq!(Password::parse(&text).is_ok(), good, "{} bytes", text.len());
        }
    }

    #[test]
    fn the_refusal_names_the_rule_and_not_the_password() {
        let refused = Password::parse("hunter2").unwrap_err();
        assert_eq!(refused.to_string(), "must have 8 to 256 characters");
    }

    #[test]
    fn it_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert_eq!(format!("{password:?}"), "Password(***)");
        assert_eq!(password.expose(), "correct horse");
    }

    proptest! {
        #[test]
        fn length_alone_decides(text in any::<String>()) {
            let length = text.chars().count();
            prop_assert_eq!(Password::parse(&text).is_ok(), (8..=256).contains(&length));
        }
    }
}
