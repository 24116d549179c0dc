//! Files of a data directory: they belong to the directory's owner, also where the superuser makes them, so that the
//! service whose directory it is can use them.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Opens a file for reading and writing, and makes it, for its owner only, where there is none.
///
/// In a directory of another user a symbolic link is refused: it could lead to any file of the superuser's.
pub fn open_or_make(path: &Path) -> io::Result<File> {
    loop {
        match make(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        let is_own = directory_of(path).metadata()?.uid() == geteuid().as_raw();
        let flags = if is_own { OFlags::empty() } else { OFlags::NOFOLLOW };
        match OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path) {
            // Somebody has removed it since.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {}
            done => return done,
        }
    }
}

/// Makes a file for its owner only; refused where there is one.
pub fn make(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    give_to_owner(&file, path)?;
    Ok(file)
}

/// Gives a file that this process has made to the owner of the directory that it is in.
pub fn give_to_owner(file: &File, path: &Path) -> io::Result<()> {
    give(file, &directory_of(path).metadata()?)
}

/// Makes a directory and those above it, each for its owner only: the owner of the one above it.
pub(super) fn make_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = directory_of(path);
    if above != path {
        make_directories(above)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed();
            let made = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
            give(&made, &above.metadata()?)
        }
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn give(file: &File, like: &Metadata) -> io::Result<()> {
    if geteuid().is_root() && like.uid() != 0 {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    Ok(())
}

pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => path,
    }
}
