//! The words of a file that people wrote: one of a list, and excerpts of them for messages.

use super::invalid::Invalid;

/// A text of a file for a message: on one line, with invisible characters escaped, and not too long.
pub fn excerpt(raw: &str) -> String {
    const MAX: usize = 120;
    let mut text = String::new();
    for c in raw.chars().take(MAX) {
        if matches!(c, '\'' | '"' | '\\') {
            text.push(c);
        } else {
            text.extend(c.escape_debug());
        }
    }
    if raw.chars().nth(MAX).is_some() {
        text.push_str("...");
    }
    text
}

/// The value of this word. The error lists all words.
pub fn one_of<T: Copy>(text: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Result<T, Invalid> {
    let found = all.iter().copied().find(|one| as_str(*one) == text.to_lowercase());
    found.ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
        Invalid::rule(format!("must be one of {}, not {}", words.join(", "), excerpt(text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_printable_line() {
        assert_eq!(excerpt("O'Neil \"ä\""), "O'Neil \"ä\"");
        assert_eq!(excerpt("a\nb\u{1b}[31m\u{202e}"), "a\\nb\\u{1b}[31m\\u{202e}");
        assert_eq!(excerpt(&"x".repeat(200)).len(), 123);
    }
}
