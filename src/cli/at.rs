//! Where a command works: on the data directory of a server.

use clap::{Args, Subcommand};

use crate::cli::flags::Place;
use crate::cli::{CliError, logging};
use crate::config::Config;

// A command on the data directory of a server. Its description is that of its variant.
#[derive(Debug, Args)]
pub struct At<C: Subcommand> {
    /// Where the server is.
    #[command(flatten)]
    pub place: Place,
    /// What to do.
    #[command(subcommand)]
    pub command: C,
}

impl<C: Subcommand> At<C> {
    pub(super) fn run(self, run: impl FnOnce(C, &Config) -> Result<(), CliError>) -> Result<(), CliError> {
        run(self.command, &beside(&self.place)?)
    }
}

/// The configuration of a command on the data directory of a server. Its log goes to stderr.
pub(super) fn beside(place: &Place) -> Result<Config, CliError> {
    let config = place.load()?;
    logging::to_stderr(&config.log);
    Ok(config)
}
