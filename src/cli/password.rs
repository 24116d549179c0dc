//! Passwords for commands, read from stdin or a file. Arguments are visible to other users.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::transfer::Sealing;
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
            return only_line("password", io::stdin().lock(), "stdin").map(Some);
        }
        Ok(None)
    }
}

/// Reads a password that is the only line of a file.
pub fn read_file(path: &Path) -> Result<Secret, CliError> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable("password", &place, &error))?;
    only_line("password", file, &place)
}

/// Reads a passphrase that is the only line of a file.
pub fn read_passphrase(path: &Path) -> Result<Secret, CliError> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable("passphrase", &place, &error))?;
    only_line("passphrase", file, &place)
}

/// Reads the passphrase of a new sealed file. Refused if it is short, or others could read it or change it.
pub fn read_new_passphrase(path: &Path) -> Result<Secret, CliError> {
    /// A service manager may give a file to the group of the server.
    const TOO_WIDE: u32 = 0o027;
    let passphrase = read_passphrase(path)?;
    let shown = path.display();
    Sealing::require_long(&passphrase).map_err(|error| CliError::Failed(format!("{shown}: {error}")))?;
    let about = path.metadata().map_err(|error| unreadable("passphrase", &shown.to_string(), &error))?;
    let mode = about.permissions().mode() & 0o7777;
    if about.is_file() && mode & TOO_WIDE != 0 {
        return Err(CliError::Failed(format!(
            "the file of the passphrase {shown} is open to other users (mode {mode:o}); run `chmod 600 {shown}`"
        )));
    }
    Ok(passphrase)
}

fn unreadable(what: &str, place: &str, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot read the {what} from {place}: {error}; check that it is readable and valid UTF-8"))
}

fn only_line(what: &str, from: impl Read, place: &str) -> Result<Secret, CliError> {
    const MAX_BYTES: u64 = 64 << 10;
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(what, place, &error))?;
    // The end of a longer one would be ignored.
    if bytes.len() as u64 > MAX_BYTES {
        return Err(CliError::Usage(format!("the {what} in {place} must be one line of at most 64 KiB")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(what, place, &io::Error::other("stream did not contain valid UTF-8")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains('\n') {
        return Err(CliError::Usage(format!("the {what} in {place} must be exactly one line")));
    }
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_unchanged_line() {
        for (text, password) in [("a b", "a b"), (" a\n", " a"), ("a\r\n", "a"), ("ä", "ä")] {
            assert_eq!(only_line("password", text.as_bytes(), "stdin").unwrap().expose(), password);
        }
        for text in ["", "\n", "\r\n", "a\nb", "a\n\n"] {
            assert!(matches!(only_line("password", text.as_bytes(), "stdin"), Err(CliError::Usage(_))), "{text:?}");
        }
        let long = "a".repeat(65_537);
        assert!(matches!(only_line("password", long.as_bytes(), "stdin"), Err(CliError::Usage(_))));
        assert!(only_line("password", &long.as_bytes()[1..], "stdin").is_ok());
        assert!(matches!(only_line("password", &b"\xff"[..], "stdin"), Err(CliError::Failed(_))));
    }
}
