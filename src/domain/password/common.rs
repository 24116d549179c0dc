//! The most common passwords, which attackers try first.

/// Those of ten characters and more, in lower case and sorted, one per line. `NOTICE` names their source.
const LIST: &str = include_str!("common.txt");

/// Whether a password is among the most common ones. Ignores case and surrounding punctuation.
pub(super) fn contains(password: &str) -> bool {
    let folded = password.to_lowercase();
    let bare = folded.trim_matches(|c: char| !c.is_alphanumeric());
    is_listed(&folded) || is_listed(bare)
}

/// Binary search in the text. An index of its lines would take more memory than the lines themselves.
fn is_listed(wanted: &str) -> bool {
    let mut rest = LIST;
    while !rest.is_empty() {
        // Lines are ASCII, so every byte offset is a character boundary.
        let start = rest[..rest.len() / 2].rfind('\n').map_or(0, |end| end + 1);
        let end = rest[start..].find('\n').map_or(rest.len(), |end| start + end);
        match wanted.cmp(&rest[start..end]) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = &rest[..start],
            std::cmp::Ordering::Greater => rest = rest.get(end + 1..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_contains_only_otherwise_valid_passwords() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() >= 10_000 && LIST.len() < 200 << 10, "{} of {} bytes", lines.len(), LIST.len());
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
        assert!(lines.iter().all(|line| line.is_ascii() && line.len() >= 10 && *line == line.to_lowercase()));
    }

    #[test]
    fn every_line_is_found_and_nothing_else() {
        for line in LIST.lines() {
            assert!(is_listed(line), "{line}");
            assert!(!is_listed(&format!("{line}\u{1}")) && !is_listed(&format!("\u{1}{line}")));
        }
        for wanted in ["", "\n", "zzzzzzzzzzzzzzzzzz\u{7f}", "correct horse battery", "password123\npassword1234"] {
            assert!(!is_listed(wanted), "{wanted}");
        }
    }

    #[test]
    fn case_and_surrounding_punctuation_are_ignored() {
        for common in ["1234567890", "Password123", "QWERTYUIOP", "iloveyou123", "password123!", "**password1234**"] {
            assert!(contains(common), "{common}");
        }
        assert!(!contains("password123 and more"));
    }
}
