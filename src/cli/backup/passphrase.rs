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
    fn path<'p>(&'p self, config: &'p Config) -> Option<&'p Path> {
        self.passphrase_file.as_deref().or(config.backup_passphrase_file.as_deref())
    }

    /// Reads the passphrase of a backup, if there is one.
    pub(in crate::cli) fn read(&self, config: &Config) -> Result<Option<Passphrase>, CliError> {
        self.path(config).map(|path| password::read_passphrase(path).map(Passphrase::new)).transpose()
    }

    /// Reads the passphrase of a new backup, if it is to be sealed. Refused if it is short or open to other users.
    pub(in crate::cli) fn read_new(&self, config: &Config) -> Result<Option<Passphrase>, CliError> {
        self.path(config).map(read_new_passphrase).transpose()
    }
}

pub(super) fn read_new_passphrase(path: &Path) -> Result<Passphrase, CliError> {
    password::read_new_passphrase(path).map(Passphrase::new)
}
