//! Backups: made while a server writes, examined by restoring them, and restored as another server's beginning.

mod aside;
mod error;
mod examine;
mod make;
mod models;
mod observer;
mod prune;
mod scratch;
mod staging;
mod target;
mod temporary;
mod unpack;
mod workplace;

use serde_json::{Value, json};

use crate::app::identity::sessions;
use crate::app::{audit, keys, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditSearch, ObjectKind, Recorded};
use crate::domain::backup::{ID_MARGIN, ids_after};
use crate::domain::ids::KeyId;
use crate::domain::key::Key;
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::files::archive::Manifest;
use crate::policy::Action;
use crate::store::{self, Tx, View};

pub use crate::files::archive::Listed;
pub use aside::set_aside;
pub use error::BackupError;
pub use examine::{Examined, examine};
pub use make::{Made, Plan, Target, make};
pub use observer::Observer;
pub use prune::{Pruned, prune};
pub use scratch::Scratch;
pub use staging::Staging;
pub use target::{require_directory, require_outside, require_own, server_of};
pub use unpack::{ModelsTo, Unpacked, unpack};
pub use workplace::clean_up;

const CREATE: &str = "backups.create";
const FAIL: &str = "backups.fail";

/// The number of keys in one read.
const PAGE: u32 = 500;

/// Records a backup that was made.
pub fn note_made(tx: &Tx, actor: &Actor, made: &Made) -> Result<()> {
    let after = json!({
        "path": made.path.display().to_string(),
        "made_at": made.label.made_at,
        "size": made.size,
        "sealed": made.sealed,
        "files": made.files.count,
        "missing_files": made.files.missing.len(),
        "damaged_files": made.files.damaged.len(),
    });
    audit::record(tx, actor, "backups.create", (ObjectKind::Backup, &made.label.made_at), (Value::Null, after))
}

/// Records that somebody downloads a backup of the directory.
///
/// Requires an administrator.
pub fn note_download(tx: &Tx, actor: &Actor, backup: &Listed) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Backup, backup.name())?;
    let after = json!({ "file": backup.name(), "size": backup.size, "sealed": backup.sealed });
    audit::record(tx, actor, "backups.download", (ObjectKind::Backup, backup.made_at), (Value::Null, after))
}

/// Records that the server could not make a backup. A failure that is already the last outcome is not recorded again.
pub fn note_failed(tx: &Tx, actor: &Actor, cause: &str) -> Result<()> {
    let last = last_outcomes(tx)?;
    let is_known = last.failed.as_ref().is_some_and(|failed| {
        let is_last = last.made.as_ref().is_none_or(|made| made.id < failed.id);
        is_last && failed.after.as_deref() == Some(&json!({ "cause": cause }).to_string())
    });
    if is_known {
        return Ok(());
    }
    let change = (Value::Null, json!({ "cause": cause }));
    audit::record(tx, actor, "backups.fail", (ObjectKind::Backup, tx.now), change)
}

/// The last backup that was made, and the last that failed.
pub struct Outcomes {
    pub made: Option<Recorded>,
    pub failed: Option<Recorded>,
}

pub fn last_outcomes(view: &View) -> Result<Outcomes> {
    let last = |verb: &str| {
        let search =
            AuditSearch { from: Some(Timestamp::EARLIEST), verbs: vec![verb.to_owned()], ..AuditSearch::default() };
        let page = audit::page(view, &Actor::operator(), &search, Page { after: None, limit: 1 })?;
        Ok::<_, crate::error::Error>(page.items.into_iter().next())
    };
    Ok(Outcomes { made: last(CREATE)?, failed: last(FAIL)? })
}

/// What was changed in a restored data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub sessions: usize,
    pub revoked_keys: usize,
}

/// Prepares a restored data file, so that nothing that was given out after the backup means something else: ids go on far
/// after those of the backup, and all sessions and links end. Revokes every key, too, if `and_keys`.
///
/// Requires the operator.
pub fn settle(tx: &Tx, actor: &Actor, manifest: &Manifest, and_keys: bool) -> Result<Settled> {
    let ids_after = ids_after(tx.now);
    store::backups::move_ids_ahead(tx, ids_after, ID_MARGIN)?;
    let sessions = sessions::end_everybodys(tx, actor)?;
    // One that was used after the backup must not work again.
    let links = store::links::delete_all(tx)?;
    let mut revoked_keys = 0;
    if and_keys {
        let mut live = Vec::new();
        for_each_live_key(tx, |key| {
            live.push(key.id);
            Ok(())
        })?;
        for id in &live {
            keys::revoke(tx, actor, *id)?;
        }
        revoked_keys = live.len();
    }
    let before = json!({
        "made_at": manifest.label.made_at,
        "program": manifest.label.program,
        "schema": manifest.label.schema,
        "audit_row": manifest.audit_row,
        "audit_hash": manifest.audit_hash,
    });
    let after = json!({ "sessions_ended": sessions, "keys_revoked": revoked_keys, "ids_after": ids_after,
                        "links_deleted": links });
    let object = (ObjectKind::Backup, &manifest.label.made_at);
    audit::record(tx, actor, "backups.restore", object, (before, after))?;
    Ok(Settled { sessions, revoked_keys })
}

/// Calls `each` with every key that is valid, by id.
pub fn for_each_live_key(view: &View, mut each: impl FnMut(&Key) -> Result<()>) -> Result<()> {
    let mut after = KeyId(0);
    loop {
        let page = store::keys::list_after(view, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        page.iter().filter(|key| key.is_live(view.now)).try_for_each(&mut each)?;
    }
}

#[cfg(test)]
mod tests;
