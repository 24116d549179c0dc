//! What administrators see of the server: its sizes, its backups and its keys, and what is left to do after the first start.

use std::io;
use std::sync::Arc;

use crate::app::backups::{self, Outcomes};
use crate::app::checks::{self, Finding, Level};
use crate::app::files::Download;
use crate::app::identity::signing_keys::{self, Rotated};
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::noun::Noun;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::files::archive::{Folder, Listed};
use crate::policy::Action;
use crate::store::measures::QueueState;
use crate::store::signing_keys::Record;
use crate::store::{self, View, second_factors};

/// The administrators that are looked at.
const MAX_ADMINISTRATORS: u32 = 200;

/// What the file system tells. It is read on the threads for files, since a disk may be slow.
#[derive(Debug)]
pub struct OnDisk {
    /// In bytes.
    pub database: u64,
    pub write_ahead_log: u64,
    pub free: Option<u64>,
    /// The backups of the directory, the newest first, or why they cannot be listed.
    pub backups: std::result::Result<Vec<Listed>, String>,
}

/// What the server and its data file tell.
#[derive(Debug)]
pub struct Facts {
    pub started_at: Timestamp,
    /// The bytes of the files of models.
    pub files: u64,
    pub writes: QueueState,
    /// The servers on the database; none if the data is in a file.
    pub servers: Option<usize>,
    pub signing_keys: Vec<Record>,
    pub last_backup: Option<Finding>,
    pub first_steps: Vec<Finding>,
}

/// Requires an administrator.
pub fn require(actor: &Actor) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Backup, "of the server")
}

/// Requires an administrator.
pub async fn on_disk(state: &AppState, actor: &Actor) -> Result<OnDisk> {
    require(actor)?;
    let installation = state.installation.clone();
    let read = move || {
        let (database, write_ahead_log) = installation.home.database_sizes();
        let folder = installation.backups.settings().map(|settings| &settings.folder);
        let listed = folder.map_or_else(|| Ok(Vec::new()), Folder::list);
        let backups = match listed {
            Ok(mut found) => {
                found.reverse();
                Ok(found)
            }
            // The first backup creates the directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(format!("cannot list the directory of the backups: {error}")),
        };
        OnDisk { database, write_ahead_log, free: installation.home.free_space(), backups }
    };
    state.file_pool.run(Lane::from(actor), read).await
}

/// Requires an administrator.
pub fn facts(state: &AppState, view: &View, actor: &Actor) -> Result<Facts> {
    require(actor)?;
    let (writes, _) = state.store.write_queue();
    let schedule = state.installation.backups.settings().and_then(|settings| settings.schedule);
    Ok(Facts {
        started_at: state.installation.started_at,
        files: store::activity::file_bytes(view)?,
        writes,
        servers: state.store.nodes()?.map(|nodes| nodes.len()),
        signing_keys: signing_keys::list(view)?,
        last_backup: if state.store.is_file() {
            checks::last_backup(schedule, &backups::last_outcomes(view)?, view.now)
        } else {
            None
        },
        first_steps: first_steps(state, view, actor)?,
    })
}

/// What everybody should do who runs a server, whether it is done or not.
///
/// Requires an administrator.
pub fn first_steps(state: &AppState, view: &View, actor: &Actor) -> Result<Vec<Finding>> {
    require(actor)?;
    let installation = &state.installation;
    let administrators = second_factors::of_administrators(view, MAX_ADMINISTRATORS)?;
    let without: Vec<&str> =
        administrators.iter().filter(|(_, has_factor)| !has_factor).map(|(email, _)| email.as_str()).collect();
    let schedule = installation.backups.settings().and_then(|settings| settings.schedule);
    let outcomes: Outcomes = backups::last_outcomes(view)?;
    let url = state.issuers.public_url();
    Ok(vec![
        checks::second_factors(&without),
        checks::public_url(installation.open, url, installation.has_trusted_hosts),
        checks::https(installation.open, url),
        if state.store.is_file() {
            checks::recent_backup(schedule, &outcomes, view.now)
        } else {
            checks::backup_of_postgres()
        },
        checks::second_administrator(administrators.len()),
    ])
}

/// How many of the first steps are left to do. Nothing for those who are not administrators.
pub fn open_steps(state: &AppState, view: &View, actor: &Actor) -> Result<usize> {
    if !standing::sees_everything(actor) {
        return Ok(0);
    }
    Ok(first_steps(state, view, actor)?.iter().filter(|step| step.level != Level::Ok).count())
}

/// Makes a backup now, on the thread for backups, which records its outcome.
///
/// Requires an administrator. Refused for data in PostgreSQL, without a directory for backups, and while one is being made.
pub async fn make_backup(state: &AppState, actor: &Actor) -> Result<()> {
    let (control, is_file) = (state.installation.backups.clone(), state.store.is_file());
    state
        .read_as(actor, move |_, actor| {
            require(actor)?;
            if !is_file {
                let rule =
                    "the server makes no backups of PostgreSQL; use `pg_dump`, or the tools of your PostgreSQL service";
                return Err(Error::Refused { rule });
            }
            control.request(actor)
        })
        .await
}

/// Rotates the signing keys now.
///
/// Requires an administrator.
pub async fn rotate_keys(state: &AppState, actor: &Actor) -> Result<Rotated> {
    let actor = state.read_as(actor, |_, actor| require(actor).map(|()| actor.clone())).await?;
    let (store, master_key, rsa_bits) = (state.store.clone(), state.master_key.clone(), state.key_plan.rsa_bits);
    let lane = Lane::from(&actor);
    state.read_pool.run(lane, move || signing_keys::rotate(&store, &master_key, &actor, rsa_bits)).await?
}

/// Sends a backup of the directory, and records that.
///
/// Requires an administrator. Refused for a name that is not in the list.
pub async fn download_backup(state: &AppState, actor: &Actor, name: &str) -> Result<(Arc<Listed>, Download)> {
    require(actor)?;
    let missing = || Error::not_found(Noun::Backup, name);
    let folder = state.installation.backups.settings().map(|settings| settings.folder.clone());
    let folder = folder.ok_or_else(missing)?;
    let wanted = name.to_owned();
    let open = move || -> io::Result<_> {
        let Some(mut found) = folder.list()?.into_iter().find(|backup| backup.name() == wanted) else {
            return Ok(None);
        };
        let file = found.open()?;
        found.size = file.metadata()?.len();
        Ok(Some((found, file)))
    };
    let opened = state.file_pool.run(Lane::from(actor), open).await?;
    let (backup, file) = match opened {
        Ok(opened) => opened.ok_or_else(missing)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(Error::internal(format!("cannot read the backup {name}: {error}"))),
    };
    let backup = Arc::new(backup);
    let noted = backup.clone();
    state.write_as(actor, move |tx, actor| backups::note_download(tx, actor, &noted)).await?;
    let download = Download::of(state, actor, format!("the backup {name}"), Box::new(file), backup.size)?;
    Ok((backup, download))
}
