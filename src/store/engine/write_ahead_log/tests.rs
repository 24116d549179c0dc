//! Tests of the log and its data file, with real files of SQLite and with broken ones.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::store::data_dir::DataDir;
use crate::store::engine::probe;
use crate::store::{Sizes, Store, health};

struct Place {
    home: DataDir,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { home: DataDir::open(folder.path().join("home")).unwrap(), _folder: folder }
}

impl Place {
    fn file(&self) -> PathBuf {
        self.home.database()
    }

    fn open(&self) -> Store {
        Store::open_for_server(&self.home, Sizes::default()).unwrap()
    }

    fn log(&self) -> Option<Log> {
        Log::read(&beside(&self.file(), "-wal")).unwrap()
    }

    fn state(&self) -> FileState {
        let page = probe::rows(&self.file(), "SELECT rootpage FROM sqlite_schema WHERE name = 'meta'");
        let page = page[0][0].as_u64().unwrap();
        FileState::read(&SharedFile::open(&self.file()).unwrap(), Some(u32::try_from(page).unwrap())).unwrap()
    }

    fn generation(&self) -> i64 {
        probe::rows(&self.file(), "SELECT generation FROM meta")[0][0].as_i64().unwrap()
    }
}

fn write(store: &Store) {
    store.write_and_wait(health::touch).unwrap();
}

#[test]
fn the_log_and_the_file_are_read_as_sqlite_reads_them() {
    let place = place();
    let store = place.open();
    // One to three bytes of a number, and the change of its length.
    for generation in [100, 126, 127, 128, 254, 255, 256, 32766, 32767, 32768, 65535, 1 << 31, 1 << 47, i64::MAX - 9] {
        probe::execute(&place.file(), &format!("UPDATE meta SET generation = {generation}"));
        write(&store);
        let last = place.log().unwrap().last.unwrap().row;
        assert_eq!(last.generation, place.generation());
        assert!(last.stamp.is_settled());
        probe::execute(&place.file(), "PRAGMA wal_checkpoint(PASSIVE)");
        assert_eq!(place.state().row, Some(last), "{generation}");
        let cookie = probe::rows(&place.file(), "SELECT schema_version FROM pragma_schema_version");
        assert_eq!(u64::from(place.state().header.unwrap().cookie), cookie[0][0].as_u64().unwrap());
    }
}

#[test]
fn a_log_begins_one_commit_after_its_file() {
    let place = place();
    let store = place.open();
    for turn in 0..5 {
        probe::execute(&place.file(), "PRAGMA wal_checkpoint(TRUNCATE)");
        assert!(place.log().is_none(), "an empty log has no commit");
        for _ in 0..=turn {
            write(&store);
        }
        let (log, state) = (place.log().unwrap(), place.state());
        let first = log.first.unwrap().row;
        assert_eq!(first.generation, state.row.unwrap().generation + 1, "turn {turn}");
        assert_eq!(log.last.unwrap().row.generation, first.generation + turn);
        assert!(log.fits(&state));
        refuse_foreign_log(&place.file()).unwrap();
    }
}

#[test]
fn each_start_has_its_own_stamp_and_a_stop_leaves_no_log() {
    let place = place();
    let mut cookies = Vec::new();
    for _ in 0..5 {
        let store = place.open();
        cookies.push(place.state().header.unwrap().cookie);
        store.close();
        drop(store);
        assert!(!beside(&place.file(), "-wal").exists());
    }
    let number = cookies.len();
    cookies.sort_unstable();
    cookies.dedup_by(|later, earlier| *later - *earlier <= 0xffff);
    assert_eq!(cookies.len(), number);
}

#[test]
fn a_stamp_that_a_reader_keeps_out_of_the_file_fits_the_file_all_the_same() {
    let place = place();
    place.open().close();
    let reader = Connection::open(place.file()).unwrap();
    let keeper = Connection::open(place.file()).unwrap();
    keeper.execute_batch("UPDATE meta SET generation = generation + 1").unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    keeper.execute_batch("UPDATE meta SET generation = generation + 1").unwrap();
    let store = place.open();
    assert!(!place.log().unwrap().last.unwrap().row.stamp.is_settled());
    write(&store);
    refuse_foreign_log(&place.file()).unwrap();
    assert_eq!(store.fault(), None);
}

#[test]
fn a_restored_copy_is_used_without_the_stamp_of_the_original() {
    let place = place();
    let store = place.open();
    write(&store);
    let copy = place.home.path().join("copy.db");
    Connection::open(place.file()).unwrap().backup("main", &copy, None).unwrap();
    store.close();
    drop(store);
    fs::rename(&copy, place.file()).unwrap();

    // As a command without a server does it, and is killed.
    let store = Store::open(&place.file(), Sizes::default()).unwrap();
    write(&store);
    refuse_foreign_log(&place.file()).unwrap();
    assert_eq!(store.fault(), None);
    store.close();
    drop(store);
    let store = place.open();
    assert!(place.log().unwrap().last.unwrap().row.stamp.is_settled());
    assert_eq!(store.fault(), None);
}

#[test]
fn broken_logs_are_no_logs() {
    let place = place();
    let store = place.open();
    write(&store);
    let log = fs::read(beside(&place.file(), "-wal")).unwrap();
    let broken = place.home.path().join("broken");
    let commits = |bytes: &[u8]| {
        fs::write(&broken, bytes).unwrap();
        Log::read(&broken).unwrap().is_some()
    };
    assert!(commits(&log));
    assert!(!commits(&log[..LOG_HEADER + FRAME_HEADER + 4095]), "half a page");
    for at in [0, 8, 16, 20] {
        let mut bytes = log.clone();
        bytes[at] ^= 0xff;
        assert!(!commits(&bytes), "byte {at}");
    }
    // The commit mark of every frame is removed.
    let mut bytes = log;
    for frame in bytes[LOG_HEADER..].chunks_mut(FRAME_HEADER + 4096) {
        frame[4..8].fill(0);
    }
    assert!(!commits(&bytes), "no commit");
}

proptest! {
    #[test]
    fn no_page_and_no_header_panics(mut page in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_u16) {
        MetaRow::find(&page);
        if page.len() > 10 {
            page[0] = 13;
            page[3..5].copy_from_slice(&[0, 1]);
            page[8..10].copy_from_slice(&at.to_be_bytes());
            MetaRow::find(&page);
        }
        let mut header = [0; FILE_HEADER];
        for (to, from) in header.iter_mut().zip(&page) {
            *to = *from;
        }
        FileHeader::decode(&header);
    }
}
