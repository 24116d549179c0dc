//! Makes backups while the server runs, on a thread of its own.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::keys::found_keys;
use super::passphrase::read_new_passphrase;
use super::words::incomplete;
use crate::app::backups::{self, BackupError, Made, Observer, Plan, Target};
use crate::app::checks::NO_DIRECTORY;
use crate::app::runtime::backup_control::{Control, Settings, Wake};
use crate::app::runtime::file_storage::FileStorage;
use crate::cli::progress::size;
use crate::cli::{CliError, database, file_place};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::backup::Schedule;
use crate::domain::timestamp::Timestamp;
use crate::files::archive::Folder;
use crate::store::Store;
use crate::store::data_dir::DataDir;
use crate::tokens::sealed_file::Passphrase;

/// How often the clock is looked at, which may be set.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// When a backup that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_mins(10);

/// The thread that makes backups. Dropping this stops it, and a backup that it makes.
#[derive(Debug)]
pub(in crate::cli) struct Scheduler {
    control: Control,
    thread: Option<JoinHandle<()>>,
}

struct Work {
    config: Config,
    home: DataDir,
    store: Store,
    control: Control,
    folder: Folder,
    files: Option<FileStorage>,
    passphrase: Option<Passphrase>,
}

/// The control of the backups that the configuration names.
///
/// Refused with a schedule, but without a directory.
pub(in crate::cli) fn control(config: &Config) -> Result<Control, CliError> {
    if config.backup_directory.is_some() || config.backup_schedule.is_some() {
        database::require_file(
            config,
            "back it up with `pg_dump`, or with the tools of your PostgreSQL service, and remove backup_directory and \
             backup_schedule",
        )?;
    }
    match (&config.backup_directory, config.backup_schedule) {
        (Some(directory), schedule) => Ok(Control::new(Settings {
            folder: Folder::at(directory.clone()),
            schedule,
            is_sealed: config.backup_passphrase_file.is_some(),
            has_files: config.backup_files,
        })),
        (None, Some(_)) => Err(CliError::Usage(NO_DIRECTORY.to_owned())),
        (None, None) => Ok(Control::without_directory()),
    }
}

impl Scheduler {
    /// Starts the thread, if there is a directory. Without a schedule, it makes the backups that somebody asks for.
    ///
    /// Refused as [`planned`] says.
    pub(in crate::cli) fn start(
        config: &Config,
        home: &DataDir,
        store: &Store,
        control: &Control,
    ) -> Result<Option<Self>, CliError> {
        backups::clean_up(home);
        let Some((schedule, folder, passphrase)) = planned(config, home)? else { return Ok(None) };
        let work = Work {
            config: config.clone(),
            home: home.clone(),
            store: store.clone(),
            control: control.clone(),
            folder,
            files: config.backup_files.then(|| file_place::open(config, home)).transpose()?,
            passphrase,
        };
        if work.passphrase.is_none() && schedule.is_some() {
            log::warn!(
                "backups in {} are as secret as the server; set backup_passphrase_file to seal them",
                work.folder.path().display()
            );
        }
        let thread = thread::Builder::new().name("backup".to_owned()).spawn(move || work.run()).map_err(|error| {
            CliError::Failed(format!(
                "cannot start the thread for backups: {error}; raise the thread limit of the server"
            ))
        })?;
        Ok(Some(Self { control: control.clone(), thread: Some(thread) }))
    }
}

/// The schedule, the directory and the passphrase of backups.
pub(in crate::cli) type Planned = (Option<Schedule>, Folder, Option<Passphrase>);

/// The schedule, the directory and the passphrase of the backups that the configuration names, if it names a directory.
///
/// Refused with a schedule and without a directory, if the directory is in the data directory, and if the passphrase is
/// not fit for a new backup.
pub(in crate::cli) fn planned(config: &Config, home: &DataDir) -> Result<Option<Planned>, CliError> {
    let Some(directory) = config.backup_directory.clone() else {
        return match config.backup_schedule {
            Some(_) => Err(CliError::Usage(NO_DIRECTORY.to_owned())),
            None => Ok(None),
        };
    };
    let folder = Folder::at(directory);
    backups::require_directory(&folder)?;
    backups::require_outside(home, folder.path())?;
    let passphrase = config.backup_passphrase_file.as_deref().map(read_new_passphrase).transpose()?;
    Ok(Some((config.backup_schedule, folder, passphrase)))
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread for backups has panicked");
        }
    }
}

