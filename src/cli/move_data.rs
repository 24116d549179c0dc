//! `atelier move`: moves everything from the data file into a database of PostgreSQL, or back.

use std::cell::RefCell;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::app::databases::{self, Database};
use crate::cli::backup::several;
use crate::cli::confirm::Confirm;
use crate::cli::progress::Progress;
use crate::cli::{CliError, database, print, say, signals};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::secret::Secret;
use crate::store::data_dir::{DataDir, DataDirError};
use crate::store::lock::Lock;
use crate::store::moving::{self, Counts, Doing, MoveError, Step};
use crate::store::{Address, Tx};

pub(super) const EXAMPLES: &str = "Examples:\n  atelier move --to postgres://atelier@db.example.com/atelier\n  atelier \
    move --from postgres://atelier@db.example.com/atelier --data-dir /srv/atelier";

/// Where the data goes to.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Moving {
    /// Move the data file into this empty database of PostgreSQL, named as `postgres://USER@HOST/DATABASE`. Give the
    /// password in `PGPASSFILE` or ~/.pgpass, because others can see the words of a command.
    #[arg(long, value_name = "ADDRESS", value_parser = secret, required_unless_present = "from", conflicts_with = "from")]
    to: Option<Secret>,
    /// Move this database into a new data file.
    #[arg(long, value_name = "ADDRESS", value_parser = secret)]
    from: Option<Secret>,
    // An address without its option, whose password would be in the message that refuses it.
    #[arg(hide = true, value_parser = secret)]
    stray: Option<Secret>,
    /// Look whether the data can be moved, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirm: Confirm,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "a value parser may fail")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

impl Moving {
    pub(super) fn run(self, config: &Config) -> Result<(), CliError> {
        if self.stray.is_some() {
            return Err(CliError::Usage("give one database, with --to or --from".to_owned()));
        }
        match (&self.to, &self.from) {
            (Some(text), _) => self.move_to(text, config),
            (None, Some(text)) => self.move_from(text, config),
            (None, None) => Err(CliError::Usage("give the database with --to or --from".to_owned())),
        }
    }

    fn move_to(&self, text: &Secret, config: &Config) -> Result<(), CliError> {
        let address = database::address("--to", text, config)?;
        let shown = Address::without_password(text.expose());
        let home = DataDir::existing(&config.data_dir)?;
        let _lock = lock(&home)?;
        if !self.dry_run {
            let what = format!("move all data of {} to {address}", home.path().display());
            self.confirm.ask_undoable(&what, &format!("atelier move --from {shown}"))?;
        }
        let counts = self.moved(|watch| {
            let note = |tx: &Tx, rows| databases::move_to(tx, &Actor::operator(), Database::PostgreSql, rows);
            moving::to_server(&home, &address, self.dry_run, watch, &note)
        })?;
        let data_file = home.database().display().to_string();
        self.report(&counts, (&data_file, &address.to_string()))?;
        if self.dry_run {
            return Ok(());
        }
        if address.is_exposed() {
            say("the connection is not encrypted, so others can read passwords and data; use sslmode=verify-full");
        }
        say(&format!("the old data file is {data_file}.moved; remove it once everything works"));
        let master_key =
            config.master_key_file.clone().or_else(|| Some(home.master_key()).filter(|path| path.exists()));
        if let Some(path) = master_key {
            say(&format!(
                "the master key stays as it is: every server on this database needs {} (master_key_file)",
                path.display()
            ));
        }
        if config.files_url.is_none() {
            say("the files of models stay as they are: more than one server need an object storage (files_url)");
        }
        if config.public_url.is_none() {
            say("servers on a database need public_url: set it to the address that people use");
        }
        say(&format!("next, set database = {shown:?} in the configuration, and start the server: atelier serve"));
        Ok(())
    }

