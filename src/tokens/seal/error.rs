//! The errors of the master key file, and of sealing and opening values.

use std::io;
use std::path::PathBuf;

use crate::domain::invalid::Invalid;

/// The reasons for which a master key file cannot be used. Each message contains the next step.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A new key must not replace an existing file.
    #[error(
        "{} already exists: a master key is never overwritten, because everything sealed under it would be lost",
        path.display()
    )]
    Exists { path: PathBuf },
    #[error(
        "the master key {} is missing: restore it from the backup; nothing that it sealed can be opened without it",
        path.display()
    )]
    Missing { path: PathBuf },
    /// Users other than the owner may read or change the file.
    #[error(
        "the master key {} can be read or changed by other users (mode {mode:04o}): run `chmod 600 {}`",
        path.display(), path.display()
    )]
    TooWide {
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The file contains no key.
    #[error("the master key {} is malformed: {reason}", path.display())]
    Malformed {
        path: PathBuf,
        /// The rule that the text breaks.
        reason: Invalid,
    },
    /// The operating system refused to read or write the file.
    #[error("the master key {} could not be {verb}", path.display())]
    Io {
        path: PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        source: io::Error,
    },
}

/// Sealing failed. No value of a reasonable size causes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal a value")]
pub struct SealFailed;

/// The reasons for which a sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("sealed under the master key {wanted}, but this is {given}: restore the right master key from the backup")]
    OtherKey {
        /// The id of the key that it was sealed with.
        wanted: String,
        /// The id of the key in use.
        given: String,
    },
    /// The value was changed, or sealed for another context.
    #[error("the sealed value is damaged or was sealed for another purpose")]
    Damaged,
    /// The value was sealed by a newer release.
    #[error("the sealed value has format {0}, which this release does not support")]
    Format(u8),
}
