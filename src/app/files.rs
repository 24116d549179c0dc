//! Files of models, from their upload to their removal.
//!
//! A file is noted before it is stored, and the note goes in the transaction in which a version comes to refer to the
//! file. When the last version that refers to a file goes, the file is noted again. A process that dies between leaves
//! the note, so the file is removed, and no folder has to be searched.

mod download;
mod removal;
mod upload;

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::app::identity::caller::recheck;
use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::OrganizationId;
use crate::domain::model::StoredFile;
use crate::error::{Error, Result};
pub use crate::files::Spooled;
use crate::store::{Store, Tx, View, stored_files};

pub use download::Download;
pub use removal::{Remover, expire_waiting, remove_unreferenced};
pub use upload::{CHUNK, Upload};

/// How long a stored file waits for its version, should the process die.
const WAIT_FOR_VERSION: Duration = Duration::from_hours(1);

/// How often a file is stored again because it was removed at that moment, and the pause before.
const TRIES: u32 = 250;
const PAUSE: Duration = Duration::from_millis(20);

/// Stores a received file and runs the write that inserts its version. The file and the write are on the disk when this
/// returns; if it fails, neither is there.
///
/// Refused when the files of the organization would exceed their maximum. The write may be run again.
pub async fn receive<T, F>(state: &AppState, actor: &Actor, file: Spooled, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&Tx, &Actor, StoredFile) -> Result<T> + Send + Sync + 'static,
{
    let (store, files, owner) = (state.store.clone(), state.files.clone(), actor.clone());
    let receive = move || receive_and_wait(&store, &files, &owner, file, work);
    state.files.watched(state.place_pool.run(Lane::from(actor), receive).await?)
}

/// Like [`receive`], for a thread that may block.
pub fn receive_and_wait<T, F>(
    store: &Store,
    files: &FileStorage,
    actor: &Actor,
    mut file: Spooled,
    work: F,
) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&Tx, &Actor, StoredFile) -> Result<T> + Send + Sync + 'static,
{
    let stored = StoredFile { sha256: file.sha256(), size: file.size() };
    let work = Arc::new(work);
    for _ in 0..TRIES {
        let register = move |tx: &Tx| stored_files::register(tx, stored.sha256, tx.now.after(WAIT_FOR_VERSION));
        let Some(noted) = store.write_and_wait(register)? else {
            // The same file is being removed.
            sleep(PAUSE);
            continue;
        };
        let (work, actor, limit) = (work.clone(), actor.clone(), files.max_organization);
        let committed = files.store.place(&mut file).and_then(|()| {
            store.write_and_wait(move |tx| {
                let before = stored_files::organizations(tx, stored.sha256)?;
                if !stored_files::claim(tx, stored.sha256, noted)? {
                    return Ok(None);
                }
                let done = work(tx, &recheck(tx, &actor)?, stored)?;
                require_room(tx, stored, &before, limit)?;
                Ok(Some(done))
            })
        });
        match committed {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            Err(error) => {
                discard(store, stored);
                return Err(error);
            }
        }
    }
    discard(store, stored);
    Err(Error::Busy { retry_after: Duration::from_secs(1) })
}

/// Makes a file due to be removed, unless a version refers to it. If the write queue is full, the file is removed when its
/// note is due.
fn discard(store: &Store, file: StoredFile) {
    store.write_in_passing(move |tx| stored_files::expire(tx, file.sha256));
}

/// Refuses a file that an organization did not have `before` if all its files now take more than the maximum.
fn require_room(tx: &Tx, file: StoredFile, before: &[OrganizationId], limit: Option<u64>) -> Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    for organization in stored_files::organizations(tx, file.sha256)? {
        if !before.contains(&organization) && stored_files::size_of(tx, organization)? > limit {
            return Err(Error::FilesFull { limit });
        }
    }
    Ok(())
}

/// Refuses an upload before it is received, if no file of this size can be stored for the organization. `size` is what is
/// known before it arrives, possibly 0.
///
/// It refuses less than [`receive`] does: a file that the organization has already needs no room.
pub fn require_space(view: &View, files: &FileStorage, organization: OrganizationId, size: u64) -> Result<()> {
    match files.max_organization {
        Some(limit) if size > limit || stored_files::size_of(view, organization)? > limit => {
            Err(Error::FilesFull { limit })
        }
        Some(_) | None => Ok(()),
    }
}
