//! The binary as it is typed: what it prints where, and how it exits.

#![expect(clippy::unwrap_used, reason = "a test that cannot run its command has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn atelier(place: &Path, line: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ATELIER_") {
            command.env_remove(name);
        }
    }
    command.current_dir(place).args(line.split_whitespace()).envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn check_shows_what_is_in_force_and_where_it_comes_from() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.toml"), "\nworkers = 2\n").unwrap();
    let variables = [("ATELIER_ADMIN_PASSWORD", "hunter2"), ("ATELIER_CONFIG", "a.toml")];
    let out = atelier(place.path(), "check --keep-alive 30s", &variables);
    let (data, words) = (text(&out.stdout), text(&out.stderr));
    assert_eq!((out.status.code(), words.as_str()), (Some(0), ""));
    let line = |key: &str| {
        let line = data.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("workers"), "workers = 2 # a.toml:2");
    assert_eq!(line("keep_alive"), "keep_alive = \"30s\" # --keep-alive");
    assert_eq!(line("admin_password"), "admin_password = \"***\" # ATELIER_ADMIN_PASSWORD");
    assert_eq!(line("readers"), "readers = 4 # default");
    assert!(!data.contains("hunter2"));

    let out = atelier(place.path(), "check --json", &variables);
    let shown: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let row = serde_json::json!({"key": "workers", "value": "2", "from": "a.toml:2"});
    assert!(shown["configuration"].as_array().unwrap().contains(&row));
}

#[test]
fn what_is_asked_wrongly_exits_2_with_words_on_stderr() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.toml"), "\nworkers = \"two\"\n").unwrap();
    let out = atelier(place.path(), "serve --config a.toml", &[]);
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(2), ""));
    assert!(text(&out.stderr).starts_with("error: `workers` (a.toml:2) must be a whole number"));
    assert!(!place.path().join("atelier-data").exists(), "a server that cannot start makes nothing");

    let out = atelier(place.path(), "serve --no-such-flag", &[]);
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(2), ""));
    let out = atelier(place.path(), "check", &[("ATELIER_DATADIR", "x")]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("write ATELIER_DATA_DIR or unset ATELIER_DATADIR"));
}

#[test]
fn a_place_without_a_server_is_told() {
    let place = tempfile::tempdir().unwrap();
    let out = atelier(place.path(), "user list --data-dir nowhere", &[]);
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(1), ""));
    assert!(text(&out.stderr).starts_with("error: there is no atelier database in nowhere; "));
    assert!(!place.path().join("nowhere").exists());
}

#[test]
fn help_is_data_and_exits_0() {
    let place = tempfile::tempdir().unwrap();
    for line in ["--help", "serve --help", "user add --help", "--version"] {
        let out = atelier(place.path(), line, &[]);
        assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(0), ""), "{line}");
        assert!(text(&out.stdout).contains("atelier"), "{line}");
    }
}
