//! Secrets of new clients and service keys, when a command is interrupted.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{CLIENT, contents, with, write};
use crate::support::database::Database;
use crate::support::{Setup, atelier_on_new};
use crate::{Place, mode, names};

const KEY: &str = "[[workspaces]]\nname = \"vision\"\nmembers = { \"zed@example.com\" = \"owner\" }\n[[service_keys]]\n\
                   name = \"ci\"\nsecret_file = \"ci.key\"\nworkspaces = [{ workspace = \"vision\", role = \"reader\" }]\n";

/// Whether the secret in a file is the one that the data has.
fn is_valid(data_dir: &Path, file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap();
    let print = atelier::tokens::opaque::Fingerprint::of(text.trim_end());
    let sql = "SELECT EXISTS (SELECT 1 FROM keys WHERE fingerprint = ?1)
                   OR EXISTS (SELECT 1 FROM clients WHERE secret = ?1)";
    Database::open(data_dir).one(sql, [print.as_bytes()])
}

#[test]
fn a_command_that_was_killed_after_the_commit_is_finished_by_the_next_one() {
    let place = with(&[("setup.toml", &format!("{KEY}{CLIENT}"))]);
    place.run("apply setup.toml").good();
    let paths = ["a.secret", "ci.key"].map(|name| place.path().join(name));
    let texts = paths.each_ref().map(|path| fs::read_to_string(path).unwrap());
    for path in &paths {
        fs::rename(path, path.with_extension(format!("{}.part", path.extension().unwrap().display()))).unwrap();
    }
    let before = contents(&place);
    place.run("plan setup.toml").good();
    assert!(place.path().join("a.secret.part").exists(), "a plan changes nothing");
    // Somebody has taken the name.
    fs::write(&paths[0], "mine").unwrap();
    let run = place.run("apply setup.toml");
    assert!(run.code == 1 && run.err.contains("a.secret.part of an interrupted command"), "{}", run.err);
    assert!(
        run.err.contains("a.secret: File exists") && fs::read_to_string(&paths[0]).unwrap() == "mine",
        "{}",
        run.err
    );
    fs::remove_file(&paths[0]).unwrap();
    let run = place.run("apply setup.toml").good();
    assert!(run.err.contains("the secret of an interrupted command is in ci.key now"), "{}", run.err);
    assert_eq!(paths.each_ref().map(|path| fs::read_to_string(path).unwrap()), texts);
    assert_eq!(mode(&paths[0]), 0o600);
    assert!(!names(place.path()).iter().any(|name| name.contains(".part")));
    assert_eq!(contents(&place), before);
}

#[test]
fn a_command_that_was_killed_before_the_commit_is_run_again() {
    let place = with(&[("setup.toml", CLIENT)]);
    let part = place.path().join("a.secret.part");
    for left in ["", "atlc_half", "\u{0}"] {
        fs::write(&part, left).unwrap();
        place.run("apply setup.toml").good();
        assert!(!part.exists() && is_valid(&place.data(), &place.path().join("a.secret")));
        fs::remove_file(place.path().join("a.secret")).unwrap();
        place.run("client remove a --yes").good();
    }
    let before = contents(&place);
    // Another command has it open.
    let open = File::create(&part).unwrap();
    open.lock().unwrap();
    let run = place.run("apply setup.toml");
    assert!(run.code == 1 && run.err.contains("another command is writing it"), "{}", run.err);
    drop(open);
    fs::remove_file(&part).unwrap();
    std::os::unix::fs::symlink("elsewhere", &part).unwrap();
    assert_eq!(place.run("apply setup.toml").code, 1, "a link is not followed");
    fs::remove_file(&part).unwrap();
    fs::create_dir(&part).unwrap();
    let run = place.run("apply setup.toml");
    assert!(run.code == 1 && run.err.contains("it is not a regular file; move it away"), "{}", run.err);
    fs::remove_dir(&part).unwrap();
    assert!(Command::new("mkfifo").arg(&part).status().unwrap().success());
    let run = place.run("apply setup.toml");
    assert!(run.code == 1 && run.err.contains("it is not a regular file; move it away"), "{}", run.err);
    fs::remove_file(&part).unwrap();
    // A secret must not go to the place of another one that is being written.
    let second = CLIENT.replace("id = \"a\"", "id = \"b\"").replace("a.secret", "a.secret.part");
    write(&place, &[("both.toml", &format!("{CLIENT}{second}"))]);
    let run = place.run("apply both.toml");
    assert!(run.code == 1 && run.err.contains("a.secret.part is named for another secret, too"), "{}", run.err);
    assert_eq!(contents(&place), before);
}

