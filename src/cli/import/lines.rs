//! `atelier import FILE`: a file of `atelier export`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde_json::json;

use super::model_files::{self, GivenFiles};
use super::report::{Outcome, print_report};
use crate::app::runtime::file_storage::FileStorage;
use crate::app::setup;
use crate::app::transfer::{self, Counts, Ended, Files, Reader, Report, Source};
use crate::cli::backup::several;
use crate::cli::progress::Progress;
use crate::cli::{CliError, database, master_key, model, password, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::model::StoredFile;
use crate::domain::transfer::{Cell, Kind, MAX_LINE};
use crate::error::Error;
use crate::store::data_dir::{DataDir, DataDirError};
use crate::store::transfer::staging::Staging;
use crate::store::{Sizes, Store, files};

/// The rows that are imported while a server runs. More would make its writes wait for longer than about a second.
const MAX_BESIDE_SERVER: u64 = 20_000;

/// A large write touches pages of many indexes. One that does not fit into the cache is written to the log several times.
const SIZES: Sizes =
    Sizes { readers: 1, write_queue: 4, page_cache_kib: 256 << 10, search_memory: 0, max_read: None, max_write: None };

/// What is imported, and how.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(skip)]
pub(super) struct Options {
    /// A file of `atelier export`.
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
    /// Show what would be created, matched, left out or refused; changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// A file with the passphrase of an export with secrets, in one line; without it, no secrets are imported.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    models: model_files::Options,
    /// Write the ids in the file and those of this server to a new file, as lines of JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    map: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Options {
    pub(super) fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        let store = Store::open_beside(&home, SIZES)?;
        let done = self.read_and_import(config, &home, &store);
        store.close();
        done
    }

    fn read_and_import(&self, config: &Config, home: &DataDir, store: &Store) -> Result<(), CliError> {
        let keys = match &self.passphrase_file {
            Some(passphrase) => {
                let master_key = master_key::load(config, home, store)?;
                Some((password::read_passphrase(passphrase)?, Arc::new(master_key)))
            }
            None => None,
        };
        let storage = model::open_files(config, home)?;
        let reader = Reader::new(Staging::create(home)?, keys);
        let ended = read(&self.file.clone().unwrap_or_default(), reader)?;
        let (source, report) = Source::new(ended, self.models.without_files);
        if report.is_refused() {
            return self.refuse(&report);
        }
        self.import(home, store, &storage, &source)
    }

    fn import(&self, home: &DataDir, store: &Store, storage: &FileStorage, source: &Source) -> Result<(), CliError> {
        if !self.dry_run {
            setup::settle(store)?;
        }
        let given = GivenFiles::new(&self.models);
        let files = Files {
            is_there: &|sha256, size| {
                let is_stored = storage.store.size(&sha256)? == Some(size);
                Ok(is_stored || given.path(StoredFile { sha256, size }).is_some())
            },
            is_brought: &|sha256, size| given.is_brought(StoredFile { sha256, size }, storage),
        };
        let progress = Progress::items(source.rows());
        progress.name("comparing");
        let show = |rows| progress.set(rows);
        let report = store.read(|view| transfer::preview(view, &Actor::operator(), source, files, &show))?;
        drop(progress);
        if report.is_refused() {
            return self.refuse(&report);
        }
        if self.dry_run {
            return print_report(&report, Outcome::Preview, self.json);
        }
        // A server that starts now would have to wait for the write.
        let _lock = match home.lock() {
            Ok(lock) => Some(lock),
            Err(DataDirError::Taken { .. }) if source.rows() <= MAX_BESIDE_SERVER => None,
            Err(DataDirError::Taken { .. }) => {
                return Err(CliError::Failed(format!(
                    "the file has {} rows, and a server runs; more than {MAX_BESIDE_SERVER} rows would make its users wait: \
                     stop the server, import, and start it again",
                    source.rows()
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let map = self.map.as_deref().map(|path| Ok::<_, CliError>((path, create(path)?))).transpose()?;
        let done = write(store, storage, source, given);
        match (map, &done) {
            (Some((path, file)), Ok(report)) if !report.is_refused() => write_map(source, &file, path)?,
            (Some((path, _)), _) => drop(std::fs::remove_file(path)),
            (None, _) => {}
        }
        let report = done?;
        if report.is_refused() {
            return self.refuse(&report);
        }
        print_report(&report, Outcome::Imported, self.json)?;
        let total = report.total();
        say(&format!(
            "imported {}; {} were there already",
            several(total.created, "row"),
            total.matched + total.differ
        ));
        let is_new = |(kind, counts): (Kind, Counts)| kind == Kind::User && counts.created > 0;
        if self.passphrase_file.is_none() && report.counts().any(is_new) {
            say("new users have no password; `atelier user reset-link EMAIL` makes a link to choose one");
        }
        Ok(())
    }

    fn refuse(&self, report: &Report) -> Result<(), CliError> {
        print_report(report, Outcome::Refused, self.json)?;
        let rows = report.total().refused.max(1);
        Err(CliError::Failed(format!(
            "{} refused, so nothing was imported; correct them on the other server, and export again",
            if rows == 1 { "1 row is".to_owned() } else { format!("{rows} rows are") }
        )))
    }
}

fn write(store: &Store, storage: &FileStorage, source: &Source, given: GivenFiles) -> Result<Report, CliError> {
    let noted = transfer::register(store, source)?;
    let mut fault = None;
    transfer::for_each_wanted(source, |file| {
        given.store(file, store, storage).map_err(|error| {
            fault = Some(error);
            Error::internal("a file cannot be copied")
        })
    })
    .map_err(|error| fault.take().unwrap_or_else(|| error.into()))?;
    let progress = Progress::items(source.rows());
    progress.name("importing");
    let progress = Arc::new(Mutex::new(progress));
    let shown = progress.clone();
    let show = move |rows| shown.lock().unwrap_or_else(PoisonError::into_inner).set(rows);
    let is_brought = move |sha256, size| given.was_brought(StoredFile { sha256, size });
    Ok(transfer::apply(store, &Actor::operator(), source, noted, is_brought, show)?)
}

/// Reads a file to its end, in bounded memory.
fn read(path: &Path, mut reader: Reader) -> Result<Ended, CliError> {
    let unreadable =
        |error: io::Error| CliError::Failed(format!("cannot read {}: {error}; check the path", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let progress = Progress::bytes(file.metadata().map_err(unreadable)?.len());
    progress.name("reading");
    let mut input = BufReader::with_capacity(1 << 18, file);
    let (mut line, mut number, mut trailer) = (Vec::new(), 0_u64, None);
    loop {
        line.clear();
        let limit = MAX_LINE as u64 + 1;
        let read = (&mut input).take(limit).read_until(b'\n', &mut line).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        number += 1;
        if line.len() > MAX_LINE {
            return Err(CliError::Failed(format!(
                "{}: line {number} is longer than {MAX_LINE} bytes; it is not a file of `atelier export`",
                path.display()
            )));
        }
        progress.add(read as u64);
        let bytes = line.strip_suffix(b"\n").unwrap_or(&line);
        trailer = reader.line(bytes).map_err(|error| in_file(path, error))?;
    }
    reader.finish(trailer).map_err(|error| in_file(path, error))
}

/// An error of the file is a failure, not a wrong use of the command.
fn in_file(path: &Path, error: Error) -> CliError {
    match error {
        Error::Invalid { .. } => CliError::Failed(format!("{}: {error}; nothing was imported", path.display())),
        other => other.into(),
    }
}

fn create(path: &Path) -> Result<File, CliError> {
    files::create(path).map_err(|error| {
        CliError::Failed(format!("cannot create {}: {error}; choose another file with --map", path.display()))
    })
}

fn write_map(source: &Source, file: &File, path: &Path) -> Result<(), CliError> {
    let mut out = BufWriter::new(file);
    let mut failure = None;
    let value = |cell: &Cell| match cell {
        Cell::Int(id) => json!(id),
        cell => json!(cell.text()),
    };
    let done = transfer::for_each_mapped(source, |kind, from, to, is_new| {
        let line = json!({ "kind": kind.as_str(), "from": value(from), "to": value(to), "created": is_new });
        writeln!(out, "{line}").map_err(|error| {
            failure = Some(error);
            Error::internal("cannot write the map")
        })
    });
    let flushed = out.flush().and_then(|()| file.sync_all());
    match failure.or(flushed.err()) {
        Some(error) => Err(CliError::Failed(format!(
            "everything was imported, but {} could not be written: {error}; free space, and import the same file again \
             with --map, which changes nothing else",
            path.display()
        ))),
        None => Ok(done?),
    }
}
