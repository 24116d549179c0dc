//! The command line: data on stdout, messages on stderr, the next step in every error.
//!
//! It acts as the operator and has no rules of its own. Exit codes: 0 success, 1 failure, 2 usage error (of
//! `plan`: something differs), 3 a server whose data file was removed or replaced.

pub mod admin;
mod ask;
pub mod at;
pub mod audit;
pub mod backup;
pub mod binding;
mod brand;
mod certificate;
mod check;
pub mod client;
mod compact;
pub mod confirm;
pub mod connection;
mod data;
mod database;
mod deadline;
mod dispatch;
pub mod explain;
pub mod export;
mod file_place;
mod finding;
mod first_administrator;
pub mod flags;
mod greeting;
mod health;
mod help;
mod hints;
pub mod import;
pub mod init;
pub mod installation;
mod json_file;
mod json_log;
pub mod key;
mod limits;
pub mod list;
pub mod local_stream;
mod logging;
mod master_key;
pub mod member;
pub mod model;
pub mod move_data;
mod once;
pub mod org;
mod output;
mod panics;
pub mod password;
pub mod pipeline;
mod progress;
pub mod project;
mod requirements;
pub mod restore;
pub mod role;
mod running;
pub mod serve;
mod service_manager;
pub mod session;
pub mod setup_file;
mod signals;
pub mod signing_key;
mod sockets;
mod status;
mod table;
pub mod tag;
mod upgrade_progress;
pub mod user;
pub mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use at::At;
use flags::{Place, Settings};
pub use output::{CliError, print, say};

