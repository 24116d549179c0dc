//! The files of imported model versions.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::import::Source;
use crate::app::runtime::file_storage::FileStorage;
use crate::domain::model::{Sha256, StoredFile};
use crate::domain::transfer::{Cell, Kind};
use crate::error::{Error, Result};
use crate::files::Spooled;
use crate::store::stored_files::{self, NotedIn};
use crate::store::transfer::staging::State;
use crate::store::{Store, Tx};

/// How long a stored file waits for the import to end. If it does not, the file is removed then.
const WAIT_FOR_IMPORT: Duration = Duration::from_hours(24);

/// The files that are registered in one write.
const BATCH: usize = 256;

/// Calls `each` with the file of every new version, once for each version. Requires a preview before.
pub fn for_each_wanted(source: &Source, mut each: impl FnMut(StoredFile) -> Result<()>) -> Result<()> {
    let kind = Kind::ModelVersion;
    let (Some(sha256), Some(size)) = (kind.index("sha256"), kind.index("size")) else { return Ok(()) };
    let mut after = 0;
    loop {
        let staging = source.staging.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = staging.batch(kind, after)?;
        drop(staging);
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.line;
        for row in batch.iter().filter(|row| row.state == State::New) {
            let cells: Vec<Cell> = serde_json::from_str(&row.data).map_err(Error::internal)?;
            if let (Some(Cell::Blob(bytes)), Some(Cell::Int(size))) = (cells.get(sha256), cells.get(size)) {
                let sha256 = Sha256(bytes.as_slice().try_into().map_err(Error::internal)?);
                each(StoredFile { sha256, size: u64::try_from(*size).unwrap_or_default() })?;
            }
        }
    }
}

/// Notes the files of all new versions, so that none of them is removed before the import. A file that is there after this
/// remains. Requires a preview before.
///
/// Refused as busy while one of them is being removed.
pub fn register(store: &Store, source: &Source) -> Result<NotedIn> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut noted = NotedIn::default();
    for_each_wanted(source, |file| {
        batch.push(file.sha256);
        if batch.len() == BATCH {
            noted = register_all(store, std::mem::take(&mut batch))?;
        }
        Ok(())
    })?;
    Ok(noted.max(register_all(store, batch)?))
}

/// Returns when the last of the files was noted.
fn register_all(store: &Store, files: Vec<Sha256>) -> Result<NotedIn> {
    if files.is_empty() {
        return Ok(NotedIn::default());
    }
    let files = Arc::new(files);
    store.write_and_wait(move |tx: &Tx| {
        let mut noted = NotedIn::default();
        for sha256 in files.iter() {
            let registered = stored_files::register(tx, *sha256, tx.now.after(WAIT_FOR_IMPORT))?;
            noted = registered.ok_or(Error::Busy { retry_after: Duration::from_secs(1) })?;
        }
        Ok(noted)
    })
}

/// Stores a received file for a version that is about to be imported. It was registered, but that may have been lost.
///
/// Refused as busy while the same file is being removed.
pub fn store_file(store: &Store, files: &FileStorage, mut file: Spooled) -> Result<()> {
    register_all(store, vec![file.sha256()])?;
    files.store.place(&mut file)
}
