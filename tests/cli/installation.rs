//! The version, the completions and the man pages.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use atelier::cli::Cli;
use clap::CommandFactory as _;

use crate::support::Setup;
use crate::{Place, names};

/// `cargo run` passes on to the program what the build script sets for the compiler.
#[test]
fn a_server_starts_with_the_variables_of_its_build() {
    let script = include_str!("../../build.rs");
    let names = script.split("rustc-env=").skip(1).map(|rest| rest.split(['=', '{']).next().expect("a name"));
    let setup = names.fold(Setup::new(), |setup, name| {
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{name:?}");
        setup.env(name, "0123456789ab")
    });
    assert!(script.contains("rustc-env="), "the build script sets none");
    drop(setup.start());
}

/// Every command, with the words that lead to it, the name of the program first.
fn commands() -> Vec<Vec<String>> {
    fn collect(command: &clap::Command, before: &[String], into: &mut Vec<Vec<String>>) {
        let path: Vec<String> = before.iter().cloned().chain([command.get_name().to_owned()]).collect();
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            collect(inner, &path, into);
        }
        into.push(path);
    }
    let mut all = Vec::new();
    collect(&Cli::command(), &[], &mut all);
    assert!(all.len() > 100, "{} commands", all.len());
    all
}

#[test]
fn the_version_names_sqlite_and_a_commit_if_it_is_known() {
    let version = Place::new().run("--version").good().out;
    let sqlite = rusqlite::version();
    let plain = format!("atelier {} (SQLite {sqlite})\n", env!("CARGO_PKG_VERSION"));
    if version != plain {
        let (before, after) = version.split_once("commit ").expect("a commit");
        let (commit, after) = after.split_once(", ").expect("what follows the commit");
        assert_eq!(before.to_owned() + after, plain);
        assert!(commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{version}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let place = Place::new();
    place.run("man pages/man1").good();
    let folder = place.path().join("pages/man1");
    let expected: BTreeSet<String> = commands().iter().map(|words| words.join("-") + ".1").collect();
    assert_eq!(names(&folder).into_iter().collect::<BTreeSet<_>>(), expected);
    for name in expected {
        let page = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(
            page.contains(".SH NAME") && page.contains(".SH SYNOPSIS") && page.contains(".SH DESCRIPTION"),
            "{name}"
        );
    }
    let page = fs::read_to_string(folder.join("atelier.1")).unwrap();
    assert!(page.contains("atelier\\-workspace(1)") && page.contains("SQLite"), "{page}");
    // They are written again by the next version.
    place.run("man pages/man1").good();
}

#[test]
fn man_pages_that_cannot_be_written_are_an_error() {
    let place = Place::new();
    fs::write(place.path().join("file"), "").unwrap();
    let run = place.run("man file");
    assert_eq!(run.code, 1);
    assert!(run.err.starts_with("error: cannot write the man pages into file: "), "{}", run.err);
    assert!(run.err.ends_with("; choose a directory that you can write to\n"), "{}", run.err);
}

#[test]
fn every_command_is_completed_in_every_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&format!("completions {shell}")).good().out;
        for words in commands().iter().filter(|words| words.len() > 1) {
            let (name, parents) = words.split_last().expect("a name");
            let is_there = match shell {
                "bash" => {
                    let case = format!("{},{name})", parents.join("-").replace('-', "__subcmd__"));
                    script.lines().any(|line| line.trim() == case)
                }
                "zsh" => script.contains(&format!("\n_{}_commands()", words.join("__subcmd__"))),
                _ => script.lines().any(|line| {
                    line.contains(&format!(" -a \"{name}\""))
                        && parents.iter().skip(1).all(|parent| line.contains(parent))
                }),
            };
            assert!(is_there, "{shell}: {words:?}");
        }
        checked_by(shell, &script);
    }
}

/// The shell itself reads the script, without running it. Bash is on every machine that runs the tests; the others are
/// asked where they are installed.
fn checked_by(shell: &str, script: &str) {
    let flags: &[&str] = if shell == "fish" { &["--no-execute"] } else { &["-n"] };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    fs::write(&file, script).unwrap();
    match Command::new(shell).args(flags).arg(&file).stdin(Stdio::null()).output() {
        Ok(output) => assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => assert!(shell != "bash", "bash does not start: {error}"),
    }
}

#[test]
fn bash_completes_a_command() {
    let place = Place::new();
    let script = place.run("completions bash").good().out;
    let file = place.path().join("atelier.bash");
    fs::write(&file, script).unwrap();
    let ask = r#"
        source "$1"
        COMP_WORDS=(atelier workspace ar) COMP_CWORD=2
        _atelier atelier ar workspace
        echo "${COMPREPLY[*]}"
    "#;
    let output = Command::new("bash").args(["--norc", "-c", ask, "bash"]).arg(&file).output().expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "archive\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unknown_shell_is_refused() {
    let run = Place::new().run("completions tcsh");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("[possible values: bash, zsh, fish]"), "{}", run.err);
}
