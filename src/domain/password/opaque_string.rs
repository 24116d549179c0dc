//! The normalization of passwords (RFC 8265, section 4.2, the profile `OpaqueString`).

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Maps every space to an ASCII space, and composes letters with their marks (NFC).
pub(super) fn prepared(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        return Cow::Borrowed(raw);
    }
    let category = CodePointMapData::<GeneralCategory>::new();
    let spaced: String =
        raw.chars().map(|c| if category.get(c) == GeneralCategory::SpaceSeparator { ' ' } else { c }).collect();
    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned())
}

/// Whether a normalized text has only characters that a new password may contain (RFC 8264, section 4.3,
/// `FreeformClass`): letters, digits, marks, punctuation, symbols and spaces. The RFC allows the two joiners in some
/// contexts. They are not allowed here.
pub(super) fn is_allowed(text: &str) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new();
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().all(|c| {
        let of_no_use = matches!(
            category.get(c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        );
        !of_no_use && !ignorable.contains(c)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_password_has_one_form() {
        for (typed, kept) in [
            ("correct horse", "correct horse"),
            ("Zu\u{308}rich  is nice", "Z\u{fc}rich  is nice"),
            ("no\u{a0}break\u{3000}wide", "no break wide"),
            ("\u{1100}\u{1161}", "\u{ac00}"),
            ("\u{212b}", "\u{c5}"),
            ("\u{fb01}", "\u{fb01}"),
            ("\u{ff21}", "\u{ff21}"),
            ("ΑΒΓ Case Stays", "ΑΒΓ Case Stays"),
        ] {
            assert_eq!(prepared(typed), kept, "{typed:?}");
        }
    }

    #[test]
    fn invisible_characters_are_not_allowed() {
        for bad in ["\0", "\t", "\n", "\u{7f}", "\u{85}", "\u{200b}", "\u{200d}", "\u{202e}", "\u{2028}", "\u{e000}"] {
            assert!(!is_allowed(&format!("some{bad}thing")), "{bad:?}");
        }
        for good in ["correct horse", "pässwörd", "пароль", "密码密码", "🔑 and 🚪", "नमस्ते", "מָשִׁיחַ"]
        {
            assert!(is_allowed(&prepared(good)), "{good}");
        }
    }

    proptest! {
        #[test]
        fn normalization_is_idempotent(text in any::<String>()) {
            let once = prepared(&text).into_owned();
            let twice = prepared(&once).into_owned();
            prop_assert_eq!(twice, once);
        }
    }
}
