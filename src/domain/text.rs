//! The rules for names and descriptions, and the form in which searches compare texts.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use uuid::Uuid;

use super::invalid::Invalid;

/// Converts to NFC (Unicode Standard Annex 15), in which texts that look the same are the same.
pub fn nfc(text: &str) -> Cow<'_, str> {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
    NFC.normalize(text)
}

/// The form in which searches compare texts: in lower case of any script.
///
/// A substring of a text in NFC must fold to a substring of the folded text, so the final sigma becomes the ordinary
/// one.
pub fn fold(text: &str) -> String {
    nfc(text).to_lowercase().replace('ς', "σ")
}

/// Whether a character is invisible: format characters (including zero-width and bidirectional ones), line and
/// paragraph separators, characters that Unicode displays as nothing (fillers, variation selectors, tags), and the
/// blank Braille pattern.
///
/// This includes the joiners in emoji and in Indic and Persian words: the words are readable without them, and with
/// them two different names could look the same.
fn is_invisible(c: char) -> bool {
    const CATEGORY: icu_properties::CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::new();
    const IGNORABLE: icu_properties::CodePointSetDataBorrowed<'static> =
        CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let separates_or_formats = |category| {
        matches!(
            category,
            GeneralCategory::Format | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
        )
    };
    !c.is_ascii() && (c == '\u{2800}' || IGNORABLE.contains(c) || separates_or_formats(CATEGORY.get(c)))
}

/// Refuses a text with control characters or invisible characters.
pub fn visible(text: &str) -> Result<(), Invalid> {
    if text.chars().any(char::is_control) {
        return Err(Invalid::rule("must not contain control characters"));
    }
    match text.chars().find(|c| is_invisible(*c)) {
        Some(c) => Err(Invalid::rule(format!("must not contain the invisible character U+{:04X}", u32::from(c)))),
        None => Ok(()),
    }
}

/// The common rule of names: in NFC, of limited length, without invisible characters. May be empty.
fn plain(raw: &str, max: usize) -> Result<String, Invalid> {
    let text = nfc(raw);
    if text.chars().count() > max {
        return Err(Invalid::rule(format!("must have at most {max} characters")));
    }
    visible(&text)?;
    Ok(text.into_owned())
}

/// The rule for objects that clients identify by name or id in the same field. Refuses surrounding whitespace.
///
/// Also refuses a name that such a client would read as an id: the base64 of any text with a colon.
pub(super) fn named(raw: &str, max: usize) -> Result<String, Invalid> {
    if raw.trim().is_empty() {
        return Err(Invalid::rule("must not be empty"));
    }
    if raw.trim() != raw || raw.chars().any(char::is_control) {
        return Err(Invalid::rule("must not begin or end with a space or contain control characters"));
    }
    let name = plain(raw, max)?;
    if decoded(&name).is_some_and(|text| text.contains(':')) {
        return Err(READS_AS_ID);
    }
    Ok(name)
}

/// The rule for objects that clients identify by id only. Removes surrounding whitespace. May be empty.
///
/// Refuses a name that looks like an id: the base64 of a word, a colon and more. `Olga` is allowed, although a client
/// that accepts names or ids in one field would read it as an id (its base64 has a colon first).
pub(super) fn label(raw: &str, max: usize) -> Result<String, Invalid> {
    let name = plain(raw.trim(), max)?;
    let names_a_kind = |text: &str| {
        let kind = text.split_once(':').map_or("", |(kind, _)| kind);
        !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphabetic())
    };
    if decoded(&name).is_some_and(|text| names_a_kind(&text)) {
        return Err(READS_AS_ID);
    }
    Ok(name)
}

/// The rule for a first name, a last name or both, with the checks of [`label`].
///
/// Also refuses a name that could be read as a UUID, which identifies users.
pub(super) fn of_person(raw: &str, max: usize) -> Result<String, Invalid> {
    let name = label(raw, max)?;
    if Uuid::parse_str(&name).is_ok() {
        return Err(Invalid::rule("must not look like a UUID"));
    }
    Ok(name)
}

const READS_AS_ID: Invalid =
    Invalid { rule: Cow::Borrowed("must not look like an id (base64 of a text with a colon)") };

/// The text that a client which accepts names or ids in one field decodes from base64. `None` if it fails.
///
/// Accepts all that Python's `b64decode(..., validate=True)` accepts in any version from 3.10 on: extra bits and
/// padding at the end are allowed, missing padding is not.
fn decoded(text: &str) -> Option<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let digits = text.trim_end_matches('=');
    let missing = (4 - digits.len() % 4) % 4;
    if text.len() - digits.len() < missing {
        return None;
    }
    String::from_utf8(LENIENT.decode(digits).ok()?).ok()
}

