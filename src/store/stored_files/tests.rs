use std::cell::Cell;

use super::*;
use crate::store::data_dir::DataDir;
use crate::store::{Sizes, Store, probe};

const SHA256: Sha256 = Sha256([7; 32]);

struct Scene {
    store: Store,
    home: DataDir,
    noted: Cell<NotedIn>,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = DataDir::open(folder.path().join("data")).unwrap();
        let store = probe::open(&home.database(), Sizes::default());
        let scene = Self { store, home, noted: Cell::default(), _folder: folder };
        scene.sql(
            "INSERT INTO organizations (id, name, name_key, description, home, created_at) VALUES
                 (7, 'one', 'one', '', 0, 0), (8, 'two', 'two', '', 0, 0);
             INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_at,
                 ml_models_enabled)
                 SELECT id, id, 'w', 'w', '', 0, 0, 0, 1 FROM organizations WHERE id > 6;
             INSERT INTO models (id, workspace_id, name, created_at, updated_at) VALUES (1, 7, 'm', 0, 0), (2, 8, 'm', 0, 0);",
        );
        scene
    }

    fn sql(&self, sql: &str) {
        probe::execute(&self.home.database(), sql);
    }

    fn write<T: Send + 'static>(&self, work: impl Fn(&Tx) -> Result<T> + Send + 'static) -> T {
        self.store.write_and_wait(work).unwrap()
    }

    /// Inserts a version with the file, past the verbs.
    fn version(&self, id: i64, organization: i64) {
        self.sql(&format!(
            "INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, sha256, size, file_name, created_at,
                 updated_at)
             VALUES ({id}, {}, {organization}, printf('%036d', {id}), 'private', x'{SHA256}', 10, 'f', 0, 0)",
            organization - 6
        ));
    }

    /// Registers the file for the upload that claims it.
    fn register(&self, seconds: i64) -> bool {
        let noted = self.register_another(seconds);
        self.noted.set(noted.unwrap_or(self.noted.get()));
        noted.is_some()
    }

    fn register_another(&self, seconds: i64) -> Option<NotedIn> {
        self.write(move |tx| register(tx, SHA256, Timestamp::from_seconds(seconds)))
    }

    fn take(&self, seconds: i64) -> Vec<Sha256> {
        self.write(move |tx| take_due(tx, Timestamp::from_seconds(seconds)))
    }

    fn claim(&self) -> bool {
        let noted = self.noted.get();
        self.write(move |tx| claim(tx, SHA256, noted))
    }

    fn is_noted(&self) -> bool {
        self.store.read(|view| is_unreferenced(view, SHA256)).unwrap()
    }
}

#[test]
fn a_file_is_claimed_once_it_is_registered() {
    let scene = Scene::new();
    assert!(!scene.claim(), "it may have been removed");
    assert!(scene.register(100) && scene.is_noted());
    assert!(scene.claim() && !scene.is_noted());
    assert!(!scene.claim(), "no version was inserted");
    scene.version(1, 7);
    assert!(scene.claim(), "a version refers to it");
    assert!(scene.register(100) && scene.is_noted(), "the version may be deleted before the file is stored");
    assert!(scene.take(100).is_empty() && !scene.is_noted(), "a file with a version is not removed");
}

#[test]
fn a_file_is_taken_when_it_is_due_and_not_claimed_until_it_is_gone() {
    let scene = Scene::new();
    scene.register(100);
    scene.register(50);
    assert!(!scene.store.read(|view| is_due(view, Timestamp::from_seconds(99))).unwrap());
    assert!(scene.take(99).is_empty(), "the later time counts");
    assert_eq!(scene.take(100), [SHA256]);
    assert!(!scene.register(200) && !scene.claim(), "it is being removed");
    assert_eq!(scene.take(100), [SHA256], "after an interrupted removal");
    scene.write(|tx| postpone(tx, SHA256, Timestamp::from_seconds(150)));
    assert!(scene.take(149).is_empty());
    assert_eq!(scene.take(150), [SHA256]);
    scene.write(|tx| forget(tx, SHA256));
    assert!(!scene.claim() && scene.register(200) && scene.claim());
}