    fn move_from(&self, text: &Secret, config: &Config) -> Result<(), CliError> {
        let address = database::address("--from", text, config)?;
        let shown = Address::without_password(text.expose());
        let home = DataDir::without_database(&config.data_dir)?;
        let _lock = lock(&home)?;
        if !self.dry_run {
            let what = format!("move all data of {address} to {}", home.database().display());
            self.confirm.ask_undoable(&what, &format!("atelier move --to {shown}"))?;
        }
        let counts = self.moved(|watch| {
            let note = |tx: &Tx, rows| databases::move_to(tx, &Actor::operator(), Database::File, rows);
            moving::to_file(&home, &address, self.dry_run, watch, &note)
        })?;
        self.report(&counts, (&address.to_string(), &home.database().display().to_string()))?;
        if self.dry_run {
            return Ok(());
        }
        say(&format!("the schema in {address} is atelier_moved now; drop it once everything works"));
        let master_key = home.master_key();
        if config.master_key_file.is_none() && !master_key.exists() {
            say(&format!(
                "the master key stays as it is: set master_key_file, or copy the key of the old servers to {}",
                master_key.display()
            ));
        }
        if config.files_url.is_none() {
            say(&format!(
                "the files of models stay as they are: they must be in {}",
                home.path().join("files").display()
            ));
        }
        say("next, remove database from the configuration, and start the server: atelier serve");
        Ok(())
    }

    /// Moves with a bar, until a signal stops it.
    fn moved(&self, work: impl FnOnce(moving::Watch) -> Result<Counts, MoveError>) -> Result<Counts, CliError> {
        signals::clean_up_when_stopped();
        let bar: RefCell<Option<Progress>> = RefCell::new(None);
        let counts = work(&|step| {
            match (step, &*bar.borrow()) {
                (Step::Table(doing, table), Some(bar)) => bar.name(&format!("{} {table}", words(doing))),
                (Step::Rows(rows), Some(bar)) => bar.add(rows),
                _ => {}
            }
            if let Step::Total(rows) = step {
                let rows = if self.dry_run { rows / 3 } else { rows };
                bar.replace(Some(Progress::items(rows)));
            }
            !signals::is_stopped()
        });
        drop(bar);
        counts.map_err(|error| match error {
            MoveError::Other(error) => error.into(),
            error => CliError::Failed(error.to_string()),
        })
    }

    /// Prints the number of rows of each table.
    fn report(&self, counts: &Counts, (from, to): (&str, &str)) -> Result<(), CliError> {
        let rows: u64 = counts.iter().map(|(_, rows)| rows).sum();
        if self.json {
            let tables: Map<String, Value> = counts.iter().map(|(table, rows)| (table.clone(), json!(rows))).collect();
            let report = json!({ "from": from, "to": to, "dry_run": self.dry_run, "rows": rows, "tables": tables });
            print(&format!("{report:#}\n"))?;
        } else {
            let lines: Vec<String> = counts.iter().map(|(table, rows)| format!("{table}\t{rows}\n")).collect();
            print(&lines.concat())?;
        }
        let (rows, tables) =
            (several(usize::try_from(rows).unwrap_or(usize::MAX), "row"), several(counts.len(), "table"));
        say(&if self.dry_run {
            format!("nothing was changed; {rows} of {tables} can be moved from {from} to {to}")
        } else {
            format!("moved {rows} of {tables} from {from} to {to}, and compared every row")
        });
        Ok(())
    }
}

const fn words(doing: Doing) -> &'static str {
    match doing {
        Doing::Read => "reading",
        Doing::Copy => "copying",
        Doing::Compare => "comparing",
    }
}

/// The lock of a directory, which a running server has.
fn lock(home: &DataDir) -> Result<Lock, CliError> {
    home.lock().map_err(|error| match error {
        DataDirError::Taken { path, pid } => {
            let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            CliError::Failed(format!("a server{process} is using {}; stop it first", path.display()))
        }
        other => other.into(),
    })
}
