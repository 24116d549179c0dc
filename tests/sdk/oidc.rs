//! OpenID Connect clients that people use: from a code to a token, with the pages in between.

use std::time::Duration;

use crate::support::{ADMIN_PASSWORD, Server};
use crate::{chromium, node, passed, python};

/// The packages ask for Python 3.11 in our list.
const NEEDS: python::Needs = python::Needs { oldest: 11, ..python::Needs::USUAL };

#[test]
fn python_keycloak_gets_tokens() {
    run("keycloak_openid.py", 100);
}

#[test]
fn python_keycloak_manages_users() {
    run("keycloak_admin.py", 96);
}

#[test]
fn authlib_signs_in() {
    run("authlib_client.py", 49);
}

#[test]
fn openid_client_signs_in() {
    let sources = python::sources().join("oidc/node");
    let Some(node) = node::environment(&sources) else {
        // Said on stderr directly, for the test harness keeps what a passing test prints to itself.
        use std::io::Write as _;
        let told =
            "\nNOT RUN: openid-client was not tried, for there is no node with npm on PATH (Debian: nodejs, npm)\n";
        std::io::stderr().write_all(told.as_bytes()).expect("stderr is writable");
        return;
    };
    let server = Server::start();
    let printed =
        python::run(&node.program, &node.home.join("openid_client.mjs"), &env(&server), Duration::from_mins(3));
    passed(&printed, 43);
}

#[test]
fn the_pages_can_be_used_from_start_to_end() {
    let python = python::environment("oidc", NEEDS);
    let server = Server::start();
    let more = chromium::programs().env();
    let mut env = env(&server);
    env.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
    let program = python::sources().join("oidc/pages.py");
    passed(&python::run(&python, &program, &env, Duration::from_mins(4)), 121);
}

/// Runs `program` with the Python clients and expects at least `checks` checks, all successful.
fn run(program: &str, checks: u32) {
    let python = python::environment("oidc", NEEDS);
    let server = Server::start();
    let program = python::sources().join("oidc").join(program);
    passed(&python::run(&python, &program, &env(&server), Duration::from_mins(3)), checks);
}

fn env(server: &Server) -> Vec<(&'static str, &str)> {
    vec![
        ("ATELIER_TEST_URL", server.base()),
        ("ATELIER_TEST_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_BINARY", env!("CARGO_BIN_EXE_atelier")),
        ("ATELIER_TEST_DATA", server.data_dir().to_str().expect("a temporary directory's name is text")),
    ]
}
