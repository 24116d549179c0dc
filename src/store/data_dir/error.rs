//! Why a data directory cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A data directory that cannot be used. Every message ends with the next step.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// A file system operation failed.
    #[error("cannot {verb} {}: {source}; {next}", path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error, next: &'static str },
    /// There is no database in an existing directory.
    #[error(
        "there is no atelier database in {}; name the directory of your server with --data-dir, \
         or start it once with `atelier serve`",
        path.display()
    )]
    Absent { path: PathBuf },
    /// The directory is for new data, and there is data already.
    #[error("{} is there already; move it away, or choose another directory with --data-dir", path.display())]
    Occupied { path: PathBuf },
    /// The directory is open to other users and contains other files, so its mode is not changed.
    #[error(
        "{} is open to other users (mode {mode:o}) and contains other files; give atelier its own directory with \
         --data-dir, or run chmod 700 on this one",
        path.display()
    )]
    Shared { path: PathBuf, mode: u32 },
    /// The directory is open to other users and belongs to another user. Only that user can change its mode.
    #[error(
        "{} belongs to another user (uid {owner}) and is open to other users (mode {mode:o}), which only its owner can \
         change; use a directory inside it: --data-dir {}",
        path.display(), path.join("atelier").display()
    )]
    Foreign { path: PathBuf, mode: u32, owner: u32 },
    /// A restore was killed before the database was in its place.
    #[error(
        "a restore into {} runs or was interrupted; wait for it, or run `atelier restore` again",
        path.display()
    )]
    HalfRestored { path: PathBuf },
    /// A server that begins anew would hide the loss, and take what is left for its own.
    #[error(
        "{} is missing or empty, but {} of a server is there; restore a backup into another directory, or put the database \
         back; for a new server, give it another directory with --data-dir, or move all of this one away",
        path.display(), left.display()
    )]
    DatabaseLost { path: PathBuf, left: PathBuf },
    #[error(
        "another atelier server{} is using {}; stop it first, or give this one its own directory with --data-dir",
        pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        path.display()
    )]
    Taken {
        path: PathBuf,
        /// The process id of the other server, if it is known.
        pid: Option<u32>,
    },
}

pub type Result<T> = std::result::Result<T, DataDirError>;
