//! The Arize dialect, spoken by four generations of `arize` and by `ax`.

use std::path::Path;
use std::time::Duration;

use crate::python::{self, Needs};
use crate::support::{ADMIN, ADMIN_PASSWORD, Server};
use crate::{chromium, key, passed};

pub const FIRST: &str = "8.30.0";
const MIDDLE: &str = "8.36.0";
/// Tags exist since 8.49, and the response to detaching them had other names before 8.53.
const TAGGING: &str = "8.51.0";
pub const NEWEST: &str = "8.61.0";

/// The version of `ax`, which brings [`NEWEST`].
const AX: &str = "0.39.0";

/// The REST clients load a few packages only; pandas, pyarrow and grpcio, which the SDK also asks for, are left out.
const REST: Needs = Needs { complete: false, ..Needs::USUAL };

#[test]
fn the_first_arize_manages_spaces() {
    run(FIRST, "spaces.py", 155);
}

#[test]
fn the_middle_arize_manages_spaces() {
    run(MIDDLE, "spaces.py", 155);
}

#[test]
fn the_newest_arize_manages_spaces() {
    run(NEWEST, "spaces.py", 159);
}

#[test]
fn the_first_arize_manages_organizations() {
    run(FIRST, "organizations.py", 105);
}

#[test]
fn the_middle_arize_manages_organizations() {
    run(MIDDLE, "organizations.py", 105);
}

#[test]
fn the_newest_arize_manages_organizations() {
    run(NEWEST, "organizations.py", 105);
}

#[test]
fn the_first_arize_manages_users() {
    run(FIRST, "users.py", 132);
}

#[test]
fn the_middle_arize_manages_users() {
    run(MIDDLE, "users.py", 132);
}

#[test]
fn the_newest_arize_manages_users() {
    run(NEWEST, "users.py", 134);
}

#[test]
fn the_first_arize_manages_roles() {
    run(FIRST, "roles.py", 94);
}

#[test]
fn the_middle_arize_manages_roles() {
    run(MIDDLE, "roles.py", 94);
}

#[test]
fn the_newest_arize_manages_roles() {
    run(NEWEST, "roles.py", 93);
}

#[test]
fn the_first_arize_binds_roles() {
    run(FIRST, "role_bindings.py", 73);
}

#[test]
fn the_middle_arize_binds_roles() {
    run(MIDDLE, "role_bindings.py", 73);
}

#[test]
fn the_newest_arize_binds_roles() {
    run(NEWEST, "role_bindings.py", 73);
}

#[test]
fn the_first_arize_creates_and_revokes_keys() {
    run(FIRST, "api_keys.py", 124);
}

#[test]
fn the_middle_arize_creates_and_revokes_keys() {
    run(MIDDLE, "api_keys.py", 124);
}

#[test]
fn the_newest_arize_creates_and_revokes_keys() {
    run(NEWEST, "api_keys.py", 128);
}

#[test]
fn the_first_arize_restricts_projects() {
    run(FIRST, "resource_restrictions.py", 43);
}

#[test]
fn the_middle_arize_restricts_projects() {
    run(MIDDLE, "resource_restrictions.py", 43);
}

#[test]
fn the_newest_arize_restricts_projects() {
    run(NEWEST, "resource_restrictions.py", 50);
}

#[test]
fn the_first_arize_manages_projects() {
    run(FIRST, "projects.py", 77);
}

#[test]
fn the_middle_arize_manages_projects() {
    run(MIDDLE, "projects.py", 77);
}

#[test]
fn the_newest_arize_manages_projects() {
    run(NEWEST, "projects.py", 78);
}

#[test]
fn an_early_arize_tags_projects() {
    run(TAGGING, "tags.py", 59);
}

#[test]
fn the_newest_arize_tags_projects() {
    run(NEWEST, "tags.py", 59);
}

#[test]
fn the_newest_arize_reads_the_audit_log() {
    run(NEWEST, "audit_logs.py", 37);
}

#[test]
fn ax_runs_its_commands() {
    let python = python::environment(&format!("ax-{AX}"), Needs { oldest: 11, ..Needs::USUAL });
    run_with(&python, NEWEST, "ax.py", &[], 140);
}

#[test]
fn ax_signs_in_through_a_browser() {
    let server = Server::start();
    sign_in_with_ax_at(&server, server.base(), 39);
}

/// `ax auth login` in a browser, at an address that may have a path.
pub fn sign_in_with_ax_at(server: &Server, url: &str, checks: u32) {
    let python = python::environment(&format!("ax-{AX}"), Needs { oldest: 11, ..Needs::USUAL });
    let more = chromium::programs().env();
    let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run_against((server, url), &python, NEWEST, "ax_auth.py", &more, checks);
}

#[test]
fn the_newest_arize_and_the_new_wallaroo_see_the_same_data() {
    same_data(NEWEST, crate::NEW);
}

#[test]
fn the_first_arize_and_the_old_wallaroo_see_the_same_data() {
    same_data(FIRST, crate::OLD);
}

/// Runs `both_worlds.py` with an Arize SDK; it starts the Wallaroo SDK's part itself.
fn same_data(arize: &str, wallaroo: &str) {
    let other = python::environment(&format!("wallaroo-{wallaroo}"), Needs::USUAL);
    let other = other.to_str().expect("the target folder's name is text");
    let more = [
        ("ATELIER_TEST_WALLAROO_PYTHON", other),
        ("ATELIER_TEST_WALLAROO", wallaroo),
        ("WALLAROO_USER", ADMIN),
        ("WALLAROO_PASSWORD", ADMIN_PASSWORD),
    ];
    let python = python::environment(&format!("arize-{arize}"), REST);
    run_with(&python, arize, "both_worlds.py", &more, 39);
}

/// Runs `program` with the SDK of `version` and expects at least `checks` checks, all successful.
fn run(version: &str, program: &str, checks: u32) {
    let python = python::environment(&format!("arize-{version}"), REST);
    run_with(&python, version, program, &[], checks);
}

/// Runs `program` against this server at another of its addresses.
pub fn run_at(server: &Server, url: &str, version: &str, program: &str, checks: u32) {
    let python = python::environment(&format!("arize-{version}"), REST);
    run_against((server, url), &python, version, program, &[], checks);
}

/// Runs the commands of `ax` at an address with a path.
pub fn run_ax_at(server: &Server, url: &str) {
    let python = python::environment(&format!("ax-{AX}"), Needs { oldest: 11, ..Needs::USUAL });
    run_against((server, url), &python, NEWEST, "ax.py", &[], 140);
}

fn run_with(python: &Path, version: &str, program: &str, more: &[(&str, &str)], checks: u32) {
    let server = Server::start();
    run_against((&server, server.base()), python, version, program, more, checks);
}

fn run_against(
    (server, url): (&Server, &str),
    python: &Path,
    version: &str,
    program: &str,
    more: &[(&str, &str)],
    checks: u32,
) {
    let key = key(server);
    let data = server.data_dir().to_str().expect("a temporary directory's name is text");
    let mut env = vec![
        ("ATELIER_TEST_URL", url),
        ("ATELIER_TEST_KEY", &key),
        ("ATELIER_TEST_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_SDK", version),
        ("ATELIER_TEST_BINARY", env!("CARGO_BIN_EXE_atelier")),
        ("ATELIER_TEST_DATA", data),
    ];
    env.extend_from_slice(more);
    let program = python::sources().join("arize").join(program);
    let printed = python::run(python, &program, &env, Duration::from_mins(5));
    passed(&printed, checks);
}
