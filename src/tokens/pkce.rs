//! Proof keys for code exchange (RFC 7636), with the method S256 only.

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::opaque::Fingerprint;

/// The only method. `plain` proves nothing to a reader of the request (RFC 9700, section 2.1.1).
pub const METHOD: &str = "S256";

/// The allowed length of a verifier and of a challenge (RFC 7636, sections 4.1 and 4.2).
const LENGTH: std::ops::RangeInclusive<usize> = 43..=128;

/// Whether a text is well-formed as a challenge: 43 to 128 characters of base64url.
pub fn is_challenge(text: &str) -> bool {
    LENGTH.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The S256 challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Fingerprint::of(verifier).as_bytes())
}

/// Whether the verifier belongs to the challenge. Compares in constant time.
pub fn matches(challenge: &str, verifier: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let well_formed = LENGTH.contains(&verifier.len()) && verifier.bytes().all(fits);
    let same = constant_time::verify_slices_are_equal(self::challenge(verifier).as_bytes(), challenge.as_bytes());
    well_formed && same.is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_rfc_matches() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(super::challenge(verifier), challenge);
        assert!(is_challenge(challenge) && matches(challenge, verifier));
        assert!(!matches(challenge, challenge));
        assert!(!matches(verifier, verifier), "plain is no method");
        assert!(!matches(challenge, &format!("{verifier}=")));
        for bad in ["", "short", &"a".repeat(42), &"a".repeat(129), &"+".repeat(43), &"ä".repeat(43)] {
            assert!(!is_challenge(bad), "{bad}");
        }
        for short in ["", "a", &"a".repeat(42), &"a".repeat(129)] {
            assert!(!matches(&super::challenge(short), short), "{short}");
        }
    }

    proptest! {
        #[test]
        fn only_its_own_verifier_matches(one in "[A-Za-z0-9._~-]{43,128}", other in any::<String>()) {
            let challenge = super::challenge(&one);
            prop_assert!(matches(&challenge, &one));
            prop_assert_eq!(matches(&challenge, &other), one == other);
        }
    }
}
