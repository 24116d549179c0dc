//! `atelier import`: adds what another server has to this one. Each form of file has a module.

mod lines;
mod report;

use clap::Args;

use crate::cli::CliError;
use crate::config::Config;

/// What is imported.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Options {
    #[command(flatten)]
    lines: lines::Options,
}

impl Options {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        self.lines.run(config)
    }
}
