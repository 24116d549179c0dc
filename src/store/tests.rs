//! Connections, the generation and the data version, and that the tables accept every value that the domain types
//! allow.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::Connection;
use uuid::Uuid;

use super::data_dir::DataDir;
use super::*;
use crate::domain::email::Email;
use crate::domain::key::KeyName;
use crate::domain::member::Role;
use crate::domain::organization::{HOME_NAME, NewOrganization, OrganizationName};
use crate::domain::text::Description;
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::domain::workspace::{NewWorkspace, WorkspaceName};
use crate::error::{Error, Result};
use crate::tokens::opaque::{self, Kind};

const SIZES: Sizes =
    Sizes { readers: 3, write_queue: 16, page_cache_kib: 512, search_memory: 1 << 20, max_read: None, max_write: None };

struct Place {
    store: Store,
    home: DataDir,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let home = DataDir::open(folder.path().join("data")).unwrap();
    let store = probe::open(&home.database(), SIZES);
    Place { store, home, _folder: folder }
}

fn new_user(email: &str) -> NewUser {
    let name = PersonName::default();
    NewUser {
        email: Email::parse(email).unwrap(),
        first_name: name.clone(),
        last_name: name,
        role: AccountRole::Member,
    }
}

impl Place {
    fn add(&self, email: &str) -> Result<crate::domain::user::User> {
        let new = new_user(email);
        self.store.write_and_wait(move |tx| users::insert(tx, &new, Uuid::new_v4(), None))
    }
}

