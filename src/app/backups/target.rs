//! Whether a place is fit for a backup.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::{BackupError, Result, failed};
use crate::error::Result as Done;
use crate::files::archive::{Folder, FolderLock};
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;
use crate::store::schema::{self, SchemaState};
use crate::store::{View, health};
use crate::tokens::tags::TagKey;

/// The length of the id of a server.
const ID: usize = 24;

/// The id of a server in its backups. A restored server has the same.
pub(super) fn id_of(view: &View) -> Done<String> {
    Ok(TagKey::new(&health::secret(view)?).tag("server", "backup", ID))
}

/// The id of the server of a data directory. None if the data file is none of atelier's.
pub fn server_of(home: &DataDir) -> Done<Option<String>> {
    inspect(&home.database(), |view| match schema::state(view)? {
        SchemaState::Current | SchemaState::Older(_) => id_of(view).map(Some),
        _ => Ok(None),
    })
}

/// Refuses a place inside the data directory, in which it would be lost with the data.
pub fn require_outside(home: &DataDir, path: &Path) -> Result<()> {
    let id = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    let absolute = std::path::absolute(path).map_err(failed("find", path))?;
    let is_inside = match id(home.path()) {
        // It does not exist yet.
        Err(_) => std::path::absolute(home.path()).is_ok_and(|home| absolute.starts_with(home)),
        Ok(inside) => {
            // What does not exist yet is where its nearest directory is. Links and mounts are followed.
            let above = absolute.ancestors().find_map(|above| above.canonicalize().ok());
            above.iter().flat_map(|above| above.ancestors()).any(|above| id(above).is_ok_and(|id| id == inside))
        }
    };
    if !is_inside {
        return Ok(());
    }
    Err(BackupError::Refused(format!(
        "{} is inside the data directory {}; choose another place for backups, best on another disk",
        path.display(),
        home.path().display()
    )))
}

/// Refuses a directory with backups of another server, whose files could be taken for those of this one, and one with sealed
/// backups if this one would not be sealed.
pub fn require_own(folder: &Folder, home: &DataDir, is_sealed: bool) -> Result<()> {
    let all = match folder.list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        all => all.map_err(failed("list", folder.path()))?,
    };
    let path = folder.path().display();
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(server) = server_of(home)?
        && let Some(foreign) = all.iter().find(|backup| backup.server().is_some_and(|other| other != server))
    {
        return Err(BackupError::Refused(format!(
            "{path} has backups of another server, such as {}; give the backups of this one a directory of their own",
            name(&foreign.path)
        )));
    }
    if !is_sealed && let Some(sealed) = all.iter().find(|backup| backup.sealed) {
        return Err(BackupError::Refused(format!(
            "{path} has sealed backups, such as {}, and this one would not be sealed; seal it with --passphrase-file \
             (backup_passphrase_file), or choose another directory",
            name(&sealed.path)
        )));
    }
    Ok(())
}

/// Refuses a data directory, which has files of models under the same names, and links to such folders.
pub fn require_directory(folder: &Folder) -> Result<()> {
    let path = folder.path();
    if DataDir::at(path).database().exists() {
        return Err(BackupError::Refused(format!(
            "{} is a data directory; give backups a directory of their own, best on another disk",
            path.display()
        )));
    }
    // A disk that cannot be read is told when the directory is used.
    if let Ok(Some(link)) = folder.link() {
        return Err(BackupError::Refused(format!(
            "{} is a symbolic link, and may lead to the files of another server; remove the link, or choose another \
             directory for backups",
            link.display()
        )));
    }
    Ok(())
}

/// Locks a directory, which is created if it does not exist.
pub(super) fn lock(folder: &Folder) -> Result<FolderLock> {
    require_directory(folder)?;
    folder.create().map_err(failed("create", folder.path()))?;
    folder.lock().map_err(failed("write to", folder.path()))?.ok_or_else(|| {
        BackupError::Refused(format!(
            "another process makes or removes backups in {}; wait until it is finished",
            folder.path().display()
        ))
    })
}
