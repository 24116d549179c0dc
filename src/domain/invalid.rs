//! What is wrong with a value, told without knowing what its field is called.

use std::borrow::Cow;

/// The rule that a value breaks; whoever knows the field's name adds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule, as the end of the sentence "NAME ...": `must not be empty`.
    pub rule: Cow<'static, str>,
}

impl Invalid {
    /// A value breaks this rule.
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
