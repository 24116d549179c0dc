//! The set-up file of the configuration, which is applied at the first start of a server.

use std::path::Path;
use std::sync::Arc;

use super::{Failure, SetupFile};
use crate::cli::CliError;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{Store, Tx};

/// A set-up file that is applied in the write that creates the first administrator.
pub(in crate::cli) struct FirstSetup {
    setup: Arc<SetupFile>,
    failure: Arc<Failure>,
}

impl FirstSetup {
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, CliError> {
        let setup = Arc::new(SetupFile::read(path, None)?);
        Ok(Self { setup, failure: Arc::new(Failure { at_start: true, ..Failure::default() }) })
    }

    /// What the write does after it has created the administrator.
    pub(in crate::cli) fn apply(&self, config: &Config) -> impl Fn(&Tx) -> Result<()> + Send + 'static {
        let (setup, failure, config) = (self.setup.clone(), self.failure.clone(), config.clone());
        move |tx| setup.apply(tx, &config, false, &failure).map(drop)
    }

    /// Gives the files of the secrets their names, once the write is committed.
    pub(in crate::cli) fn applied(&self) {
        if let Err(words) = self.setup.secrets.name() {
            log::error!("{words}");
        }
    }

    /// Names the files of secrets that were stored by a first start that was killed. Nothing happens if the set-up file
    /// cannot be read, because it was applied.
    pub(in crate::cli) fn finish(path: &Path, store: &Store) {
        let Ok(setup) = SetupFile::read(path, None) else { return };
        match setup.finish(store) {
            Ok(named) => named.iter().for_each(|path| {
                log::info!("the secret in {} is from a first start that was interrupted", path.display());
            }),
            Err(words) => log::error!("{}: {words}", path.display()),
        }
    }

    /// The reason why the write failed. Removes the files of its secrets.
    pub(in crate::cli) fn failed(&self, error: Error) -> CliError {
        self.setup.secrets.remove();
        self.failure.or(error)
    }
}
