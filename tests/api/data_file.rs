//! The data file under a running server: removed, replaced, overwritten or damaged. And a copy beside an older log.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::support::database::Database;
use crate::support::{self, ADMIN, ADMIN_PASSWORD, Server, Setup, run};
use crate::world::Person;

const CREATE: &str = "/v1/api/workspaces/create";

/// A data directory with a place for copies beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn file(&self) -> PathBuf {
        self.data().join("atelier.db")
    }

    fn beside(&self, end: &str) -> PathBuf {
        self.data().join(format!("atelier.db{end}"))
    }

    fn copy(&self) -> PathBuf {
        self.0.path().join("copy.db")
    }

    fn start(&self) -> (Server, Person) {
        let server = Setup::new().data_dir(self.data()).start();
        let ada = Person::enter(&Client::new(server.base()), ADMIN, ADMIN_PASSWORD);
        (server, ada)
    }

    /// Copies the data as SQLite's own program does.
    fn back_up(&self) {
        let from = Connection::open(self.file()).expect("the data file");
        from.backup("main", self.copy(), None).expect("a backup");
    }

    fn vacuum_into_copy(&self) {
        let from = Connection::open(self.file()).expect("the data file");
        from.execute("VACUUM INTO ?1", [self.copy().to_str().expect("a name")]).expect("a copy");
    }

    /// Copies the file alone, without its log.
    fn copy_file(&self) {
        fs::copy(self.file(), self.copy()).expect("a copy");
    }

    /// Moves the log into the file.
    fn checkpoint(&self, mode: &str) {
        let conn = Connection::open(self.file()).expect("the data file");
        conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).expect("a checkpoint");
    }

    /// Puts the copy over the file, into the same inode.
    fn overwrite(&self) {
        fs::copy(self.copy(), self.file()).expect("a copy");
    }

    /// Renames the copy over the file.
    fn replace(&self) {
        fs::rename(self.copy(), self.file()).expect("a rename");
    }

    fn remove(&self, end: &str) {
        fs::remove_file(self.beside(end)).expect("a file");
    }
}

fn create(ada: &Person, names: &[String]) {
    for name in names {
        ada.create(name);
    }
}

fn names(word: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{word}-{number}")).collect()
}

fn listed(ada: &Person) -> Vec<String> {
    let answer = ada.post("/v1/api/workspaces/list", &json!({})).ok();
    let name = |space: &Value| space["name"].as_str().expect("a name").to_owned();
    let mut names: Vec<_> = answer["workspaces"].as_array().expect("a list").iter().map(name).collect();
    names.sort();
    names
}

fn errors(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(" ERROR ")).collect()
}

/// Waits until the server has ended by itself.
fn exit_code(server: &mut Server) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(ended) = server.ended() {
            return ended.code();
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the server still runs")
}

/// What is done before the writes that count, what is done to the files after them, and the end of the sentence about it.
type Loss = (fn(&Place), fn(&Place), &'static str);

const LOSSES: [Loss; 8] = [
    (|_| (), |place| place.remove(""), "atelier.db was removed"),
    (|_| (), |place| place.remove("-wal"), "atelier.db-wal was removed"),
    (|_| (), |place| place.remove("-shm"), "atelier.db-shm was removed"),
    (Place::back_up, Place::replace, "atelier.db was replaced"),
    (Place::back_up, Place::overwrite, "atelier.db was overwritten"),
    (Place::vacuum_into_copy, Place::overwrite, "atelier.db was overwritten"),
    (
        |place| {
            place.copy_file();
            place.checkpoint("TRUNCATE");
        },
        |place| {
            place.checkpoint("TRUNCATE");
            place.overwrite();
        },
        "atelier.db was overwritten",
    ),
    (
        |_| (),
        |place| fs::rename(place.data(), place.0.path().join("moved")).expect("a rename"),
        "atelier.db was removed",
    ),
];

#[test]
fn a_server_that_loses_its_data_file_acknowledges_nothing_more_and_stops() {
    let lose = |(before, loss, sentence): Loss| {
        let place = Place::new();
        let (mut server, ada) = place.start();
        create(&ada, &names("first", 2));
        before(&place);
        create(&ada, &names("second", 2));
        loss(&place);
        for name in names("lost", 3) {
            let answer = ada.post(CREATE, &json!({ "workspace_name": name }));
            assert_eq!(answer.status, 503, "{sentence}: {answer:?}");
            assert!(answer.body.contains("ask an administrator of the server"), "{sentence}: {answer:?}");
        }
        assert_eq!(ada.post("/v1/api/workspaces/list", &json!({})).status, 503, "{sentence}");
        let nobody = Client::new(server.base());
        assert_eq!(nobody.get("/healthz").status, 200, "{sentence}");
        let ready = nobody.get("/readyz");
        let detail = format!("{sentence} while atelier was using it");
        assert_eq!(ready.outcome(), (503, json!({ "status": "unready", "fault": "replaced", "detail": detail })));
        assert_eq!(exit_code(&mut server), Some(3), "{sentence}");
        let log = server.log();
        let [error] = errors(&log)[..] else { panic!("{sentence}: {log}") };
        assert!(error.contains(sentence) && error.contains("; nothing more is written; "), "{error}");
        let last = log.lines().rfind(|line| line.starts_with("error: ")).expect("a last word");
        assert!(last.starts_with(&format!("error: {sentence} ")), "{last}");
    };
    thread::scope(|scope| {
        for loss in LOSSES {
            support::spawn_of_test(scope, move || lose(loss));
        }
    });
}

#[test]
fn an_idle_server_notices_that_its_data_file_is_gone() {
    let place = Place::new();
    let (mut server, _ada) = place.start();
    place.remove("");
    assert_eq!(exit_code(&mut server), Some(3));
    assert_eq!(errors(&server.log()).len(), 1, "{}", server.log());
}

#[test]
fn a_removed_log_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let (mut server, ada) = place.start();
    create(&ada, &names("kept", 20));
    place.remove("-wal");
    assert_eq!(ada.post(CREATE, &json!({ "workspace_name": "lost" })).status, 503);
    assert_eq!(exit_code(&mut server), Some(3));
    let (_server, ada) = place.start();
    let listed = listed(&ada);
    assert!(names("kept", 20).iter().all(|name| listed.contains(name)), "{listed:?}");
}

