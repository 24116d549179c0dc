//! The console in a real browser.

use std::fs;
use std::path::Path;
use std::time::Duration;

use actix_web::http::Method;
use atelier::http::console;

use crate::support::{ADMIN_PASSWORD, Server, Setup};
use crate::{chromium, passed, python};

/// The package brings axe-core, and asks for a driver of browsers that is not used.
const NEEDS: python::Needs = python::Needs { complete: false, ..python::Needs::USUAL };

#[test]
fn every_page_can_be_reached_and_read_by_everybody_who_may() {
    run("walk.py", 300, Duration::from_mins(12));
}

#[test]
fn every_action_can_be_done_with_script() {
    act("on");
}

#[test]
fn every_action_can_be_done_without_script() {
    act("off");
}

/// Does every action in a browser whose script is `on` or `off`, on a server of its own that makes backups.
fn act(script: &str) {
    let python = python::environment("console", NEEDS);
    let backups = tempfile::tempdir().expect("a directory");
    let directory = backups.path().join("made").to_str().expect("a path is text").to_owned();
    let server = Setup::new().args(&["--backup-directory", &directory]).start();
    let more = [("ATELIER_TEST_SCRIPT", script)];
    passed(&tell(&python, "actions.py", &server, &more, Duration::from_mins(6)), 98);
}

/// The pictures of `docs/tutorials/console.md`.
const PICTURES: [&str; 6] = ["workspaces", "new-workspace", "workspace", "key", "people", "access"];

/// `ATELIER_TEST_BLESS=1` takes the pictures anew; without, this proves that they can be taken, and have the same size.
#[test]
fn the_pictures_of_the_tutorial_can_be_taken() {
    let python = python::environment("console", NEEDS);
    tell(&python, "pictures.py", &Server::start(), &[], Duration::from_mins(3));
    let taken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    for name in PICTURES {
        let taken = taken.join(format!("tutorial-{name}.png"));
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/images/console-{name}.png"));
        if std::env::var_os("ATELIER_TEST_BLESS").is_some() {
            fs::copy(&taken, &kept).expect("the picture is writable");
        }
        // Width and height are in the first 24 bytes of a PNG.
        let head = |path: &Path| fs::read(path).expect("a picture")[..24].to_vec();
        assert_eq!(head(&kept), head(&taken), "the size of {name}");
        assert!(fs::metadata(&kept).expect("a picture").len() < 150_000, "{name} is too large");
    }
}

/// Runs `program` and expects at least `checks` checks, all successful.
fn run(program: &str, checks: u32, patience: Duration) {
    let python = python::environment("console", NEEDS);
    passed(&tell(&python, program, &Server::start(), &[], patience), checks);
}

/// Runs `program` against a server. Returns what it printed.
fn tell(python: &Path, program: &str, server: &Server, more: &[(&str, &str)], patience: Duration) -> String {
    let paths = |method: &Method| {
        let routes = console::routes().into_iter().filter(|entry| entry.method == *method);
        routes.map(|entry| entry.path).collect::<Vec<_>>().join("\n")
    };
    let (pages, forms) = (paths(&Method::GET), paths(&Method::POST));
    let (programs, data_dir) = (chromium::programs().env(), server.data_dir().to_str().expect("a path is text"));
    let mut env = vec![
        ("ATELIER_TEST_URL", server.base()),
        ("ATELIER_TEST_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_BINARY", env!("CARGO_BIN_EXE_atelier")),
        ("ATELIER_TEST_DATA", data_dir),
        ("ATELIER_TEST_PAGES", &pages),
        ("ATELIER_TEST_FORMS", &forms),
    ];
    env.extend(more);
    env.extend(programs.iter().map(|(name, value)| (*name, value.as_str())));
    python::run(python, &python::sources().join("console").join(program), &env, patience)
}
