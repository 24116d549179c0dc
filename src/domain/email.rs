//! The email address of a user, which is also the username.

use std::borrow::Cow;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::invalid::Invalid;
use super::text::{nfc, visible};

/// An email as its owner writes it, in NFC. Two emails are equal if they differ only in case, or in the Unicode or
/// ASCII form of their domain.
#[derive(Clone, Debug)]
pub struct Email(String);

impl Email {
    /// The maximum number of characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub const MAX_LENGTH: usize = 254;

    /// Parses the form `local@domain`. Removes surrounding whitespace.
    ///
    /// Refuses an email that is longer than the maximum, does not have exactly one `@`, has an invalid domain (RFC
    /// 5891), or contains a space, an invisible character or one of `< > ( ) [ ] , ; : \ "`.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let written = nfc(raw.trim());
        if written.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        let malformed = || Invalid::rule("must be an email address such as ada@example.com");
        let odd = |c: char| {
            matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"')
                || c.is_whitespace()
                || c.is_control()
        };
        let (local, domain) = written.split_once('@').ok_or_else(malformed)?;
        if local.is_empty() || written.contains(odd) {
            return Err(malformed());
        }
        visible(&written)?;
        let domain = read_domain(domain).ok_or_else(malformed)?;
        if domain.is_empty()
            || domain.starts_with('.')
            || domain.ends_with('.')
            || domain.contains(|c| c == '@' || odd(c))
        {
            return Err(malformed());
        }
        Ok(Self(written.into_owned()))
    }

    /// An email from the data file, not validated: older releases allowed some emails that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The canonical form for comparisons, of any text: without surrounding whitespace, in NFC, in lower case, and with
    /// the domain in Unicode.
    ///
    /// The domain is converted by way of its A-label (RFC 5890), so that each domain has one form. The stored form is
    /// the Unicode one, because searches for parts of it must match.
    pub fn fold(raw: &str) -> String {
        let text = lower(raw.trim());
        // No valid email is longer, and the conversion of a domain is slow.
        if text.chars().count() > Self::MAX_LENGTH {
            return text;
        }
        match text.rsplit_once('@') {
            Some((local, domain)) => {
                read_domain(domain).map_or_else(|| text.clone(), |domain| format!("{local}@{domain}"))
            }
            None => text,
        }
    }

    /// The canonical form of a part of an email.
    pub fn fold_part(raw: &str) -> String {
        if Self::parse(raw).is_ok() {
            return Self::fold(raw);
        }
        let text = lower(raw.trim());
        if text.chars().count() > Self::MAX_LENGTH || !text.contains(A_LABEL) {
            return text;
        }
        let (local, domain) =
            text.rsplit_once('@').map_or(("", text.as_str()), |(_, domain)| text.split_at(text.len() - domain.len()));
        let labels = domain.split('.').map(|label| read_domain(label).unwrap_or_else(|| label.to_owned()));
        local.to_owned() + &labels.collect::<Vec<_>>().join(".")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical form.
    pub fn key(&self) -> Cow<'_, str> {
        let plain =
            self.0.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) && !self.0.contains(A_LABEL);
        if plain { Cow::Borrowed(&self.0) } else { Cow::Owned(Self::fold(&self.0)) }
    }
}

/// The prefix of a domain label that encodes Unicode (RFC 5890, section 2.3.1).
const A_LABEL: &str = "xn--";

fn lower(text: &str) -> String {
    // A lower-case letter may compose with its mark where the capital letter does not.
    nfc(&nfc(text).to_lowercase()).into_owned()
}

