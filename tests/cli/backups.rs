//! `atelier backup` and `atelier restore`.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{Place, chmod, mode, names};

const PASSPHRASE: &str = "four random words joined";

/// A directory with an administrator, a master key, a workspace, a key, a model with a file, and a session.
pub fn place() -> Place {
    let place = Place::with_ada();
    place.sql(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
             ml_models_enabled) SELECT id, 'vision', 'vision', '', 1, 0, 0, 1 FROM organizations WHERE home = 1;
         INSERT INTO sessions (uuid, user_id, cookie, scope, authenticated_at, second_factor, created_at, last_used_at,
             idle_until, ends_at)
         SELECT '00000000-0000-4000-8000-000000000001', id, zeroblob(32), '', 0, 0, 0, 0, 4102444800000000, 4102444800000000 FROM users LIMIT 1",
    );
    fs::write(place.path().join("m.onnx"), "abc").unwrap();
    place.run("model put m.onnx --workspace 1 --name ccfraud").good();
    place.run("key create --user ada@example.com --name laptop").good();
    fs::write(place.path().join("pass"), format!("{PASSPHRASE}\n")).unwrap();
    chmod(&place.path().join("pass"), 0o600);
    place
}

/// The same, with signing keys under a master key.
pub fn served() -> Place {
    let place = place();
    drop(crate::support::Setup::new().data_dir(place.data()).start());
    place
}

