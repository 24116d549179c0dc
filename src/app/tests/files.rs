//! The files of models: stored once, whole, and removed when no version refers to them.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::app::files::{Spooled, receive_and_wait, remove_unreferenced, require_space};
use crate::app::runtime::file_storage::FileStorage;
use crate::domain::ids::{ModelVersionId, OrganizationId};
use crate::domain::model::{ModelName, ModelSettings, NewModelVersion, Runtime, Sha256, StoredFile, Visibility};
use crate::domain::timestamp::Timestamp;
use crate::files::{FileStore, Listed};
use crate::stop::Stop;
use crate::store::{models, stored_files};

const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

struct Archive {
    office: Office,
    files: Arc<FileStorage>,
    place: WorkspaceId,
}

/// An office with a workspace and a store for files, whose organizations may have so many bytes.
fn archive(max_organization: Option<u64>) -> Archive {
    let office = office();
    let place = office.workspace(&office.ada, "files");
    let local = FileStorage::local(office.file.parent().unwrap());
    Archive { place, files: Arc::new(FileStorage { max_organization, ..local }), office }
}

/// Inserts a version with the file, as the verbs do.
fn insert(tx: &Tx, place: WorkspaceId, name: &str, file: StoredFile) -> Result<ModelVersionId> {
    let workspace = store::workspaces::find(tx, place)?.unwrap();
    let name = ModelName::parse(name).unwrap();
    let model = match models::find_by_name(tx, place, name.as_str())? {
        Some(model) => model.id,
        None => models::insert(tx, place, &name, None)?,
    };
    let new = NewModelVersion {
        workspace: place,
        name,
        visibility: Visibility::Private,
        file: Some(file),
        file_name: "m.onnx".to_owned(),
        image_path: None,
        conversion: None,
        settings: ModelSettings::new(Runtime::Onnx),
    };
    Ok(models::insert_version(tx, model, workspace.organization, &new, None)?.0)
}

impl Archive {
    fn spooled(&self, bytes: &[u8]) -> Spooled {
        let mut incoming = self.files.spool.begin(self.files.limit()).unwrap();
        incoming.write(bytes).unwrap();
        incoming.finish().unwrap()
    }

    fn upload(&self, name: &str, bytes: &[u8]) -> Result<(ModelVersionId, Sha256)> {
        self.upload_to(self.place, name, bytes)
    }

    fn upload_to(&self, place: WorkspaceId, name: &str, bytes: &[u8]) -> Result<(ModelVersionId, Sha256)> {
        let (file, name) = (self.spooled(bytes), name.to_owned());
        receive_and_wait(&self.office.store, &self.files, &Actor::operator(), file, move |tx, _, stored| {
            Ok((insert(tx, place, &name, stored)?, stored.sha256))
        })
    }

    fn delete(&self, version: ModelVersionId) {
        probe::execute(&self.office.file, &format!("DELETE FROM model_versions WHERE id = {version}"));
    }

    /// Removes what is due now. Returns how many were removed.
    fn remove(&self) -> usize {
        remove_unreferenced(&self.office.store, &self.files, Timestamp::now()).unwrap()
    }

    fn bytes(&self, sha256: Sha256) -> Option<Vec<u8>> {
        let size = self.files.store.size(&sha256).unwrap()?;
        let mut bytes = Vec::new();
        self.files.store.open(&sha256, 0..size).unwrap()?.read_to_end(&mut bytes).unwrap();
        Some(bytes)
    }

    fn stored(&self) -> usize {
        let mut number = 0;
        let count = &mut |_: Listed| {
            number += 1;
            Ok(())
        };
        self.files.store.list(count).unwrap();
        number
    }

    /// How many files are noted as ones without versions.
    fn noted(&self) -> usize {
        probe::rows(&self.office.file, "SELECT 1 FROM unreferenced_files").len()
    }

    fn assert_tidy(&self) {
        let spool = self.office.file.with_file_name("files").join("incoming");
        assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0, "the spool");
        assert_eq!(self.office.read(stored_files::wrong_sizes).unwrap(), [], "the sizes of organizations");
    }
}

#[test]
fn a_file_is_stored_once_and_removed_with_its_last_version() {
    let archive = archive(None);
    let (first, sha256) = archive.upload("a", b"the same").unwrap();
    let (second, twin) = archive.upload("b", b"the same").unwrap();
    let (other, _) = archive.upload("b", b"another").unwrap();
    assert_eq!((sha256, archive.stored(), archive.noted(), archive.remove()), (twin, 2, 0, 0));
    archive.delete(first);
    assert_eq!((archive.remove(), archive.bytes(sha256)), (0, Some(b"the same".to_vec())));
    archive.delete(second);
    assert_eq!((archive.noted(), archive.remove(), archive.bytes(sha256)), (1, 1, None));
    assert_eq!((archive.stored(), archive.noted()), (1, 0));
    archive.delete(other);
    archive.remove();
    assert_eq!(archive.stored(), 0);
    archive.assert_tidy();
}

