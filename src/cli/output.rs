//! The errors of commands, and what they print: data on stdout, messages on stderr.

use std::borrow::Cow;
use std::io::{self, Write as _};

use crate::config::ConfigError;
use crate::store::data_dir::DataDirError;

/// The error of a command: a message for stderr that ends with the next step.
#[derive(Debug)]
pub enum CliError {
    /// Exit code 2.
    Usage(String),
    /// Exit code 1.
    Failed(String),
    /// Exit code [`REPLACED`]: the data file was removed or replaced under the running server.
    Replaced(String),
}

/// The exit code of a server whose data file was removed or replaced.
pub const REPLACED: u8 = 3;

impl CliError {
    /// With exit code 1, for commands whose other exit codes mean something.
    #[must_use]
    pub fn as_failure(self) -> Self {
        let (Self::Usage(words) | Self::Failed(words) | Self::Replaced(words)) = self;
        Self::Failed(words)
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<DataDirError> for CliError {
    fn from(error: DataDirError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Prints data on stdout. A closed reader, such as `head`, is no error.
pub fn print(data: &str) -> Result<(), CliError> {
    printed(io::stdout().lock().write_all(data.as_bytes()))
}

/// Like [`print`], for one part of an output. Returns whether there is still a reader.
pub(super) fn print_on(data: &str) -> Result<bool, CliError> {
    match io::stdout().lock().write_all(data.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        outcome => printed(outcome).map(|()| true),
    }
}

/// The outcome of printing on stdout, which is flushed first.
pub fn printed(outcome: io::Result<()>) -> Result<(), CliError> {
    match outcome.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Failed(format!("cannot write to stdout: {error}; check where it is redirected to")))
        }
        _ => Ok(()),
    }
}

/// Prints a message on stderr.
pub fn say(words: &str) {
    // If stderr is closed, the error cannot be reported.
    let _ = writeln!(io::stderr(), "{}", visible(words));
}

/// A word of a command line to paste into a shell, quoted where it needs to be.
pub(super) fn shell_word(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}

/// The text with its invisible characters escaped, which a path or a name may have to mislead a terminal.
fn visible(words: &str) -> Cow<'_, str> {
    let is_hidden =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !words.contains(is_hidden) {
        return words.into();
    }
    let mut text = String::new();
    for c in words.chars() {
        if is_hidden(c) { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text.into()
}
