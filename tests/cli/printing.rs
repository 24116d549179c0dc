//! Secrets that cannot be printed are not created, and files that root creates belong to the owner of the directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{self, Server, Setup};
use crate::{PASSWORD, Place, chmod, mode, names};

/// Every row of every table, without indexes.
fn rows(place: &Place) -> BTreeMap<String, Vec<String>> {
    let db = place.db();
    let left_out = ["meta", "nodes", "failures"];
    let mut tables = db.tables();
    tables.retain(|name| !name.starts_with("search") && !left_out.contains(&name.as_str()));
    tables.into_iter().map(|table| (table.clone(), db.rows(&format!("SELECT * FROM {table} ORDER BY 1"), []))).collect()
}

/// Runs a command with this stdout.
fn printing_to(place: &Place, line: &str, stdout: impl Into<Stdio>) -> Output {
    let mut command = place.atelier();
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command.stdout(stdout).stderr(Stdio::piped()).output().unwrap()
}

/// Asserts that a command failed for this reason and changed nothing.
#[track_caller]
fn failed_without_effect(place: &Place, before: &BTreeMap<String, Vec<String>>, output: &Output, reason: &str) {
    let err = String::from_utf8_lossy(&output.stderr);
    let wanted = format!("error: cannot print the secret: {reason}; nothing was changed; try again\n");
    assert_eq!((output.status.code(), err.as_ref()), (Some(1), wanted.as_str()));
    assert!(*before == rows(place), "{reason}");
}

/// Commands that print a secret once.
const COMMANDS: [&str; 13] = [
    "key create --user ada@example.com",
    "key create --user ada@example.com --json",
    "client add grafana --redirect-uri https://grafana.example.com/cb",
    "client add grafana --redirect-uri https://grafana.example.com/cb --json",
    "client rotate-secret kept --yes",
    "client rotate-secret kept --json --yes",
    "user add gil@example.com",
    "user passwd bob@example.com --json",
    "user reset-link ada@example.com",
    "user invite new@example.com --organization Home",
    "user invite-link ina@example.com",
    "admin recover --yes",
    "admin recover new@example.com --json --yes",
];

fn place_with_people() -> Place {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    place.run("user add ina@example.com").good();
    place.sql("UPDATE users SET state = 'invited', invited_until = 9000000000000000 WHERE id = 3");
    place.run("client add kept --redirect-uri https://kept.example.com/cb").good();
    place
}

#[test]
fn a_secret_that_cannot_be_printed_is_not_created() {
    let place = place_with_people();
    let before = rows(&place);
    for line in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = printing_to(&place, line, full);
        failed_without_effect(&place, &before, &output, "No space left on device (os error 28)");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = printing_to(&place, line, writer);
        failed_without_effect(&place, &before, &output, "Broken pipe (os error 32)");

        let mut shell = Command::new("sh");
        let script = format!("exec '{}' {line} >&-", env!("CARGO_BIN_EXE_atelier"));
        shell.envs(place.variables());
        let output = shell.current_dir(place.path()).arg("-c").arg(script).stderr(Stdio::piped()).output().unwrap();
        failed_without_effect(&place, &before, &output, "stdout is closed");
    }
    // The same commands succeed when their output is read, and when it goes to /dev/null.
    for line in COMMANDS {
        let output = printing_to(&place, line, File::options().write(true).open("/dev/null").unwrap());
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(before != rows(&place), "{line}");
        if line.starts_with("client add") {
            place.run("client remove grafana --yes").good();
        }
    }
    let file = place.path().join("key.txt");
    let output = printing_to(&place, COMMANDS[0], File::create(&file).unwrap());
    assert!(output.status.success());
    assert!(fs::read_to_string(&file).unwrap().starts_with("atl_"));
}

#[test]
fn a_stalled_reader_of_the_output_does_not_hold_the_data_file() {
    let server = Server::start();
    let (reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe takes.
    writer.write_all(&vec![b'x'; 65536]).unwrap();
    let mut command = support::atelier_on(server.data_dir());
    command.args(["user", "add", "gil@example.com", "--data-dir"]).arg(server.data_dir());
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    drop(reader);
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("cannot print the secret: stdout does not accept data; nothing was changed"), "{err}");
    let listed = server.cli(&["user", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("gil@example.com"));
}

#[test]
fn a_first_password_that_cannot_be_written_is_not_set() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    chmod(&place.data(), 0o700);
    let note = place.data().join("first-admin.txt");
    symlink("/dev/full", &note).unwrap();
    let run = place.run("serve --listen 127.0.0.1:0");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(
        run.err.contains(
            "first-admin.txt: No space left on device (os error 28); no administrator was created; free disk space"
        ),
        "{}",
        run.err
    );
    assert!(note.symlink_metadata().is_err(), "nothing is left of it");
    assert_eq!(place.json("user list --json"), serde_json::json!([]));
    // Once there is room, the next start is the first.
    let server = Setup::new().without_admin().data_dir(place.data()).start();
    assert_eq!(fs::read_to_string(&note).unwrap().lines().count(), 4);
    assert_eq!(mode(&note), 0o600);
    drop(server);
}

