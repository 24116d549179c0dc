//! The errors of commands, and what they print: data on stdout, messages on stderr.

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
    /// Exit code 3: the data file was removed or replaced under the running server.
    Replaced(String),
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
    let mut out = io::stdout().lock();
    match out.write_all(data.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Failed(format!("cannot write to stdout: {error}; check where it is redirected to")))
        }
        _ => Ok(()),
    }
}

/// Prints a message on stderr.
pub fn say(words: &str) {
    // If stderr is closed, the error cannot be reported.
    let _ = writeln!(io::stderr(), "{words}");
}
