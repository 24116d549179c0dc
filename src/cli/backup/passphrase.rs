//! The passphrase of a backup, read from a file.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{CliError, password};
use crate::config::Config;
use crate::tokens::sealed_file::Passphrase;

/// The passphrase that seals backups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct PassphraseFile {
    /// File with the passphrase of the backup on one line; `backup_passphrase_file` by default.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseFile {
    /// Reads the passphrase, if there is one.
    pub(in crate::cli) fn read(&self, config: &Config) -> Result<Option<Passphrase>, CliError> {
        let path = self.passphrase_file.as_ref().or(config.backup_passphrase_file.as_ref());
        path.map(|path| read_passphrase(path)).transpose()
    }
}

/// Reads the only line of a file.
pub(super) fn read_passphrase(path: &Path) -> Result<Passphrase, CliError> {
    let text = password::read_file(path).map_err(|error| match error {
        CliError::Failed(words) => CliError::Failed(words.replace("the password", "the passphrase")),
        CliError::Usage(words) => CliError::Usage(words.replace("the password", "the passphrase")),
        replaced @ CliError::Replaced(_) => replaced,
    })?;
    Ok(Passphrase::new(text))
}
