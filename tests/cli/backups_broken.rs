//! Backups, verifications and restores that are killed leave nothing after the next run, and damaged files are replaced.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use crate::backups::{place, served};
use crate::hostile_disk::HostileDisk;
use crate::support::Setup;
use crate::{Place, Run, mode, names};

/// Runs a command with a directory for temporary files.
fn run(place: &Place, line: &str) -> Run {
    place.run_with(line, &[("TMPDIR", place.path().join("tmp").to_str().unwrap())])
}

/// Starts a command whose writes of such files hang, and kills it once one of these is there.
fn kill(place: &Place, line: &str, files: &str, is_there: impl Fn() -> bool) {
    let disk = HostileDisk::with(&[&format!("write HANG {files}")]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
    command.args(line.split_whitespace()).current_dir(place.path()).envs(disk.variables());
    command.env("TMPDIR", place.path().join("tmp"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain: {line}");
        assert!(child.try_wait().unwrap().is_none(), "it has ended: {line}");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whether a directory has an entry with such a name that has this file.
fn has(folder: &Path, begin: &str, file: &str) -> bool {
    names(folder).iter().any(|name| name.starts_with(begin) && folder.join(name).join(file).exists())
}

fn with_temporary(place: Place) -> Place {
    fs::create_dir(place.path().join("tmp")).unwrap();
    place
}

#[test]
fn a_killed_verification_leaves_nothing_after_the_next_run() {
    let place = with_temporary(served());
    place.run("backup b.sealed --passphrase-file pass").good();
    let temporary = place.path().join("tmp");
    let line = "backup verify b.sealed --passphrase-file pass";
    for by_server in [false, true] {
        kill(&place, line, "atelier.db", || has(&temporary, "atelier-verify-", "atelier.db"));
        let left = names(&temporary);
        assert_eq!((left.len(), mode(&temporary.join(&left[0]))), (1, 0o700));
        // Something else, and one that is in use.
        let other = temporary.join("atelier-verify-mine");
        let used = temporary.join(format!("atelier-verify-{}", "0".repeat(32)));
        fs::create_dir(&other).unwrap();
        fs::create_dir(&used).unwrap();
        let lock = fs::File::open(&used).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        if by_server {
            drop(Setup::new().data_dir(place.data()).env("TMPDIR", &temporary).start());
        } else {
            run(&place, line).good();
        }
        let names = names(&temporary);
        assert_eq!(
            names,
            [used.file_name().unwrap().to_str().unwrap(), "atelier-verify-mine"],
            "by server: {by_server}"
        );
        drop(lock);
        fs::remove_dir(used).unwrap();
        fs::remove_dir(other).unwrap();
    }
}

#[test]
fn a_killed_restore_leaves_nothing_after_the_next_run() {
    let place = with_temporary(served());
    place.run("backup b.tar").good();
    let line = "restore b.tar --data-dir elsewhere";
    for by_server in [false, true] {
        kill(&place, line, "atelier.db", || has(place.path(), ".elsewhere.restore-", "atelier.db"));
        assert!(!place.path().join("elsewhere").exists());
        if by_server {
            drop(Setup::new().data_dir(place.path().join("elsewhere")).start());
        } else {
            run(&place, line).good();
        }
        assert_eq!(names(place.path()), ["atelier-data", "b.tar", "elsewhere", "m.onnx", "pass", "tmp"]);
        fs::remove_dir_all(place.path().join("elsewhere")).unwrap();
    }

    // Into a directory that exists.
    let volume = place.path().join("volume");
    fs::create_dir_all(volume.join("lost+found")).unwrap();
    let line = "restore b.tar --data-dir volume";
    kill(&place, line, "atelier.db", || volume.join("restore.tmp/atelier.db").exists());
    let served = run(&place, "serve --data-dir volume --listen 127.0.0.1:0");
    assert!(served.code == 1 && served.err.contains("runs or was interrupted; wait for it, or run"), "{}", served.err);
    let lock = fs::File::open(volume.join("restore.tmp")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let refused = run(&place, line);
    let words = format!("another restore into {} runs; wait until it has ended", volume.display());
    refused.refused(1, &words);
    drop(lock);
    // As if it had been killed while it put the files into their places.
    let model = volume.join("files/ba/old");
    fs::create_dir_all(model.parent().unwrap()).unwrap();
    fs::write(&model, "old").unwrap();
    fs::write(volume.join("master.key"), "old").unwrap();
    fs::write(volume.join("note"), "mine").unwrap();
    let refused = run(&place, line);
    assert!(refused.code == 1 && refused.err.contains("is not empty, and a restore overwrites"), "{}", refused.err);
    assert!(model.exists() && volume.join("restore.tmp/atelier.db").exists(), "nothing was changed");
    fs::remove_file(volume.join("note")).unwrap();
    run(&place, line).good();
    assert_eq!(names(&volume), ["atelier.db", "files", "lost+found", "master.key"]);
    assert!(!model.exists());
    run(&place, "check --data-dir volume").good();

    // A restored server whose data file was moved away keeps its key.
    fs::create_dir(volume.join("restore.tmp")).unwrap();
    fs::rename(volume.join("atelier.db"), place.path().join("away.db")).unwrap();
    let key = fs::read(volume.join("master.key")).unwrap();
    assert_eq!(run(&place, line).code, 1);
    assert!(fs::read(volume.join("master.key")).unwrap() == key);
}

#[test]
fn a_killed_backup_leaves_nothing_after_the_next_run() {
    let place = with_temporary(served());
    let work = place.data().join("backup.tmp");
    let partials = |folder: &Path| names(folder).into_iter().filter(|name| name.ends_with(".partial")).count();
    kill(&place, "backup b.tar", "backup.tmp/files", || work.join("files").exists() && partials(place.path()) == 1);
    // One that is being made has another lock.
    let used = place.path().join(format!(".b.tar.{}.partial", "0".repeat(32)));
    fs::write(&used, "").unwrap();
    let lock = fs::File::open(&used).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    run(&place, "backup b.tar").good();
    assert!(!work.exists() && used.exists() && partials(place.path()) == 1);
    drop(lock);

    let backups = place.path().join("backups");
    let model = backups.join("files/ba");
    for by_server in [false, true] {
        kill(&place, "backup backups/", "backups/files/ba/", || model.exists() && partials(&model) == 1);
        assert!(work.exists() && partials(&backups) == 1);
        if by_server {
            let setup = Setup::new().data_dir(place.data()).args(&["--backup-schedule", "1h"]);
            let server = setup.args(&["--backup-directory", backups.to_str().unwrap()]).start();
            let begun = Instant::now();
            while !server.log().contains(" made in ") {
                assert!(begun.elapsed() < Duration::from_mins(1), "{}", server.log());
                std::thread::sleep(Duration::from_millis(10));
            }
        } else {
            run(&place, "backup backups/").good();
        }
        assert!(!work.exists() && partials(&backups) == 0 && partials(&model) == 0, "by server: {by_server}");
        assert_eq!(names(&backups).iter().filter(|name| name.starts_with("atelier-")).count(), 1);
        fs::remove_dir_all(&backups).unwrap();
    }
}

#[test]
fn the_next_backup_replaces_a_damaged_file() {
    for sealed in [false, true] {
        let place = place();
        fs::create_dir(place.path().join("backups")).unwrap();
        let options = if sealed { "--passphrase-file pass" } else { "" };
        let backup = format!("backup backups {options} --json");
        let verify = format!("backup verify backups {options} --all");
        place.json(&backup);
        let folder = place.path().join("backups/files/ba");
        let model = folder.join(&names(&folder)[0]);
        let whole = fs::read(&model).unwrap();

        // Another size, which the backup itself sees.
        fs::write(&model, &whole[1..]).unwrap();
        assert_eq!(place.json(&backup)["files_copied"], 1);
        place.run(&verify).good();

        // The same size, in the header of a sealed file, too.
        for at in [0, whole.len() - 1, 110.min(whole.len() - 1)] {
            let mut bytes = fs::read(&model).unwrap();
            bytes[at] ^= 1;
            fs::write(&model, &bytes).unwrap();
            let verified = place.run(&verify);
            assert!(verified.code == 1 && verified.err.contains("1 damaged model file renamed"), "{}", verified.err);
            let name = model.file_name().unwrap().to_str().unwrap();
            assert_eq!(names(&folder), [format!("{name}.damaged")]);
            assert!(fs::read(folder.join(format!("{name}.damaged"))).unwrap() == bytes);
            assert_eq!(place.run(&verify).code, 1, "until the next backup");
            let made = place.json(&backup);
            assert_eq!((&made["files"], &made["files_copied"]), (&json!(1), &json!(1)), "{at}");
            assert_eq!(names(&folder), [name]);
            place.run(&verify).good();
        }
    }
}

#[test]
fn files_with_another_passphrase_are_left_alone() {
    let place = place();
    fs::write(place.path().join("other"), "four other words joined\n").unwrap();
    let plain = place.json("backup backups/ --json");
    place.run("backup backups/ --passphrase-file pass").good();
    let folder = place.path().join("backups/files/ba");
    let files = names(&folder);
    assert_eq!(files.len(), 2);
    let plain = plain["path"].as_str().unwrap();
    place.run(&format!("backup verify {plain} --passphrase-file other")).good();
    fs::remove_file(folder.join(&files[0])).unwrap();
    for options in ["", " --passphrase-file other", " --passphrase-file pass"] {
        let run = place.run(&format!("backup verify {plain}{options}"));
        assert!(run.code == 1 && run.err.contains("missing or damaged beside it: 1 model file"), "{}", run.err);
        assert_eq!(names(&folder), files[1..], "{options}");
    }
    place.run("backup verify backups --passphrase-file pass").good();
    // A backup that is not sealed is refused beside one that is.
    let sealed: Vec<_> =
        names(&place.path().join("backups")).into_iter().filter(|name| name.ends_with("sealed")).collect();
    fs::remove_file(place.path().join("backups").join(&sealed[0])).unwrap();
    assert_eq!(place.json("backup backups/ --json")["files_copied"], 1);
    place.run(&format!("backup verify {plain}")).good();
}

#[test]
fn a_damaged_file_that_cannot_be_renamed_is_told() {
    let place = place();
    place.run("backup backups/").good();
    let folder = place.path().join("backups/files/ba");
    let model = folder.join(&names(&folder)[0]);
    fs::write(&model, "abd").unwrap();
    // No file can take the name of a directory, not even for the superuser.
    let taken = folder.join(format!("{}.damaged", names(&folder)[0]));
    fs::create_dir_all(taken.join("in the way")).unwrap();
    let verified = place.run("backup verify backups");
    let words = "the damaged model files keep their names, so that backups do not replace them: cannot rename";
    assert!(verified.code == 1 && verified.err.contains(words), "{}", verified.err);
    assert_eq!(fs::read(&model).unwrap(), b"abd");
}
