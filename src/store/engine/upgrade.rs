//! The upgrade of an older data file: a copy is kept, then all steps that the file lacks run in one transaction.

mod copies;
pub mod kept;
pub mod rehearsal;
pub mod space;
mod transaction;
mod watcher;

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::error::Result;
use crate::store::engine::schema::{self, SchemaState, VERSION};

pub(super) use transaction::in_place;
pub use watcher::{Stage, Watcher, Work};

/// Creates the tables of a new file, or upgrades those of an older one, of which it first keeps a copy in `backup`
/// beside it.
///
/// Refuses a file that is not atelier's or has a newer schema, and if the disk has too little room. Two processes that
/// try at once end up with one schema. If it fails, the file is as it was.
pub(super) fn bring_up_to_date(conn: &mut Connection, data_file: &Path, watcher: &Watcher) -> Result<()> {
    let start = Instant::now();
    let version = match schema::refuse_others(conn, data_file)? {
        SchemaState::Older(version) => version,
        SchemaState::Empty => return in_place(conn, data_file, watcher).map(drop),
        _ => return Ok(()),
    };
    let mut copy = None;
    let upgraded = transaction::run(conn, data_file, watcher, |tx| {
        space::require(space::room(tx, data_file)?, data_file)?;
        copy = Some(copies::keep(data_file, watcher)?);
        Ok(())
    });
    if upgraded? {
        rehearsal::clean(data_file);
        if let Err(error) = kept::prune(data_file, VERSION) {
            log::warn!("cannot remove the oldest copy in the directory backup: {}", error.chain());
        }
        let copy = copy.unwrap_or_default();
        log::info!(
            "upgraded the data file from schema version {version} to {VERSION} in {:.1} s; {} has it as it was before",
            start.elapsed().as_secs_f64(),
            copy.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
