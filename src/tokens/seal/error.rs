//! Why the master key cannot be read, and why something cannot be sealed or opened.

use std::io;
use std::path::PathBuf;

use crate::domain::invalid::Invalid;

/// What keeps a master key's file from being used; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is a file where a new key was to be written.
    #[error(
        "{} already exists: a master key is never overwritten, because everything sealed under it would be lost",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no file where the key was to be read.
    #[error(
        "the master key {} is missing: restore it from the backup; nothing that it sealed can be opened without it",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others than the file's owner may read or change it.
    #[error(
        "the master key {} can be read or changed by other users (mode {mode:04o}): run `chmod 600 {}`",
        path.display(), path.display()
    )]
    TooWide {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no key.
    #[error("the master key {} is malformed: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The rule that its text breaks.
        reason: Invalid,
    },
    /// The system refused to read or write the file.
    #[error("the master key {} could not be {verb}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Sealing failed, which it does for no value of sane size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal a value")]
pub struct SealFailed;

/// Why a sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was sealed under another master key.
    #[error("sealed under the master key {wanted}, but this is {given}: restore the right master key from the backup")]
    OtherKey {
        /// The id of the key that it was sealed under.
        wanted: String,
        /// The id of the key at hand.
        given: String,
    },
    /// It is not what was sealed, or was sealed for another context.
    #[error("the sealed value is damaged or was sealed for another purpose")]
    Damaged,
    /// It was sealed by a newer release.
    #[error("the sealed value has format {0}, which this release does not support")]
    Format(u8),
}
