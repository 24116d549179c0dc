//! `atelier import`: adds what another server or system has to this one. Each form of file has a module.

mod file;
mod keycloak;
mod lines;
mod link_file;
mod model_files;
mod people;
mod plan;
mod report;

use clap::{Args, Subcommand};

use crate::cli::CliError;
use crate::config::Config;

/// What is imported.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Options {
    #[command(flatten)]
    lines: lines::Options,
    /// The form of the file, if it is not one of `atelier export`.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
enum Command {
    /// Import the users and clients of a Keycloak realm export; users keep their passwords. Prints what each will
    /// become before it changes anything.
    #[command(
        after_help = "Examples:\n  atelier import keycloak realm.json --groups map.toml --dry-run\n  atelier import \
                      keycloak realm.json --groups map.toml"
    )]
    Keycloak(keycloak::Arguments),
    /// Invite the people of a CSV file, and add them to workspaces. Prints what each line will do before it changes
    /// anything.
    #[command(
        after_help = "Examples:\n  atelier import people people.csv --dry-run\n  atelier import people people.csv --links \
                      links.csv"
    )]
    People(people::Arguments),
}

impl Options {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        match self.command {
            None => self.lines.run(config),
            Some(Command::Keycloak(arguments)) => keycloak::run(config, &arguments),
            Some(Command::People(arguments)) => people::run(config, &arguments),
        }
    }
}
