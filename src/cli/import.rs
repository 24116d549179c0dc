//! `atelier import`: takes over people and clients from files of other systems.

mod file;
mod keycloak;
mod link_file;
mod people;
mod plan;

use clap::Subcommand;

use crate::cli::CliError;
use crate::config::Config;

/// What can be imported.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Import the users and clients of a Keycloak realm export; users keep their passwords. Prints what each will
    /// become before it changes anything.
    Keycloak(keycloak::Arguments),
    /// Invite the people of a CSV file, and add them to workspaces. Prints what each line will do before it changes
    /// anything.
    People(people::Arguments),
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        match self {
            Self::Keycloak(arguments) => keycloak::run(config, &arguments),
            Self::People(arguments) => people::run(config, &arguments),
        }
    }
}
