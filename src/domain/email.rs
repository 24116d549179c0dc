//! A person's e-mail address, which is also the user name.

use super::invalid::Invalid;

/// An e-mail address as its owner writes it; two that differ in case only are the same address.
#[derive(Clone, Debug)]
pub struct Email {
    written: String,
    /// The form that is compared, where it is another one.
    key: Option<String>,
}

impl Email {
    /// The most characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub const LONGEST: usize = 254;

    /// Takes an address of the form `somebody@somewhere`.
    ///
    /// Refuses one that is longer than [`Email::LONGEST`], has no or more than one `@`, or holds a space, a
    /// control character or one of `< > ( ) [ ] , ; : \ "`.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.chars().count() > Self::LONGEST {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::LONGEST)));
        }
        let odd = |c: char| {
            matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"')
                || c.is_whitespace()
                || c.is_control()
        };
        match raw.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
                    && !raw.contains(odd) =>
            {
                let plain = raw.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
                Ok(Self { written: raw.to_owned(), key: (!plain).then(|| Self::fold(raw)) })
            }
            _ => Err(Invalid::rule("must be an e-mail address such as ada@example.com")),
        }
    }

    /// What addresses are compared by.
    pub fn fold(raw: &str) -> String {
        raw.to_lowercase()
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The address in the form that is compared.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.written)
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Email {}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_does_not_matter() {
        assert_eq!(Email::parse("Ada@Example.com"), Email::parse("ada@EXAMPLE.COM"));
    }

    #[test]
    fn a_host_without_a_dot_is_an_address() {
        assert!(Email::parse("admin@localhost").is_ok());
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for raw in ["", "@", "ada", "ada@", "@b", "a@b@c", "a b@c", "a@b\n", "a@.b", "a@b.", "<a@b>"] {
            assert!(Email::parse(raw).is_err(), "{raw:?}");
        }
        assert!(Email::parse(&format!("{}@b", "a".repeat(253))).is_err());
    }

    proptest! {
        #[test]
        fn what_is_taken_is_kept_as_written(raw in "\\PC{0,40}") {
            if let Ok(email) = Email::parse(&raw) {
                prop_assert_eq!(email.as_str(), raw.as_str());
                prop_assert_eq!(raw.matches('@').count(), 1);
                prop_assert!(!raw.contains(char::is_whitespace));
            }
        }

        #[test]
        fn ordinary_addresses_are_taken(raw in "[a-z0-9.+_-]{1,30}@[a-z0-9-]{1,20}(\\.[a-z]{2,8}){0,2}") {
            prop_assert!(Email::parse(&raw).is_ok());
        }
    }
}