/// Workspaces, people and tokens of a small ML team, in one binary and one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "atelier", version = installation::version(), arg_required_else_help = true)]
#[command(after_help = "Examples:\n  atelier serve\n  atelier user add ada@example.com --admin\n  \
                        atelier workspace list\n\n`atelier COMMAND --help` shows what a command does. All but `serve` \
                        work while the server runs.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `atelier` can be asked to do. `help.rs` has their groups.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Restore the access of an administrator.
    Admin(At<admin::Command>),
    /// Make organizations, people, workspaces, roles, clients and service keys as a file declares them.
    ///
    /// It shows the changes first, and does all of them or none.
    #[command(after_help = "Examples:\n  atelier apply team.toml\n  atelier apply team.toml --prune --dry-run")]
    Apply {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// The set-up file.
        #[command(flatten)]
        source: setup_file::Source,
        /// Show the changes, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Remove things and take rights away without a question.
        #[arg(long)]
        yes: bool,
    },
    /// Show the audit log, and verify that it is unchanged.
    Audit(At<audit::Command>),
    /// Back up the data file, the master keys and the files of models, while the server runs and writes.
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        arg_required_else_help = true,
        after_help = "Examples:\n  atelier backup /backup/atelier.tar\n  atelier backup /backup/atelier/ --passphrase-file \
                      /etc/atelier/passphrase\n  atelier backup verify /backup/atelier"
    )]
    Backup {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// The backup.
        #[command(flatten)]
        make: backup::Make,
        /// What to do instead.
        #[command(subcommand)]
        command: Option<backup::Command>,
    },
    /// Manage role bindings: named roles of people on a workspace or a project.
    Binding(At<binding::Command>),
    /// Show the effective configuration, with secrets masked, and report problems; changes nothing.
    #[command(after_help = "Examples:\n  atelier check\n  atelier check --json")]
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
    /// Manage OAuth clients.
    Client(At<client::Command>),
    /// Give the space of deleted rows back to the disk; the server must be stopped.
    #[command(after_help = "Examples:\n  atelier compact\n  atelier compact --json")]
    Compact {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Manage connections to data sources, whose details are secret.
    Connection(At<connection::Command>),
    /// Explain why a user may do something, or may not; changes nothing.
    #[command(after_help = explain::EXAMPLES)]
    Explain {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// The question.
        #[command(flatten)]
        question: explain::Question,
    },
    /// Write everything that belongs to the account as lines of JSON, or as a set-up file.
    #[command(after_help = "Examples:\n  atelier export account.jsonl\n  atelier export account.jsonl --with-secrets \
                            --passphrase-file passphrase.txt\n  atelier export --as-apply team.toml")]
    Export {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to write.
        #[command(flatten)]
        options: export::Options,
    },
    /// Exit with 0 if the server is ready, and with 1 otherwise: a health check for containers without curl.
    #[command(after_help = "Examples:\n  atelier health\n  atelier health --live --config /etc/atelier.toml")]
    Health {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// Ask only whether the server answers, not whether its database works.
        #[arg(long)]
        live: bool,
    },
    /// Add what another server has exported to this one, or what Keycloak or a list of people has.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    #[command(
        after_help = "Examples:\n  atelier import account.jsonl --dry-run\n  atelier import account.jsonl --map ids.jsonl"
    )]
    Import {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What to read.
        #[command(flatten)]
        options: import::Options,
    },
    /// Ask the questions of a first set-up, and write the configuration file; overwrites nothing.
    #[command(after_help = init::EXAMPLES)]
    Init {
        /// The answers.
        #[command(flatten)]
        answers: init::Answers,
    },
    // Completions and man pages.
    #[command(flatten)]
    Installation(installation::Command),
    /// Manage API keys of users and services. For the keys that sign tokens, see `signing-key`.
    Key(At<key::Command>),
    /// Replace the master key, which seals signing keys and second factors.
    MasterKey(At<master_key::Command>),
    /// Manage the members of a workspace and their roles.
    Member(At<member::Command>),
    /// Manage models: their versions and files.
    Model(At<model::Command>),
    /// Move everything from the data file into a database of PostgreSQL, or back; the servers must be stopped.
    ///
    /// Ids, API keys, tokens and sessions stay valid. The master key, the files of models and the configuration are not moved.
    #[command(after_help = move_data::EXAMPLES)]
    Move {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// What is moved.
        #[command(flatten)]
        moving: move_data::Moving,
    },
    /// Manage organizations and their members.
    Org(At<org::Command>),
    /// Manage pipelines and their versions.
    Pipeline(At<pipeline::Command>),
    /// Show what `apply` would change; exits with 0 if nothing differs, 2 if something does, and 1 on an error.
    #[command(after_help = "Examples:\n  atelier plan team.toml\n  atelier plan team.toml --json")]
    Plan {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// The set-up file.
        #[command(flatten)]
        source: setup_file::Source,
    },
    /// Manage the projects of workspaces, and restrict them.
    Project(At<project::Command>),
    /// Restore a backup into a new data directory, end all sessions, and list the keys that are active again.
    #[command(
        after_help = "Examples:\n  atelier restore /backup/atelier/atelier-20261127T030000Z.tar --data-dir /srv/atelier"
    )]
    Restore {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// The backup.
        #[command(flatten)]
        restore: restore::Restoration,
    },
    /// Manage named roles, which are sets of permissions.
    Role(At<role::Command>),
    /// Run the server until SIGTERM, SIGINT, SIGQUIT or the end of its terminal; accepted requests finish, no signal reloads
    /// the configuration.
    #[command(after_help = "Examples:\n  atelier serve\n  atelier serve --listen 0.0.0.0:8080 --data-dir /srv/atelier")]
    Serve {
        /// The configuration.
        #[command(flatten)]
        settings: Settings,
    },
    /// List and end sessions.
    Session(At<session::Command>),
    /// Manage the keys that sign tokens. For API keys, see `key`.
    #[command(alias = "keys")]
    SigningKey(At<signing_key::Command>),
    /// Show how the running server is: health, version, sizes, queues, caches and the configuration in force.
    #[command(after_help = "Examples:\n  atelier status\n  atelier status --json --data-dir /srv/atelier")]
    Status {
        /// Where the server is.
        #[command(flatten)]
        place: Place,
        /// Print JSON, with the whole configuration.
        #[arg(long)]
        json: bool,
    },
    /// Manage the tags of models, pipelines and projects.
    Tag(At<tag::Command>),
    /// Manage users.
    User(At<user::Command>),
    /// Manage workspaces.
    Workspace(At<workspace::Command>),
}

pub fn run() -> ExitCode {
    panics::guard(parse_and_run).unwrap_or_else(report)
}

fn parse_and_run() -> ExitCode {
    let parsed = help::grouped(Cli::command()).try_get_matches();
    let outcome = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        // It has one more exit code.
        Ok(Cli { command: Command::Plan { place, source } }) => return source.plan(&place).unwrap_or_else(report),
        Ok(cli) => cli.command.run(),
        // The help or the version.
        Err(words) if words.exit_code() == 0 => output::printed(words.print()),
        Err(words) => {
            let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
            let told = hints::hint(&Cli::command(), &words, arguments).map(|hint| report(CliError::Usage(hint)));
            let code = told.unwrap_or_else(|| {
                // If stderr is closed, the error cannot be reported.
                let _ = words.print();
                ExitCode::from(2)
            });
            // 2 means to `plan` that something differs.
            let is_plan = std::env::args_os().nth(1).is_some_and(|word| word == "plan");
            return if is_plan { ExitCode::FAILURE } else { code };
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

#[cfg(test)]
mod tests;
