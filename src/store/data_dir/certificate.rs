//! The place of the certificate that the server signs itself.

use std::path::PathBuf;

use super::DataDir;

impl DataDir {
    /// The files of the certificate that the server signs itself, and of its key.
    pub fn self_signed(&self) -> (PathBuf, PathBuf) {
        (self.path.join("self-signed.pem"), self.path.join("self-signed.key"))
    }
}
