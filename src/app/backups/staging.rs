//! The directory in which a backup is restored, before it gets the name of the data directory.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::error::{BackupError, Result, failed};
use crate::store::data_dir::{DataDir, RESTORING};
use crate::store::files;

/// A directory beside the data directory, or inside it if it exists: it may be a volume, which cannot be replaced. It is
/// removed when this is dropped.
#[derive(Debug)]
pub struct Staging {
    pub home: DataDir,
    target: PathBuf,
    is_inside: bool,
    is_done: bool,
}

impl Staging {
    /// Refused unless the data directory does not exist or is empty.
    pub fn begin(target: &Path) -> Result<Self> {
        let target = std::path::absolute(target).map_err(failed("find", target))?;
        let is_inside = match entries(&target) {
            Ok(names) if names.is_empty() => true,
            Ok(names) => return Err(not_empty(&target, &names)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(BackupError::io("open", &target, error)),
        };
        let path = if is_inside {
            target.join(RESTORING)
        } else {
            let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files::directory_of(&target).join(format!(".{name}.restore-{}", Uuid::new_v4().simple()))
        };
        // Fails if another restore has begun.
        if is_inside {
            DirBuilder::new().mode(0o700).create(&path).map_err(failed("create", &path))?;
        }
        let home = DataDir::open(&path).map_err(|error| BackupError::Refused(error.to_string()))?;
        Ok(Self { home, target, is_inside, is_done: false })
    }

    /// Gives the directory, whose files are on the disk, its name. The data file comes last: without it, no server takes the
    /// directory for a data directory.
    pub fn finish(mut self) -> Result<()> {
        let from = self.home.path();
        let done = (|| {
            // The folder of uploads is made anew when it is needed.
            let _ = fs::remove_dir(from.join("files/incoming"));
            File::open(from)?.sync_all()?;
            if self.is_inside {
                let mut names = entries(from)?;
                names.sort_by_key(|name| from.join(name) == self.home.database());
                for name in names {
                    fs::rename(from.join(&name), self.target.join(&name))?;
                }
                fs::remove_dir(from)?;
                File::open(&self.target)?.sync_all()
            } else {
                // An empty directory that was created meanwhile is replaced, any other is not.
                fs::rename(from, &self.target)?;
                File::open(files::directory_of(&self.target))?.sync_all()
            }
        })();
        done.map_err(failed("put the restored files into", &self.target))?;
        self.is_done = true;
        Ok(())
    }
}

/// The names in a directory, but not what a new volume has.
fn entries(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "lost+found" {
            names.push(name);
        }
    }
    Ok(names)
}

fn not_empty(target: &Path, names: &[String]) -> BackupError {
    let shown = target.display();
    if let Ok(Some(holder)) = DataDir::at(target).holder() {
        let process = holder.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        return BackupError::Refused(format!(
            "a server{process} is using {shown}; restore into another directory, or stop the server and move the directory \
             away"
        ));
    }
    if names.iter().any(|name| name == RESTORING) {
        return BackupError::Refused(format!(
            "another restore into {shown} runs or was interrupted; wait for it, or remove what is in the directory"
        ));
    }
    BackupError::Refused(format!(
        "{shown} is not empty, and a restore overwrites nothing; restore into another directory, or move this one away"
    ))
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        if let Err(error) = fs::remove_dir_all(self.home.path()) {
            log::warn!("cannot remove {}: {error}; delete it", self.home.path().display());
        }
    }
}