/// Stops a backup when the server stops.
struct Stop<'s>(&'s Control);

impl Observer for Stop<'_> {
    fn begin(&self, what: &'static str, bytes: u64) {
        log::debug!("backup: {what}, about {bytes} bytes");
    }

    fn add(&self, _: u64) {}

    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

impl Work {
    fn run(&self) {
        let schedule = self.control.settings().and_then(|settings| settings.schedule);
        let mut last = self.last();
        let mut failed: Option<Instant> = None;
        loop {
            let now = Timestamp::now();
            let due = schedule.map(|schedule| match failed {
                Some(at) => RETRY_AFTER.min(schedule.interval()).saturating_sub(at.elapsed()),
                None => now.until(schedule.next(last, now)),
            });
            let actor = match due {
                Some(due) if due.is_zero() => {
                    self.control.begin();
                    Actor::server()
                }
                due => match self.control.wait(due.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)) {
                    Wake::TimeIsOver => continue,
                    Wake::Wanted(actor) => *actor,
                    Wake::Stopped => return,
                },
            };
            let made = self.make(&actor);
            failed = match made {
                Ok(()) => {
                    last = Some(now);
                    None
                }
                Err(BackupError::Stopped) => return,
                Err(error) => {
                    self.tell(&error, actor, schedule.is_some());
                    Some(Instant::now())
                }
            };
            self.control.end();
        }
    }

    /// When the last backup of this server in the directory was made.
    fn last(&self) -> Option<Timestamp> {
        let now = Timestamp::now();
        let server = backups::server_of(&self.home).ok().flatten();
        let mut found = self.folder.list().unwrap_or_default();
        found.retain(|backup| backup.server().is_some() && backup.server() == server.as_deref());
        found.into_iter().map(|backup| backup.made_at).rfind(|made_at| !made_at.is_ahead_of(now))
    }

    fn make(&self, actor: &Actor) -> Result<(), BackupError> {
        let begun = Instant::now();
        let plan = Plan {
            home: &self.home,
            files: self.files.as_ref(),
            target: Target::Folder(&self.folder),
            passphrase: self.passphrase.as_ref(),
            keys: &|| found_keys(&self.config, &self.home),
        };
        let made = backups::make(&plan, &Stop(&self.control))?;
        log::info!(
            "backup {} made in {} ms, {}, model files: {}, of them new: {}",
            made.path.display(),
            begun.elapsed().as_millis(),
            size(made.size),
            made.files.count,
            made.copied
        );
        if let Some(words) = incomplete(&made) {
            log::error!("{words}");
        }
        self.record(actor.clone(), made);
        // Without a schedule, somebody else decides which backups are kept.
        if self.control.settings().is_some_and(|settings| settings.schedule.is_some()) {
            self.prune();
        }
        Ok(())
    }

    fn record(&self, actor: Actor, made: Made) {
        let done = self.store.write_and_wait(move |tx| backups::note_made(tx, &actor, &made));
        if let Err(error) = done {
            log::error!("cannot record a backup in the audit log: {}", error.chain());
        }
    }

    fn prune(&self) {
        match backups::prune(&self.folder, &self.home, self.config.backup_keep, self.passphrase.as_ref()) {
            Ok(pruned) if pruned == backups::Pruned::default() => {}
            Ok(pruned) => {
                log::info!("removed old backups: {}, model files: {}", pruned.backups, pruned.files);
            }
            Err(error) => log::error!("cannot remove old backups: {}", error.chain()),
        }
    }

    fn tell(&self, error: &BackupError, actor: Actor, is_tried_again: bool) {
        let cause = error.chain();
        let next = if is_tried_again { "it is tried again in 10 minutes" } else { "correct the cause, and make one" };
        log::error!("no backup was made: {cause}; {next}");
        let done = self.store.write_and_wait(move |tx| backups::note_failed(tx, &actor, &cause));
        if let Err(error) = done {
            log::error!("cannot record a failed backup in the audit log: {}", error.chain());
        }
    }
}
