//! The temporary data directory in which a backup is restored to be verified.

use super::error::{BackupError, Result, failed};
use super::temporary::{self, Temporary};
use crate::store::data_dir::DataDir;

const BEGIN: &str = "atelier-verify-";

/// A data directory in `TMPDIR`. It is removed when this is dropped; what a killed process has left is removed by the next
/// verification and by the next start of a server.
#[derive(Debug)]
pub struct Scratch {
    pub home: DataDir,
    _directory: Temporary,
}

impl Scratch {
    pub fn create() -> Result<Self> {
        let folder = std::env::temp_dir();
        if !folder.is_dir() {
            let folder = folder.display();
            return Err(BackupError::Refused(format!(
                "TMPDIR {folder} is not a directory; create it, or set another one"
            )));
        }
        let directory = Temporary::create(&folder, BEGIN).map_err(failed("create a directory in", &folder))?;
        let home = DataDir::open(directory.path()).map_err(|error| BackupError::Refused(error.to_string()))?;
        Ok(Self { home, _directory: directory })
    }
}

pub(super) fn clean_up() {
    temporary::clean(&std::env::temp_dir(), BEGIN);
}