#[test]
fn the_note_of_another_upload_does_not_stand_for_a_file_that_was_removed() {
    let removals: [fn(&Scene); 3] = [
        |scene| scene.write(|tx| forget(tx, SHA256)),
        // It failed, perhaps once the file was gone.
        |scene| scene.write(|tx| postpone(tx, SHA256, Timestamp::from_seconds(150))),
        |scene| {
            scene.write(|tx| forget(tx, SHA256));
            scene.write(|tx| expire(tx, SHA256));
        },
    ];
    for removal in removals {
        let scene = Scene::new();
        assert!(scene.register(100));
        assert_eq!(scene.take(100), [SHA256]);
        removal(&scene);
        let other = scene.register_another(200).unwrap();
        assert!(other > scene.noted.get());
        assert!(!scene.claim() && scene.is_noted(), "the other upload has not stored it yet");
        assert!(scene.register(100) && scene.claim() && !scene.is_noted(), "it was stored again");
    }
}

#[test]
fn an_upload_shares_the_note_of_another_one() {
    let scene = Scene::new();
    let first = scene.register_another(100).unwrap();
    assert!(scene.register(100));
    scene.noted.set(first);
    assert!(scene.claim(), "the file was not removed since");
    scene.version(1, 7);
    scene.sql("DELETE FROM model_versions WHERE id = 1");
    assert!(scene.is_noted() && scene.claim(), "nor since the version went");
}

#[test]
fn a_file_that_waits_for_its_version_can_be_made_due() {
    let scene = Scene::new();
    scene.register(100);
    scene.write(expire_waiting);
    assert!(scene.register(50), "it is stored again");
    assert!(scene.take(49).is_empty());
    scene.write(expire_waiting);
    assert_eq!(scene.take(0), [SHA256]);
    scene.write(expire_waiting);
    assert!(!scene.register(100) && !scene.claim(), "it is being removed");
}

#[test]
fn the_last_version_notes_its_file_when_it_goes() {
    let scene = Scene::new();
    for (id, organization) in [(1, 7), (2, 7), (3, 8)] {
        scene.register(100);
        scene.claim();
        scene.version(id, organization);
    }
    let sizes = || [7, 8].map(|id| scene.store.read(|view| size_of(view, OrganizationId(id))).unwrap());
    assert_eq!(sizes(), [10, 10], "a file counts once in each organization");
    assert_eq!(scene.store.read(|view| organizations(view, SHA256)).unwrap(), [OrganizationId(7), OrganizationId(8)]);
    assert!(scene.store.read(wrong_sizes).unwrap().is_empty());
    scene.sql("DELETE FROM model_versions WHERE id = 1; DELETE FROM models WHERE id = 2");
    assert!((sizes(), scene.is_noted()) == ([10, 0], false));
    scene.sql("DELETE FROM workspaces WHERE id = 7");
    assert!((sizes(), scene.is_noted()) == ([0, 0], true));
    scene.write(|tx| expire(tx, SHA256));
    assert_eq!(scene.take(0), [SHA256]);
}

#[test]
fn a_note_of_a_file_with_a_version_is_dropped() {
    let scene = Scene::new();
    scene.register(100);
    scene.version(1, 7);
    scene.write(|tx| expire(tx, SHA256));
    assert!(scene.take(1000).is_empty() && !scene.is_noted());
    let mut found = Vec::new();
    scene
        .store
        .read(|view| {
            for_each(view, |file| {
                found.push(file);
                Ok(())
            })
        })
        .unwrap();
    assert_eq!(found, [StoredFile { sha256: SHA256, size: 10 }]);
    scene.sql("UPDATE organizations SET file_bytes = 11 WHERE id = 7");
    assert_eq!(scene.store.read(wrong_sizes).unwrap(), [OrganizationId(7)]);
}