#[test]
fn a_refused_write_leaves_neither_a_version_nor_a_file() {
    let archive = archive(None);
    let place = archive.place;
    let refuse = move |tx: &Tx, _: &Actor, stored: StoredFile| -> Result<()> {
        insert(tx, place, "a", stored)?;
        Err(Error::Refused { rule: "not today" })
    };
    let file = archive.spooled(b"refused");
    let error = receive_and_wait(&archive.office.store, &archive.files, &Actor::operator(), file, refuse).unwrap_err();
    refused(&error, "not today");
    // The file is made due in passing.
    archive.office.write(|_| Ok(())).unwrap();
    assert_eq!((archive.remove(), archive.stored(), archive.noted()), (1, 0, 0));
    // A file that others have stays.
    let (_, sha256) = archive.upload("a", b"refused").unwrap();
    let file = archive.spooled(b"refused");
    receive_and_wait(&archive.office.store, &archive.files, &Actor::operator(), file, refuse).unwrap_err();
    archive.office.write(|_| Ok(())).unwrap();
    assert_eq!((archive.remove(), archive.bytes(sha256)), (0, Some(b"refused".to_vec())));
    archive.assert_tidy();
}

#[test]
fn an_organization_has_at_most_its_maximum() {
    let archive = archive(Some(10));
    archive.upload("a", b"12345678").unwrap();
    archive.upload("a", b"12345678").expect("it counts once");
    let error = archive.upload("a", b"abc").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the files of the organization may take at most 10 bytes in total; delete models that are no longer needed, or \
         ask an administrator of the server to raise organization_files"
    );
    let (last, _) = archive.upload("a", b"ab").unwrap();
    archive.upload("b", b"12345678").expect("a full organization may have what it has already");
    archive.delete(last);
    archive.upload("a", b"AB").unwrap();
    let organization =
        archive.office.read(|view| store::workspaces::find(view, archive.place)).unwrap().unwrap().organization;
    let space = |files: &FileStorage, size| archive.office.read(|view| require_space(view, files, organization, size));
    assert!(
        space(&archive.files, 10).is_ok() && matches!(space(&archive.files, 11), Err(Error::FilesFull { limit: 10 }))
    );
    let lowered =
        FileStorage { max_organization: Some(9), ..FileStorage::local(archive.office.file.parent().unwrap()) };
    assert!(matches!(space(&lowered, 0), Err(Error::FilesFull { limit: 9 })));
    assert!(archive.office.read(|view| require_space(view, &archive.files, OrganizationId(99), 1)).is_ok());
    archive.office.write(|_| Ok(())).unwrap();
    archive.remove();
    assert_eq!(archive.stored(), 2);
    archive.assert_tidy();
}

