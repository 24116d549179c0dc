//! What is said when a value breaks its rule.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// The rule that a value broke, as a sentence without the field's name: each dialect adds the name that its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule, such as "a password has 8 to 256 characters"; never the value itself.
    pub rule: Cow<'static, str>,
}

impl Invalid {
    /// Names the rule that was broken.
    pub fn rule(rule: impl Into<Cow<'static, str>>) -> Self {
        Self { rule: rule.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rule)
    }
}

impl Error for Invalid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_its_rule() {
        assert_eq!(Invalid::rule("a rule").to_string(), "a rule");
        assert_eq!(Invalid::rule(format!("{} rules", 2)).to_string(), "2 rules");
    }
}
