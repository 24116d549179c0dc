//! The directory in which a backup is restored, before it gets the name of the data directory.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::{BackupError, Result, failed};
use super::temporary::{self, Temporary};
use crate::store::data_dir::{DataDir, RESTORING};
use crate::store::files;

/// A directory beside the data directory, or inside it if it exists: it may be a volume, which cannot be replaced. It is
/// removed when this is dropped; what a killed process has left is removed by the next restore.
#[derive(Debug)]
pub struct Staging {
    pub home: DataDir,
    directory: Temporary,
    target: PathBuf,
    is_inside: bool,
}

impl Staging {
    /// Refused unless the data directory does not exist, is empty, or has only what a killed restore has left.
    pub fn begin(target: &Path) -> Result<Self> {
        let target = std::path::absolute(target).map_err(failed("find", target))?;
        let left = match entries(&target) {
            Ok(names) => Some(left_by_killed(&target, names)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(BackupError::io("open", &target, error)),
        };
        let is_inside = left.is_some();
        let directory = if let Some(left) = left {
            let path = target.join(RESTORING);
            let taken = Temporary::take(&path).map_err(failed("create", &path))?;
            let taken = taken.ok_or_else(|| another_restores(&target))?;
            remove_left(&target, &left)?;
            taken
        } else {
            let folder = files::directory_of(&target);
            Temporary::create(folder, &beginning(&target)).map_err(failed("create a directory in", folder))?
        };
        let home = DataDir::open(directory.path()).map_err(|error| BackupError::Refused(error.to_string()))?;
        Ok(Self { home, directory, target, is_inside })
    }

    /// Gives the directory, whose files are on the disk, its name. The data file comes last: without it, no server takes the
    /// directory for a data directory.
    pub fn finish(self) -> Result<()> {
        let Self { home, directory, target, is_inside } = self;
        let from = home.path();
        let done = (|| {
            // The folder of uploads is made anew when it is needed.
            let _ = fs::remove_dir(from.join("files/incoming"));
            File::open(from)?.sync_all()?;
            if is_inside {
                // It was made by somebody else, and now gets secrets.
                fs::set_permissions(&target, Permissions::from_mode(0o700))?;
                let mut names = entries(from)?;
                names.sort_by_key(|name| from.join(name) == home.database());
                for name in names {
                    fs::rename(from.join(&name), target.join(&name))?;
                }
                drop(directory);
                File::open(&target)?.sync_all()
            } else {
                // An empty directory that was created meanwhile is replaced, any other is not.
                directory.keep_as(&target)?;
                File::open(files::directory_of(&target))?.sync_all()
            }
        })();
        done.map_err(failed("put the restored files into", &target))
    }
}

/// The beginning of the name of a directory beside this one.
fn beginning(target: &Path) -> String {
    format!(".{}.restore-", target.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what killed restores have left beside the data directory of a server, and in it.
pub(super) fn clean_up(home: &DataDir) {
    let Ok(path) = std::path::absolute(home.path()) else { return };
    temporary::clean(files::directory_of(&path), &beginning(&path));
    // Its files were already in their places.
    let _ = fs::remove_dir(path.join(RESTORING));
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

/// The names in a directory, all of which a killed restore has left. Refused if there are others, or a restore runs.
fn left_by_killed(target: &Path, names: Vec<String>) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(names);
    }
    let shown = target.display();
    if let Ok(Some(holder)) = DataDir::at(target).holder() {
        let process = holder.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        return Err(BackupError::Refused(format!(
            "a server{process} is using {shown}; restore into another directory, or stop the server and move the directory \
             away"
        )));
    }
    let restoring = DataDir::at(target.join(RESTORING));
    // It was killed while it put the files into their places, of which the data file is the last.
    let is_half_done = restoring.database().exists();
    let key = DataDir::at(target).master_key();
    let key = key.file_name().unwrap_or_default().to_string_lossy();
    let is_left = |name: &String| {
        let end = name.strip_prefix(&*key);
        let is_restored = name == "files" || end.is_some_and(|end| end.is_empty() || end.starts_with('.'));
        name == RESTORING || is_half_done && is_restored && fs::symlink_metadata(restoring.path().join(name)).is_err()
    };
    if names.iter().all(is_left) {
        return Ok(names);
    }
    Err(not_empty(target))
}

/// Removes these names. The caller holds the lock of restores into the directory.
fn remove_left(target: &Path, names: &[String]) -> Result<()> {
    // Another restore has ended meanwhile.
    if DataDir::at(target).database().exists() {
        return Err(not_empty(target));
    }
    for path in names.iter().filter(|name| *name != RESTORING).map(|name| target.join(name)) {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(failed("remove", &path))?;
    }
    Ok(())
}

fn not_empty(target: &Path) -> BackupError {
    BackupError::Refused(format!(
        "{} is not empty, and a restore overwrites nothing; restore into another directory, or move this one away",
        target.display()
    ))
}

fn another_restores(target: &Path) -> BackupError {
    BackupError::Refused(format!("another restore into {} runs; wait until it has ended", target.display()))
}
