//! `atelier restore`: begins a server from a backup.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::app::backups::{self, BackupError, ModelsTo, Settled, Staging, Unpacked};
use crate::app::runtime::file_storage::FileStorage;
use crate::cli::backup::{Bar, PassphraseFile, age, several, several_were};
use crate::cli::{CliError, database, file_place, print, say, signals, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::key::{Key, KeyKind};
use crate::domain::timestamp::Timestamp;
use crate::error::Error;
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;

/// The backup, and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Restoration {
    /// The backup. The files of models of a backup in a directory are in the folder `files` beside it.
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    #[command(flatten)]
    secret: PassphraseFile,
    /// Revoke every API key and service key, because a revocation after the backup is not in it.
    #[arg(long)]
    revoke_keys: bool,
    /// Do everything but put the restored files into the data directory.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Restoration {
    /// Restores into the data directory of the configuration, and prints the keys that are valid again.
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        signals::clean_up_when_stopped();
        database::require_file(
            config,
            "restore what `pg_dump` wrote with `pg_restore`, or take database out of the configuration",
        )?;
        let target = &config.data_dir;
        let passphrase = self.secret.read(config)?;
        if self.backup.is_dir() {
            let path = self.backup.display();
            return Err(CliError::Usage(format!(
                "{path} is a directory; give one of its backups, which `atelier backup list {path}` shows"
            )));
        }
        let staging = Staging::begin(target)?;
        let files = FileStorage::open(staging.home.path(), &file_place::of(config)?)?;
        let models = if self.dry_run { ModelsTo::Nowhere } else { ModelsTo::Store(&files) };
        let unpacked = backups::unpack(&self.backup, passphrase.as_ref(), &staging.home, models, &Bar::default())?;
        let (settled, upgraded_from) = settle(&staging.home, &unpacked, self.revoke_keys)?;
        if signals::is_stopped() {
            return Err(BackupError::Stopped.into());
        }
        if self.dry_run {
            self.report(&staging.home, target, (&unpacked, settled, upgraded_from))?;
        } else {
            staging.finish()?;
            self.report(&DataDir::at(target), target, (&unpacked, settled, upgraded_from))?;
        }
        let lost =
            unpacked.absent.len() + unpacked.manifest.files.missing.len() + unpacked.manifest.files.damaged.len();
        if lost > 0 {
            return Err(CliError::Failed(format!(
                "everything but {} was restored, missing or damaged in the backup; run `atelier check` to see which, and \
                 upload them again",
                several(lost, "model file")
            )));
        }
        Ok(())
    }

    /// Prints the keys that are valid, and says what was done.
    fn report(
        &self,
        home: &DataDir,
        target: &Path,
        (unpacked, settled, upgraded_from): (&Unpacked, Settled, Option<u32>),
    ) -> Result<(), CliError> {
        let label = &unpacked.manifest.label;
        if self.json {
            let about = json!({
                "backup": self.backup.display().to_string(),
                "data_dir": target.display().to_string(),
                "dry_run": self.dry_run,
                "made_at": label.made_at,
                "version": label.program,
                "schema": label.schema,
                "upgraded": upgraded_from.is_some(),
                "sessions_ended": settled.sessions,
                "keys_revoked": settled.revoked_keys,
                "files": unpacked.manifest.files.count,
                "files_left_out": unpacked.left_out,
                "lost_files": unpacked.absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
            });
            // The list may be long, so it is not kept in memory.
            let text = format!("{about:#}");
            print(&format!("{},\n  \"active_keys\": [", text.trim_end_matches(['}', '\n'])))?;
        }
        let keys = print_keys(home, self.json)?;
        if self.json {
            print(&format!("{}]\n}}\n", if keys == 0 { "" } else { "\n  " }))?;
        }
        let now = Timestamp::now();
        let made = label.made_at().map(|made| age(made.until(now))).unwrap_or_default();
        let done = if self.dry_run { "nothing was changed; this backup would restore" } else { "restored" };
        say(&format!("{done} {} as of {}, {made} ago", target.display(), label.made_at));
        if let Some(version) = upgraded_from {
            say(&format!("schema version {version} was upgraded"));
        }
        say(&format!("{} ended; everybody signs in again", several(settled.sessions, "session")));
        if settled.revoked_keys > 0 {
            say(&format!("{} revoked", several(settled.revoked_keys, "key")));
        }
        if keys > 0 {
            say(&format!(
                "active again, even if revoked after the backup: {}; revoke what you do not need with `atelier key revoke \
                 ID`, or restore with --revoke-keys",
                several(keys, "key")
            ));
        }
        if unpacked.left_out > 0 {
            say(&format!(
                "the backup was made without the files of models, so that {} not restored; copy the folder files of another \
                 copy of the server to {}, unless they are in the object storage of files_url, and run `atelier check`, which \
                 names those that are missing",
                several_were(unpacked.left_out, "model file"),
                target.join("files").display()
            ));
        }
        if !self.dry_run {
            say(&format!("next, start the server: atelier serve --data-dir {}", target.display()));
        }
        Ok(())
    }
}

/// Examines the unpacked data file and prepares it for its new life.
fn settle(home: &DataDir, unpacked: &Unpacked, revoke_keys: bool) -> Result<(Settled, Option<u32>), CliError> {
    let examined = backups::examine(home, unpacked)?;
    let store = examined.store;
    let done = if examined.faults.is_empty() {
        let (actor, manifest) = (Actor::operator(), unpacked.manifest.clone());
        let settled = store.write_and_wait(move |tx| backups::settle(tx, &actor, &manifest, revoke_keys));
        settled.map_err(CliError::from)
    } else {
        Err(CliError::Failed(format!("the backup is not sound: {}; use another backup", examined.faults.join(", "))))
    };
    store.close();
    Ok((done?, examined.upgraded_from))
}

/// Prints every valid key. Returns how many there are.
fn print_keys(home: &DataDir, as_json: bool) -> Result<u64, CliError> {
    let number = std::cell::Cell::new(0);
    let printed = inspect(&home.database(), |view| {
        backups::for_each_live_key(view, |key| {
            let line = if as_json {
                let comma = if number.get() == 0 { "" } else { "," };
                format!("{comma}\n    {}", to_json(key))
            } else {
                let owner = if key.kind == KeyKind::User { key.email.as_str() } else { "-" };
                let (name, expires) = (key.name.as_str(), table::moment(key.expires_at));
                format!("{}\t{}\t{owner}\t{name}\t{}\t{expires}\n", key.id, key.kind.as_str(), key.redacted)
            };
            number.set(number.get() + 1);
            print(&line).map_err(|error| {
                let (CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) = error;
                Error::internal(words)
            })
        })
    });
    printed?;
    Ok(number.get())
}

fn to_json(key: &Key) -> Value {
    json!({
        "id": key.id.0,
        "type": key.kind.as_str(),
        "user": (key.kind == KeyKind::User).then(|| key.email.as_str()),
        "name": key.name.as_str(),
        "key": key.redacted,
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|moment| moment.to_string()),
    })
}
