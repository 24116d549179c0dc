//! The schema and its steps. A new file is created from `schema.sql`; an older file takes the steps that it lacks
//! (`upgrade.rs`).

mod state;

use std::path::Path;

use rusqlite::Connection;

use crate::error::Result;

pub use state::{SchemaState, Unfit, VERSION, state};

const SCHEMA: &str = include_str!("../../../schema.sql");

/// The steps from each version to the next; the first starts from an empty file. A released step is never changed.
const STEPS: [&str; VERSION as usize] = [
    include_str!("steps/0001.sql"),
    include_str!("steps/0002.sql"),
    include_str!("steps/0003.sql"),
    include_str!("steps/0004.sql"),
    include_str!("steps/0005.sql"),
    include_str!("steps/0006.sql"),
    include_str!("steps/0007.sql"),
    include_str!("steps/0008.sql"),
    include_str!("steps/0009.sql"),
    include_str!("steps/0010.sql"),
    include_str!("steps/0011.sql"),
    include_str!("steps/0012.sql"),
];

/// What each step does, in words for the operator.
const WORDS: [&str; VERSION as usize] = [
    "creates the tables",
    "adds clients, browser sessions and second factors, and rebuilds sessions and signing keys",
    "adds indexes for lists, searches and the audit log",
    "adds the names to the index of searches",
    "rebuilds the index of searches",
    "verifies addresses by the audit log, and rebuilds the users",
    "adds the addresses that users sign in from, and removes the index of searches",
    "adds columns and indexes for lists of users, projects, bindings, keys and audit rows",
    "adds the contents of workspaces: files of models, pipeline versions, connections and tags",
    "adds indexes for the deletion of ended links, keys and audit rows",
    "adds the PKCE policy and the names of groups of clients",
    "adds to the notes of files without versions when they were made",
];

/// A step to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub version: u32,
    /// What it does.
    pub words: &'static str,
    pub(super) sql: &'static str,
}

/// The steps that a file of this version lacks.
pub fn steps_from(version: u32) -> impl Iterator<Item = Step> {
    let all = (1..).zip(WORDS).zip(STEPS).map(|((version, words), sql)| Step { version, words, sql });
    all.skip(version as usize)
}

/// Creates the tables of an empty file.
pub(in crate::store) fn create(conn: &Connection) -> Result<()> {
    Ok(conn.execute_batch(SCHEMA)?)
}

/// The tables without rows, to look at.
pub(in crate::store) fn in_memory() -> Result<Connection> {
    let conn = Connection::open_in_memory()?;
    create(&conn)?;
    Ok(conn)
}

/// Refuses a file that is not atelier's or has a newer schema, before anything is written into it. Returns its state.
pub(super) fn refuse_others(conn: &Connection, data_file: &Path) -> Result<SchemaState> {
    Ok(state::of(conn)?.fit(data_file)?)
}

/// Whether a file has the schema of this program.
pub(super) fn is_current(conn: &Connection) -> Result<bool> {
    Ok(state::of(conn)? == SchemaState::Current)
}

/// Creates the tables of a new file, or upgrades those of an older one without a copy.
#[cfg(test)]
pub(in crate::store) fn bring_up_to_date(conn: &mut Connection) -> Result<()> {
    super::upgrade::in_place(conn, Path::new(""), &super::upgrade::Watcher::logging()).map(drop)
}

/// The schema and its steps, for tests.
#[cfg(test)]
pub(in crate::store) fn scripts() -> Vec<&'static str> {
    [SCHEMA].into_iter().chain(STEPS).collect()
}

#[cfg(test)]
mod tests;