#[test]
fn more_secrets_than_open_files_at_first_are_written() {
    let one =
        |turn: usize| CLIENT.replace("\"a\"", &format!("\"c.{turn}\"")).replace("a.secret", &format!("{turn}.secret"));
    let place = with(&[("setup.toml", &(0..300).map(one).collect::<String>())]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 128; exec \"$0\" apply setup.toml", env!("CARGO_BIN_EXE_atelier")]);
    let output = command.current_dir(place.path()).envs(place.variables()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = names(place.path());
    assert_eq!(names.iter().filter(|name| name.ends_with(".secret")).count(), 300);
    assert!(!names.iter().any(|name| name.contains(".part")));
}

/// Starts the first server and kills it as soon as it has written a secret, or a little later.
fn start_and_kill(data: &Path, file: &Path, after: Duration) {
    let mut command = atelier_on_new(data);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data).arg("--setup-file").arg(file);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = file.parent().unwrap();
    while !names(folder).iter().any(|name| name.contains(".secret")) {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended");
        sleep(Duration::from_millis(1));
    }
    sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_first_start_that_is_killed_goes_on_at_the_next_one() {
    const CLIENTS: usize = 30;
    for milliseconds in [0, 5, 20, 60, 150] {
        let folder = tempfile::tempdir().unwrap();
        let (data, file) = (folder.path().join("data"), folder.path().join("setup.toml"));
        let one = |turn: usize| {
            CLIENT.replace("\"a\"", &format!("\"c{turn}\"")).replace("a.secret", &format!("{turn}.secret"))
        };
        fs::write(&file, (0..CLIENTS).map(one).collect::<String>()).unwrap();
        start_and_kill(&data, &file, Duration::from_millis(milliseconds));
        let args = ["--setup-file", file.to_str().unwrap()];
        let mut server = Setup::new().args(&args).data_dir(&data).without_admin().start();
        assert!(server.stop().success());
        let names = names(folder.path());
        assert!(!names.iter().any(|name| name.contains(".part")), "after {milliseconds} ms: {names:?}");
        let secrets: Vec<_> = names.iter().filter(|name| name.ends_with(".secret")).collect();
        assert_eq!(secrets.len(), CLIENTS, "after {milliseconds} ms: {names:?}");
        for name in secrets {
            assert!(is_valid(&data, &folder.path().join(name)), "after {milliseconds} ms: {name}");
        }
    }
}

#[test]
fn a_first_start_that_was_killed_after_the_commit_is_finished_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("setup.toml"));
    fs::write(&file, CLIENT).unwrap();
    let args = ["--setup-file", file.to_str().unwrap()];
    let start = || {
        let mut server = Setup::new().args(&args).data_dir(&data).without_admin().start();
        assert!(server.stop().success());
        server.log()
    };
    start();
    let secret = folder.path().join("a.secret");
    let text = fs::read_to_string(&secret).unwrap();
    fs::rename(&secret, folder.path().join("a.secret.part")).unwrap();
    let log = start();
    assert!(log.contains("a.secret is from a first start that was interrupted"), "{log}");
    assert_eq!(fs::read_to_string(&secret).unwrap(), text);
    assert!(!log.contains(text.trim()));
}

/// A place with two valid service keys of one name.
fn with_two_keys() -> Place {
    let place = with(&[("setup.toml", &format!("{KEY}{}", second_key()))]);
    place.run("apply setup.toml").good();
    write(&place, &[("setup.toml", KEY)]);
    place
}

fn second_key() -> String {
    let (_, key) = KEY.split_once("[[service_keys]]").unwrap();
    format!("[[service_keys]]{}", key.replace("ci.key", "ci2.key"))
}

#[test]
fn which_of_two_keys_of_a_name_is_revoked_is_never_guessed() {
    let place = with_two_keys();
    let before = contents(&place);
    let run = place.run("plan setup.toml").good();
    assert!(run.err.contains("the server has 2 valid service keys \"ci\" (ids 1 of 2"), "{}", run.err);
    assert!(run.err.contains("stand for the oldest ones, and the others stay as they are\n"), "{}", run.err);
    for line in ["plan setup.toml --prune", "apply setup.toml --prune --yes"] {
        let run = place.run(line);
        assert!(
            run.code == 1 && run.err.contains("setup.toml:4: service_keys[0]: name: the server has 2"),
            "{}",
            run.err
        );
        assert!(run.err.contains("revoke the others with `atelier key revoke ID`"), "{}", run.err);
    }
    assert_eq!(contents(&place), before);
    place.run("key revoke 1 --yes").good();
    assert_eq!(place.run("plan setup.toml --prune").good().out, "", "the newer one is left");
    // Without any entry of the name, all go, and the plan says which.
    write(&place, &[("setup.toml", "service_keys = []\n")]);
    let plan = place.run("plan setup.toml --prune");
    assert!(
        plan.code == 2 && plan.out.starts_with("- service key \"ci\"\n    id: \"2\"\n    created_at: \""),
        "{}",
        plan.out
    );
}
