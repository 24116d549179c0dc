//! The parts of an installation: the version of the program, completions for shells and man pages.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use crate::cli::{CliError, print};
use crate::store::health;

/// The commit that `build.rs` finds. Unknown in builds for development, and of sources without a history.
const COMMIT: Option<&str> = option_env!("BUILT_OF_ATELIER");

const COMPLETIONS_EXAMPLES: &str = "Examples:\n  atelier completions bash > /etc/bash_completion.d/atelier\n  atelier \
                                    completions zsh > /usr/local/share/zsh/site-functions/_atelier\n  atelier \
                                    completions fish > ~/.config/fish/completions/atelier.fish";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a script that completes the commands of `atelier` in a shell.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write a man page for each command into a directory.
    #[command(after_help = "Examples:\n  atelier man /usr/local/share/man/man1")]
    Man {
        /// The directory, which is created if it does not exist.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// A shell that can complete commands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The version, the commit and the version of SQLite, for `--version`.
pub(super) fn version() -> String {
    let commit = COMMIT.map(|commit| format!("commit {commit}, ")).unwrap_or_default();
    format!("{} ({commit}SQLite {})", env!("CARGO_PKG_VERSION"), health::sqlite_version())
}

impl Command {
    pub(super) fn run(self, cli: clap::Command) -> Result<(), CliError> {
        match self {
            Self::Completions { shell } => shell.completions(cli),
            Self::Man { directory } => man(cli, &directory),
        }
    }
}

impl Shell {
    /// Prints the script for this shell.
    fn completions(self, mut cli: clap::Command) -> Result<(), CliError> {
        use clap_complete::Shell as Script;
        let script = match self {
            Self::Bash => Script::Bash,
            Self::Zsh => Script::Zsh,
            Self::Fish => Script::Fish,
        };
        // Into memory first: clap_complete panics when it cannot write.
        let mut text = Vec::new();
        clap_complete::generate(script, &mut cli, "atelier", &mut text);
        print(&String::from_utf8_lossy(&text))
    }
}

/// Writes `atelier.1`, `atelier-user.1`, `atelier-user-add.1` and so on.
fn man(cli: clap::Command, directory: &Path) -> Result<(), CliError> {
    let written = fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(cli, directory));
    written.map_err(|error| {
        CliError::Failed(format!(
            "cannot write the man pages into {}: {error}; choose a directory that you can write to",
            directory.display()
        ))
    })
}
