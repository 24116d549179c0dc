//! Why a backup was not made, verified or restored. Each message names the next step.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::archive::ArchiveError;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} {source}", path.display())]
    Archive { path: PathBuf, source: ArchiveError },
    #[error("cannot {verb} {}: {source}; {next}", path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error, next: &'static str },
    #[error("{0}")]
    Refused(String),
    /// A server that stops ends the backup that it makes.
    #[error("it was stopped; nothing was left; the next backup is made in its turn")]
    Stopped,
    #[error(transparent)]
    Core(#[from] Error),
}

pub(super) type Result<T> = std::result::Result<T, BackupError>;

impl BackupError {
    pub(super) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        let next = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                "free space on its disk, or choose another place"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose a place that this user can write to"
            }
            io::ErrorKind::NotFound => "check the path, and create its directory first",
            io::ErrorKind::AlreadyExists => "choose another name",
            _ => "check its disk",
        };
        Self::Io { verb, path: path.to_owned(), source, next }
    }

    /// Names the backup in an error of its bytes.
    pub(super) fn at(self, path: &Path) -> Self {
        match self {
            Self::Archive { path: old, source } if old.as_os_str().is_empty() => (path, source).into(),
            other => other,
        }
    }

    /// The text with all causes, for the log.
    pub fn chain(&self) -> String {
        match self {
            Self::Core(error) => error.chain(),
            other => other.to_string(),
        }
    }
}

/// The error of an operation on a path.
pub(super) fn failed(verb: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::io(verb, path, source)
}

impl From<ArchiveError> for BackupError {
    /// The path is added by [`BackupError::at`].
    fn from(source: ArchiveError) -> Self {
        Self::Archive { path: PathBuf::new(), source }
    }
}

impl From<(&Path, ArchiveError)> for BackupError {
    fn from((path, source): (&Path, ArchiveError)) -> Self {
        Self::Archive { path: path.to_owned(), source }
    }
}

impl From<(&Path, io::Error)> for BackupError {
    fn from((path, error): (&Path, io::Error)) -> Self {
        (path, ArchiveError::from(error)).into()
    }
}
