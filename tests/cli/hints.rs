//! The words of other systems, and the help.

use crate::{Place, names};

#[test]
fn another_systems_word_is_refused_with_the_right_one() {
    let place = Place::with_ada();
    for (line, words) in [
        (
            "user remove ada@example.com",
            "there is no `atelier user remove`; use `atelier user delete`, or see `atelier user --help`",
        ),
        ("users", "there is no `atelier users`; use `atelier user`, or see `atelier --help`"),
        ("space list", "there is no `atelier space`; use `atelier workspace`, or see `atelier --help`"),
        ("start --port 80", "there is no `atelier start`; use `atelier serve`, or see `atelier --help`"),
        ("stop", "there is no `atelier stop`; SIGTERM or Ctrl-C stops the server, or see `atelier --help`"),
        ("key rotate 1", "there is no `atelier key rotate`; use `atelier key refresh`, or see `atelier key --help`"),
        ("user list --limit 0", "--limit: must be at least 1, not \"0\"; correct it and try again"),
        ("key revoke 1x", "ID: must be a whole number, not \"1x\"; correct it and try again"),
        ("token", "there is no `atelier token`; use `atelier key`, or see `atelier --help`"),
        (
            "user password ada@example.com",
            "there is no `atelier user password`; use `atelier user passwd`, or see `atelier user --help`",
        ),
        (
            "serve --port 8080",
            "`atelier serve` has no option --port; use --listen ADDRESS:PORT, or see `atelier serve --help`",
        ),
    ] {
        place.run(line).refused(2, words);
    }
    assert_eq!(place.json("user list --json").as_array().unwrap().len(), 1, "nothing was done");
}

#[test]
fn a_backup_is_not_named_like_a_command() {
    let place = Place::with_ada();
    for (word, words) in [
        ("restore", "use `atelier restore FILE`"),
        ("create", "use `atelier backup FILE|DIR`"),
        ("now", "use `atelier backup FILE|DIR`"),
        ("test", "use `atelier backup verify FILE|DIR`"),
        ("ls", "use `atelier backup list DIR`"),
        ("prune", "write ./prune for a file of this name, or prune/ for a directory"),
        ("-", "a backup is not written to stdout"),
    ] {
        let run = place.run(&format!("backup {word}"));
        assert!(run.code == 2 && run.err.contains(words), "{word}: {}", run.err);
    }
    assert_eq!(names(place.path()), ["atelier-data"], "no backup was made");
    for target in ["./restore", "nightly/", "nightly", "b.tar"] {
        place.run(&format!("backup {target}")).good();
    }
    assert_eq!(names(place.path()), ["atelier-data", "b.tar", "nightly", "restore"]);
}

#[test]
fn a_name_cannot_mislead_the_terminal() {
    use std::process::Command;

    let place = Place::with_ada();
    let name = "a\u{1b}[2J\u{202e}b";
    let output = Command::new(env!("CARGO_BIN_EXE_atelier"))
        .current_dir(place.path())
        .args(["import", "people", name])
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("a\\u{1b}[2J\\u{202e}b"), "{err:?}");
}

#[test]
fn a_word_that_is_not_utf_8_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    for word in [&b"\xff"[..], b"--\xff"] {
        let output = Command::new(env!("CARGO_BIN_EXE_atelier")).arg(OsStr::from_bytes(word)).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && err.starts_with("error: "), "{err}");
    }
}

#[test]
fn the_help_is_short_and_by_subject() {
    let help = Place::new().run("--help").good().out;
    let headings: Vec<&str> = help.lines().filter(|line| line.ends_with(':') && !line.starts_with(' ')).collect();
    assert_eq!(
        headings,
        ["Server:", "People:", "Access:", "Contents:", "Upkeep:", "Installation:", "Options:", "Examples:"]
    );
    assert!(help.lines().count() < 62, "{help}");
    let serve = Place::new().run("serve --help").good().out;
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml")).unwrap();
    for section in example.lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(serve.contains(&format!("\n{section}:\n")), "{section}: {serve}");
    }
    let list = Place::new().run("workspace list --help").good().out;
    for part in
        ["\nList:\n", "\nServer:\n", "--filter <TEXT>", "--limit <N>", "\nExamples:\n  atelier workspace list\n"]
    {
        assert!(list.contains(part), "{part}: {list}");
    }
}
