//! The SHA-256 of a file, by which it is stored.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::invalid::Invalid;

/// A SHA-256. Its text is 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; Self::LENGTH]);

impl Sha256 {
    /// The length in bytes.
    pub const LENGTH: usize = 32;

    pub const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| Invalid::rule("must be a SHA-256: 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_64_hexadecimal_digits_are_a_sha256() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Sha256>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Sha256>().unwrap().to_string(), text);
        for bad in ["", "0", &text[1..], &text[2..], &format!("{text}00"), &text.replace('f', "g"), &format!(" {text}")]
        {
            assert!(bad.parse::<Sha256>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_sha256_round_trips(bytes in any::<[u8; 32]>()) {
            let sha256 = Sha256::new(bytes);
            prop_assert_eq!(sha256.to_string().parse::<Sha256>().unwrap(), sha256);
        }

        #[test]
        fn no_text_causes_a_panic(text in ".{0,70}") {
            let _ = text.parse::<Sha256>();
        }
    }
}