#[test]
fn a_damaged_page_ends_all_writes() {
    let place = Place::new();
    let (mut server, _) = place.start();
    assert!(server.stop().success());
    let (mut server, ada) = place.start();
    place.checkpoint("TRUNCATE");
    let database = Database::open(&place.data());
    let root: u32 = database.one("SELECT rootpage FROM sqlite_schema WHERE name = 'projects'", []);
    drop(database);
    let file = OpenOptions::new().write(true).open(place.file()).expect("the data file");
    file.write_all_at(&[0xa5; 4096], u64::from(root - 1) * 4096).expect("a page");

    ada.create("before-it-is-seen");
    for _ in 0..2 {
        let list = ada.get("/v2/projects");
        assert_eq!(list.status, 503, "{list:?}");
        assert!(list.body.contains("ask an administrator of the server"), "{list:?}");
    }
    assert_eq!(ada.post(CREATE, &json!({ "workspace_name": "after" })).status, 503);
    assert_eq!(server.cli(&["user", "list"]).status.code(), Some(0), "what can be read can still be read");
    let ready = Client::new(server.base()).get("/readyz");
    let sentence = "the data file is damaged: database disk image is malformed";
    assert_eq!(ready.outcome(), (503, json!({ "status": "unready", "fault": "damaged", "detail": sentence })));
    assert_eq!(ada.post("/v1/api/workspaces/list", &json!({})).status, 200, "what can be read can still be read");

    assert!(server.stop().success());
    let log = server.log();
    let [error] = errors(&log)[..] else { panic!("{log}") };
    assert!(error.contains(sentence) && error.contains("restore the newest backup"), "{error}");
}

#[test]
fn a_removed_lock_file_lets_no_second_server_in() {
    let place = Place::new();
    let (mut server, ada) = place.start();
    let data = place.data();
    let data = data.to_str().expect("a name");
    let serve = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0"];
    for turn in 0..2 {
        fs::remove_file(place.data().join("atelier.lock")).expect("the lock file");
        let second = run(&serve);
        let words = String::from_utf8_lossy(&second.stderr);
        assert_eq!(second.status.code(), Some(1), "{words}");
        assert!(words.contains("another atelier server is using "), "{words}");
        ada.create(&format!("turn-{turn}"));
    }
    let check = String::from_utf8_lossy(&server.cli(&["check", "--json"]).stdout).into_owned();
    let check: Value = serde_json::from_str(&check).expect("JSON");
    let found = check["findings"].as_array().expect("a list").iter().find(|one| one["what"] == "server");
    assert_eq!(found.expect("a finding")["found"], "running");
    assert!(server.stop().success());
    let (_server, ada) = place.start();
    assert!(listed(&ada).contains(&"turn-1".to_owned()));
}

// At the start.

