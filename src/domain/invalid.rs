//! A validation error that does not know the name of its field.

use std::borrow::Cow;

/// The rule that a value breaks. The caller adds the name of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule, as the end of the sentence "NAME ...": `must not be empty`.
    pub rule: Cow<'static, str>,
}

impl Invalid {
    pub fn rule(rule: impl Into<Cow<'static, str>>) -> Self {
        Self { rule: rule.into() }
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rule)
    }
}

impl std::error::Error for Invalid {}
