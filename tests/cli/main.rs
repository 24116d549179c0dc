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
mod health;
mod hints;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../support/hostile_disk.rs"]
mod hostile_disk;
mod import_keycloak;
mod import_people;
mod init;
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
mod status;
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

use serde_json::Value;
use tempfile::TempDir;

use support::database::Database;
use support::postgres::cluster;

/// The password that commands get; it is in none of their output.
const PASSWORD: &str = "correct horse battery";

/// A working directory, with a data directory of the default name once a command creates it.
struct Place(TempDir);

/// The data of a place, as they were.
enum Kept {
    File(Vec<u8>),
    /// The name of a copy.
    Postgres(String),
}

/// The output and the exit code of a command.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        // It is decided here, in the thread of the test, whether the data are in PostgreSQL.
        drop(support::atelier_on_new(&place.data()));
        place
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

    /// Another connection to the data.
    fn db(&self) -> Database {
        Database::open(&self.data())
    }

    fn sql(&self, sql: &str) {
        self.db().run(sql);
    }

    /// The binary, in this directory and with the address of its database.
    fn atelier(&self) -> Command {
        let mut command = support::atelier_on(&self.data());
        command.current_dir(self.path());
        command
    }

    /// The variables that a command in another program needs to find the data.
    fn variables(&self) -> Option<(&'static str, String)> {
        support::database_of(&self.data()).map(|address| ("ATELIER_DATABASE", address))
    }

    /// Asserts that a secret is nowhere in the data.
    fn holds_no(&self, secret: &str) {
        assert!(!self.db().contains(secret), "a secret is in the data");
    }

    /// Keeps the data as they are now, for [`Place::put_back`].
    fn keep(&self) -> Kept {
        match support::database_of(&self.data()) {
            Some(address) => Kept::Postgres(cluster().copy_database(support::database_name(&address))),
            None => Kept::File(fs::read(self.database()).unwrap()),
        }
    }

    fn put_back(&self, kept: &Kept) {
        match kept {
            Kept::File(bytes) => fs::write(self.database(), bytes).unwrap(),
            Kept::Postgres(name) => {
                let address = cluster().address(&cluster().copy_database(name));
                support::set_database(&self.data(), address);
            }
        }
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
    let mut command = support::atelier_on(&data_dir(place, line, variables));
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

/// The data directory of a command. A second one gets a database of its own where the first one has one.
fn data_dir(place: &Path, line: &str, variables: &[(&str, &str)]) -> PathBuf {
    let first = place.join("atelier-data");
    let flag = line.split_whitespace().skip_while(|word| *word != "--data-dir").nth(1);
    let variable = variables.iter().find(|(name, _)| *name == "ATELIER_DATA_DIR").map(|(_, path)| *path);
    let Some(second) = flag.or(variable) else { return first };
    let second = place.join(second);
    if support::database_of(&first).is_some() {
        drop(support::atelier_on_new(&second));
    }
    second
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