/// A name, what is done while the first server runs, what is done after it was killed, and whether the next one starts.
type Find = (&'static str, fn(&Place), fn(&Place), bool);

fn stopped(place: &Place, work: impl FnOnce(&Place)) {
    let (mut server, _) = place.start();
    assert!(server.stop().success());
    work(place);
}

fn copy_directory(from: &Path, to: &Path, order: [&str; 3]) {
    fs::create_dir(to).expect("a directory");
    for name in order.into_iter().chain(["master.key"]) {
        let copied = fs::read(from.join(name)).and_then(|bytes| fs::write(to.join(name), bytes));
        assert!(copied.is_ok() || name == "atelier.db-shm", "{name}");
        let chmod = std::process::Command::new("chmod").arg("600").arg(to.join(name)).status();
        assert!(chmod.is_ok());
    }
    assert!(std::process::Command::new("chmod").arg("700").arg(to).status().is_ok_and(|status| status.success()));
    fs::remove_dir_all(from).expect("a directory");
    fs::rename(to, from).expect("a rename");
}

const FINDS: [Find; 19] = [
    ("killed", |_| (), |_| (), true),
    ("backup, cp", Place::back_up, Place::overwrite, false),
    ("backup, mv", Place::back_up, Place::replace, false),
    ("vacuum into, cp", Place::vacuum_into_copy, Place::overwrite, false),
    ("copy of an earlier stop, cp", Place::copy_file, Place::overwrite, false),
    ("copy of an earlier stop, mv", Place::copy_file, Place::replace, false),
    ("removed", |_| (), |place| place.remove(""), false),
    ("emptied", |_| (), |place| fs::write(place.file(), "").expect("a file"), false),
    ("something else", |_| (), |place| fs::write(place.file(), "Dear diary, ".repeat(999)).expect("a file"), false),
    (
        "file of another server",
        |place| {
            let other = Place::new();
            stopped(&other, |other| assert!(fs::copy(other.file(), place.copy()).is_ok()));
        },
        Place::overwrite,
        false,
    ),
    (
        "older copy of the file alone",
        |place| {
            place.copy_file();
            place.checkpoint("TRUNCATE");
        },
        Place::overwrite,
        false,
    ),
    (
        "backup after a checkpoint",
        |place| {
            place.checkpoint("PASSIVE");
            place.back_up();
        },
        Place::overwrite,
        false,
    ),
    (
        "backup without the log",
        Place::back_up,
        |place| {
            place.remove("-wal");
            place.remove("-shm");
            place.overwrite();
        },
        true,
    ),
    ("no log", |_| (), |place| place.remove("-wal"), true),
    ("no shared memory", |_| (), |place| place.remove("-shm"), true),
    ("checkpoint", |place| place.checkpoint("PASSIVE"), |_| (), true),
    (
        "VACUUM and an index",
        |place| {
            let database = Database::open(&place.data());
            database.file().execute_batch("VACUUM; CREATE INDEX note ON users (first_name)").expect("a rebuilt file");
        },
        |_| (),
        true,
    ),
    (
        "copied directory",
        |_| (),
        |place| {
            copy_directory(&place.data(), &place.copy(), ["atelier.db", "atelier.db-shm", "atelier.db-wal"]);
        },
        true,
    ),
    (
        "directory copied in another order",
        |_| (),
        |place| {
            copy_directory(&place.data(), &place.copy(), ["atelier.db-wal", "atelier.db", "atelier.db-shm"]);
        },
        true,
    ),
];

#[test]
fn a_copy_beside_the_log_of_another_file_is_refused_and_everything_else_starts() {
    let find = |(name, before, after, starts): Find| {
        let place = Place::new();
        // What an earlier start and stop leaves is not what the next start leaves.
        let (mut server, ada) = place.start();
        create(&ada, &names("first", 2));
        if name.contains("earlier stop") {
            assert!(server.stop().success());
            before(&place);
            drop(server);
            let (second, ada) = place.start();
            create(&ada, &names("second", 2));
            drop(second);
        } else {
            before(&place);
            create(&ada, &names("second", 2));
            drop(server);
        }
        after(&place);
        let data = place.data();
        let data = data.to_str().expect("a name");
        if !starts {
            let before = fs::read(place.beside("-wal")).expect("the log");
            for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "add", "x@example.com"], &["check"]] {
                let refused = run(&[words, &["--data-dir", data]].concat());
                let text = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
                assert_eq!(refused.status.code(), Some(1), "{name}: {text}");
                // A missing file is another error of the commands.
                let is_told = text.contains("atelier.db-wal belongs to another file than this atelier.db");
                assert!(is_told || words[0] != "serve" && text.contains("atelier.db"), "{name}: {text}");
            }
            assert_eq!(fs::read(place.beside("-wal")).expect("the log"), before, "{name}");
            return;
        }
        let (_server, ada) = place.start();
        let listed = listed(&ada);
        let kept = |word: &str| names(word, 2).iter().all(|name| listed.contains(name));
        let expected = if name.contains("without the log") { (true, false) } else { (true, true) };
        assert!(name == "no log" || (kept("first"), kept("second")) == expected, "{name}: {listed:?}");
        let check = run(&["check", "--data-dir", data, "--json"]);
        assert_eq!(check.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&check.stdout));
        create(&ada, &names("third", 1));
    };
    // Each step of a few, because every server takes memory and signs in with a slow hash.
    for few in FINDS.chunks(4) {
        thread::scope(|scope| {
            for one in few {
                support::spawn_of_test(scope, move || find(*one));
            }
        });
    }
}
