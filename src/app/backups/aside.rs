//! Sets damaged files of models aside in a directory of backups, so that the next backup copies them anew. A backup itself
//! does not read the files that are there.

use std::path::Path;

use super::error::{Result, failed};
use super::observer::Observer;
use super::target::lock;
use super::unpack::{ModelsTo, Unpacked, read_one};
use crate::domain::model::StoredFile;
use crate::files::archive::Folder;
use crate::store::files::directory_of;
use crate::tokens::sealed_file::Passphrase;

/// Renames the damaged files beside a backup. Returns how many there were.
///
/// Refused while another process adds to the directory.
pub fn set_aside(
    backup: &Path,
    unpacked: &Unpacked,
    passphrase: Option<&Passphrase>,
    observer: &dyn Observer,
) -> Result<usize> {
    let folder = Folder::at(directory_of(backup).to_owned());
    let lock = lock(&folder)?;
    // The files beside a backup that is not sealed are not sealed either.
    let passphrase = passphrase.filter(|_| unpacked.sealed.0);
    let mut number = 0;
    for sha256 in &unpacked.absent {
        // A backup may have healed it meanwhile. Its size is not looked at.
        let file = StoredFile { sha256: *sha256, size: 0 };
        if !read_one(&folder, &file, passphrase, ModelsTo::Nowhere, observer)? {
            let failed = failed("rename a damaged file in", folder.path());
            number += usize::from(folder.set_aside(&lock, sha256, passphrase).map_err(failed)?);
        }
    }
    Ok(number)
}
