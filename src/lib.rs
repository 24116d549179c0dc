//! atelier: workspaces, people and tokens of a small ML team, in one binary and one SQLite file.
//!
//! The layers know only what stands left of them:
//! `domain <- policy <- store <- app <- { http, cli } <- main`.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod policy;
pub mod store;
pub mod tokens;