fn pragma(conn: &Connection, name: &str) -> i64 {
    conn.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

/// Runs this on every reader of the pool at once.
fn on_every_reader(store: &Store, check: impl Fn(&Connection) + Sync) {
    let barrier = std::sync::Barrier::new(SIZES.readers as usize);
    thread::scope(|scope| {
        for _ in 0..SIZES.readers {
            scope.spawn(|| {
                store.read(|view| {
                    barrier.wait();
                    check(view.conn.sqlite().unwrap());
                    Ok(())
                })
            });
        }
    });
}

fn as_everyone_should_be(conn: &Connection) {
    assert_eq!(pragma(conn, "foreign_keys"), 1);
    assert_eq!(pragma(conn, "trusted_schema"), 0);
    assert_eq!(pragma(conn, "temp_store"), 2, "in memory");
    assert_eq!(pragma(conn, "cache_size"), -i64::from(SIZES.page_cache_kib));
    assert_eq!(pragma(conn, "busy_timeout"), 5000);
    let journal: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn every_reader_has_every_setting_and_cannot_write() {
    let place = place();
    let seen = std::sync::Mutex::new(Vec::new());
    on_every_reader(&place.store, |conn| {
        as_everyone_should_be(conn);
        assert_eq!(pragma(conn, "query_only"), 1);
        assert!(conn.is_readonly("main").unwrap());
        for sql in
            ["DELETE FROM users", "CREATE TABLE t (a)", "UPDATE meta SET generation = 0", "PRAGMA user_version = 9"]
        {
            assert!(conn.execute_batch(sql).is_err(), "{sql}");
        }
        seen.lock().unwrap().push(std::ptr::from_ref(conn).addr());
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), SIZES.readers as usize);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "three connections");
}

#[test]
fn the_writer_has_every_setting_and_waits_for_the_disk() {
    let place = place();
    place
        .store
        .write_and_wait(|tx| {
            as_everyone_should_be(tx.conn.sqlite().unwrap());
            assert_eq!(pragma(tx.conn.sqlite().unwrap(), "query_only"), 0);
            assert_eq!(pragma(tx.conn.sqlite().unwrap(), "synchronous"), 2, "FULL");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_dangling_foreign_key_is_refused() {
    let place = place();
    let orphan = place.store.write_and_wait(|tx| {
        members::upsert(tx, crate::domain::ids::WorkspaceId(7), crate::domain::ids::UserId(7), Role::Owner)
    });
    assert!(matches!(orphan, Err(Error::Internal(_))));
}

#[test]
fn a_read_sees_one_snapshot() {
    let place = place();
    place
        .store
        .read(|view| {
            let before = users::list(view)?.len();
            place.add("ada@example.com").unwrap();
            assert_eq!(users::list(view)?.len(), before);
            Ok(())
        })
        .unwrap();
    assert_eq!(place.store.read(users::list).unwrap().len(), 1);
}

#[test]
fn a_reader_that_panics_leaves_its_connection_usable() {
    let place = place();
    for _ in 0..SIZES.readers * 2 {
        let store = place.store.clone();
        let panicked = thread::spawn(move || store.read(|_| -> Result<()> { std::panic::panic_any("a test's panic") }));
        assert!(panicked.join().is_err());
    }
    place.add("ada@example.com").unwrap();
    if place.store.is_file() {
        on_every_reader(&place.store, |conn| assert_eq!(pragma(conn, "query_only"), 1));
    }
    assert_eq!(place.store.read(users::list).unwrap().len(), 1);
}

#[test]
fn reads_wait_for_a_free_reader() {
    let place = place();
    thread::scope(|scope| {
        for _ in 0..SIZES.readers * 4 {
            scope.spawn(|| {
                place
                    .store
                    .read(|view| {
                        thread::sleep(Duration::from_millis(10));
                        users::list(view)
                    })
                    .unwrap()
            });
        }
    });
}

#[test]
fn only_a_commit_changes_the_data_version() {
    let place = place();
    let start = place.store.data_version().unwrap();
    place.store.read(users::list).unwrap();
    assert_eq!(place.store.data_version().unwrap(), start, "a read");

    place.add("ada@example.com").unwrap();
    let after = place.store.data_version().unwrap();
    assert_ne!(after, start, "a commit");

    place.add("ADA@example.com").unwrap_err();
    place.store.write_and_wait(|_| Err::<(), _>(Error::Refused { rule: "no" })).unwrap_err();
    assert_eq!(place.store.data_version().unwrap(), after, "a write that failed");
    place.store.write_and_wait(|tx| users::list(tx).map(drop)).unwrap();
    assert_eq!(place.store.data_version().unwrap(), after, "a write that changed nothing");
}

/// Another connection stands for another process: both see the header in SQLite's shared memory.
#[test]
fn a_data_version_never_repeats() {
    let place = place();
    let mut seen = vec![place.store.data_version().unwrap()];
    let other = Connection::open(place.home.database()).unwrap();
    for turn in 0..300 {
        match turn % 10 {
            // The log is moved into the file, and the next commit starts it again.
            3 => drop(other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))),
            4 | 8 => drop(other.execute("UPDATE meta SET generation = generation + 1", []).unwrap()),
            _ => drop(place.store.write_and_wait(health::touch).unwrap()),
        }
        let now = place.store.data_version().unwrap();
        assert!(turn % 10 == 3 || !seen.contains(&now), "turn {turn}");
        seen.push(now);
    }
}

#[test]
fn a_finished_write_has_changed_the_data_version() {
    let place = place();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let before = place.store.data_version().unwrap();
                    place.store.write_and_wait(health::touch).unwrap();
                    assert_ne!(place.store.data_version().unwrap(), before);
                }
            });
        }
    });
}

/// Closing the shared memory would drop the locks of every connection of the process.
#[test]
fn all_stores_of_a_file_share_one_probe() {
    let place = place();
    let theirs = probe::open(&place.home.database(), SIZES);
    let open = || {
        let all = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let memory = place.home.database().with_extension("db-shm");
        all.filter(|path| *path == memory).count()
    };
    assert_eq!(open(), 2, "SQLite's and ours");
    theirs.close();
    drop(theirs);
    assert_eq!(open(), 2);
    place.add("ada@example.com").unwrap();
}

#[test]
fn the_generation_grows_with_the_commits_of_every_process() {
    let place = place();
    let theirs = probe::open(&place.home.database(), SIZES);
    let generation = || place.store.read(health::generation).unwrap();
    let start = generation();
    let new = new_user("bob@example.com");
    theirs.write_and_wait(move |tx| users::insert(tx, &new, Uuid::new_v4(), None)).unwrap();
    let after = generation();
    assert!(after > start);
    assert_eq!(place.store.read(users::list).unwrap().len(), 1, "and what they wrote is seen at once");
    theirs.close();
    place.store.write_and_wait(health::touch).unwrap();
    assert!(generation() > after, "touching the file is a commit");
}

