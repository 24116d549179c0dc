//! `atelier export`: writes everything that belongs to the account as lines of JSON, or what a set-up file declares.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::transfer::{self, Sealing, Trailer};
use crate::cli::backup::several;
use crate::cli::progress::Progress;
use crate::cli::{CliError, data, database, master_key, password, say, setup_file};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::transfer::Kind;
use crate::error::Error;
use crate::store::data_dir::DataDir;
use crate::store::files;

/// How often the bar is brought up to date, in rows.
const SHOWN_EVERY: u64 = 1000;

/// What is exported, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Options {
    /// The file to write, which must not exist, or - for stdout.
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Include password hashes, second factors, API keys, client secrets and the details of connections, all sealed under
    /// the passphrase.
    #[arg(long, requires = "passphrase_file")]
    with_secrets: bool,
    /// A file with the passphrase, in one line.
    #[arg(long, value_name = "FILE", requires = "with_secrets")]
    passphrase_file: Option<PathBuf>,
    /// Write a set-up file for `atelier apply` instead.
    #[arg(long, conflicts_with = "with_secrets")]
    as_apply: bool,
}

impl Options {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        if self.as_apply {
            let file = (self.file.as_os_str() != "-").then_some(self.file.as_path());
            return setup_file::export_as_apply(config, file);
        }
        let home = database::existing(config)?;
        let sealing = match &self.passphrase_file {
            Some(path) => {
                let passphrase = password::read_new_passphrase(path)?;
                let master_key = data::with(&home, |store| master_key::load(config, &home, store))?;
                Some(Sealing::new(master_key, &passphrase)?)
            }
            None => None,
        };
        let path = self.file.as_path();
        if path.as_os_str() == "-" {
            let trailer = write(&home, sealing.as_ref(), &mut io::stdout().lock(), Path::new("stdout"))?;
            report(&trailer, path, sealing.is_some());
            return Ok(());
        }
        if path.is_dir() {
            return Err(CliError::Usage(format!(
                "{} is a directory; name a new file, such as one in it",
                path.display()
            )));
        }
        let file = files::create(path).map_err(|error| {
            let next = match error.kind() {
                io::ErrorKind::AlreadyExists => "remove it, or choose another file",
                _ => "choose another file",
            };
            CliError::Failed(format!("cannot create {}: {error}; {next}", path.display()))
        })?;
        let done = write(&home, sealing.as_ref(), &mut &file, path).and_then(|trailer| {
            file.sync_all().map_err(|error| unwritable(path, &error))?;
            Ok(trailer)
        });
        if done.is_err() {
            // What is incomplete must not look like an export.
            let _ = fs::remove_file(path);
        }
        report(&done?, path, sealing.is_some());
        Ok(())
    }
}

fn write(home: &DataDir, sealing: Option<&Sealing>, to: &mut dyn Write, path: &Path) -> Result<Trailer, CliError> {
    let mut out = BufWriter::with_capacity(1 << 18, to);
    let mut failure = None;
    let progress = Progress::items(Kind::ALL.len() as u64);
    let done = data::with(home, |store| {
        Ok(store.read(|view| {
            let line = |line: &str| {
                let written = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n"));
                written.map_err(|error| {
                    failure = Some(error);
                    Error::internal("cannot write the export")
                })
            };
            let show = |kind: Kind, rows: u64| {
                if rows % SHOWN_EVERY == 1 {
                    progress.set(kind as u64);
                    progress.name(&format!("{} {rows}", kind.as_str()));
                }
            };
            transfer::export(view, &Actor::operator(), sealing, line, show)
        })?)
    });
    if let Some(error) = failure {
        return Err(unwritable(path, &error));
    }
    let trailer = done?;
    out.flush().map_err(|error| unwritable(path, &error))?;
    Ok(trailer)
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot write to {}: {error}; free space or choose another file", path.display()))
}

fn report(trailer: &Trailer, path: &Path, with_secrets: bool) {
    let to = if path.as_os_str() == "-" { String::new() } else { format!(" to {}", path.display()) };
    say(&format!("exported {}{to}", several(trailer.rows, "row")));
    if !with_secrets {
        say(
            "it contains no passwords, second factors, API keys and details of connections; --with-secrets adds them, \
             sealed under a passphrase",
        );
    }
    if trailer.counts.get(Kind::ModelVersion.as_str()).is_some_and(|versions| *versions > 0) {
        say("it does not contain the files of models; copy the folder files of the data directory, too");
    }
}
