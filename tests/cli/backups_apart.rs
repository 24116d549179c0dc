//! Backups of several servers, of one server in several places, and what is not accepted as a place or a passphrase.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::backups::{count, place, served};
use crate::hostile_disk::HostileDisk;
use crate::support::Setup;
use crate::{Place, chmod, names};

/// The backups of a directory, oldest first.
fn listed(place: &Place, directory: &str) -> Vec<String> {
    let list = place.json(&format!("backup list {directory} --json"));
    list.as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
}

/// All files below a directory.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

#[test]
fn ids_after_a_second_restore_of_a_backup_are_others() {
    let place = place();
    place.run("backup b.tar").good();
    let mut seen = Vec::new();
    for directory in ["one", "two", "three"] {
        place.run(&format!("restore b.tar --data-dir {directory}")).good();
        let option = format!("--data-dir {directory}");
        let put = |name: &str| -> i64 {
            let out = place.run(&format!("model put m.onnx --workspace 1 --name {name} {option}")).good().out;
            out.trim().parse().unwrap()
        };
        seen.push((put("ccfraud"), put("other")));
    }
    // A backup of a restored server.
    place.run("backup c.tar --data-dir three").good();
    place.run("restore c.tar --data-dir four").good();
    let database = place.path().join("four/atelier.db");
    seen.push((count(&database, "SELECT min(seq) FROM sqlite_sequence"), 1 << 53));
    for (one, two) in seen.iter().zip(&seen[1..]) {
        assert!(one.0 < one.1 && one.1 < two.0, "{seen:?}");
    }
    // A clock that was set back: the ids go on after those of the backup.
    let highest = count(&database, "SELECT max(seq) FROM sqlite_sequence");
    assert!(highest < 1 << 52, "programs that know no larger whole numbers read them");
}

#[test]
fn servers_do_not_share_a_directory() {
    let (place, other) = (place(), place());
    let both = place.path().join("both");
    place.run("backup both/ --json").good();
    fs::write(other.path().join("m.onnx"), "of another server").unwrap();
    other.run("model put m.onnx --workspace 1 --name other").good();
    let words = " has backups of another server, such as atelier-20";
    let before = files(&both);
    for target in [format!("backup {}", both.display()), format!("backup {}/ --passphrase-file pass", both.display())] {
        let run = other.run(&target);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{target}");
        assert!(run.err.starts_with(&format!("error: {}", both.display())) && run.err.contains(words), "{}", run.err);
        assert!(run.err.ends_with("; give the backups of this one a directory of their own\n"), "{}", run.err);
    }
    assert_eq!(files(&both), before);
    let check = other.run(&format!("check --backup-schedule 1h --backup-directory {}", both.display()));
    assert!(check.code == 1 && check.out.contains(words), "{}", check.out);

    // A restored server goes on in the directory of the first one.
    place.run(&format!("restore {} --data-dir elsewhere", listed(&place, "both")[0])).good();
    place.run("backup both --data-dir elsewhere").good();
    assert_eq!(listed(&place, "both").len(), 2);
}

