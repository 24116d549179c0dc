//! What the server and its thread for backups tell each other: that a backup is wanted, and that one is being made.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::actor::Actor;
use crate::domain::backup::Schedule;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::files::archive::Folder;

/// Where the backups of a server go, and when they are made.
#[derive(Clone, Debug)]
pub struct Settings {
    pub folder: Folder,
    /// None if they are made only when somebody asks for one.
    pub schedule: Option<Schedule>,
    /// Whether a passphrase seals them.
    pub is_sealed: bool,
    /// Whether the files of models are backed up, too.
    pub has_files: bool,
}

/// The backups of a running server. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Option<Settings>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Who wants a backup that has not begun.
    wanted: Option<Box<Actor>>,
    running_since: Option<Timestamp>,
    is_stopped: bool,
}

/// Why a wait has ended.
#[derive(Debug)]
pub enum Wake {
    TimeIsOver,
    /// This actor wants a backup now. It counts as begun.
    Wanted(Box<Actor>),
    Stopped,
}

impl Control {
    pub fn new(settings: Settings) -> Self {
        Self::of(Some(settings))
    }

    /// For a server without a directory for backups.
    pub fn without_directory() -> Self {
        Self::of(None)
    }

    fn of(settings: Option<Settings>) -> Self {
        Self(Arc::new(Inner { settings, state: Mutex::default(), changed: Condvar::new() }))
    }

    pub fn settings(&self) -> Option<&Settings> {
        self.0.settings.as_ref()
    }

    /// When the backup that is being made, or that is about to begin, was begun.
    pub fn running_since(&self) -> Option<Timestamp> {
        let state = self.state();
        state.running_since.or_else(|| state.wanted.as_ref().map(|_| Timestamp::now()))
    }

    /// Wakes the thread, which makes a backup for this actor.
    ///
    /// Refused without a directory, and while a backup is being made.
    pub fn request(&self, actor: &Actor) -> Result<()> {
        if self.settings().is_none() {
            return Err(Error::Refused {
                rule: "the server has no backup_directory; set it, and start the server again",
            });
        }
        let mut state = self.state();
        if state.running_since.is_some() || state.wanted.is_some() {
            return Err(Error::Refused { rule: "a backup is already being made; wait until it is finished" });
        }
        state.wanted = Some(Box::new(actor.clone()));
        self.0.changed.notify_all();
        Ok(())
    }

    /// For the thread: waits until a backup is wanted, but not longer than this.
    pub fn wait(&self, limit: Duration) -> Wake {
        let is_quiet = |state: &mut State| state.wanted.is_none() && !state.is_stopped;
        let waited = self.0.changed.wait_timeout_while(self.state(), limit, is_quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped {
            return Wake::Stopped;
        }
        match state.wanted.take() {
            Some(actor) => {
                state.running_since = Some(Timestamp::now());
                Wake::Wanted(actor)
            }
            None => Wake::TimeIsOver,
        }
    }

    /// For the thread: a backup begins. It is also the one that somebody wanted meanwhile.
    pub fn begin(&self) {
        let mut state = self.state();
        state.wanted = None;
        state.running_since = Some(Timestamp::now());
    }

    /// For the thread: the backup is made, or has failed.
    pub fn end(&self) {
        self.state().running_since = None;
    }

    /// Ends the thread, and the backup that it makes.
    pub fn stop(&self) {
        self.state().is_stopped = true;
        self.0.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Control {
        let folder = Folder::at("/backup".into());
        Control::new(Settings { folder, schedule: None, is_sealed: false, has_files: true })
    }

    #[test]
    fn one_backup_is_made_at_a_time() {
        let (control, ada) = (control(), Actor::operator());
        assert!(matches!(control.wait(Duration::ZERO), Wake::TimeIsOver));
        control.request(&ada).unwrap();
        assert!(control.request(&ada).is_err() && control.running_since().is_some());
        assert!(matches!(control.wait(Duration::from_mins(1)), Wake::Wanted(_)));
        assert!(control.request(&ada).is_err(), "it is being made");
        control.end();
        assert_eq!(control.running_since(), None);
        control.request(&ada).unwrap();
        control.begin();
        control.end();
        assert!(matches!(control.wait(Duration::ZERO), Wake::TimeIsOver), "the scheduled one was the wanted one");
        control.stop();
        assert!(control.is_stopped() && matches!(control.wait(Duration::from_mins(1)), Wake::Stopped));
    }

    #[test]
    fn without_a_directory_no_backup_is_made() {
        let control = Control::without_directory();
        assert!(control.request(&Actor::operator()).is_err());
        assert_eq!(control.running_since(), None);
    }
}
