//! The files that are imported: regular files of a limited size, their values, and texts of them for messages.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::cli::CliError;
use crate::cli::progress::size;
use crate::domain::invalid::Invalid;

/// The maximum number of people of one import. It is one transaction, and other writes wait for it.
pub(super) const MAX_PEOPLE: usize = 10_000;

/// Opens a regular file of at most this size. The reader ends there even if the file grows.
pub(super) fn open(path: &Path, max: u64) -> Result<std::io::Take<File>, CliError> {
    let unreadable = |error: std::io::Error| {
        CliError::Failed(format!("cannot read {}: {error}; check the path and its permissions", path.display()))
    };
    // Opening a pipe would wait for its writer.
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(CliError::Usage(format!("{} is not a regular file; give the path of a file", path.display())));
    }
    if found.len() > max {
        return Err(CliError::Usage(format!(
            "{} has {}, and at most {} can be imported at once; split it into several files",
            path.display(),
            size(found.len()),
            size(max)
        )));
    }
    Ok(File::open(path).map_err(unreadable)?.take(max))
}

/// A text of a file for a message: on one line, with invisible characters escaped, and not too long.
pub(super) fn excerpt(raw: &str) -> String {
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

/// The words of an error about faults in a file: the first ones, and the number of the others.
pub(super) fn faults(path: &Path, faults: &[String]) -> CliError {
    const MAX: usize = 50;
    let mut lines = vec![format!("{} cannot be imported; nothing was changed:", path.display())];
    lines.extend(faults.iter().take(MAX).map(|fault| format!("  {fault}")));
    if let Some(more) = faults.len().checked_sub(MAX).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more"));
    }
    lines.push("correct the file and try again".to_owned());
    CliError::Usage(lines.join("\n"))
}

/// The value of this word. The error lists all words.
pub(super) fn one_of<T: Copy>(text: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Result<T, Invalid> {
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
