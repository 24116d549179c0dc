//! What the server answers, to whom, and what it leaves behind: the real binary on a real file.
//!
//! The tree mirrors `src/http`. Tests that disturb nobody share a server within their file.

#![expect(clippy::expect_used, reason = "a test that cannot ask its question has failed")]

#[path = "../support/mod.rs"]
mod support;

mod arize;
mod client;
mod database;
mod documents;
mod freshness;
mod keys;
mod parity;
mod process;
mod raw;
mod robustness;
mod routes;
mod world;

/// What attackers tried, and careless people; a file for each kind of attempt.
mod hostile {
    mod clients;
    mod connections;
    mod credentials;
    mod guessing;
    mod identity;
    mod judgement;
    mod manners;
    mod traces;
}

mod wallaroo {
    mod config;
    mod users;
    mod workspaces;
}

mod console {
    pub mod authenticator;
    mod authorize;
    pub mod browser;
    mod passwords;
    mod sign_in;
}

mod keycloak {
    mod discovery;
    mod grants;
    mod keys;
    mod sessions;
    mod token;
    mod users;
}
