//! Tests of the real binary over HTTP, with a real database file.
//!
//! The tree mirrors `src/http`. Tests that do not affect others share a server within their file.

#![expect(clippy::expect_used, reason = "a test that cannot ask its question has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../support/hostile_disk.rs"]
mod hostile_disk;
#[path = "../support/kills/mod.rs"]
mod kill_harness;
#[path = "../support/mod.rs"]
mod support;

mod arize;
mod backups;
mod client;
mod compression;
mod cors;
mod data_file;
mod documents;
mod files;
mod freshness;
mod full_disk;
mod keys;
mod kills;
mod logs;
mod parity;
mod postgres;
mod postgres_failover;
mod postgres_nodes;
mod postgres_once;
mod postgres_storm;
mod postgres_values;
mod process;
mod raw;
mod robustness;
mod routes;
mod sockets;
mod stopping;
mod tls;
mod wget;
mod world;

/// Attacks and careless use; one file for each kind.
mod hostile {
    mod answers;
    mod clients;
    mod connections;
    mod credentials;
    mod disk;
    mod guessing;
    mod identity;
    mod judgement;
    mod manners;
    mod signals;
    mod traces;
}

mod wallaroo {
    mod config;
    mod connections;
    pub mod model_requests;
    mod models;
    pub mod pipeline_requests;
    pub mod pipelines;
    pub mod uploads;
    mod users;
    mod workspaces;
}

mod console {
    mod account;
    pub mod authenticator;
    mod authorize;
    mod base_path;
    mod brand;
    pub mod browser;
    mod invitation_links;
    mod keys;
    mod large;
    mod lists;
    mod management;
    mod pages;
    mod passwords;
    mod people;
    mod search;
    mod sign_in;
    mod system;
    mod workspace_moves;
    mod workspaces;
}

mod keycloak {
    mod discovery;
    mod grants;
    mod groups;
    mod keys;
    mod sessions;
    mod token;
    mod users;
}
