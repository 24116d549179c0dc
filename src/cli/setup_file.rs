//! `atelier apply` and `atelier plan`: make the state as a file declares it, or say what is different.

mod export;
mod parse;
mod reader;
mod secrets;
mod show;
mod source;
mod start;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use crate::app::declared_setup::{self, Declared, NewSecret, Plan};
use crate::app::setup;
use crate::cli::confirm::Confirm;
use crate::cli::flags::Place;
use crate::cli::{CliError, data, database, logging, print, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::key::KeyRules;
use crate::error::Error;
use crate::store::{Store, Tx};
use crate::tokens::opaque::Fingerprint;
use secrets::SecretFiles;
use source::{cannot_apply, read};

pub(super) use export::export_as_apply;
pub(super) use start::FirstSetup;

/// What `apply` and `plan` have in common.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The set-up file, in TOML.
    file: PathBuf,
    /// Remove what the file does not declare, of those kinds that it names.
    #[arg(long)]
    prune: bool,
    /// The directory for the secrets of new clients and service keys without a `secret_file`; each file gets the mode
    /// 0600.
    #[arg(long, value_name = "DIR")]
    secrets_dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A set-up file that was read.
struct SetupFile {
    path: PathBuf,
    declared: Arc<Declared>,
    secrets: SecretFiles,
}

impl SetupFile {
    fn read(path: &Path, secrets_dir: Option<PathBuf>) -> Result<Self, CliError> {
        let text = read(path).map_err(|error| {
            CliError::Failed(format!("cannot read the set-up file {}: {error}; check the path", path.display()))
        })?;
        let declared = parse::parse(&text).map_err(|faults| cannot_apply(path, &faults))?;
        Ok(Self { path: path.to_owned(), declared: Arc::new(declared), secrets: SecretFiles::of(path, secrets_dir) })
    }

    /// Plans and applies in a write. The files of the secrets are written before the commit.
    fn apply(&self, tx: &Tx, config: &Config, prune: bool, failure: &Failure) -> Result<Plan, Error> {
        let actor = if failure.at_start { Actor::server() } else { Actor::operator() };
        let plan = declared_setup::plan(tx, &actor, &self.declared, prune)?;
        if !plan.faults.is_empty() {
            return Err(failure.because(cannot_apply(&self.path, &plan.faults)));
        }
        if let Some(shown) = &failure.shown
            && !plan.is_same(shown)
        {
            let words =
                "the server has changed since the changes were shown; nothing was changed; run the command again";
            return Err(failure.because(CliError::Failed(words.to_owned())));
        }
        self.secrets.check(&plan).map_err(|words| failure.because(self.failed(&words)))?;
        declared_setup::apply(tx, &actor, &rules(config), &plan, &|secret| self.secrets.stored(secret)).map_err(
            |error| match error {
                Error::Invalid { .. } => failure.because(self.failed(&error.to_string())),
                other => other,
            },
        )?;
        let is_stored = |secret: &_, print: &_| declared_setup::is_stored(tx, &actor, secret, print);
        self.secrets.write(&plan, &is_stored).map_err(|words| failure.because(self.failed(&words)))?;
        Ok(plan)
    }

    /// Names or removes the files of secrets that a killed command has left. Returns the named ones.
    fn finish(&self, store: &Store) -> Result<Vec<PathBuf>, String> {
        let is_stored = |secret: &_, print: &_| is_stored(store, secret, print);
        self.secrets.finish(self.declared.secrets(), &is_stored)
    }

    /// The changes, as exactly as `apply` would do them now.
    fn rehearse(&self, config: &Config, store: &Store, prune: bool) -> Result<Plan, CliError> {
        let done = declared_setup::rehearse(store, &Actor::operator(), &rules(config), &self.declared, prune);
        let plan = done.map_err(|error| match error {
            Error::Invalid { .. } => self.failed(&error.to_string()),
            other => other.into(),
        })?;
        if plan.faults.is_empty() { Ok(plan) } else { Err(cannot_apply(&self.path, &plan.faults)) }
    }

    fn failed(&self, words: &str) -> CliError {
        CliError::Failed(format!("{}: {words}; nothing was changed", self.path.display()))
    }
}

fn rules(config: &Config) -> KeyRules {
    KeyRules { allowed: config.keys_allowed, max_life: config.key_longest_life }
}

fn is_stored(store: &Store, secret: &NewSecret, print: &Fingerprint) -> Result<bool, Error> {
    store.read(|view| declared_setup::is_stored(view, &Actor::operator(), secret, print))
}

/// Why a write was ended, if the error of the core does not say it.
#[derive(Default)]
struct Failure {
    reason: Mutex<Option<CliError>>,
    /// The plan that somebody has seen, which must still be the same.
    shown: Option<Plan>,
    at_start: bool,
}

impl Failure {
    fn because(&self, reason: CliError) -> Error {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        Error::internal("the set-up file cannot be applied")
    }

    fn or(&self, error: Error) -> CliError {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(|| as_failure(error.into()))
    }
}

impl Source {
    /// `atelier apply`.
    pub(super) fn apply(self, place: &Place, dry_run: bool, yes: bool) -> Result<(), CliError> {
        self.with(place, |config, store, setup| {
            if dry_run {
                return self.show(config, store, &setup).map(drop);
            }
            setup::settle(store)?;
            for path in setup.finish(store).map_err(|words| setup.failed(&words))? {
                say(&format!("the secret of an interrupted command is in {} now", path.display()));
            }
            self.apply_on(config, store, setup, yes)
        })
    }

    /// `atelier plan`: the exit code is 2 if something differs.
    pub(super) fn plan(self, place: &Place) -> Result<ExitCode, CliError> {
        let differs = self.with(place, |config, store, setup| self.show(config, store, &setup))?;
        Ok(if differs { ExitCode::from(2) } else { ExitCode::SUCCESS })
    }

    /// Errors exit with 1, because 2 means to `plan` that something differs.
    fn with<T>(
        &self,
        place: &Place,
        work: impl FnOnce(&Config, &Store, SetupFile) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let run = || {
            let config = place.load()?;
            logging::to_stderr(&config.log);
            let setup = SetupFile::read(&self.file, self.secrets_dir.clone())?;
            let home = database::existing(&config)?;
            data::with(&home, |store| work(&config, store, setup))
        };
        run().map_err(as_failure)
    }

    fn read_plan(&self, store: &Store, setup: &SetupFile) -> Result<Plan, CliError> {
        let plan = store.read(|view| declared_setup::plan(view, &Actor::operator(), &setup.declared, self.prune))?;
        if plan.faults.is_empty() { Ok(plan) } else { Err(cannot_apply(&self.file, &plan.faults)) }
    }

    fn print_diff(&self, plan: &Plan, setup: &SetupFile) -> Result<(), CliError> {
        print(&show::diff(plan, &setup.secrets, show::has_colors()))?;
        plan.kept.iter().for_each(|kept| say(kept));
        if plan.is_empty() {
            say(&format!("nothing to change: everything is as {} declares it", self.file.display()));
        } else {
            say(&show::summary(plan));
        }
        Ok(())
    }

    /// Shows the changes, and changes nothing. Returns whether there are any.
    fn show(&self, config: &Config, store: &Store, setup: &SetupFile) -> Result<bool, CliError> {
        let mut plan = self.read_plan(store, setup)?;
        if !plan.is_empty() {
            plan = setup.rehearse(config, store, self.prune)?;
        }
        if self.json {
            print(&format!("{:#}\n", show::to_json(&plan, &setup.secrets, false)))?;
        } else {
            self.print_diff(&plan, setup)?;
        }
        if let Err(words) = setup.secrets.check(&plan) {
            say(&format!("`atelier apply` would refuse this: {words}"));
        }
        Ok(!plan.is_empty())
    }

    fn apply_on(&self, config: &Config, store: &Store, setup: SetupFile, yes: bool) -> Result<(), CliError> {
        let plan = self.read_plan(store, &setup)?;
        let json = self.json.then(|| format!("{:#}\n", show::to_json(&plan, &setup.secrets, !plan.is_empty())));
        if json.is_none() {
            self.print_diff(&plan, &setup)?;
        }
        if plan.is_empty() {
            return json.map_or(Ok(()), |json| print(&json));
        }
        setup.secrets.check(&plan).map_err(|words| setup.failed(&words))?;
        if plan.is_destructive() {
            Confirm { yes }.ask("apply changes that remove something or take rights away").map_err(as_failure)?;
        }
        // Before the write, which the server has to wait for.
        let is_new = |secret: &_, print: &_| is_stored(store, secret, print);
        if let Err(words) = setup.secrets.write(&plan, &is_new) {
            setup.secrets.remove();
            return Err(setup.failed(&words));
        }
        let (prune, config) = (self.prune, config.clone());
        let failure = Arc::new(Failure { shown: Some(plan), ..Failure::default() });
        let (setup, noted) = (Arc::new(setup), failure.clone());
        let in_write = setup.clone();
        let done = store.write_and_wait(move |tx| in_write.apply(tx, &config, prune, &noted));
        let done = done.map_err(|error| {
            setup.secrets.remove();
            failure.or(error)
        })?;
        setup.secrets.name().map_err(|words| CliError::Failed(format!("everything was applied, but {words}")))?;
        if let Some(json) = json {
            return print(&json);
        }
        say(&applied(&done));
        Ok(())
    }
}

fn applied(plan: &Plan) -> String {
    let invited = plan.changes().any(|change| (change.sign.as_str(), change.kind) == ("create", "person"));
    let next = if invited { "; `atelier user invite-link EMAIL` makes a link for each new person" } else { "" };
    format!("applied{next}")
}

/// Exit code 2 of `plan` means that something differs, so errors exit with 1.
fn as_failure(error: CliError) -> CliError {
    match error {
        CliError::Usage(words) => CliError::Failed(words),
        other => other,
    }
}
