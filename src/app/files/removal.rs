//! Removes the files that no version refers to.

use std::time::{Duration, Instant};

use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::store::{DataVersion, Store, stored_files};

/// When a file that could not be removed is tried again.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often it is looked for files that have become due without a change of the data.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Removes files in the background, as long as the server runs.
#[derive(Debug, Default)]
pub struct Remover {
    /// The data version and the time of the last look that succeeded.
    last: Option<(DataVersion, Instant)>,
}

impl Remover {
    /// Removes what is due, if the data have changed. To be called every second.
    pub async fn look(&mut self, state: &AppState) -> Result<()> {
        let version = state.store.data_version()?;
        if self.last.is_some_and(|(last, at)| last == version && at.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        let now = Timestamp::now();
        if state.read_inline(|view| stored_files::is_due(view, now))? {
            let (store, files) = (state.store.clone(), state.files.clone());
            state.place_pool.run(Lane::Server, move || remove_unreferenced(&store, &files, now)).await??;
        }
        // The version from before the look: what has changed meanwhile is looked at next time.
        self.last = Some((version, Instant::now()));
        Ok(())
    }
}

/// Makes the files due that still wait for their versions, because the process that stored them has ended. To be called before
/// a server receives files: one that is removed while it is stored is stored again, but is left if the server is killed
/// then.
pub fn expire_waiting(store: &Store) -> Result<()> {
    store.write_and_wait(stored_files::expire_waiting)
}

/// Removes the files that no version refers to and that are due at this time. Returns how many were removed.
pub fn remove_unreferenced(store: &Store, files: &FileStorage, now: Timestamp) -> Result<usize> {
    let mut removed = 0;
    loop {
        let taken = store.write_and_wait(move |tx| stored_files::take_due(tx, now))?;
        if taken.is_empty() {
            return Ok(removed);
        }
        let mut outcome = Ok(());
        for sha256 in taken {
            let done = files.store.remove(&sha256);
            let is_removed = done.is_ok();
            store.write_and_wait(move |tx| {
                if is_removed {
                    stored_files::forget(tx, sha256)
                } else {
                    stored_files::postpone(tx, sha256, Timestamp::now().after(RETRY_AFTER))
                }
            })?;
            removed += usize::from(is_removed);
            // The others that were taken would wait, and uploads of them too.
            outcome = outcome.and(done);
        }
        outcome?;
    }
}