pub fn count(database: &Path, sql: &str) -> i64 {
    Connection::open(database).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Everything in a directory with its contents, to see that nothing was changed.
fn contents(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(contents(&entry));
        } else {
            found.push((entry.clone(), fs::read(&entry).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_backup_in_one_file_is_restored() {
    let place = served();
    let made = place.run("backup b.tar").good();
    assert_eq!(made.out, "b.tar\n");
    assert!(made.err.contains("with 1 model file; `atelier backup verify` restores it"), "{}", made.err);
    assert!(made.err.contains("the backup is as secret as the server"), "{}", made.err);
    assert_eq!(mode(&place.path().join("b.tar")), 0o600);
    assert!(!place.data().join("backup.tmp").exists());
    let audit = "SELECT count(*) FROM audit WHERE verb = 'backups.create' AND kind = 'backup'";
    assert_eq!(count(&place.database(), audit), 1);

    let verified = place.json("backup verify b.tar --json");
    assert_eq!((&verified[0]["sound"], &verified[0]["faults"]), (&json!(true), &json!([])));
    assert_eq!((&verified[0]["rows"]["users"], &verified[0]["files"]), (&json!(1), &json!(1)));
    let text = place.run("backup verify b.tar").good().out;
    assert!(text.starts_with("b.tar: sound, made ") && text.contains(" ago (20"), "{text}");

    let restored = place.run("restore b.tar --data-dir elsewhere").good();
    assert!(restored.out.starts_with("1\tuser\tada@example.com\tlaptop\t"), "{}", restored.out);
    for words in [
        "restored elsewhere as of 20",
        "1 session ended; everybody",
        "active again, even if revoked after the backup: 1 key",
        "--revoke-keys",
    ] {
        assert!(restored.err.contains(words), "{words}: {}", restored.err);
    }
    let home = place.path().join("elsewhere");
    assert_eq!(names(&home), ["atelier.db", "files", "master.key"]);
    assert_eq!((mode(&home), mode(&home.join("atelier.db")), mode(&home.join("master.key"))), (0o700, 0o600, 0o600));
    let of = |sql: &str| count(&home.join("atelier.db"), sql);
    assert_eq!(of("SELECT count(*) FROM sessions"), 0);
    assert_eq!(of("SELECT count(*) FROM audit WHERE verb = 'backups.restore'"), 1);
    let check = place.run("check --data-dir elsewhere").good().out;
    assert!(check.contains("opens 2 signing keys") && check.contains("1 file, 3 bytes, whole"), "{check}");
    assert!(check.contains("rows, unchanged"), "{check}");
    assert_eq!(names(place.path()), ["atelier-data", "b.tar", "elsewhere", "m.onnx", "pass"]);
}

#[test]
fn ids_of_a_restored_server_name_nothing_else() {
    let place = place();
    place.run("backup b.tar").good();
    let all = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND instr(sql, 'AUTOINCREMENT') > 0";
    let last = count(&place.database(), "SELECT max(id) FROM audit");
    place.run("restore b.tar --data-dir elsewhere").good();
    let database = place.path().join("elsewhere/atelier.db");
    // The microseconds since 2026.
    let moved = "SELECT count(*) FROM sqlite_sequence WHERE seq > 28000000000000 AND seq < (1 << 52)";
    assert_eq!(count(&database, moved), count(&database, all));
    assert!(count(&database, all) > 15);
    assert!(count(&database, "SELECT max(id) FROM audit") > last + 1_000_000);
    let next = count(&database, "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'model_versions'");
    let put = place.run("model put m.onnx --workspace 1 --name ccfraud --data-dir elsewhere").good();
    assert_eq!(put.out, format!("{next}\n"));
    let run = place.run("audit verify --data-dir elsewhere");
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn all_keys_are_revoked_on_request() {
    let place = place();
    place.run("backup b.tar").good();
    let report = place.json("restore b.tar --data-dir elsewhere --json");
    assert_eq!((&report["keys_revoked"], &report["active_keys"][0]["name"]), (&json!(0), &json!("laptop")));
    assert_eq!((&report["sessions_ended"], &report["dry_run"]), (&json!(1), &json!(false)));
    let report = place.json("restore b.tar --data-dir other --revoke-keys --json");
    assert_eq!((&report["keys_revoked"], &report["active_keys"]), (&json!(1), &json!([])));
    assert_eq!(place.json("key list --data-dir other --json")[0]["status"], "revoked");
}

#[test]
fn a_directory_shares_files_and_lists_its_backups() {
    let place = served();
    fs::create_dir(place.path().join("backups")).unwrap();
    let first = place.json("backup backups --json");
    assert_eq!((&first["files"], &first["files_copied"]), (&json!(1), &json!(1)));
    let second = place.json("backup backups --json");
    assert_eq!((&second["files"], &second["files_copied"]), (&json!(1), &json!(0)));
    place.json("backup backups --passphrase-file pass --json");
    let folder = place.path().join("backups");
    let listed = place.json("backup list backups --json");
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let sealed: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["sealed"].as_bool().unwrap()).collect();
    assert_eq!(sealed.iter().filter(|sealed| **sealed).count(), 1);
    assert!(listed[0]["size"].as_u64().unwrap() > 100_000 && listed[0]["fault"].is_null());
    let text = place.run("backup list backups").good().out;
    assert!(text.starts_with("MADE ") && text.lines().count() == 4, "{text}");

    let run = place.run("backup verify backups --all --passphrase-file pass").good();
    assert_eq!(run.out.lines().count(), 3);
    // The file of a model is damaged in the directory.
    let model = folder.join("files/ba").join(&names(&folder.join("files/ba"))[0]);
    fs::write(&model, "abd").unwrap();
    let run = place.run(&format!("backup verify {}", first["path"].as_str().unwrap()));
    assert!(run.code == 1 && run.err.contains("missing or damaged beside it: 1 model file"), "{}", run.err);
    let run = place.run(&format!("restore {} --data-dir elsewhere", first["path"].as_str().unwrap()));
    assert!(run.code == 1 && run.err.contains("everything but 1 model file was restored"), "{}", run.err);
    assert!(place.path().join("elsewhere/atelier.db").exists());
}

#[test]
fn a_sealed_backup_opens_only_with_its_passphrase() {
    let place = served();
    let made = place.run("backup b.sealed --passphrase-file pass").good();
    assert!(!made.err.contains("as secret as the server"), "{}", made.err);
    let bytes = fs::read(place.path().join("b.sealed")).unwrap();
    let key = fs::read_to_string(place.data().join("master.key")).unwrap();
    let key = key.lines().last().unwrap().as_bytes();
    assert!(!bytes.windows(key.len()).any(|found| found == key));
    assert!(!bytes.windows(6).any(|found| found == b"SQLite"));
    fs::write(place.path().join("wrong"), "four random words joine\n").unwrap();
    for (words, line) in [
        ("b.sealed is sealed; give the file of its passphrase with --passphrase-file", "restore b.sealed"),
        ("b.sealed does not open: the passphrase is wrong", "restore b.sealed --passphrase-file wrong"),
        ("b.sealed does not open: the passphrase is wrong", "backup verify b.sealed --passphrase-file wrong"),
        ("cannot read the passphrase from none: ", "restore b.sealed --passphrase-file none"),
    ] {
        let run = place.run(&format!("{line} --data-dir elsewhere"));
        assert!(run.code == 1 && run.err.starts_with(&format!("error: {words}")), "{line}: {}", run.err);
        assert!(!place.path().join("elsewhere").exists());
    }
    place.run("backup verify b.sealed --passphrase-file pass").good();
    place.run("restore b.sealed --passphrase-file pass --data-dir elsewhere").good();
    place.run("check --data-dir elsewhere").good();
}

#[test]
fn files_are_left_out_on_request() {
    let place = place();
    place.run("backup b.tar --without-files").good();
    assert!(place.run("backup verify b.tar").good().out.contains(" without its 1 model file"));
    place.run("restore b.tar --data-dir elsewhere").good();
    assert!(!place.path().join("elsewhere/files").exists());
    // Nothing is known of the file of the second backup.
    fs::remove_dir_all(place.data().join("files")).unwrap();
    let run = place.run("backup c.tar");
    assert!(
        run.code == 1 && run.err.contains("the backup was made, but on the server 1 model file missing"),
        "{}",
        run.err
    );
    let run = place.run("backup verify c.tar");
    assert!(run.code == 1 && run.err.contains("1 model file missing"), "{}", run.err);
}

#[test]
fn a_backup_overwrites_nothing() {
    let place = place();
    fs::write(place.path().join("b.tar"), "mine").unwrap();
    std::os::unix::fs::symlink("gone", place.path().join("link")).unwrap();
    for target in ["b.tar", "./link"] {
        place.run(&format!("backup {target}")).refused(
            1,
            &format!(
                "{target} exists, and a backup overwrites nothing; choose another name, or a directory, in which each \
                 backup gets its own name"
            ),
        );
    }
    assert_eq!(fs::read_to_string(place.path().join("b.tar")).unwrap(), "mine");
    let before = contents(&place.data());
    place
        .run("backup atelier-data")
        .refused(1, "atelier-data is a data directory; give backups a directory of their own, best on another disk");
    assert!(contents(&place.data()) == before);
    let run = place.run("backup none/b.tar");
    let words =
        "error: cannot write none/b.tar: No such file or directory (os error 2); check the path, and create its";
    assert!(run.code == 1 && run.err.starts_with(words), "{}", run.err);
    let run = place.run("backup new/ --json").good();
    let made: Value = serde_json::from_str(&run.out).unwrap();
    assert!(made["path"].as_str().unwrap().starts_with("new/atelier-20"));
    assert_eq!(mode(&place.path().join("new")), 0o700);
    // The superuser may write everywhere.
    if !rustix::process::geteuid().is_root() {
        fs::create_dir(place.path().join("closed")).unwrap();
        chmod(&place.path().join("closed"), 0o500);
        let run = place.run("backup closed/b.tar");
        assert!(run.code == 1 && run.err.contains("choose a place that this user can write to"), "{}", run.err);
    }
    assert!(names(place.path()).iter().all(|name| !name.contains("partial")));
    assert_eq!(place.run("backup").code, 2);
}

#[test]
fn a_restore_overwrites_nothing() {
    let place = place();
    place.run("backup b.tar").good();
    let before = contents(&place.data());
    let run = place.run("restore b.tar");
    assert!(run.code == 1 && run.err.contains("is not empty, and a restore overwrites nothing"), "{}", run.err);
    let server = crate::support::Setup::new().data_dir(place.data()).start();
    let run = place.run("restore b.tar");
    assert!(run.code == 1 && run.err.contains(&format!("a server (process {})", server.pid())), "{}", run.err);
    drop(server);
    assert!(contents(&place.data()).len() >= before.len());
    let run = place.run("restore . --data-dir elsewhere");
    assert!(run.code == 2 && run.err.contains("is a directory; give one of its backups"), "{}", run.err);
    fs::write(place.path().join("elsewhere"), "mine").unwrap();
    let run = place.run("restore b.tar --data-dir elsewhere");
    assert!(run.code == 1 && run.err.starts_with("error: cannot open "), "{}", run.err);
    assert_eq!(fs::read_to_string(place.path().join("elsewhere")).unwrap(), "mine");
}

#[test]
fn a_directory_that_exists_and_is_empty_is_filled() {
    let place = place();
    place.run("backup b.tar").good();
    let target = place.path().join("volume");
    fs::create_dir_all(target.join("lost+found")).unwrap();
    let dry = place.run("restore b.tar --data-dir volume --dry-run").good();
    assert!(dry.err.contains("nothing was changed; this backup would restore volume"), "{}", dry.err);
    assert!(dry.out.starts_with("1\tuser\t"), "{}", dry.out);
    assert_eq!(names(&target), ["lost+found"]);
    place.run("restore b.tar --data-dir volume").good();
    assert_eq!(names(&target), ["atelier.db", "files", "lost+found"]);
    place.run("check --data-dir volume").good();
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let place = served();
    place.run("backup b.tar").good();
    place.run("backup s.tar --passphrase-file pass").good();
    fs::write(place.path().join("text.tar"), "a text").unwrap();
    let find = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|found| found == text).unwrap();
    let plain = fs::read(place.path().join("b.tar")).unwrap();
    let sealed = fs::read(place.path().join("s.tar")).unwrap();
    let mut damaged: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, whole) in [("plain", &plain), ("sealed", &sealed)] {
        for part in [1, 3, 5, 7] {
            damaged.push((format!("{name} cut at {part}/8"), whole[..whole.len() * part / 8].to_vec()));
        }
        damaged.push((format!("{name} without its end"), whole[..whole.len() - 1500].to_vec()));
        for part in [2, 4, 6] {
            let mut changed = whole.clone();
            let at = whole.len() * part / 8;
            changed[at] ^= 1;
            damaged.push((format!("{name} changed at {part}/8"), changed));
        }
    }
    for text in [&b"\"schema\":"[..], b"SQLite format 3", b"# atelier's master key", b"abc\0\0", b"\"users\": 1"] {
        let mut changed = plain.clone();
        changed[find(&plain, text) + 1] ^= 1;
        damaged.push((String::from_utf8_lossy(text).into_owned(), changed));
    }
    for (name, bytes) in damaged {
        fs::write(place.path().join("d.tar"), bytes).unwrap();
        for line in ["restore d.tar --data-dir elsewhere", "backup verify d.tar"] {
            let run = place.run(&format!("{line} --passphrase-file pass"));
            assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}: {line}");
            assert!(run.err.starts_with("error: d.tar ") && run.err.contains("; "), "{name}: {}", run.err);
        }
        assert!(!names(place.path()).iter().any(|name| name.contains("elsewhere")), "{name}");
    }
    for (file, words) in [("text.tar", "is not a backup of atelier"), ("none.tar", "cannot be read: No such file")] {
        let run = place.run(&format!("restore {file} --data-dir elsewhere"));
        assert!(run.code == 1 && run.err.starts_with(&format!("error: {file} {words}")), "{}", run.err);
    }
}

#[test]
fn a_backup_of_a_newer_atelier_is_refused() {
    let place = place();
    let version = count(&place.database(), "SELECT user_version FROM pragma_user_version");
    place.sql("PRAGMA user_version = 99");
    let run = place.run("backup b.tar");
    assert!(run.code == 1 && run.err.contains("99"), "{}", run.err);
    assert!(!place.path().join("b.tar").exists());
    place.sql(&format!("PRAGMA user_version = {version}"));
    place.run("backup b.tar").good();
    let bytes = fs::read(place.path().join("b.tar")).unwrap();
    let ours = format!("\"program\":\"{}\",\"schema\":{version},", env!("CARGO_PKG_VERSION"));
    let theirs = "\"program\":\"9\",\"schema\":999,";
    // Blanks fill the place of the longer text.
    let theirs = theirs.to_owned() + &" ".repeat(ours.len() - theirs.len());
    let at = bytes.windows(ours.len()).position(|found| found == ours.as_bytes()).unwrap();
    let changed = [&bytes[..at], theirs.as_bytes(), &bytes[at + ours.len()..]].concat();
    fs::write(place.path().join("b.tar"), changed).unwrap();
    let run = place.run("restore b.tar --data-dir elsewhere");
    let words = "error: b.tar is of atelier 9: the data file has schema version 999";
    assert!(
        run.code == 1 && run.err.starts_with(words) && run.err.contains("; install the newer atelier"),
        "{}",
        run.err
    );
    assert!(!place.path().join("elsewhere").exists());
}

#[test]
fn an_older_schema_is_backed_up_and_upgraded_by_the_restore() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    chmod(&place.data(), 0o700);
    let conn = Connection::open(place.database()).unwrap();
    for step in 1..=8 {
        let path = format!("{}/src/store/engine/steps/{step:04}.sql", env!("CARGO_MANIFEST_DIR"));
        conn.execute_batch(&fs::read_to_string(path).unwrap()).unwrap();
    }
    conn.pragma_update(None, "user_version", 8).unwrap();
    drop(conn);
    chmod(&place.database(), 0o600);
    let made = place.json("backup b.tar --json");
    assert_eq!(made["schema"], 8);
    let version = "SELECT user_version FROM pragma_user_version";
    assert_eq!(count(&place.database(), version), 8, "the data file was not upgraded");
    assert_eq!(place.json("backup verify b.tar --json")[0]["schema"], 8);
    let restored = place.run("restore b.tar --data-dir elsewhere").good();
    assert!(restored.err.contains("schema version 8 was upgraded"), "{}", restored.err);
    assert!(count(&place.path().join("elsewhere/atelier.db"), version) > 8);
}
