//! atelier stores the workspaces, users and tokens of a small ML team in one binary and one SQLite file.
//!
//! Each layer depends only on the layers to its left:
//! `domain <- policy <- store <- app <- { http, cli } <- main`.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod files;
pub mod http;
pub mod policy;
#[cfg(test)]
#[path = "../tests/support/stop.rs"]
mod stop;
pub mod store;
pub mod tokens;
