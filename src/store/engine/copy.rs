//! Copies a data file that is in use, as of one moment.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{inspection, open, schema};
use crate::error::{Error, Result};

/// The number of pages that are copied at a time: a megabyte with pages of 4 KiB.
const PAGES: i32 = 256;

/// The pause before a locked copy is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Copies one snapshot of a data file over an empty file, whether a server writes meanwhile or not. Neither readers nor
/// writers wait for it; only the write-ahead log cannot be shortened until it is done.
///
/// `each` gets the number of copied bytes and of all bytes, and ends the copy by failing. The copy has no write-ahead log.
pub fn copy(from: &Path, to: &Path, each: impl Fn(u64, u64) -> Result<()>) -> Result<()> {
    inspection::inspect(from, |view| {
        // Begins the snapshot, which all steps read.
        schema::state(view)?.fit(from)?;
        copy_pages(view.conn.sqlite()?, to, &each)
    })?;
    let copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mode: String = copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Err(Error::internal(format!("SQLite uses the journal mode {mode} for a copy")));
    }
    Ok(())
}

/// Copies what a connection reads over an empty file, which is not brought to the disk.
pub(super) fn copy_pages(source: &Connection, to: &Path, each: impl Fn(u64, u64) -> Result<()>) -> Result<()> {
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // It is thrown away if it fails.
    copy.pragma_update(None, "synchronous", "OFF")?;
    copy.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    let page_size: u64 = source.pragma_query_value(None, "page_size", |row| row.get(0).map(i64::cast_unsigned))?;
    let bytes = |pages: i32| u64::try_from(pages).unwrap_or_default() * page_size;
    let backup = Backup::new(source, &mut copy)?;
    let mut waited = Duration::ZERO;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if waited >= open::BUSY_TIMEOUT => {
                return Err(Error::Busy { retry_after: Duration::from_secs(1) });
            }
            StepResult::Busy | StepResult::Locked => {
                waited += PAUSE;
                sleep(PAUSE);
            }
            _ => {
                let progress = backup.progress();
                each(bytes(progress.pagecount - progress.remaining), bytes(progress.pagecount))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::stop::Stop;
    use crate::store::{Sizes, Store, health, probe};

    #[test]
    fn a_copy_is_of_one_moment_while_the_file_is_written() {
        let place = tempfile::tempdir().unwrap();
        let (path, to) = (place.path().join("atelier.db"), place.path().join("copy.db"));
        fs::write(&to, "").unwrap();
        let store = Store::open(&path, Sizes::default()).unwrap();
        // More than one step copies.
        let bytes = 2 * usize::try_from(PAGES).unwrap() * 4096;
        probe::execute(&path, &format!("CREATE TABLE filler AS SELECT zeroblob({bytes}) AS bytes"));
        let is_over = Stop::default();
        std::thread::scope(|scope| {
            let _stops = is_over.at_the_end();
            scope.spawn(|| {
                while !is_over.is_set() {
                    store.write_and_wait(health::touch).unwrap();
                }
            });
            for _ in 0..5 {
                let before = store.read(health::generation).unwrap();
                copy(&path, &to, |done, all| {
                    assert!(done <= all);
                    store.write_and_wait(health::touch).map(drop)
                })
                .unwrap();
                let after = store.read(health::generation).unwrap();
                let of_copy = inspection::inspect(&to, health::generation).unwrap();
                assert!(before <= of_copy && of_copy < after, "{before} {of_copy} {after}");
                assert_eq!(inspection::inspect(&to, health::integrity_faults).unwrap(), [""; 0]);
            }
        });
        let names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name.to_str().unwrap().starts_with("copy.db-")), "{names:?}");
    }

    #[test]
    fn a_copy_ends_when_it_is_told() {
        let place = tempfile::tempdir().unwrap();
        let (path, to) = (place.path().join("atelier.db"), place.path().join("copy.db"));
        fs::write(&to, "").unwrap();
        Store::open(&path, Sizes::default()).unwrap().close();
        let stopped = copy(&path, &to, |_, _| Err(Error::internal("stopped")));
        assert!(stopped.is_ok() || stopped.unwrap_err().chain().contains("stopped"));
        fs::write(&path, "other").unwrap();
        assert!(copy(&path, &to, |_, _| Ok(())).is_err());
    }
}
