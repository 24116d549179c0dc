//! The question before something is deleted permanently.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use clap::Args;

use crate::cli::CliError;

/// The longest answer that is read.
const MAX_ANSWER: u64 = 64;

/// The option of every command that deletes permanently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Confirm {
    /// Do not ask; needed where there is no terminal.
    #[arg(long)]
    pub yes: bool,
}

impl Confirm {
    /// Asks on the terminal whether to do this, unless `--yes` is given. Refused without a terminal.
    ///
    /// No data file is open meanwhile.
    pub(super) fn ask(self, what: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(CliError::Usage(format!("this would {what}, which cannot be undone; confirm it with --yes")));
        }
        let unreadable = |error| CliError::Failed(format!("cannot ask on the terminal: {error}; confirm with --yes"));
        let mut err = io::stderr().lock();
        write!(err, "{what}? This cannot be undone. [y/N] ").and_then(|()| err.flush()).map_err(unreadable)?;
        let mut answer = String::new();
        io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).map_err(unreadable)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::Failed("nothing was changed; answer y to confirm".to_owned())),
        }
    }
}