/// A domain in Unicode, by way of its ASCII form. An ASCII domain is only lowercased.
///
/// `None` for an invalid domain, or one with an invisible character, which the ASCII form can encode and its rules
/// ignore.
fn read_domain(domain: &str) -> Option<String> {
    let domain = domain.to_lowercase();
    if domain.is_ascii() && !domain.contains(A_LABEL) {
        return Some(domain);
    }
    visible(&domain).ok()?;
    let rules = Uts46::new();
    let (deny, hyphens) = (AsciiDenyList::URL, Hyphens::Allow);
    let ascii = rules.to_ascii(domain.as_bytes(), deny, hyphens, DnsLength::Ignore).ok()?;
    let (unicode, sound) = rules.to_unicode(ascii.as_bytes(), deny, hyphens);
    sound.ok()?;
    visible(&unicode).ok()?;
    Some(unicode.into_owned())
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Email {}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
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
    fn a_domain_without_a_dot_is_accepted() {
        assert!(Email::parse("admin@localhost").is_ok());
    }

    #[test]
    fn invalid_emails_are_refused() {
        for raw in [
            "",
            "@",
            "ada",
            "ada@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b\nc",
            "a@.b",
            "a@b.",
            "<a@b>",
            "a@b。",
            "a@ü＠b",
            "a@ü／b",
            "a@xn--a",
            "a@xn--",
            "a\u{37e}b@c",
            "a@ü b",
            "a\u{200b}b@c",
            "a@b\u{ad}c.example",
            "\u{202e}a@b",
            "a@\u{fe0f}b",
            "a\u{3164}@b",
            "a@xn--mgba3gch31f060k.example",
        ] {
            assert!(Email::parse(raw).is_err(), "{raw:?}");
        }
        assert!(Email::parse(&format!("{}@b", "a".repeat(253))).is_err());
    }

    #[test]
    fn surrounding_whitespace_is_removed() {
        for raw in [" ada@example.com", "ada@example.com\t", "\u{a0}ada@example.com\r\n", "\u{3000}ADA@example.com "] {
            let email = Email::parse(raw).expect("an address");
            assert_eq!(email.key(), "ada@example.com", "{raw:?}");
            assert_eq!((Email::fold(raw), email.as_str().trim()), ("ada@example.com".to_owned(), email.as_str()));
        }
    }

    #[test]
    fn every_form_of_an_email_is_equal() {
        for (one, other) in [
            ("bob@münchen.example", "bob@xn--mnchen-3ya.example"),
            ("bob@münchen.example", "BOB@XN--MNCHEN-3YA.EXAMPLE"),
            ("bob@münchen.example", "bob@mu\u{308}nchen.example"),
            ("bob@MÜNCHEN.example", "bob@münchen。example"),
            ("bob@ｅxample.com", "bob@example.com"),
            ("zo\u{eb}@example.com", "ZOE\u{308}@example.com"),
            ("j\u{30c}@example.com", "J\u{30c}@example.com"),
            ("bob@\u{212b}.example", "bob@å.example"),
            ("bob@xn--fiqs8s", "bob@中国"),
        ] {
            assert_eq!(Email::parse(one), Email::parse(other), "{one} {other}");
            assert_eq!(Email::fold(one), Email::fold(other), "{one} {other}");
            assert_eq!(Email::fold_part(one), Email::fold_part(other), "{one} {other}");
        }
        for (one, other) in [("bob@straße.example", "bob@strasse.example"), ("b\u{f6}b@a", "bob@a")] {
            assert_ne!(Email::parse(one), Email::parse(other), "{one} {other}");
        }
        for raw in ["bob@exam\u{ad}ple.com", "bob@exa\u{200b}mple.com", "bob@\u{fe0f}example.com"] {
            assert_ne!(Email::fold(raw), "bob@example.com", "{raw:?}");
            assert_ne!(Email::fold_part(raw), "bob@example.com", "{raw:?}");
        }
        let written = "Bob@xn--mnchen-3ya.example";
        assert_eq!(Email::parse(written).expect("an address").as_str(), written);
    }

    #[test]
    fn a_part_matches_in_every_form() {
        let key = Email::fold("bob@münchen.example");
        for part in [
            "bob@",
            "MÜN",
            "mu\u{308}nchen",
            "xn--mnchen-3ya",
            "b@XN--mnchen-3ya.EX",
            "xn--mnchen-3ya.example",
            "chen.ex",
        ] {
            assert!(key.contains(&Email::fold_part(part)), "{part} in {key}");
        }
        assert!(!key.contains(&Email::fold_part("xn--zz")));
    }

    proptest! {
        #[test]
        fn an_email_keeps_its_text_in_nfc(raw in "\\PC{0,20}@?\\PC{0,20}") {
            if let Ok(email) = Email::parse(&raw) {
                prop_assert_eq!(email.as_str(), &*nfc(raw.trim()));
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert!(!email.as_str().contains(char::is_whitespace));
                prop_assert_eq!(email.key(), Email::fold(&raw));
                let key = email.key().into_owned();
                prop_assert_eq!(Email::fold(&key), key.clone());
                let again = Email::parse(&key).expect("an address");
                prop_assert_eq!(again.key(), key);
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(raw in any::<String>()) {
            let _ = (Email::parse(&raw), Email::fold(&raw), Email::fold_part(&raw));
        }

        #[test]
        fn ordinary_emails_are_accepted(raw in "[a-z0-9.+_-]{1,30}@[a-z0-9-]{1,20}(\\.[a-z]{2,8}){0,2}") {
            prop_assert!(Email::parse(&raw).is_ok());
        }
    }
}