#[test]
fn backups_of_another_server_are_not_removed() {
    let (place, other) = (place(), place());
    let folder = place.path().join("backups");
    other.run("backup o/").good();
    // Somebody copies it into the directory, with an old time in its name.
    fs::create_dir_all(folder.join("files/ba")).unwrap();
    let theirs = folder.join("atelier-20200101T000000Z.tar");
    fs::copy(other.path().join(&listed(&other, "o")[0]), &theirs).unwrap();
    let model = &files(&other.path().join("o/files"))[0];
    let kept = folder.join("files/ba").join(model.file_name().unwrap());
    fs::copy(model, &kept).unwrap();
    let setup = Setup::new().data_dir(place.data()).args(&["--backup-schedule", "1h", "--backup-keep", "1d"]);
    let server = setup.args(&["--backup-directory", folder.to_str().unwrap()]).start();
    let begun = Instant::now();
    while !server.log().contains("has backups of another server, such as atelier-20200101T000000Z.tar") {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(server);
    assert!(theirs.exists() && kept.exists());
    assert_eq!(listed(&place, "backups").len(), 1);
}

#[test]
fn a_link_to_the_files_of_another_directory_is_refused() {
    let place = place();
    place.run("backup mine/").good();
    let victim = files(&place.path().join("mine/files"));
    for link in ["linked/files", "linked/files/ba"] {
        let _ = fs::remove_dir_all(place.path().join("linked"));
        fs::create_dir_all(place.path().join(link).parent().unwrap()).unwrap();
        symlink(place.path().join("mine").join(link.strip_prefix("linked/").unwrap()), place.path().join(link))
            .unwrap();
        for options in ["", " --passphrase-file pass"] {
            place.run(&format!("backup linked{options}")).refused(
                1,
                &format!(
                    "{link} is a symbolic link, and may lead to the files of another server; remove the link, or choose \
                     another directory for backups"
                ),
            );
        }
        let run = place.run("serve --listen 127.0.0.1:0 --backup-schedule 1h --backup-directory linked");
        assert!(run.code == 1 && run.err.contains("is a symbolic link"), "{}", run.err);
        assert!(listed(&place, "linked").is_empty());
    }
    assert_eq!(files(&place.path().join("mine/files")), victim);
}

#[test]
fn a_place_inside_the_data_directory_is_refused() {
    let place = place();
    fs::create_dir_all(place.data().join("backup")).unwrap();
    symlink("atelier-data/backup", place.path().join("link")).unwrap();
    symlink("../atelier-data", place.data().join("back")).unwrap();
    let before = files(&place.data());
    for target in [
        "atelier-data/x.tar",
        "atelier-data/backup",
        "atelier-data/backup/x.tar",
        "atelier-data/files",
        "atelier-data/new/deep/",
        "./atelier-data/../atelier-data/x.tar",
        "atelier-data/back/x.tar",
        "link",
        "link/x.tar",
        "link/new/",
    ] {
        place.run(&format!("backup {target}")).refused(
            1,
            &format!(
                "{target} is inside the data directory ./atelier-data; choose another place for backups, best on another \
                 disk"
            ),
        );
        let run = place.run(&format!("serve --listen 127.0.0.1:0 --backup-schedule 1h --backup-directory {target}"));
        assert!(run.code == 1 && run.err.contains(&format!("error: {target} is inside the data")), "{}", run.err);
        let check = place.run(&format!("check --backup-schedule 1h --backup-directory {target}"));
        assert!(check.code == 1 && check.out.contains(&format!("{target} is inside the data")), "{}", check.out);
    }
    let left: Vec<_> = files(&place.data()).into_iter().filter(|path| !before.contains(path)).collect();
    assert!(left.iter().all(|path| !path.to_string_lossy().contains("tar")), "{left:?}");
    place.run("backup atelier-data-beside/").good();
}

#[test]
fn the_recipe_without_atelier_works() {
    let place = served();
    place.run("backup b.tar").good();
    place.run("backup backups/").good();
    let shell = |line: &str| {
        let run = Command::new("sh").args(["-ec", line]).current_dir(place.path()).output().unwrap();
        assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
    };
    let recipe = include_str!("../../docs/how-to/back-up-and-restore.md");
    for (directory, backup, lines) in [("one", "b.tar", 2), ("two", listed(&place, "backups")[0].as_str(), 3)] {
        // The commands of the page, with other names.
        let commands: Vec<String> = recipe
            .lines()
            .skip_while(|line| *line != "## Without atelier")
            .filter(|line| line.starts_with("install ") || line.starts_with("tar ") || line.starts_with("cp "))
            .map(|line| {
                line.replace("/backup/atelier/files", "backups/files")
                    .replace("/backup/atelier.tar", backup)
                    .replace("/var/lib/atelier", directory)
            })
            .collect();
        assert_eq!(commands.len(), 3, "{commands:?}");
        commands[..lines].iter().for_each(|command| shell(command));
        let check = place.run(&format!("check --data-dir {directory}")).good().out;
        assert!(check.contains("1 file, 3 bytes, whole") && !check.contains("orphaned"), "{check}");
        place.run(&format!("session end --all --yes --data-dir {directory}")).good();
        drop(Setup::new().data_dir(place.path().join(directory)).start());
    }
}

#[test]
fn the_rest_of_a_server_is_no_new_server() {
    for (what, empty) in [("master.key", false), ("master.key", true), ("files", false), ("backup", true)] {
        let place = served();
        if what == "backup" {
            fs::create_dir_all(place.data().join("backup")).unwrap();
            fs::write(place.data().join("backup/before-schema-9"), "x").unwrap();
        }
        for other in ["master.key", "files", "atelier.db-wal", "atelier.db-shm"] {
            let path = place.data().join(other);
            if other != what && path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else if other != what && path.exists() {
                fs::remove_file(path).unwrap();
            }
        }
        if empty {
            fs::write(place.database(), "").unwrap();
        } else {
            fs::remove_file(place.database()).unwrap();
        }
        let before = files(&place.data());
        let words = format!("atelier.db is missing or empty, but ./atelier-data/{what} of a server is there");
        for line in ["serve --listen 127.0.0.1:0", "user add eve@example.com --admin --password-stdin"] {
            let run = place.run(line);
            assert_eq!((run.code, run.out.as_str()), (1, ""), "{what}: {line}");
            assert!(run.err.contains(&words) && run.err.contains("; restore a backup into another"), "{}", run.err);
        }
        assert_eq!(files(&place.data()), before);
        assert!(!place.data().join("first-admin.txt").exists());
        let check = place.run("check");
        assert!(check.code == 1 && check.out.contains(&words), "{}", check.out);
        // The way on for a new server.
        fs::rename(place.data(), place.path().join("away")).unwrap();
        drop(Setup::new().data_dir(place.data()).start());
    }
}

#[test]
fn files_that_were_left_out_are_told() {
    let place = place();
    place.run("backup b.tar --without-files").good();
    let verified = place.run("backup verify b.tar").good().out;
    assert!(verified.contains(" rows without its 1 model file"), "{verified}");
    assert_eq!(place.json("backup verify b.tar --json")[0]["files_left_out"], 1);
    for options in ["--dry-run", ""] {
        let restored = place.run(&format!("restore b.tar --data-dir elsewhere {options}")).good();
        let words = "the backup was made without the files of models, so that 1 model file was not restored; copy the \
                     folder files of another copy of the server to elsewhere/files";
        assert!(restored.err.contains(words), "{}", restored.err);
    }
    let check = place.run("check --data-dir elsewhere");
    assert!(check.code == 1 && check.out.contains("1 file (ba7816"), "{}", check.out);
    let copied = Command::new("cp").args(["-r", "atelier-data/files", "elsewhere/"]).current_dir(place.path()).status();
    assert!(copied.unwrap().success());
    place.run("check --data-dir elsewhere").good();
    let report = place.json("restore b.tar --data-dir again --json");
    assert_eq!((&report["files_left_out"], &report["files"]), (&json!(1), &json!(0)));
}

#[test]
fn a_poor_passphrase_seals_nothing() {
    let place = place();
    let write = |name: &str, text: &[u8], bits: u32| {
        fs::write(place.path().join(name), text).unwrap();
        chmod(&place.path().join(name), bits);
    };
    write("short", b"elevensigns\n", 0o600);
    write("open", b"four random words joined\n", 0o604);
    write("long", &vec![b'a'; 65_537], 0o600);
    write("group", b"four random words joined\n", 0o440);
    for (file, code, words) in [
        ("short", 1, "short: the passphrase must have at least 12 characters; choose a longer one"),
        ("open", 1, "the file of the passphrase open is open to other users (mode 604); run `chmod 600 open`"),
        ("long", 2, "the passphrase in long must be one line of at most 64 KiB"),
        ("/dev/zero", 2, "the passphrase in /dev/zero must be one line of at most 64 KiB"),
        ("/dev/null", 2, "the passphrase in /dev/null must be exactly one line"),
    ] {
        for line in ["backup b.tar", "backup backups/", "export e.jsonl --with-secrets"] {
            place.run(&format!("{line} --passphrase-file {file}")).refused(code, words);
        }
        let options = format!("--backup-schedule 1h --backup-directory backups --backup-passphrase-file {file}");
        let run = place.run(&format!("serve --listen 127.0.0.1:0 {options}"));
        assert!(run.code == code && run.err.contains(words), "{file}: {}", run.err);
        let check = place.run(&format!("check {options}"));
        assert!(check.code == 1 && check.out.contains(words), "{file}: {}", check.out);
    }
    assert!(!place.path().join("backups").exists() && !place.path().join("e.jsonl").exists());
    place.run("backup b.tar --passphrase-file group").good();
    // Nobody is kept from a restore.
    place.run("backup verify b.tar --passphrase-file open").good();
}

#[test]
fn a_directory_of_sealed_backups_gets_no_others() {
    let place = place();
    place.run("backup backups/").good();
    place.run("backup backups/ --passphrase-file pass").good();
    let before = files(&place.path().join("backups"));
    let run = place.run("backup backups/");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    let words = "error: backups/ has sealed backups, such as atelier-20";
    assert!(run.err.starts_with(words) && run.err.contains("seal it with --passphrase-file"), "{}", run.err);
    assert_eq!(files(&place.path().join("backups")), before);
    let check = place.run("check --backup-schedule 1h --backup-directory backups");
    assert!(check.code == 1 && check.out.contains("has sealed backups, such as"), "{}", check.out);
    place.run("backup backups/ --passphrase-file pass").good();
}

#[test]
fn a_signal_leaves_nothing() {
    let place = served();
    fs::create_dir(place.path().join("tmp")).unwrap();
    place.run("backup b.sealed --passphrase-file pass").good();
    let before = (names(place.path()), names(&place.data()));
    for (line, hanging) in [
        ("backup c.tar", "backup.tmp/database"),
        ("backup backups/", "backup.tmp/database"),
        ("backup verify b.sealed --passphrase-file pass", "atelier.db"),
        ("restore b.sealed --passphrase-file pass --data-dir elsewhere", "atelier.db"),
    ] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let disk = HostileDisk::with(&[&format!("write HANG {hanging}")]);
            // Whatever the test itself was told to ignore.
            let mut command = Command::new("env");
            command.args(["--default-signal=INT,TERM,HUP", env!("CARGO_BIN_EXE_atelier")]);
            command.args(line.split_whitespace()).current_dir(place.path()).envs(disk.variables());
            command.env("TMPDIR", place.path().join("tmp"));
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let begun = Instant::now();
            let is_begun = || {
                let all = files(place.path());
                all.iter().any(|path| path.ends_with(hanging) && !path.starts_with(place.data().join("atelier.db")))
            };
            while !is_begun() {
                assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain: {line}");
                std::thread::sleep(Duration::from_millis(2));
            }
            std::thread::sleep(Duration::from_millis(100));
            kill_process(Pid::from_child(&child), signal).unwrap();
            std::thread::sleep(Duration::from_millis(100));
            disk.heal();
            let output = child.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{line}: {words}");
            assert!(
                words.ends_with("stopped by a signal; what it had begun was removed; run the command again\n"),
                "{words}"
            );
            assert!(names(&place.path().join("tmp")).is_empty(), "{line}");
            let _ = fs::remove_file(place.path().join("backups/.atelier-backups.lock"));
            let _ = fs::remove_dir(place.path().join("backups"));
            assert_eq!((names(place.path()), names(&place.data())), before, "{line}");
        }
    }
}

