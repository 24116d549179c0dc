//! Backups as files: a tar file, which a passphrase may seal, and a directory with many of them.
//!
//! The first part is the label, the last are the manifest and its SHA-256. It knows bytes and names, but not what the data
//! file means.

mod folder;
mod names;
mod new_file;
mod read;
mod write;

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use crate::domain::model::Sha256;
use crate::domain::timestamp::Timestamp;
use crate::tokens::sealed_file::SealedFileError;

pub use folder::{Folder, FolderLock, Listed};
pub use new_file::NewFile;
pub use read::{ArchiveReader, Sealed, peek};
pub use write::ArchiveWriter;

/// The version of the format. A newer one is refused.
pub const FORMAT: u32 = 1;

const LABEL: &str = "backup.json";
const FILES: &str = "files.txt";
const DATABASE: &str = "atelier.db";
const KEY: &str = "master.key";
const MANIFEST: &str = "manifest.json";
const CHECK: &str = "manifest.sha256";
const MODELS: &str = "files/";

/// What is known of a backup without its passphrase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The schema version of the data file.
    pub schema: u32,
    pub made_at: String,
    /// Which server it is of. A restored server goes on with the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

impl Label {
    /// The moment of the backup: everything that was acknowledged before is in it.
    pub fn made_at(&self) -> Option<Timestamp> {
        Timestamp::parse(&self.made_at).ok()
    }
}

/// A part of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The files of models that the data file refers to, one on a line: SHA-256 and size.
    Files,
    Database,
    /// The master key, or with its id an older one.
    Key(Option<String>),
    Model(Sha256),
}

impl Part {
    fn name(&self) -> String {
        match self {
            Self::Files => FILES.to_owned(),
            Self::Database => DATABASE.to_owned(),
            Self::Key(None) => KEY.to_owned(),
            Self::Key(Some(id)) => format!("{KEY}.{id}"),
            // As in a data directory.
            Self::Model(sha256) => {
                let name = sha256.to_string();
                format!("{MODELS}{}/{name}", name.get(..2).unwrap_or_default())
            }
        }
    }

    /// The part of this name. None for any other name, such as one with `..` in it.
    fn parse(name: &str) -> Option<Self> {
        let is_id = |id: &&str| id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let part = match name {
            FILES => Self::Files,
            DATABASE => Self::Database,
            KEY => Self::Key(None),
            _ => match name.strip_prefix(MODELS) {
                // The first backups had no folders.
                Some(sha256) if !sha256.contains('/') => return Some(Self::Model(sha256.parse().ok()?)),
                Some(path) => Self::Model(path.split_once('/')?.1.parse().ok()?),
                None => Self::Key(name.strip_prefix(KEY)?.strip_prefix('.').filter(is_id).map(str::to_owned)?.into()),
            },
        };
        (part.name() == name).then_some(part)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    pub name: String,
    pub size: u64,
    pub sha256: String,
}

/// Where the files of models are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesPlace {
    /// In the backup.
    Inside,
    /// In the folder `files` beside it.
    Beside,
    /// They were left out.
    Nowhere,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRecord {
    pub place: FilesPlace,
    pub count: u64,
    pub bytes: u64,
    /// Files whose models were deleted while the backup was made.
    pub deleted: Vec<String>,
    /// Files that the server did not have.
    pub missing: Vec<String>,
    /// Files whose bytes did not have their SHA-256.
    pub damaged: Vec<String>,
}

impl FilesRecord {
    /// Whether the backup does not have this file.
    pub fn lacks(&self, sha256: &Sha256) -> bool {
        let name = sha256.to_string();
        [&self.deleted, &self.missing, &self.damaged].iter().any(|list| list.contains(&name))
    }
}

/// Everything that a backup says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(flatten)]
    pub label: Label,
    /// The number of rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// The newest audit row, and its hash; none before schema version 6.
    pub audit_row: Option<i64>,
    pub audit_hash: Option<String>,
    pub files: FilesRecord,
    /// Every part but the files of models, whose names are their SHA-256.
    pub parts: Vec<PartRecord>,
}

/// Why a backup cannot be read. Each message names the next step.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("is not a backup of atelier; `atelier backup list DIR` shows the backups of a directory")]
    NotABackup,
    #[error("has format {0}, which is newer than this atelier; use the atelier that made it")]
    Newer(u32),
    #[error("is sealed; give the file of its passphrase with --passphrase-file")]
    Sealed,
    #[error(
        "does not open: the passphrase is wrong, or the file is damaged at its beginning; give the passphrase that it was made with"
    )]
    WrongPassphrase,
    #[error("is damaged: {0}; use another backup")]
    Damaged(String),
    #[error("cannot be read: {0}; check its path, its mode and its disk")]
    Unreadable(io::Error),
}

impl From<io::Error> for ArchiveError {
    /// Only what the operating system says is no damage.
    fn from(error: io::Error) -> Self {
        let sealed = error.get_ref().and_then(|inner| inner.downcast_ref::<SealedFileError>());
        match sealed {
            Some(SealedFileError::WrongPassphrase) => Self::WrongPassphrase,
            _ if error.raw_os_error().is_some() => Self::Unreadable(error),
            _ if error.kind() == io::ErrorKind::UnexpectedEof => Self::Damaged("it is cut off".to_owned()),
            _ => Self::Damaged(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
