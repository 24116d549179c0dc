//! Files, each stored once under the SHA-256 of its bytes: in a folder of the data directory, or in object storage.
//!
//! It knows bytes and places, but not who may read a file or what refers to it: no SQL, no HTTP.

pub mod archive;
mod directories;
mod incoming;
mod local;
mod object;

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use crate::domain::model::Sha256;
use crate::error::{DiskFault, Error, Result};

pub use directories::{rename_new, sync_folder};
pub use incoming::{Incoming, Limit, Spool, Spooled};
pub use object::ObjectSettings;

/// The place of the files. Its methods may block.
pub trait FileStore: Send + Sync + fmt::Debug {
    /// Stores a file under its SHA-256. When this returns, the file survives a loss of power. A file that is there
    /// already is replaced by the same bytes, which heals a damaged one.
    ///
    /// It may be called again for the same file, also after [`FileStore::remove`].
    fn place(&self, file: &mut Spooled) -> Result<()>;

    /// Reads the bytes of a range, which must be within the file. `None` if the file does not exist.
    fn open(&self, sha256: &Sha256, range: Range<u64>) -> Result<Option<Box<dyn Read + Send>>>;

    /// The size of a file, in bytes. `None` if it does not exist.
    fn size(&self, sha256: &Sha256) -> Result<Option<u64>>;

    /// Removes a file. Nothing happens if it does not exist.
    fn remove(&self, sha256: &Sha256) -> Result<()>;

    /// Calls `each` with every file in the store, until that fails.
    fn list(&self, each: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()>;
}

/// An entry of [`FileStore::list`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listed {
    File {
        sha256: Sha256,
        /// In bytes.
        size: u64,
    },
    /// Something else than a file of the store, by its name.
    Other(String),
}

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a folder of the data directory.
    Local,
    /// In S3-compatible object storage.
    Object(ObjectSettings),
}

/// Opens the store of a data directory and its spool. Their folders are created with the first file.
pub fn open(data_dir: &Path, place: &Place) -> Result<(Box<dyn FileStore>, Spool)> {
    let folder = data_dir.join("files");
    let spool = Spool::at(folder.join(incoming::FOLDER));
    Ok(match place {
        Place::Local => (Box::new(local::LocalFiles::at(folder)), spool),
        Place::Object(settings) => (Box::new(object::ObjectFiles::connect(settings)?), spool),
    })
}

/// The error of a disk.
fn disk_error(what: &str, path: &Path, error: &io::Error) -> Error {
    let fault = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => DiskFault::Full,
        _ => DiskFault::Failing,
    };
    Error::disk(fault, format!("cannot {what} {}: {error}", path.display()))
}
