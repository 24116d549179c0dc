//! All SQL, and the SQLite file behind it. It contains no business rules, and no other layer contains SQL.
//!
//! `engine` opens, reads and writes the file. Each other file is a table, or some tables that belong together.

pub mod access;
pub mod activity;
pub mod approvals;
pub mod audit;
pub mod authorization_codes;
pub mod backups;
pub mod bindings;
pub mod bots;
pub mod circle;
pub mod clients;
pub mod connections;
pub mod consents;
pub mod content_pages;
pub mod content_search;
pub mod content_sets;
pub mod contents;
pub mod data_dir;
pub mod default_workspaces;
pub mod device_codes;
mod engine;
pub mod groups;
pub mod keys;
pub mod known_places;
pub mod links;
mod listed_people;
pub mod members;
pub mod model_configs;
pub mod model_deletion;
pub mod models;
pub mod names;
pub mod organizations;
pub mod passwords;
pub mod pending_sign_ins;
pub mod people;
pub mod person_access;
pub mod pipelines;
mod postgres;
pub mod projects;
pub mod recovery_codes;
pub mod refresh_tokens;
pub mod role_holders;
pub mod roles;
mod search;
pub mod second_factors;
pub mod sessions;
pub mod setup_lookups;
pub mod signing_keys;
pub mod standings;
pub mod stored_files;
pub mod tags;
pub mod transfer;
pub mod users;
pub mod visibility;
mod visible_projects;
pub mod workspace_lists;
pub mod workspace_moves;
pub mod workspaces;
pub mod wrong_codes;

#[cfg(test)]
mod tests;

pub use data_dir::{files, lock};
use engine::{Column, Conn, Params, Row, Scratch, fault, row};
pub use engine::{
    DataVersion, SQLITE_NEEDED, Sizes, Store, StoreFault, Tx, Unready, View, compaction, copy, health, inspection,
    measures, refuse_old_sqlite, schema, upgrade, versioned_cache,
};
#[cfg(test)]
pub(crate) use engine::{plans, probe};
pub use postgres::{Address, ConnectionRoom, FailureCount, FailureRow, Failures, FoundFailures, Node, moving};
