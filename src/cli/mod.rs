//! The command line: data on stdout, messages on stderr, the next step in every error.
//!
//! It acts as the operator and has no rules of its own. Exit codes: 0 success, 1 failure, 2 usage error, 3 a
//! server whose data file was removed or replaced.

pub mod admin;
pub mod audit;
mod check;
pub mod client;
mod data;
mod deadline;
mod file_place;
mod finding;
mod first_administrator;
pub mod flags;
pub mod key;
pub mod keys;
mod limits;
mod logging;
pub mod master_key;
pub mod model;
mod once;
mod output;
mod panics;
pub mod password;
mod progress;
mod running;
pub mod serve;
pub mod session;
mod signals;
mod table;
mod upgrade_progress;
pub mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use flags::{Place, Settings};
pub use output::{CliError, print, say};

/// Workspaces, people and tokens of a small ML team, in one binary and one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "atelier", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `atelier` can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server until SIGTERM, SIGINT, SIGQUIT or SIGHUP; accepted requests finish, no signal reloads the
    /// configuration.
    Serve {
        /// The configuration.
        #[command(flatten)]
        settings: Settings,
    },
    /// Show the effective configuration, with secrets masked, and report problems; changes nothing.
    Check {
        /// The configuration.
        #[command(flatten)]
        settings: Settings,
        /// Say instead how this version would upgrade an older data file: the steps, the room on the disk, and the time,
        /// measured on a copy.
        #[arg(long)]
        upgrade: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Manage users; works while the server runs.
    User {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: user::Command,
    },
    /// Restore the access of an administrator; works whether or not the server runs.
    Admin {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: admin::Command,
    },
    /// Manage OAuth clients; works while the server runs.
    Client {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: client::Command,
    },
    /// Manage API keys of users and services; works while the server runs.
    Key {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: key::Command,
    },
    /// Manage the keys that sign tokens; works while the server runs. For API keys, see `key`.
    Keys {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: keys::Command,
    },
    /// List and end sessions; works while the server runs.
    Session {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: session::Command,
    },
    /// Replace the master key, which seals signing keys and second factors.
    MasterKey {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: master_key::Command,
    },
    /// List the versions of models, and copy their files; works while the server runs.
    Model {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: model::Command,
    },
    /// Verify that the audit log is unchanged; works while the server runs, and changes nothing.
    Audit {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to do.
        #[command(subcommand)]
        command: audit::Command,
    },
}

pub fn run() -> ExitCode {
    panics::guard(parse_and_run).unwrap_or_else(report)
}

fn parse_and_run() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        // The help or the version.
        Err(words) if words.exit_code() == 0 => output::printed(words.print()),
        Err(words) => {
            // If stderr is closed, the error cannot be reported.
            let _ = words.print();
            return ExitCode::from(2);
        }
    };
    outcome.map_or_else(report, |()| ExitCode::SUCCESS)
}

fn report(error: CliError) -> ExitCode {
    let (code, words) = match error {
        CliError::Failed(words) => (1, words),
        CliError::Usage(words) => (2, words),
        CliError::Replaced(words) => (output::REPLACED, words),
    };
    say(&format!("error: {words}"));
    ExitCode::from(code)
}

impl Command {
    fn run(self) -> Result<(), CliError> {
        match self {
            Self::Serve { settings } => {
                let config = settings.load()?;
                let _log = logging::to_stderr_async(&config.log);
                serve::run(&config)
            }
            Self::Check { settings, upgrade, json } => {
                let config = settings.load()?;
                logging::to_stderr(&config.log);
                if upgrade { check::run_upgrade(&config, json) } else { check::run(&config, json) }
            }
            Self::User { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Admin { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Client { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Key { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Keys { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Session { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::MasterKey { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Model { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
            Self::Audit { place, command } => {
                let config = place.load()?;
                logging::to_stderr(&config.log);
                command.run(&config)
            }
        }
    }
}

#[cfg(test)]
mod tests;
