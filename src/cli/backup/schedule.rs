//! Makes backups while the server runs, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::keys::found_keys;
use super::passphrase::read_new_passphrase;
use super::words::incomplete;
use crate::app::backups::{self, BackupError, Made, Observer, Plan, Target};
use crate::app::runtime::file_storage::FileStorage;
use crate::cli::progress::size;
use crate::cli::{CliError, file_place};
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
    is_stopped: Arc<AtomicBool>,
    /// Dropped to wake the thread.
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Work {
    config: Config,
    home: DataDir,
    store: Store,
    schedule: Schedule,
    folder: Folder,
    files: Option<FileStorage>,
    passphrase: Option<Passphrase>,
    is_stopped: Arc<AtomicBool>,
}

impl Scheduler {
    /// Starts the thread, if there is a schedule.
    ///
    /// Refused as [`planned`] says.
    pub(in crate::cli) fn start(config: &Config, home: &DataDir, store: &Store) -> Result<Option<Self>, CliError> {
        backups::clean_up(home);
        let Some((schedule, folder, passphrase)) = planned(config, home)? else { return Ok(None) };
        let is_stopped = Arc::new(AtomicBool::new(false));
        let work = Work {
            config: config.clone(),
            home: home.clone(),
            store: store.clone(),
            schedule,
            folder,
            files: config.backup_files.then(|| file_place::open(config, home)).transpose()?,
            passphrase,
            is_stopped: is_stopped.clone(),
        };
        if work.passphrase.is_none() {
            log::warn!(
                "backups in {} are as secret as the server; set backup_passphrase_file to seal them",
                work.folder.path().display()
            );
        }
        let (wake, woken) = mpsc::channel();
        let thread =
            thread::Builder::new().name("backup".to_owned()).spawn(move || work.run(&woken)).map_err(|error| {
                CliError::Failed(format!(
                    "cannot start the thread for backups: {error}; raise the thread limit of the server"
                ))
            })?;
        Ok(Some(Self { is_stopped, wake: Some(wake), thread: Some(thread) }))
    }
}

/// The scheduled backups of the configuration, if there are any.
///
/// Refused without a directory, if it is in the data directory, and if the passphrase is not fit for a new backup.
pub(in crate::cli) fn planned(
    config: &Config,
    home: &DataDir,
) -> Result<Option<(Schedule, Folder, Option<Passphrase>)>, CliError> {
    let Some(schedule) = config.backup_schedule else { return Ok(None) };
    let directory = config.backup_directory.clone().ok_or_else(|| {
        let words = "backup_schedule is set, but not the directory of the backups; set backup_directory, too";
        CliError::Usage(words.to_owned())
    })?;
    let folder = Folder::at(directory);
    backups::require_directory(&folder)?;
    backups::require_outside(home, folder.path())?;
    let passphrase = config.backup_passphrase_file.as_deref().map(read_new_passphrase).transpose()?;
    Ok(Some((schedule, folder, passphrase)))
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread for backups has panicked");
        }
    }
}

/// Stops a backup when the server stops.
struct Stop<'s>(&'s AtomicBool);

impl Observer for Stop<'_> {
    fn begin(&self, what: &'static str, bytes: u64) {
        log::debug!("backup: {what}, about {bytes} bytes");
    }

    fn add(&self, _: u64) {}

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Work {
    fn run(&self, woken: &mpsc::Receiver<()>) {
        let mut last = self.last();
        let mut failed: Option<Instant> = None;
        loop {
            let now = Timestamp::now();
            let wait = match failed {
                Some(at) => RETRY_AFTER.min(self.schedule.interval()).saturating_sub(at.elapsed()),
                None => now.until(self.schedule.next(last, now)),
            };
            if wait.is_zero() {
                failed = match self.make() {
                    Ok(()) => {
                        last = Some(now);
                        None
                    }
                    Err(BackupError::Stopped) => return,
                    Err(error) => {
                        self.tell(&error);
                        Some(Instant::now())
                    }
                };
                continue;
            }
            match woken.recv_timeout(wait.min(LOOK_EVERY)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
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

    fn make(&self) -> Result<(), BackupError> {
        let begun = Instant::now();
        let plan = Plan {
            home: &self.home,
            files: self.files.as_ref(),
            target: Target::Folder(&self.folder),
            passphrase: self.passphrase.as_ref(),
            keys: &|| found_keys(&self.config, &self.home),
        };
        let made = backups::make(&plan, &Stop(&self.is_stopped))?;
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
        self.record(made);
        self.prune();
        Ok(())
    }

    fn record(&self, made: Made) {
        let actor = Actor::server();
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

    fn tell(&self, error: &BackupError) {
        let cause = error.chain();
        log::error!("no backup was made: {cause}; it is tried again in {} minutes", RETRY_AFTER.as_secs() / 60);
        let actor = Actor::server();
        let done = self.store.write_and_wait(move |tx| backups::note_failed(tx, &actor, &cause));
        if let Err(error) = done {
            log::error!("cannot record a failed backup in the audit log: {}", error.chain());
        }
    }
}
