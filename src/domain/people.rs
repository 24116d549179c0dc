//! Searches for users.

use super::email::Email;
use super::invalid::Invalid;
use super::user::{User, UserStatus};

/// A pattern that matches a text. Ignores case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    Whole(String),
    /// Is a substring of the text.
    Part(String),
    /// These texts occur in this order, with anything between them: the first at its start, the last at its end.
    Wild(Vec<String>),
}

impl Pattern {
    pub fn whole(text: &str) -> Self {
        Self::Whole(Email::fold(text))
    }

    /// A pattern for a substring. An email or an empty text must match as a whole, so that no other user matches.
    pub fn part(text: &str) -> Self {
        if text.is_empty() || Email::parse(text).is_ok() {
            Self::whole(text)
        } else {
            Self::Part(Email::fold_part(text))
        }
    }

    /// Parses a search term: an exact text in quotes, one with the wildcard `*`, or a substring.
    fn word(word: &str) -> Self {
        let quoted = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match quoted {
            Some(whole) => Self::whole(whole),
            None if word.contains('*') => Self::Wild(word.split('*').map(Email::fold_part).collect()),
            None => Self::Part(Email::fold_part(word)),
        }
    }

    /// The longest text that occurs in every text that matches.
    fn longest_part(&self) -> &str {
        match self {
            Self::Whole(text) | Self::Part(text) => text,
            Self::Wild(parts) => parts.iter().map(String::as_str).max_by_key(|part| part.len()).unwrap_or_default(),
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        let text = Email::fold(text);
        match self {
            Self::Whole(whole) => text == *whole,
            Self::Part(part) => text.contains(part.as_str()),
            Self::Wild(parts) => wild(parts, &text),
        }
    }
}

/// Whether the parts occur in the text in order, the first at its start and the last at its end. The first occurrence
/// of each part is sufficient, so the time is linear.
fn wild(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.as_str())
}

/// A filter of users. `None` matches every user.
#[derive(Clone, Debug, Default)]
pub struct PeopleSearch {
    /// Each of these matches the email or a name.
    pub words: Vec<Pattern>,
    pub email: Option<Pattern>,
    /// The username, which is the email.
    pub username: Option<Pattern>,
    pub first_name: Option<Pattern>,
    pub last_name: Option<Pattern>,
    /// Whether the account is enabled.
    pub enabled: Option<bool>,
    pub email_verified: Option<bool>,
    /// The status of the account now.
    pub status: Option<UserStatus>,
}

impl PeopleSearch {
    /// The maximum number of characters of a search.
    pub const MAX_LENGTH: usize = 1000;

    /// Splits a search into its terms at whitespace.
    ///
    /// Refuses a text that is too long.
    pub fn parse_words(text: &str) -> Result<Vec<Pattern>, Invalid> {
        if text.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        Ok(text.split_whitespace().map(Pattern::word).collect())
    }

    /// The exact email that is searched for, if there is one.
    pub fn address(&self) -> Option<&str> {
        [&self.email, &self.username].into_iter().find_map(|pattern| match pattern {
            Some(Pattern::Whole(address)) => Some(address.as_str()),
            Some(Pattern::Part(_) | Pattern::Wild(_)) | None => None,
        })
    }

    /// Whether every user matches.
    pub fn is_empty(&self) -> bool {
        self.has_no_text() && self.enabled.is_none() && self.email_verified.is_none() && self.status.is_none()
    }

    /// Whether the filter looks at neither emails nor names.
    pub fn has_no_text(&self) -> bool {
        self.patterns().next().is_none()
    }

    /// The longest text that occurs in the email or a name of every user who matches. May be empty.
    pub fn text(&self) -> &str {
        self.patterns().map(Pattern::longest_part).max_by_key(|part| part.len()).unwrap_or_default()
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let fields = [&self.email, &self.username, &self.first_name, &self.last_name];
        self.words.iter().chain(fields.into_iter().flatten())
    }

    pub fn matches(&self, user: &User) -> bool {
        let email = user.email.as_str();
        let (first_name, last_name) = (user.first_name.as_str(), user.last_name.as_str());
        let matches = |pattern: &Option<Pattern>, text| pattern.as_ref().is_none_or(|pattern| pattern.matches(text));
        matches(&self.email, email)
            && matches(&self.username, email)
            && matches(&self.first_name, first_name)
            && matches(&self.last_name, last_name)
            && self.enabled.is_none_or(|enabled| user.enabled == enabled)
            && self.email_verified.is_none_or(|verified| user.email_verified.is_some() == verified)
            && self.words.iter().all(|word| [email, first_name, last_name].into_iter().any(|text| word.matches(text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(raw: &str) -> Pattern {
        PeopleSearch::parse_words(raw).unwrap().remove(0)
    }

    #[test]
    fn a_whole_email_matches_one_user_only() {
        let bob = Pattern::part("Bob@example.com");
        assert!(bob.matches("bob@EXAMPLE.com"));
        assert!(!bob.matches("notbob@example.com") && !bob.matches("bob@example.com.org"));
        assert!(Pattern::part("bob@").matches("notbob@example.com"));
        assert!(!Pattern::part("").matches("bob@example.com"));
        assert!(!Pattern::part("%").matches("bob@example.com") && !Pattern::part("b_b").matches("bob@example.com"));
    }

    #[test]
    fn a_term_is_a_part_a_quoted_text_or_a_wildcard() {
        assert!(word("OB").matches("bob") && word("\"bob\"").matches("Bob") && !word("\"ob\"").matches("bob"));
        for (pattern, fits, not) in [
            ("b*", "bob", "abob"),
            ("*b", "bob", "bobo"),
            ("*o*", "bob", "bab"),
            ("b*b", "bob", "b"),
            ("a*b*c", "a-b-c", "a-c-b"),
            ("*", "", "\u{0}never"),
        ] {
            assert!(word(pattern).matches(fits), "{pattern} {fits}");
            assert!(pattern == "*" || !word(pattern).matches(not), "{pattern} {not}");
        }
        assert!(PeopleSearch::parse_words(&"x".repeat(1001)).is_err());
        assert!(PeopleSearch::parse_words("  ").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn a_wildcard_matches_anything(a in "[ab]{0,3}", b in "[ab]{0,3}", c in "[ab]{0,3}", x in "[ab]{0,4}", y in "[ab]{0,4}") {
            let pattern = Pattern::Wild(vec![a.clone(), b.clone(), c.clone()]);
            let text = format!("{a}{x}{b}{y}{c}");
            prop_assert!(pattern.matches(&text));
        }

        #[test]
        fn arbitrary_text_does_not_panic(search in any::<String>(), text in any::<String>()) {
            for word in PeopleSearch::parse_words(&search).unwrap_or_default() {
                let _ = word.matches(&text);
            }
            prop_assert!(Pattern::whole(&text).matches(&text));
        }
    }
}
