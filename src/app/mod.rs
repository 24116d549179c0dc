//! The use cases, and the only place for rules. Each change writes its audit row in its own transaction.
//!
//! A use case takes domain types, finds, asks the policy, checks the state, writes and records. It has no effect
//! outside its `Tx`, because a transaction may be run again.

pub mod access;
pub mod activity;
pub mod added_people;
pub mod audit;
pub mod ax_profile;
pub mod backups;
pub mod bindings;
mod bots;
pub mod by_name;
pub mod cached_lists;
pub mod checks;
pub mod connections;
pub mod content_pages;
pub mod content_search;
pub mod content_sets;
pub mod contents;
pub mod databases;
pub mod declared_setup;
pub mod default_workspaces;
mod detached_tags;
pub mod ended;
mod expiry;
pub mod explanations;
pub mod files;
pub mod identity;
pub mod imported_people;
pub mod invitations;
pub mod key_holders;
pub mod keys;
pub mod listed_service_keys;
pub mod long_reads;
mod lookup;
pub mod measures;
pub mod members;
pub mod models;
pub mod offers;
pub mod organizations;
pub mod people;
pub mod person_access;
pub mod pipelines;
pub mod projects;
pub mod roles;
pub mod runtime;
pub mod service_keys;
pub mod setup;
pub mod several_people;
mod standing;
pub mod system;
pub mod tags;
pub mod transfer;
pub mod user_deletion;
pub mod users;
mod visibility;
pub mod workspace_activity;
pub mod workspace_connections;
pub mod workspace_invitations;
pub mod workspace_lists;
pub mod workspace_moves;
pub mod workspaces;

#[cfg(test)]
mod tests;