#[test]
fn ids_are_never_reused() {
    let place = place();
    let first = place.add("ada@example.com").unwrap();
    let second = place.add("bob@example.com").unwrap();
    probe::execute(&place.home.database(), "DELETE FROM users");
    let third = place.add("ada@example.com").unwrap();
    assert!(first.id < second.id && second.id < third.id);
}

#[test]
fn a_table_with_ids_gives_none_again() {
    let place = place();
    let tables = probe::rows(&place.home.database(), "SELECT name, sql FROM sqlite_schema WHERE type = 'table'");
    for table in tables {
        let (name, sql) = (table[0].as_str().unwrap(), table[1].as_str().unwrap());
        let numbered = sql.contains(" id INTEGER PRIMARY KEY") && !["meta", "audit_chain", "readiness"].contains(&name);
        assert!(!numbered || sql.contains("AUTOINCREMENT"), "{name}");
        assert!(name.starts_with("sqlite_") || sql.contains("STRICT"), "{name}");
    }
}

#[test]
fn every_foreign_key_has_an_index() {
    let place = place();
    let sql = "SELECT t.name, f.\"from\" FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
               WHERE t.type = 'table' AND NOT EXISTS (
                   SELECT 1 FROM pragma_index_list(t.name) l, pragma_index_info(l.name) i
                   WHERE i.seqno = 0 AND i.name = f.\"from\")
                   AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.name = f.\"from\" AND c.pk = 1)";
    assert_eq!(probe::rows(&place.home.database(), sql), Vec::<Vec<serde_json::Value>>::new());
}

#[test]
fn the_files_are_for_their_owner_only() {
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let place = place();
    place.add("ada@example.com").unwrap();
    let files: Vec<PathBuf> = fs::read_dir(place.home.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let names: BTreeSet<_> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["atelier.db", "atelier.db-shm", "atelier.db-wal"]));
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }

    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone.db");
    let _store = Store::open(&alone, SIZES).unwrap();
    assert_eq!(mode(&alone), 0o600, "without a home too");
}

#[test]
fn closing_leaves_one_file_and_refuses_later_calls() {
    let place = place();
    place.add("ada@example.com").unwrap();
    place.store.close();
    let files: Vec<_> = fs::read_dir(place.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["atelier.db"]);
    assert!(matches!(place.store.read(users::list), Err(Error::Busy { .. })));
    assert!(matches!(place.add("bob@example.com"), Err(Error::Busy { .. })));
    place.store.close();
    assert_eq!(probe::open(&place.home.database(), SIZES).read(users::list).unwrap().len(), 1);
}

#[test]
fn a_write_can_be_awaited_on_a_single_thread() {
    let place = place();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let new = new_user("ada@example.com");
    let user = runtime.block_on(place.store.write(move |tx| users::insert(tx, &new, Uuid::new_v4(), None))).unwrap();
    assert_eq!(user.email.as_str(), "ada@example.com");
}

#[test]
fn a_write_in_passing_is_dropped_when_the_queue_is_full() {
    let place = place();
    let (release, gate) = channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    place.store.write_in_passing(move |_| {
        gate.lock().unwrap().recv_timeout(Duration::from_secs(30)).unwrap();
        Ok(())
    });
    for _ in 0..SIZES.write_queue * 3 {
        place.store.write_in_passing(|tx| health::touch(tx).map(drop));
    }
    release.send(()).unwrap();
    place.store.close();
}

