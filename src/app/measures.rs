//! The measures of the server, for monitoring.

use crate::app::backups;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::system;
use crate::domain::actor::Actor;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::store::measures::{CacheState, Distribution, QueueState};
use crate::store::signing_keys::State;
use crate::store::{self, health};

/// The measures in memory. Reading them costs microseconds.
#[derive(Debug)]
pub struct Measures {
    pub started_at: Timestamp,
    pub queues: Vec<(&'static str, QueueState)>,
    pub caches: Vec<(&'static str, CacheState)>,
    pub batches: Distribution,
    pub commits: Distribution,
    /// None with PostgreSQL.
    pub checkpoints: Option<Distribution>,
    pub sign_ins: Vec<(&'static str, u64)>,
    /// By kind and reason.
    pub refusals: Vec<(&'static str, &'static str, u64)>,
}

/// Facts from the disk and the database.
#[derive(Clone, Debug)]
pub struct Stored {
    /// In bytes.
    pub database: u64,
    /// None with PostgreSQL.
    pub write_ahead_log: Option<u64>,
    /// The bytes of the files of models.
    pub files: u64,
    /// The free bytes of the disk of the data directory.
    pub free: Option<u64>,
    pub last_backup_at: Option<Timestamp>,
    /// When the last backup could not be made, if none was made since.
    pub backup_failed_at: Option<Timestamp>,
    pub key_activated_at: Option<Timestamp>,
    pub key_rotates_at: Option<Timestamp>,
    /// The servers on the database; one for a data file.
    pub servers: usize,
}

/// The version of the compiled-in SQLite.
pub fn sqlite_version() -> &'static str {
    health::sqlite_version()
}

/// Where the data is: `sqlite` or `postgresql`.
pub fn engine(state: &AppState) -> &'static str {
    if state.store.is_file() { "sqlite" } else { "postgresql" }
}

pub fn in_memory(state: &AppState) -> Measures {
    let (writes, done) = state.store.write_queue();
    let credentials = state.credential_cache();
    Measures {
        started_at: state.installation.started_at,
        queues: vec![
            ("writes", writes),
            ("passwords", state.password_pool.state()),
            ("signatures", state.signing_pool.state()),
            ("reads", state.read_pool.state()),
            ("lists", state.list_pool.state()),
            ("files", state.file_pool.state()),
            ("placing", state.place_pool.state()),
        ],
        caches: vec![
            ("responses", state.response_cache().state()),
            ("principals", credentials.principals.state()),
            ("signatures", credentials.signed.state()),
        ],
        batches: done.batches.get(),
        commits: done.commits.get(),
        checkpoints: state.store.is_file().then(|| done.checkpoints.get()),
        sign_ins: state.sign_in_counts().all(),
        refusals: state.refusals().counts(),
    }
}

/// Requires an administrator.
pub async fn stored(state: &AppState, actor: &Actor) -> Result<Stored> {
    system::require(actor)?;
    let (shared, lane) = (state.clone(), Lane::from(actor));
    state.read_pool.run(lane, move || read(&shared)).await?
}

fn read(state: &AppState) -> Result<Stored> {
    let home = &state.installation.home;
    let (database, write_ahead_log) = if let Some(size) = state.store.database_size()? {
        (size, None)
    } else {
        let (database, log) = home.database_sizes();
        (database, Some(log))
    };
    let servers = state.store.nodes()?.map_or(1, |nodes| nodes.len());
    state.store.read(|view| {
        let outcomes = backups::last_outcomes(view)?;
        let failed = outcomes.failed.filter(|failed| outcomes.made.as_ref().is_none_or(|made| made.id < failed.id));
        let keys = store::signing_keys::list(view)?;
        let active = keys.iter().find(|key| key.state == State::Active);
        let key_activated_at = active.map(|key| key.activated_at.unwrap_or(key.created_at));
        Ok(Stored {
            database,
            write_ahead_log,
            files: store::activity::file_bytes(view)?,
            free: home.free_space(),
            last_backup_at: outcomes.made.map(|made| made.at),
            backup_failed_at: failed.map(|failed| failed.at),
            key_activated_at,
            key_rotates_at: key_activated_at.map(|at| at.after(state.key_plan.life)),
            servers,
        })
    })
}
