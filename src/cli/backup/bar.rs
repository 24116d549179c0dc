//! The progress bar of backups.

use std::cell::RefCell;

use crate::app::backups::Observer;
use crate::cli::progress::Progress;
use crate::cli::signals;

/// Shows how far a backup is, and stops it after a signal.
#[derive(Default)]
pub(in crate::cli) struct Bar(RefCell<Option<Progress>>);

impl Observer for Bar {
    fn begin(&self, what: &'static str, bytes: u64) {
        // The last bar is cleared before the next one is shown.
        self.0.replace(None);
        let progress = Progress::bytes(bytes);
        progress.name(what);
        self.0.replace(Some(progress));
    }

    fn add(&self, bytes: u64) {
        if let Some(progress) = self.0.borrow().as_ref() {
            progress.add(bytes);
        }
    }

    fn is_stopped(&self) -> bool {
        signals::is_stopped()
    }
}
