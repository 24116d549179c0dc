//! The patterns of SQL's `LIKE`.

#[derive(Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    fold: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Just(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Any,
}

impl Pattern {
    /// Parses a pattern. With `fold`, matching ignores case.
    ///
    /// Refuses a backslash at the end, because it escapes nothing.
    pub(super) fn parse(text: &str, fold: bool) -> Result<Self, &'static str> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => tokens.push(Token::Any),
                '_' => tokens.push(Token::One),
                '\\' => {
                    let escaped = chars.next().ok_or("must not end with the escape character")?;
                    tokens.extend(folded(escaped, fold).map(Token::Just));
                }
                c => tokens.extend(folded(c, fold).map(Token::Just)),
            }
        }
        tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
        Ok(Self { tokens, fold })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().flat_map(|c| folded(c, self.fold)).collect();
        let (mut token, mut at) = (0, 0);
        // The position of the last `%` and the end of its match so far. On a mismatch, that match grows by one
        // character.
        let mut any: Option<(usize, usize)> = None;
        while at < text.len() {
            match (self.tokens.get(token), any) {
                (Some(Token::Any), _) => {
                    any = Some((token, at));
                    token += 1;
                }
                (Some(Token::One), _) => (token, at) = (token + 1, at + 1),
                (Some(Token::Just(c)), _) if *c == text[at] => (token, at) = (token + 1, at + 1),
                (_, Some((last, reach))) => {
                    any = Some((last, reach + 1));
                    (token, at) = (last + 1, reach + 1);
                }
                (_, None) => return false,
            }
        }
        self.tokens[token..].iter().all(|token| *token == Token::Any)
    }
}

fn folded(c: char, fold: bool) -> impl Iterator<Item = char> {
    let lower = fold.then(|| c.to_lowercase());
    let same = (!fold).then_some(c);
    lower.into_iter().flatten().chain(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_as_like_in_sql() {
        let like = |pattern: &str, text: &str| Pattern::parse(pattern, false).expect("a pattern").matches(text);
        let folded = |pattern: &str, text: &str| Pattern::parse(pattern, true).expect("a pattern").matches(text);
        for (pattern, text) in [
            ("", ""),
            ("%", ""),
            ("%", "ä"),
            ("%%", "abc"),
            ("a%", "abc"),
            ("%c", "abc"),
            ("%b%", "abc"),
            ("a_c", "aéc"),
            ("a%b%c", "a-b-b-c"),
            ("%ab", "aab"),
            ("\\%", "%"),
            ("a\\_c", "a_c"),
            ("\\\\", "\\"),
            ("\\a", "a"),
            ("_%", "x"),
        ] {
            assert!(like(pattern, text), "{text:?} like {pattern:?}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("_", ""),
            ("_", "ab"),
            ("A", "a"),
            ("a%", "ba"),
            ("%b", "abc"),
            ("\\%", "a"),
            ("a\\_c", "abc"),
            ("a%b%c", "a-c-b"),
        ] {
            assert!(!like(pattern, text), "{text:?} not like {pattern:?}");
        }
        assert!(folded("Ä%É", "äxxé") && folded("%ßX", "aßx") && folded("\\A", "a") && !folded("b", "a"));
        assert_eq!(Pattern::parse("a\\", false).expect_err("a refusal"), "must not end with the escape character");
    }
}
