//! Upgrades that fail, the copies that they keep, and their progress.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::rehearsal::{outlook, rehearse};
use super::*;
use crate::error::Error;
use crate::store::data_dir::DataDir;
use crate::store::engine::open;
use crate::store::{Sizes, Store, health};

/// A data file of version 5 with users, workspaces and audit rows, in a directory of its own.
struct Place {
    file: PathBuf,
    folder: tempfile::TempDir,
}

fn old_file(audit_rows: u32) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().canonicalize().unwrap().join("atelier.db");
    let conn = Connection::open(&file).unwrap();
    for step in schema::steps_from(0).take(5) {
        conn.execute_batch(step.sql).unwrap();
    }
    conn.execute_batch(&format!(
        "PRAGMA user_version = 5;
         INSERT INTO organizations (name, name_key, description, home, created_at) VALUES ('Home', 'home', '', 1, 5);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {audit_rows})
         INSERT INTO audit (at, actor, credential, dialect, request_id, verb, kind, object, before, after)
         SELECT n, 'operator', 'console', 'cli', '-', 'users.change', 'user', n, '{{}}', '{{}}' FROM n;"
    ))
    .unwrap();
    Place { file, folder }
}

impl Place {
    fn conn(&self) -> Connection {
        Connection::open(&self.file).unwrap()
    }

    /// Everything in the file as text.
    fn dump(&self) -> Vec<String> {
        let conn = self.conn();
        let mut lines = Vec::new();
        let mut query = conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name").unwrap();
        let tables: Vec<(String, String)> =
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(|row| row.unwrap()).collect();
        for (name, sql) in tables {
            if sql.starts_with("CREATE TABLE") {
                let mut query = conn.prepare(&format!("SELECT * FROM {name}")).unwrap();
                let width = query.column_count();
                let rows = query
                    .query_map([], |row| {
                        (0..width).map(|at| Ok(format!("{:?}", row.get_ref(at)?))).collect::<rusqlite::Result<Vec<_>>>()
                    })
                    .unwrap();
                lines.extend(rows.map(|row| format!("{name} {}", row.unwrap().join(" "))));
            }
            lines.push(sql);
        }
        lines.push(conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap().to_string());
        lines
    }

