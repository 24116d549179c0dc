use std::cell::Cell;

use super::unpack::{ModelsTo, unpack};
use super::{BackupError, Observer};
use crate::files::archive::{ArchiveWriter, FORMAT, FilesPlace, FilesRecord, Label, Manifest, NewFile, Part};
use crate::store::data_dir::DataDir;
use crate::tokens::file_hash::FileHash;

/// Counts, and stops after so many bytes.
#[derive(Default)]
struct Counter {
    begun: Cell<u64>,
    seen: Cell<u64>,
    stops_after: Option<u64>,
}

impl Observer for Counter {
    fn begin(&self, _: &'static str, bytes: u64) {
        self.begun.set(self.begun.get() + bytes);
    }

    fn add(&self, bytes: u64) {
        self.seen.set(self.seen.get() + bytes);
    }

    fn is_stopped(&self) -> bool {
        self.stops_after.is_some_and(|bytes| self.seen.get() > bytes)
    }
}

/// A backup with a large file of a model and a small data file.
fn backup(path: &std::path::Path) -> u64 {
    let model = vec![7; 3 << 20];
    let mut hash = FileHash::new();
    hash.update(&model);
    let sha256 = hash.finish();
    let label = Label {
        format: FORMAT,
        program: "1".to_owned(),
        schema: 9,
        made_at: "2026-11-27T03:00:00Z".to_owned(),
        server: None,
    };
    let mut writer = ArchiveWriter::begin(NewFile::create(path).unwrap(), label.clone(), None).unwrap();
    let list = format!("{sha256} {}\n", model.len()).into_bytes();
    for (part, bytes) in [(Part::Files, &list), (Part::Database, &list), (Part::Model(sha256), &model)] {
        writer.add(&part, bytes.len() as u64, &mut bytes.as_slice()).unwrap();
    }
    let files = FilesRecord {
        place: FilesPlace::Inside,
        count: 1,
        bytes: model.len() as u64,
        deleted: Vec::new(),
        missing: Vec::new(),
        damaged: Vec::new(),
    };
    let rows = std::collections::BTreeMap::new();
    writer.finish(Manifest { label, rows, audit_row: None, audit_hash: None, files, parts: Vec::new() }).unwrap();
    model.len() as u64
}

#[test]
fn a_backup_that_is_only_read_shows_how_far_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("b.tar");
    let size = backup(&path);
    let home = DataDir::open(place.path().join("home")).unwrap();
    let counter = Counter::default();
    let unpacked = unpack(&path, None, &home, ModelsTo::Nowhere, &counter).unwrap();
    assert_eq!((unpacked.manifest.files.count, unpacked.left_out), (1, 0));
    let (begun, seen) = (counter.begun.get(), counter.seen.get());
    assert!(seen > size && seen <= begun, "{seen} of {begun} bytes, of which {size} are of a model");
}

#[test]
fn a_stopped_backup_is_not_called_damaged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("b.tar");
    let size = backup(&path);
    for stops_after in [0, 200, size / 2] {
        let home = DataDir::open(place.path().join(format!("home-{stops_after}"))).unwrap();
        let counter = Counter { stops_after: Some(stops_after), ..Counter::default() };
        let done = unpack(&path, None, &home, ModelsTo::Nowhere, &counter);
        assert!(matches!(done, Err(BackupError::Stopped)), "{stops_after}");
    }
}