/// Another user, if the tests run as root.
const OTHER: u32 = 1234;

/// Whether the tests run as root; if not, they print what they skip.
fn is_root(what: &str) -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        // Past the capture of the tests' output.
        let _ = writeln!(std::io::stderr(), "\n{what} is tried by the superuser only; run the tests as root to see it");
    }
    is_root
}

/// The owners of everything in a directory, and of the directory.
fn owners(path: &Path) -> BTreeMap<String, (u32, u32)> {
    let owner = |path: PathBuf| path.symlink_metadata().map(|found| (found.uid(), found.gid())).unwrap();
    let mut owners: BTreeMap<_, _> =
        names(path).into_iter().map(|name| (name.clone(), owner(path.join(name)))).collect();
    owners.insert(".".to_owned(), owner(path.to_owned()));
    owners
}

/// Asserts that all of these are there, and that everything belongs to this user.
#[track_caller]
fn all_of(path: &Path, user: u32, wanted: &[&str]) {
    let owners = owners(path);
    for name in wanted {
        assert!(owners.contains_key(*name), "{name} is not in {owners:?}");
    }
    assert!(owners.values().all(|owner| *owner == (user, user)), "{owners:?}");
}

#[test]
fn files_created_by_root_belong_to_the_owner_of_the_directory() {
    let me = fs::metadata("/proc/self").unwrap().uid();
    let user = if is_root("a directory of another user") { OTHER } else { me };
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    chmod(&place.data(), 0o700);
    if me == 0 {
        std::os::unix::fs::chown(place.data(), Some(user), Some(user)).unwrap();
    }
    let all = |wanted: &[&str]| {
        if me == 0 {
            all_of(&place.data(), user, wanted);
        }
    };
    place.run("user add ada@example.com --admin --password-stdin").good();
    all(&["atelier.db", "atelier.lock"]);
    let mut server = Setup::new().data_dir(place.data()).start();
    all(&["atelier.db", "atelier.db-wal", "atelier.db-shm", "atelier.lock", "master.key"]);
    place.run("user add bob@example.com").good();
    place.run("master-key rotate").good();
    assert!(server.stop().success());
    all(&["atelier.db", "atelier.lock", "master.key"]);

    // A created directory, and the file with the first password.
    let inner = place.data().join("inner/data");
    let mut server = Setup::new().without_admin().data_dir(&inner).start();
    assert!(server.stop().success());
    if me == 0 {
        all_of(&place.data().join("inner"), user, &["data"]);
        all_of(&inner, user, &["atelier.db", "atelier.lock", "master.key", "first-admin.txt"]);
        // A symbolic link that the other user has put there leads the superuser nowhere.
        fs::remove_file(place.data().join("atelier.lock")).unwrap();
        let precious = place.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, place.data().join("atelier.lock")).unwrap();
        let run = place.run("serve --listen 127.0.0.1:0");
        assert_eq!((run.code, fs::read_to_string(&precious).unwrap().as_str()), (1, "precious"), "{}", run.err);
        assert_eq!(fs::metadata(&precious).unwrap().uid(), 0);
    }
}

#[test]
fn a_volume_of_another_user_is_reported_with_advice() {
    if !is_root("a volume of another user") {
        return;
    }
    let place = Place::new();
    chmod(place.path(), 0o755);
    let binary = place.path().join("atelier");
    fs::copy(env!("CARGO_BIN_EXE_atelier"), &binary).unwrap();
    chmod(&binary, 0o755);
    let volume = place.path().join("volume");
    fs::create_dir(&volume).unwrap();
    std::os::unix::fs::chown(&volume, Some(0), Some(OTHER)).unwrap();
    for volume_mode in [0o2775, 0o770, 0o777] {
        chmod(&volume, volume_mode);
        let run = |directory: &Path| {
            let mut command = Command::new(&binary);
            command
                .current_dir("/")
                .args(["user", "add", "ada@example.com", "--password-stdin", "--data-dir"])
                .arg(directory);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).uid(OTHER).gid(OTHER);
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        };
        let refused = run(&volume);
        let inside = volume.join("atelier");
        let words = format!(
            "error: {} belongs to another user (uid 0) and is open to other users (mode {volume_mode:o}), which only \
             its owner can change; use a directory inside it: --data-dir {}\n",
            volume.display(),
            inside.display()
        );
        assert_eq!(
            (refused.status.code(), String::from_utf8_lossy(&refused.stderr).as_ref()),
            (Some(1), words.as_str())
        );
        assert_eq!(mode(&volume), volume_mode);
        assert!(names(&volume).is_empty());
        let good = run(&inside);
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
        assert_eq!((mode(&inside) & 0o777, fs::metadata(&inside).unwrap().uid()), (0o700, OTHER));
        fs::remove_dir_all(&inside).unwrap();
    }
}