    fn backup(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn copies(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.backup())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn open(&self) -> Result<()> {
        Store::open(&self.file, Sizes::default()).map(|store| store.close())
    }
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was() {
    let place = old_file(10);
    // The step to version 6 reads the JSON after it has recreated the users.
    place.conn().execute_batch("UPDATE audit SET before = 'not JSON' WHERE id = 7").unwrap();
    let before = place.dump();
    for _ in 0..2 {
        let error = place.open().unwrap_err().chain();
        assert!(error.contains("cannot upgrade the data file from schema version 5 to "), "{error}");
        assert!(error.contains("(step 6 of ") && error.contains("malformed JSON"), "{error}");
        assert!(place.dump() == before);
        assert_eq!(place.copies(), [format!("before-schema-{VERSION}")]);
    }
    place.conn().execute_batch("UPDATE audit SET before = NULL WHERE id = 7").unwrap();
    place.open().unwrap();
}

#[test]
fn a_row_that_refers_to_nothing_leaves_the_file_as_it_was() {
    let place = old_file(10);
    let conn = place.conn();
    conn.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO default_workspaces VALUES (1, 7, 8)").unwrap();
    drop(conn);
    let before = place.dump();
    let error = place.open().unwrap_err().chain();
    assert!(
        error.contains("(checking foreign keys): it has rows that refer to missing rows; the data file is"),
        "{error}"
    );
    assert!(place.dump() == before);
}

#[test]
fn a_disk_that_becomes_full_leaves_the_file_as_it_was() {
    let place = old_file(20_000);
    let before = place.dump();
    let pages: i64 = place.conn().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let mut failures = 0;
    for more in [0, 1, 10, 100, 300] {
        let mut conn = open::for_writing(&place.file, 512).unwrap();
        conn.pragma_update_and_check(None, "max_page_count", pages + more, |_| Ok(())).unwrap();
        match bring_up_to_date(&mut conn, &place.file, &Watcher::logging()) {
            Ok(()) => continue,
            Err(Error::Disk { fault: crate::error::DiskFault::Full, cause }) => {
                assert!(cause.to_string().contains("database or disk is full; the data file is as it was"), "{cause}");
            }
            Err(other) => panic!("{other:?}"),
        }
        failures += 1;
        drop(conn);
        assert!(place.dump() == before, "{more}");
    }
    assert!(failures >= 3, "{failures}");
    place.open().unwrap();
}

#[test]
fn a_disk_with_too_little_room_is_told_with_sizes() {
    let path = Path::new("/data/atelier.db");
    space::require(space::Room { file: 1, needed: 1000, free: 1000 }, path).unwrap();
    let room = space::Room { file: 200_000_000, needed: 800_000_000, free: 799_000_001 };
    let error = space::require(room, path).unwrap_err().chain();
    let words = "the upgrade of /data/atelier.db (200 MB) needs 800 MB on its disk, for a copy in the directory backup and \
                 for the data file to grow, but 800 MB are free";
    assert!(error.ends_with(&words.replace("but 800", "but 799")), "{error}");
}

#[test]
fn a_copy_that_cannot_be_made_stops_the_upgrade() {
    let place = old_file(10);
    let before = place.dump();
    fs::write(place.backup(), "a file").unwrap();
    let error = place.open().unwrap_err().chain();
    assert!(error.contains("backup: "), "{error}");
    assert!(place.dump() == before);
    fs::remove_file(place.backup()).unwrap();

    // A directory has the name of the copy.
    fs::create_dir_all(place.backup().join(format!("before-schema-{VERSION}/x"))).unwrap();
    let error = place.open().unwrap_err().chain();
    assert!(error.contains(&format!("before-schema-{VERSION}: ")), "{error}");
    assert!(place.dump() == before);
    assert_eq!(place.copies(), [format!("before-schema-{VERSION}")], "no part of a copy is left");
    fs::remove_dir_all(place.backup()).unwrap();

    // A part that a killed process left, here a link to another file, is not followed.
    let other = place.folder.path().join("other");
    fs::write(&other, "mine").unwrap();
    fs::create_dir(place.backup()).unwrap();
    symlink(&other, place.backup().join(format!("before-schema-{VERSION}.part"))).unwrap();
    place.open().unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    assert_eq!(place.copies(), [format!("before-schema-{VERSION}")]);
}

#[test]
fn the_last_three_copies_are_kept() {
    let place = old_file(10);
    fs::create_dir(place.backup()).unwrap();
    let others =
        ["before-schema-2", "before-schema-3", "before-schema-4", "before-schema-5", "before-schema-x", "notes"];
    for name in others {
        fs::write(place.backup().join(name), "x").unwrap();
    }
    place.open().unwrap();
    let newest = format!("before-schema-{VERSION}");
    let mut wanted = vec!["before-schema-4", "before-schema-5", &newest, "before-schema-x", "notes"];
    wanted.sort_unstable();
    assert_eq!(place.copies(), wanted);
}

#[test]
fn a_newer_file_is_refused_with_the_copy_that_fits() {
    let place = old_file(10);
    place.open().unwrap();
    let folder = place.backup();
    fs::rename(folder.join(format!("before-schema-{VERSION}")), folder.join("before-schema-77")).unwrap();
    fs::write(folder.join("before-schema-78"), vec![0xff; 100]).unwrap();
    fs::write(folder.join("before-schema-79"), "short").unwrap();
    place.conn().pragma_update(None, "user_version", 77).unwrap();
    let error = place.open().unwrap_err().chain();
    assert!(error.contains("the data file has schema version 77, but this atelier supports versions up to"), "{error}");
    assert!(error.ends_with("and copy backup/before-schema-77 to atelier.db"), "{error}");
    fs::copy(folder.join("before-schema-77"), &place.file).unwrap();
    place.open().unwrap();
}

#[test]
fn a_trial_tells_what_the_upgrade_does_and_changes_nothing() {
    let place = old_file(1000);
    let before = place.dump();
    let (state, room) = outlook(&place.file).unwrap();
    assert_eq!(state, SchemaState::Older(5));
    assert!(room.is_enough() && room.needed > 4 * room.file, "{room:?}");
    let (tried, ()) = rehearse(&place.file, &Watcher::logging(), |_| Ok(())).unwrap();
    assert!(tried.rows > 1000 && !tried.took.is_zero(), "{tried:?}");
    assert!(place.dump() == before && !place.backup().exists());

    place.conn().execute_batch("UPDATE audit SET before = 'not JSON' WHERE id = 7").unwrap();
    let error = rehearse(&place.file, &Watcher::logging(), |_| Ok(())).unwrap_err().chain();
    assert!(error.contains("malformed JSON"), "{error}");
    assert!(!place.backup().exists());
}

#[test]
fn every_part_of_an_upgrade_is_shown_with_its_count() {
    let place = old_file(30_000);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let watcher = Watcher::new(move |stage: &Stage| noted.lock().unwrap().push(*stage));
    let mut conn = open::for_writing(&place.file, 512).unwrap();
    bring_up_to_date(&mut conn, &place.file, &watcher).unwrap();
    let seen = seen.lock().unwrap();
    let mut parts: Vec<String> = seen.iter().map(|stage| stage.work.to_string()).collect();
    parts.dedup();
    let begin = |part: &String| part.split(", which").next().unwrap().to_owned();
    let mut wanted = vec!["copying the old data file".to_owned()];
    wanted.extend((6..=VERSION).map(|step| format!("step {step} of {VERSION}")));
    wanted
        .extend(["normalizing names and addresses", "hashing audit rows", "checking foreign keys"].map(str::to_owned));
    assert_eq!(parts.iter().map(begin).collect::<Vec<_>>(), wanted);
    let counts = |work: Work| seen.iter().filter(move |stage| stage.work == work).filter_map(|stage| stage.count);
    assert!(counts(Work::AuditChain).is_sorted() && counts(Work::AuditChain).next_back() == Some((30_000, 30_000)));
    assert!(counts(Work::Copy).count() >= 1);
}

/// Litestream reads all the time, so that nothing is moved into the file.
#[test]
fn a_reader_that_holds_the_log_does_not_make_it_the_log_of_another_file() {
    for version in [5, 8] {
        let place = old_file(10);
        let conn = place.conn();
        for step in schema::steps_from(5).take(version - 5) {
            conn.execute_batch(step.sql).unwrap();
        }
        conn.pragma_update(None, "user_version", u32::try_from(version).unwrap()).unwrap();
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        conn.execute_batch("CREATE TABLE _litestream_seq (id INTEGER); BEGIN; SELECT * FROM meta").unwrap();
        let home = DataDir::existing(place.folder.path()).unwrap();
        for _ in 0..3 {
            // As a killed server leaves it: the reader keeps the log.
            Store::open_for_server(&home, Sizes::default()).unwrap().close();
            let beside = Store::open_beside(&home, Sizes::default()).unwrap();
            beside.write_and_wait(health::touch).unwrap();
            beside.close();
        }
        conn.execute_batch("COMMIT").unwrap();
        drop(conn);
        Store::open_for_server(&home, Sizes::default()).unwrap().close();
        Store::open_beside(&home, Sizes::default()).unwrap().close();
    }
}
