//! Passwords for commands, read from stdin or a file. Arguments are visible to other users.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::CliError;
use crate::domain::secret::Secret;

/// Where a new password comes from; without either, one is made up and printed once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct Source {
    /// Read the password from stdin, which contains one line.
    #[arg(long)]
    pub password_stdin: bool,
    /// Read the password from a file, which contains one line.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

impl Source {
    /// The password from stdin or the file, or `None` if neither is given. Refused if it is empty or has more than one
    /// line.
    pub fn read(&self) -> Result<Option<Secret>, CliError> {
        if let Some(path) = &self.password_file {
            return read_file(path).map(Some);
        }
        if self.password_stdin {
            return only_line(io::stdin().lock(), "stdin").map(Some);
        }
        Ok(None)
    }
}

/// Reads a password that is the only line of a file.
pub fn read_file(path: &Path) -> Result<Secret, CliError> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&place, &error))?;
    only_line(file, &place)
}

fn unreadable(place: &str, error: &io::Error) -> CliError {
    CliError::Failed(format!(
        "cannot read the password from {place}: {error}; check that it is readable and valid UTF-8"
    ))
}

fn only_line(from: impl Read, place: &str) -> Result<Secret, CliError> {
    const MAX_BYTES: u64 = 64 << 10;
    let mut text = String::new();
    from.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| unreadable(place, &error))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains('\n') {
        return Err(CliError::Usage(format!("the password in {place} must be exactly one line")));
    }
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_unchanged_line() {
        for (text, password) in [("a b", "a b"), (" a\n", " a"), ("a\r\n", "a"), ("ä", "ä")] {
            assert_eq!(only_line(text.as_bytes(), "stdin").unwrap().expose(), password);
        }
        for text in ["", "\n", "\r\n", "a\nb", "a\n\n"] {
            assert!(matches!(only_line(text.as_bytes(), "stdin"), Err(CliError::Usage(_))), "{text:?}");
        }
        assert!(matches!(only_line(&b"\xff"[..], "stdin"), Err(CliError::Failed(_))));
    }
}