/// A description: at most 1000 characters, may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 1000;

    /// Refuses a text that is too long. It is not normalized.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        if raw.contains('\0') {
            return Err(Invalid::rule("must not contain the character NUL"));
        }
        Ok(Self(raw.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    #[test]
    fn case_does_not_matter_in_any_script() {
        assert_eq!(fold("ÄÖÜ ΑΒΓ Привет"), fold("äöü αβγ ПРИВЕТ"));
    }

    #[test]
    fn texts_that_look_the_same_match() {
        assert_eq!(fold("Cafe\u{301}"), fold("CAF\u{c9}"));
    }

    #[test]
    fn invisible_characters_are_refused_in_names() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{206f}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            let rule = format!("must not contain the invisible character U+{:04X}", u32::from(c));
            // Two of them are whitespace too, so they are removed at the ends.
            let places = [format!("a{c}b"), format!("{c}a"), format!("a{c}")];
            for text in places.into_iter().take(if c.is_whitespace() { 1 } else { 3 }) {
                assert_eq!(named(&text, 9).expect_err("seen").rule, rule);
                assert_eq!(label(&text, 9).expect_err("seen").rule, rule);
            }
        }
        for text in ["a\u{0}b", "a\u{7f}b", "a\u{85}b", "a\tb"] {
            assert!(named(text, 9).expect_err("a control character").rule.ends_with("contain control characters"));
            assert_eq!(label(text, 9).expect_err("a control character").rule, "must not contain control characters");
        }
        for text in ["Zoë", "Ø", "naïve", "名前", "🦀", "क्षि", "שלום", "مرحبا", "한글", "a\u{a0}b", "ﷺ"]
        {
            assert!(named(text, 9).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_name_that_reads_as_an_id_is_refused() {
        // The texts that Python's b64decode returns. Those of the first list contain a colon.
        for id in [
            "U3BhY2U6MTpiRnVM",
            "VXNlcjo0MjphQmNE",
            "TW9kZWw6MTpGdmxM",
            "YTpi",
            "YTpi=",
            "YTpi==",
            "YTo=",
            "YTp=",
            "YTo==",
            "OjpY",
            "Ojo=",
            "Og==",
            "Oh==",
            "w6k6w6k=",
            "Olga",
            "Um9sZToxOlY0S2E=",
        ] {
            assert_eq!(named(id, 99), Err(READS_AS_ID), "{id}");
        }
        for name in [
            "YTo",
            "Og",
            "Og=",
            "U3BhY2U6MTpiRnVM ",
            "U3BhY2U6MTpiRnV",
            "U3Bh-2U6",
            "team",
            "data",
            "production",
            "abcd",
            "=",
            "====",
            "a:b",
            "gDo6",
            "YW5kcmVh",
            "ML",
            "Oleg",
        ] {
            assert_ne!(named(name, 99), Err(READS_AS_ID), "{name}");
        }
        for id in ["U3BhY2U6MTpiRnVM", "VXNlcjo0MjphQmNE", "YTpi", "YTo=", " YTpi "] {
            assert_eq!(label(id, 99), Err(READS_AS_ID), "{id}");
        }
        for name in ["Olga", "OjpY", "Zoe", "team", ""] {
            assert_eq!(label(name, 99).as_deref(), Ok(name));
        }
        for uuid in ["6f2c6c0e-3f0b-4a52-9d0e-6a4f5c8f3b11", "6F2C6C0E3F0B4A529D0E6A4F5C8F3B11"] {
            assert!(of_person(uuid, 99).is_err() && label(uuid, 99).is_ok());
        }
    }

    proptest! {
        #[test]
        fn an_id_of_any_kind_is_refused_as_a_name(kind in "[A-Z][a-zA-Z]{0,12}", rest in "\\PC{0,20}", pads in 0_usize..3) {
            let id = STANDARD.encode(format!("{kind}:{rest}"));
            prop_assert_eq!(named(&id, 999), Err(READS_AS_ID));
            prop_assert_eq!(label(&id, 999), Err(READS_AS_ID));
            prop_assert_eq!(named(&(id + &"=".repeat(pads)), 999), Err(READS_AS_ID));
        }

        #[test]
        fn a_valid_name_is_visible_normalized_bounded_and_stable(raw in any::<String>()) {
            for name in [named(&raw, 20), label(&raw, 20), of_person(&raw, 20)].into_iter().flatten() {
                prop_assert!(name.chars().count() <= 20 && name.trim() == name);
                prop_assert!(!name.chars().any(|c| c.is_control() || is_invisible(c)));
                prop_assert_eq!(&*nfc(&name), &name);
                prop_assert_eq!(&*nfc(raw.trim()), &name);
            }
            if let Ok(name) = named(&raw, 20) {
                prop_assert_eq!(named(&name, 20), Ok(name));
            }
        }

        #[test]
        fn a_part_folds_to_a_part(text in "[aΣσςİßẞǅ \\PC]{0,9}", from in 0_usize..9, length in 0_usize..9) {
            let text = nfc(&text).into_owned();
            let part: String = text.chars().skip(from).take(length).collect();
            prop_assert!(fold(&text).contains(&fold(&part)), "{:?} in {:?}", fold(&part), fold(&text));
        }

        #[test]
        fn a_description_is_unchanged(raw in any::<String>()) {
            if let Ok(description) = Description::parse(&raw) {
                prop_assert_eq!(description.as_str(), raw.as_str());
            } else {
                prop_assert!(raw.contains('\0') || raw.chars().count() > Description::MAX_LENGTH);
            }
        }
    }
}
