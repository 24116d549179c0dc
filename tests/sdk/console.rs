//! The console in a real browser.

use std::time::Duration;

use actix_web::http::Method;
use atelier::http::console;

use crate::support::{ADMIN_PASSWORD, Server};
use crate::{chromium, passed, python};

/// The package brings axe-core, and asks for a driver of browsers that is not used.
const NEEDS: python::Needs = python::Needs { complete: false, ..python::Needs::USUAL };

#[test]
fn every_page_can_be_reached_and_read_by_everybody_who_may() {
    run("walk.py", 300, Duration::from_mins(12));
}

/// Runs `program` and expects at least `checks` checks, all successful.
fn run(program: &str, checks: u32, patience: Duration) {
    let _turn = chromium::turn();
    let python = python::environment("console", NEEDS);
    let server = Server::start();
    let pages: Vec<_> =
        console::routes().into_iter().filter(|entry| entry.method == Method::GET).map(|entry| entry.path).collect();
    let (more, pages) = (chromium::programs().env(), pages.join("\n"));
    let data_dir = server.data_dir().to_str().expect("a path is text").to_owned();
    let mut env = vec![
        ("ATELIER_TEST_URL", server.base()),
        ("ATELIER_TEST_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_BINARY", env!("CARGO_BIN_EXE_atelier")),
        ("ATELIER_TEST_DATA", &data_dir),
        ("ATELIER_TEST_PAGES", &pages),
    ];
    env.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    let program = python::sources().join("console").join(program);
    passed(&python::run(&python, &program, &env, patience), checks);
}
