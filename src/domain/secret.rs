//! Text that must never be printed.

use std::fmt;

/// A secret text, such as a password or a raw token. It has no `Display` and no `Serialize`, and its `Debug` prints
/// `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The plain text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_unchanged_and_never_printed(text in any::<String>()) {
            let secret = Secret::new(text.clone());
            prop_assert_eq!(secret.expose(), text.as_str());
            prop_assert_eq!(format!("{secret:?}"), "***");
            prop_assert_eq!(format!("{:#?}", Some(secret)), "Some(\n    ***,\n)");
        }
    }
}