#[test]
fn a_check_refuses_what_a_start_refuses() {
    let place = served();
    fs::write(place.path().join("file"), "x").unwrap();
    for (options, words) in [
        ("--backup-schedule 1h", "backup_schedule is set, but not the directory of the backups; set backup_directory"),
        (
            "--backup-schedule 1h --backup-directory backups --backup-passphrase-file none",
            "cannot read the passphrase from none: No such file or directory",
        ),
        ("--backup-schedule 1h --backup-directory file", "/file is not a directory; choose another directory"),
        ("--backup-schedule 1h --backup-directory file/deep", "/file is not a directory; choose another directory"),
        ("--audit-export file", "/file is not a directory; choose another directory"),
        ("--audit-export file/deep", "/file is not a directory; choose another directory"),
    ] {
        let check = place.run(&format!("check {options}"));
        assert!(check.code == 1 && check.out.contains(words), "{options}: {}", check.out);
    }
    // At the first start only.
    place.run("check --setup-file none").good();
    let new = Place::new();
    fs::write(new.path().join("bad.toml"), "workspaces = 1\nnone = 2\n").unwrap();
    fs::write(new.path().join("weak"), "short\n").unwrap();
    for (options, words) in [
        ("--setup-file none", "cannot read the set-up file none: No such file or directory"),
        ("--setup-file bad.toml", "bad.toml cannot be applied: "),
        ("--admin-email nobody", "admin_email "),
        ("--admin-password-file none", "cannot read the password from none: "),
        ("--admin-password-file weak", "the first administrator's password "),
        ("--master-key-file none", "master_key_file none (--master-key-file) is missing"),
    ] {
        let check = new.run(&format!("check {options}"));
        assert!(check.code == 1 && check.out.contains(words), "{options}: {}", check.out);
        let run = new.run(&format!("serve --listen 127.0.0.1:0 {options}"));
        assert!(run.code > 0, "{options}: {}", run.err);
        let _ = fs::remove_dir_all(new.data());
    }
}
