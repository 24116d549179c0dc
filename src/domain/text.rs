//! Texts that are not names: descriptions, and what searches compare.

use super::invalid::Invalid;

/// A text as searches compare it: in lower case, so that case does not matter in any script.
///
/// A part of a text folds to a part of what the whole folds to, so the small sigma that ends a word is the one within.
pub fn fold(text: &str) -> String {
    text.to_lowercase().replace('ς', "σ")
}

/// Takes a name as it is written: up to so many characters, no control characters, no blank at either end, not empty.
pub(super) fn named(raw: &str, longest: usize) -> Result<String, Invalid> {
    if raw.trim().is_empty() {
        return Err(Invalid::rule("must not be empty"));
    }
    if raw.chars().count() > longest {
        return Err(Invalid::rule(format!("must have at most {longest} characters")));
    }
    if raw.trim() != raw || raw.chars().any(char::is_control) {
        return Err(Invalid::rule("must not begin or end with a blank or hold control characters"));
    }
    Ok(raw.to_owned())
}

/// What a thing is for: at most 1000 characters; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The most characters.
    pub const LONGEST: usize = 1000;

    /// Takes a text as it is written.
    ///
    /// Refuses one that is too long.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.chars().count() > Self::LONGEST {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::LONGEST)));
        }
        if raw.contains('\0') {
            return Err(Invalid::rule("must not hold the character NUL"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_does_not_matter_in_any_script() {
        assert_eq!(fold("ÄÖÜ ΑΒΓ Привет"), fold("äöü αβγ ПРИВЕТ"));
    }

    proptest! {
        #[test]
        fn a_part_folds_to_a_part(text in "[aΣσςİßẞǅ \\PC]{0,9}", from in 0_usize..9, length in 0_usize..9) {
            let part: String = text.chars().skip(from).take(length).collect();
            prop_assert!(fold(&text).contains(&fold(&part)), "{:?} in {:?}", fold(&part), fold(&text));
        }

        #[test]
        fn a_description_is_kept_as_written(raw in any::<String>()) {
            if let Ok(description) = Description::parse(&raw) {
                prop_assert_eq!(description.as_str(), raw.as_str());
            } else {
                prop_assert!(raw.contains('\0') || raw.chars().count() > Description::LONGEST);
            }
        }
    }
}