#[test]
fn a_file_that_is_taken_between_its_place_and_its_version_is_placed_again() {
    let archive = archive(None);
    let (store, files, place) = (archive.office.store.clone(), archive.files.clone(), archive.place);
    // Another process takes everything that waits for a version, as the start of a server does.
    let taken = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let remover = thread::spawn({
        let (store, files, taken, stop) = (store.clone(), files.clone(), taken.clone(), stop.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                taken.fetch_add(remove_unreferenced(&store, &files, NEVER).unwrap(), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let mut done = Vec::new();
    for number in 0..40 {
        let file = archive.spooled(format!("file {number}").as_bytes());
        let received = receive_and_wait(&store, &files, &Actor::operator(), file, move |tx, _, stored| {
            insert(tx, place, "a", stored).map(|_| stored.sha256)
        });
        match received {
            Ok(sha256) => done.push((number, sha256)),
            Err(error) => assert!(matches!(error, Error::Busy { .. }), "{error:?}"),
        }
    }
    stop.store(true, Ordering::Relaxed);
    remover.join().unwrap();
    assert!(!done.is_empty() && taken.load(Ordering::Relaxed) > 0, "{} done, {taken:?} taken", done.len());
    for (number, sha256) in &done {
        assert_eq!(archive.bytes(*sha256), Some(format!("file {number}").into_bytes()));
    }
    archive.office.write(|_| Ok(())).unwrap();
    remove_unreferenced(&store, &files, NEVER).unwrap();
    assert_eq!((archive.stored(), archive.noted()), (done.len(), 0));
    archive.assert_tidy();
}

/// A store whose files are removed right after the first one was placed, as by the start of another process. Then the file
/// is noted for other uploads, which have not stored it yet.
struct RemovedOnce {
    inner: Box<dyn FileStore>,
    office: (Store, Arc<FileStorage>),
    placed: AtomicUsize,
    others: usize,
}

impl std::fmt::Debug for RemovedOnce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemovedOnce")
    }
}

impl FileStore for RemovedOnce {
    fn place(&self, file: &mut Spooled) -> Result<()> {
        self.inner.place(file)?;
        if self.placed.fetch_add(1, Ordering::Relaxed) == 0 {
            let (store, files) = &self.office;
            assert_eq!(remove_unreferenced(store, files, NEVER).unwrap(), 1);
            let sha256 = file.sha256();
            for _ in 0..self.others {
                store.write_and_wait(move |tx| stored_files::register(tx, sha256, NEVER)).unwrap().unwrap();
            }
        }
        Ok(())
    }

    fn open(&self, sha256: &Sha256, range: std::ops::Range<u64>) -> Result<Option<Box<dyn std::io::Read + Send>>> {
        self.inner.open(sha256, range)
    }

    fn size(&self, sha256: &Sha256) -> Result<Option<u64>> {
        self.inner.size(sha256)
    }

    fn remove(&self, sha256: &Sha256) -> Result<()> {
        self.inner.remove(sha256)
    }

    fn list(&self, each: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        self.inner.list(each)
    }
}

#[test]
fn a_file_that_is_removed_before_its_version_is_inserted_is_placed_again() {
    for others in 0..3 {
        place_again(others);
    }
}

fn place_again(others: usize) {
    let archive = archive(None);
    let (store, place) = (archive.office.store.clone(), archive.place);
    let local = FileStorage::local(archive.office.file.parent().unwrap());
    let removed_once = RemovedOnce {
        inner: local.store,
        office: (store.clone(), archive.files.clone()),
        placed: AtomicUsize::new(0),
        others,
    };
    let files =
        FileStorage { store: Box::new(removed_once), ..FileStorage::local(archive.office.file.parent().unwrap()) };
    let file = archive.spooled(b"a model");
    let insert = move |tx: &Tx, _: &Actor, stored| insert(tx, place, "a", stored).map(|_| stored.sha256);
    let sha256 = receive_and_wait(&store, &files, &Actor::operator(), file, insert).unwrap();
    assert_eq!(archive.bytes(sha256), Some(b"a model".to_vec()));
    assert_eq!((archive.stored(), archive.noted()), (1, 0));
}

#[test]
fn uploads_beside_deletes_of_the_same_file_leave_each_version_its_file() {
    let archive = archive(None);
    let stop = Stop::default();
    let bytes = vec![7; 100_000];
    let sha256 = thread::scope(|scope| {
        let _stops = stop.at_the_end();
        scope.spawn(|| {
            while !stop.is_set() {
                archive.remove();
            }
        });
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (archive, bytes) = (&archive, &bytes);
                scope.spawn(move || {
                    for _ in 0..15 {
                        let (version, sha256) = archive.upload(&format!("m{number}"), bytes).unwrap();
                        assert_eq!(archive.bytes(sha256).as_ref(), Some(bytes), "an answered upload has its file");
                        archive.delete(version);
                    }
                    archive.upload(&format!("m{number}"), bytes).unwrap().1
                })
            })
            .collect();
        let done: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        done[0]
    });
    assert_eq!((archive.remove(), archive.stored(), archive.noted()), (0, 1, 0));
    assert_eq!(archive.bytes(sha256), Some(bytes));
    archive.assert_tidy();
}

/// A place that cannot remove files for now.
#[derive(Debug)]
struct Stuck(Box<dyn FileStore>, AtomicUsize);

impl FileStore for Stuck {
    fn place(&self, file: &mut Spooled) -> Result<()> {
        self.0.place(file)
    }
    fn open(&self, sha256: &Sha256, range: std::ops::Range<u64>) -> Result<Option<Box<dyn std::io::Read + Send>>> {
        self.0.open(sha256, range)
    }
    fn size(&self, sha256: &Sha256) -> Result<Option<u64>> {
        self.0.size(sha256)
    }
    fn remove(&self, sha256: &Sha256) -> Result<()> {
        if self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(Error::disk(crate::error::DiskFault::Storage, "out of reach"));
        }
        self.0.remove(sha256)
    }
    fn list(&self, each: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        self.0.list(each)
    }
}

#[test]
fn a_file_that_cannot_be_removed_now_is_removed_later() {
    let mut archive = archive(None);
    let local = FileStorage::local(archive.office.file.parent().unwrap());
    let store = Box::new(Stuck(local.store, AtomicUsize::new(1)));
    archive.files = Arc::new(FileStorage { store, ..FileStorage::local(archive.office.file.parent().unwrap()) });
    let (version, sha256) = archive.upload("a", b"stays").unwrap();
    archive.delete(version);
    assert!(remove_unreferenced(&archive.office.store, &archive.files, Timestamp::now()).is_err());
    assert_eq!((archive.remove(), archive.noted()), (0, 1), "not at once");
    archive.upload("a", b"stays").expect("it is not being removed now");
    assert_eq!((archive.bytes(sha256), archive.noted()), (Some(b"stays".to_vec()), 0));
    archive.assert_tidy();
}
