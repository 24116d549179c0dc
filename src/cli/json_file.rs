//! JSON for commands, read from a file or stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::cli::CliError;

/// Reads a file of at most so many bytes. Of a longer one, a byte more is read, so that it breaks the rule on the length.
pub(super) fn read(path: &Path, max: usize) -> Result<String, CliError> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&place, &error))?;
    text(file, &place, max)
}

/// The same for stdin.
pub(super) fn read_stdin(max: usize) -> Result<String, CliError> {
    text(io::stdin().lock(), "stdin", max)
}

fn unreadable(place: &str, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot read {place}: {error}; check that it is readable and valid UTF-8"))
}

fn text(from: impl Read, place: &str, max: usize) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(place, &error))?;
    // A character may be cut off at the end of a text that is too long.
    let is_long = bytes.len() > max;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if is_long => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(error) => Err(unreadable(place, &io::Error::other(error.utf8_error()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_up_to_its_limit() {
        assert_eq!(text(&b"{}"[..], "x", 2).unwrap(), "{}");
        assert_eq!(text(&b"{} and more"[..], "x", 2).unwrap(), "{} ");
        assert!(text("12ä".as_bytes(), "x", 2).unwrap().len() > 2, "it stays too long");
        assert!(matches!(text(&b"\xff"[..], "x", 2), Err(CliError::Failed(_))));
    }
}
