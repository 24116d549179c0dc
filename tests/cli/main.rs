//! Tests of the command line.
//!
//! They run the real binary on a real directory. Every run checks that no given password is in the output.
#![expect(clippy::unwrap_used, reason = "a test that cannot run its command has failed")]
#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod access;
mod admin;
mod apply;
mod asking;
mod audit;
mod backups;
mod backups_apart;
mod backups_broken;
mod check;
mod clients;
mod confirming;
mod contents;
mod explain;
mod hints;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../support/hostile_disk.rs"]
mod hostile_disk;
mod import_keycloak;
mod import_people;
mod installation;
mod keys;
mod limits;
mod lists;
mod mistakes;
mod models;
mod move_data;
mod moves;
mod package;
mod people;
mod postgres;
mod printing;
mod retention;
mod running;
mod service;
mod signing_keys;
#[path = "../support/mod.rs"]
mod support;
mod transfer;
mod upgrade;
mod users;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// The password that commands get; it is in none of their output.
const PASSWORD: &str = "correct horse battery";

/// A working directory, with a data directory of the default name once a command creates it.
struct Place(TempDir);

/// The output and the exit code of a command.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with the administrator `ada@example.com`.
    fn with_ada() -> Self {
        let place = Self::new();
        place.run("user add ada@example.com --admin --first-name Ada --password-stdin").good();
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("atelier-data")
    }

    fn database(&self) -> PathBuf {
        self.data().join("atelier.db")
    }

    /// The database file.
    fn sql(&self, sql: &str) {
        let conn = Connection::open(self.database()).unwrap();
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        conn.execute_batch(sql).unwrap();
    }

    /// Runs `atelier LINE` here, with the password on stdin.
    fn run(&self, line: &str) -> Run {
        self.run_with(line, &[])
    }

    /// The same with these variables.
    fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Run {
        run_in(self.path(), line, &format!("{PASSWORD}\n"), variables)
    }

    /// What the command prints as JSON.
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(line).good().out).unwrap()
    }
}

impl Run {
    /// Asserts success.
    fn good(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    /// Asserts that it failed with nothing on stdout, and this on stderr.
    fn refused(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (code, "", format!("error: {words}\n").as_str()));
    }
}

fn run_in(place: &Path, line: &str, stdin: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ATELIER_") {
            command.env_remove(name);
        }
    }
    command.current_dir(place).args(line.split_whitespace()).envs(variables.iter().copied());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    // A command that does not read it has closed it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
    for secret in [PASSWORD, stdin.trim_end()] {
        assert!(
            secret.is_empty() || !run.out.contains(secret) && !run.err.contains(secret),
            "{line} prints {secret:?}"
        );
    }
    run
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The names of what is in a directory.
fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
