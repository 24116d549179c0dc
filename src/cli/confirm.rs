//! The question before something is deleted, removed, revoked, ended or disabled.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use clap::Args;

use crate::cli::CliError;

/// The longest answer that is read.
const MAX_ANSWER: u64 = 64;

/// The option of every command that takes something away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Confirm {
    /// Do not ask; needed where there is no terminal.
    #[arg(long)]
    pub yes: bool,
}

impl Confirm {
    /// Asks on the terminal whether to do this, which cannot be undone, unless `--yes` is given. Refused without a
    /// terminal.
    pub(super) fn ask(self, what: &str) -> Result<(), CliError> {
        self.ask_with(what, "which cannot be undone", "This cannot be undone.")
    }

    /// The same for what a command undoes.
    pub(super) fn ask_undoable(self, what: &str, undo: &str) -> Result<(), CliError> {
        self.ask_with(what, &format!("which `{undo}` undoes"), &format!("`{undo}` undoes it."))
    }

    fn ask_with(self, what: &str, clause: &str, sentence: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(CliError::Usage(format!("this would {what}, {clause}; confirm it with --yes")));
        }
        let unreadable = |error| CliError::Failed(format!("cannot ask on the terminal: {error}; confirm with --yes"));
        let mut err = io::stderr().lock();
        write!(err, "{what}? {sentence} [y/N] ").and_then(|()| err.flush()).map_err(unreadable)?;
        let mut answer = String::new();
        io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).map_err(unreadable)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::Failed("nothing was changed; answer y to confirm".to_owned())),
        }
    }
}
