//! User codes, which a person reads on one device and types on another (RFC 8628, section 6.1).

use super::opaque::Fingerprint;
use super::random;
use crate::domain::secret::Secret;

/// The alphabet: no vowels, so that no words occur, and no letters that look like digits or sound alike.
pub const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// The number of letters. 20^8 codes are about 2^34.
pub const LENGTH: usize = 8;

/// Generates a code in its display form, and the fingerprint to store for it.
pub fn mint() -> (Secret, Fingerprint) {
    let mut letters = String::with_capacity(LENGTH);
    while letters.len() < LENGTH {
        let [byte] = random::bytes::<1>();
        // 240 is the largest multiple of 20 in a byte. Larger bytes would favor some letters.
        if byte < 240 {
            letters.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        }
    }
    let fingerprint = Fingerprint::of(&letters);
    (Secret::new(display_form(&letters)), fingerprint)
}

/// Parses a typed code in any case, with any whitespace and hyphens. Returns its display form, `XXXX-XXXX`, and its
/// fingerprint.
///
/// `None` for any other text.
pub fn parse(typed: &str) -> Option<(String, Fingerprint)> {
    let mut letters = String::with_capacity(LENGTH);
    for c in typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}')) {
        let letter = u8::try_from(c.to_ascii_uppercase()).ok().filter(|letter| LETTERS.contains(letter))?;
        if letters.len() == LENGTH {
            return None;
        }
        letters.push(char::from(letter));
    }
    (letters.len() == LENGTH).then(|| (display_form(&letters), Fingerprint::of(&letters)))
}

fn display_form(letters: &str) -> String {
    let (first, second) = letters.split_at(LENGTH / 2);
    format!("{first}-{second}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_typed_code_parses_in_every_format() {
        let (code, fingerprint) = mint();
        let code = code.expose();
        assert_eq!(code.len(), 9);
        let bare = code.replace('-', "");
        let spaced = bare.chars().flat_map(|c| [c, ' ']).collect::<String>();
        for typed in [
            code,
            &bare,
            &code.to_lowercase(),
            &format!("  {code}\n"),
            &code.replace('-', " "),
            &spaced,
            &code.replace('-', "\u{2013}"),
        ] {
            let (display, found) = parse(typed).unwrap();
            assert_eq!(display, code, "{typed}");
            assert!(found.matches(&fingerprint));
        }
        for bad in ["", &bare[1..], &format!("{bare}B"), &bare.replace(&bare[..1], "A"), "BCDFGHJ0", "BCDFGHJÜ"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_letter_occurs_and_codes_are_unique() {
        let codes: std::collections::HashSet<String> = (0..500).map(|_| mint().0.expose().to_owned()).collect();
        assert_eq!(codes.len(), 500);
        for letter in LETTERS {
            assert!(codes.iter().any(|code| code.contains(char::from(*letter))));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>()) {
            if let Some((display, _)) = parse(&text) {
                prop_assert_eq!(parse(&display).map(|(again, _)| again), Some(display));
            }
        }
    }
}
