//! Tests of the real, unmodified SDKs against the real binary.
//!
//! Each test is one story (a Python program in the folder of its SDK) told by one SDK version to a server
//! of its own. A program prints a line for each thing it checked; the count asserted here keeps a program
//! from passing because it checked nothing. The first run installs the SDKs and takes some minutes.
#![expect(clippy::expect_used, reason = "a test ends where its ground is missing")]

mod arize;
mod base_path;
mod chromium;
mod console;
mod deployment;
mod docs;
mod litestream;
#[path = "../support/markdown.rs"]
mod markdown;
mod metrics;
mod node;
mod object_storage;
mod oidc;
mod programs;
mod prometheus;
mod proxies;
mod proxy;
mod python;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use support::{ADMIN, ADMIN_PASSWORD, Server};

const OLDEST: &str = "2024.4.4";
const OLD: &str = "2025.1.6";
const NEW: &str = "2026.1.3";

#[test]
fn the_tutorial_runs_on_the_new_sdk() {
    run(NEW, "tutorial.py", 45);
}

#[test]
fn the_tutorial_runs_on_the_old_sdk() {
    run(OLD, "tutorial.py", 45);
}

#[test]
fn the_new_sdk_manages_workspaces() {
    run(NEW, "workspaces.py", 69);
}

#[test]
fn the_old_sdk_manages_workspaces() {
    run(OLD, "workspaces.py", 69);
}

#[test]
fn the_new_sdk_manages_members() {
    run(NEW, "members.py", 43);
}

#[test]
fn the_old_sdk_manages_members() {
    run(OLD, "members.py", 43);
}

#[test]
fn the_new_sdk_manages_users() {
    run(NEW, "users.py", 63);
}

#[test]
fn the_old_sdk_manages_users() {
    run(OLD, "users.py", 63);
}

#[test]
fn the_new_sdk_keeps_pipelines() {
    run(NEW, "pipelines.py", 70);
}

#[test]
fn the_old_sdk_keeps_pipelines() {
    run(OLD, "pipelines.py", 70);
}

#[test]
fn the_oldest_sdk_keeps_pipelines() {
    run(OLDEST, "pipelines.py", 69);
}

#[test]
fn the_new_sdk_manages_models() {
    run(NEW, "models.py", 65);
}

#[test]
fn the_old_sdk_manages_models() {
    run(OLD, "models.py", 63);
}

#[test]
fn the_oldest_sdk_manages_models() {
    run(OLDEST, "models.py", 61);
}

#[test]
fn the_new_sdk_stays_signed_in() {
    run(NEW, "tokens.py", 54);
}

#[test]
fn the_old_sdk_stays_signed_in() {
    run(OLD, "tokens.py", 54);
}

#[test]
fn a_user_authorizes_the_new_sdk() {
    run(NEW, "sso.py", 29);
}

#[test]
fn a_user_authorizes_the_old_sdk() {
    run(OLD, "sso.py", 29);
}

#[test]
fn the_new_sdk_manages_connections() {
    run(NEW, "connections.py", 44);
}

#[test]
fn the_old_sdk_manages_connections() {
    run(OLD, "connections.py", 44);
}

/// Runs `program` with the SDK of `version` and expects at least `checks` checks, all successful.
fn run(version: &str, program: &str, checks: u32) {
    let python = python::environment(&format!("wallaroo-{version}"), python::Needs::USUAL);
    let server = Server::start();
    let key = if program == "tokens.py" { key(&server) } else { String::new() };
    let model = if ["models.py", "tutorial.py"].contains(&program) {
        onnx().to_str().expect("the target folder's name is text")
    } else {
        Default::default()
    };
    let env = [
        ("WALLAROO_URL", server.base()),
        ("WALLAROO_SDK_AUTH_TYPE", "user_password"),
        ("WALLAROO_USER", ADMIN),
        ("WALLAROO_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_SDK", version),
        ("ATELIER_TEST_KEY", &key),
        ("ATELIER_TEST_ONNX", model),
        ("ATELIER_TEST_DATA", server.data_dir().to_str().expect("a temporary directory's name is text")),
    ];
    let program = python::sources().join("wallaroo").join(program);
    let printed = python::run(&python, &program, &env, Duration::from_mins(3));
    passed(&printed, checks);
}

/// A model as ONNX, which the package of ONNX made.
fn onnx() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let python = python::environment("onnx", python::Needs::USUAL);
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("product-{}.onnx", std::process::id()));
        let program = python::sources().join("wallaroo/make_onnx.py");
        let env = [("ATELIER_TEST_ONNX", place.to_str().expect("the target folder's name is text"))];
        passed(&python::run(&python, &program, &env, Duration::from_mins(1)), 1);
        place
    })
}

/// Shows what a program `printed` and expects at least `checks` successful checks.
fn passed(printed: &str, checks: u32) {
    println!("{printed}");
    let passed = printed
        .lines()
        .rev()
        .find_map(|line| line.strip_suffix(" passed, 0 failed"))
        .and_then(|count| count.parse::<u32>().ok())
        .expect("the program's sum");
    assert!(passed >= checks, "{passed} checks passed, {checks} are expected at least");
}

/// An API key of the administrator, created while the server runs.
fn key(server: &Server) -> String {
    let made = server.cli(&["key", "create", "--user", ADMIN, "--name", "sdk"]);
    assert!(made.status.success(), "a key is made: {}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8(made.stdout).expect("a key is text");
    key.trim_end().to_owned()
}