/// A read that never ends would keep the write-ahead log from being shortened.
#[test]
fn a_read_that_takes_too_long_is_ended() {
    let endless = |view: &View| {
        let sql = "SELECT generation FROM meta WHERE generation > (
                       WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n)";
        Ok(view.conn.prepare_cached(sql)?.query_row(&[], |row| row.get::<_, i64>(0))?)
    };
    let place = tempfile::tempdir().unwrap();
    let sizes = Sizes { max_read: Some(Duration::from_millis(200)), ..SIZES };
    let store = probe::open(&place.path().join("atelier.db"), sizes);
    for _ in 0..2 {
        let begun = std::time::Instant::now();
        assert!(matches!(store.read(endless), Err(Error::Busy { .. })));
        assert!((200..20_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        assert!(store.read(users::list).unwrap().is_empty(), "the connection is as good as before");
    }
    store.close();
}

#[test]
fn an_intact_file_has_no_faults_and_an_orphan_row_is_one() {
    let place = place();
    assert_eq!(place.store.read(health::integrity_faults).unwrap(), Vec::<String>::new());
    assert_eq!(place.store.read(health::foreign_key_faults).unwrap(), Vec::<String>::new());
    assert_eq!(place.store.read(schema::state).unwrap(), schema::SchemaState::Current);
    let sql = "PRAGMA foreign_keys = OFF;
               INSERT INTO default_workspaces (user_id, workspace_id) VALUES (7, 8)";
    probe::execute(&place.home.database(), sql);
    let faults = place.store.read(health::foreign_key_faults).unwrap();
    assert!(faults.contains(&"row 1 of default_workspaces refers to a row of users that does not exist".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A table stores every value that the domain type's parser accepts, and returns it unchanged.
    #[test]
    fn tables_accept_every_value_of_the_domain_types(
        addresses in proptest::collection::vec("[^\\pZ\\pC<>()\\[\\],;:\\\\\"@]{1,64}@[^\\pZ\\pC<>()\\[\\],;:\\\\\"@.]{1,40}", 1..4),
        names in proptest::collection::vec("\\PC{0,260}", 4),
    ) {
        let place = place();
        for address in &addresses {
            let Ok(email) = Email::parse(address) else { continue };
            let [first_name, last_name] = [&names[0], &names[1]].map(|name| PersonName::parse(name).unwrap_or_default());
            let new = NewUser { email, first_name, last_name, role: AccountRole::Administrator };
            let cloned = new.clone();
            let created = place.store.write_and_wait(move |tx| users::insert(tx, &cloned, Uuid::new_v4(), None));
            let created = match created {
                Ok(created) => created,
                Err(Error::Conflict { .. }) => continue,
                Err(other) => return Err(TestCaseError::fail(other.chain())),
            };
            let found = place.store.read(|view| users::find_by_email(view, &address.to_uppercase())).unwrap();
            let by_id = place.store.read(|view| users::find(view, created.id)).unwrap().unwrap();
            prop_assert_eq!(by_id.email.as_str(), new.email.as_str());
            prop_assert_eq!(&by_id.first_name, &new.first_name);
            prop_assert_eq!(&by_id.last_name, &new.last_name);
            if Email::fold(&address.to_uppercase()) == Email::fold(address) {
                prop_assert_eq!(found.unwrap().id, created.id);
            }
            let key = KeyName::parse(&names[2]).ok();
            let name = WorkspaceName::parse(&names[3]).ok();
            let default = WorkspaceName::default_of(&created.email).ok();
            let wrote = place.store.write_and_wait(move |tx| {
                let (_, fingerprint) = opaque::mint(Kind::Key);
                if let Some(key) = &key {
                    let id = keys::insert(
                        tx,
                        created.id,
                        (key, &Description::default()),
                        &keys::StoredSecret { fingerprint, redacted: "atl_".to_owned() },
                        None,
                        None,
                    )?;
                    assert_eq!(keys::find(tx, id)?.unwrap().name, *key);
                }
                let home = match organizations::find_home(tx)? {
                    Some(home) => home,
                    None => organizations::insert(
                        tx,
                        &NewOrganization {
                            name: OrganizationName::parse(HOME_NAME).unwrap(),
                            description: Description::default(),
                        },
                        true,
                    )?,
                };
                for name in name.iter().chain(&default) {
                    if workspaces::find_by_name(tx, home.id, name)?.is_none() {
                        let new = NewWorkspace::private(name.clone());
                        let id = workspaces::insert(tx, home.id, &new, created.id)?;
                        assert_eq!(workspaces::find(tx, id)?.unwrap().name, *name);
                    }
                }
                Ok(())
            });
            prop_assert!(wrote.is_ok(), "{}", wrote.unwrap_err().chain());
        }
        place.store.close();
    }
}
