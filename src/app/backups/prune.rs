//! Removes old backups from a directory.

use std::collections::BTreeSet;

use super::error::{Result, failed};
use super::target::{lock, server_of};
use super::unpack::referenced;
use crate::domain::backup::Keep;
use crate::domain::timestamp::Timestamp;
use crate::files::archive::Folder;
use crate::store::data_dir::DataDir;
use crate::tokens::sealed_file::Passphrase;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub backups: usize,
    pub files: usize,
}

/// Removes the backups of this server that are not kept, and the files of models that no other archive of the directory
/// refers to, whatever its name. If one cannot be read, no file is removed.
pub fn prune(folder: &Folder, home: &DataDir, keep: Keep, passphrase: Option<&Passphrase>) -> Result<Pruned> {
    let lock = lock(folder)?;
    let server = server_of(home)?;
    let mut all = folder.list().map_err(failed("list", folder.path()))?;
    all.retain(|backup| backup.server().is_some() && backup.server() == server.as_deref());
    let chosen = keep.choose(&all.iter().map(|backup| backup.made_at).collect::<Vec<Timestamp>>());
    let mut pruned = Pruned::default();
    for (backup, is_kept) in all.into_iter().zip(chosen) {
        if !is_kept {
            folder.remove(&lock, &backup).map_err(failed("remove", &backup.path))?;
            pruned.backups += 1;
        }
    }
    if pruned.backups == 0 {
        return Ok(pruned);
    }
    let mut needed = BTreeSet::new();
    for archive in folder.archives().map_err(failed("list", folder.path()))? {
        if let Err(error) = referenced(&archive, passphrase, &mut needed) {
            log::warn!("{error}; no file of a model was removed from {}", folder.path().display());
            return Ok(pruned);
        }
    }
    pruned.files = folder.remove_other_models(&lock, &needed).map_err(failed("remove files from", folder.path()))?;
    Ok(pruned)
}
