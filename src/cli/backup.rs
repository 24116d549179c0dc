//! `atelier backup`: makes, verifies and lists backups.

mod bar;
mod keys;
mod list;
mod passphrase;
mod schedule;
mod target;
mod verify;
mod words;

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::backups::{self, BackupError, Made, Plan, Target};
use crate::cli::data::with;
use crate::cli::list::List;
use crate::cli::progress::size;
use crate::cli::{CliError, database, file_place, print, say, signals};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::files::archive::Folder;
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;
use crate::store::schema::{self, SchemaState};

pub(super) use bar::Bar;
pub use passphrase::PassphraseFile;
pub(super) use schedule::{Scheduler, control, planned};
pub(super) use words::{age, several, several_were};

use keys::found_keys;
use words::incomplete;

/// Where a backup goes, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Make {
    /// A new file, or a directory in which each backup gets its own name and the files of models are stored once.
    #[arg(required = true, value_name = "FILE|DIR", value_parser = PathBufValueParser::new().try_map(target::parse))]
    target: Option<PathBuf>,
    #[command(flatten)]
    secret: PassphraseFile,
    /// Leave out the files of models.
    #[arg(long)]
    without_files: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What can be done about backups.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Restore a backup into a temporary directory (in TMPDIR), and check it: every byte, the data, the audit log and the
    /// master key.
    #[command(after_help = "Examples:\n  atelier backup verify /backup/atelier\n  atelier backup verify \
                            /backup/atelier.tar --passphrase-file /etc/atelier/passphrase")]
    Verify {
        /// A backup, or a directory, of which the newest backup is verified.
        #[arg(value_name = "FILE|DIR")]
        path: PathBuf,
        #[command(flatten)]
        secret: PassphraseFile,
        /// Verify every backup of the directory.
        #[arg(long)]
        all: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the backups of a directory, oldest first. It needs no passphrase.
    #[command(
        after_help = "Examples:\n  atelier backup list /backup/atelier\n  atelier backup list --filter 202611 --json"
    )]
    List {
        /// The directory; `backup_directory` by default.
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
        /// Which are listed. A filter looks into the name of the file.
        #[command(flatten)]
        options: List,
    },
}

/// Makes a backup, or does what the command says instead.
pub(super) fn run(config: &Config, make: Make, command: Option<Command>) -> Result<(), CliError> {
    match command {
        Some(command) => command.run(config),
        None => make.run(config),
    }
}

impl Command {
    fn run(self, config: &Config) -> Result<(), CliError> {
        match self {
            Self::Verify { path, secret, all, json } => verify::run(config, &path, &secret, all, json),
            Self::List { directory, options } => list::run(config, directory, &options),
        }
    }
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Core(error) => error.into(),
            BackupError::Stopped => {
                Self::Failed("stopped by a signal; what it had begun was removed; run the command again".to_owned())
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Make {
    fn run(self, config: &Config) -> Result<(), CliError> {
        signals::clean_up_when_stopped();
        database::require_file(config, "back it up with `pg_dump`, or with the tools of your PostgreSQL service")?;
        let target = self.target.unwrap_or_default();
        let home = database::existing(config)?;
        let passphrase = self.secret.read_new(config)?;
        let files = (!self.without_files).then(|| file_place::open(config, &home)).transpose()?;
        let is_folder = target.is_dir() || target.as_os_str().as_encoded_bytes().ends_with(b"/");
        let folder = Folder::at(target.clone());
        let made = backups::make(
            &Plan {
                home: &home,
                files: files.as_ref(),
                target: if is_folder { Target::Folder(&folder) } else { Target::File(&target) },
                passphrase: passphrase.as_ref(),
                keys: &|| found_keys(config, &home),
            },
            &Bar::default(),
        )?;
        record(&home, &made);
        if self.json {
            print(&format!("{:#}\n", to_json(&made)))?;
        } else {
            print(&format!("{}\n", made.path.display()))?;
        }
        say(&summary(&made));
        if !made.sealed {
            say(
                "the backup is as secret as the server: with it, anybody can sign tokens and read all secrets; keep it \
                 where only you can read it, or seal it with --passphrase-file",
            );
        }
        incomplete(&made).map_or(Ok(()), |words| Err(CliError::Failed(words)))
    }
}

/// Records the backup in the audit log. An older data file is not upgraded for it.
fn record(home: &DataDir, made: &Made) {
    let is_current = inspect(&home.database(), schema::state).is_ok_and(|state| state == SchemaState::Current);
    if !is_current {
        return;
    }
    let (actor, made) = (Actor::operator(), made.clone());
    let done = with(home, |store| Ok(store.write_and_wait(move |tx| backups::note_made(tx, &actor, &made))?));
    if let Err(CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) = done {
        say(&format!("warning: the backup is not in the audit log: {words}"));
    }
}

fn to_json(made: &Made) -> serde_json::Value {
    json!({
        "path": made.path.display().to_string(),
        "made_at": made.label.made_at,
        "version": made.label.program,
        "schema": made.label.schema,
        "size": made.size,
        "sealed": made.sealed,
        "files": made.files.count,
        "files_copied": made.copied,
        "missing_files": made.files.missing,
        "damaged_files": made.files.damaged,
    })
}

fn summary(made: &Made) -> String {
    let files = match made.files.place {
        crate::files::archive::FilesPlace::Nowhere => "without model files".to_owned(),
        _ => format!("with {}", several(made.files.count, "model file")),
    };
    format!("{}, {files}; `atelier backup verify` restores it for a test", size(made.size))
}
