//! Files of a data directory. They belong to the directory's owner even if the superuser creates them, so that the
//! service that owns the directory can use them.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Opens a file for reading and writing. Creates it with access for its owner only if it does not exist.
///
/// Refuses a symbolic link in a directory of another user: it could lead to any file of the superuser's.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    loop {
        match create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        let is_own = directory_of(path).metadata()?.uid() == geteuid().as_raw();
        let flags = if is_own { OFlags::empty() } else { OFlags::NOFOLLOW };
        match OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path) {
            // Another process has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {}
            done => return done,
        }
    }
}

/// Creates a file with access for its owner only. Fails if it exists.
pub fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    change_to_directory_owner(&file, path)?;
    Ok(file)
}

/// Changes the owner of a file that this process has created to the owner of its directory.
pub fn change_to_directory_owner(file: &File, path: &Path) -> io::Result<()> {
    change_owner(file, &directory_of(path).metadata()?)
}

/// Creates a directory and its parents with access for their owner only. Each gets the owner of its parent.
pub fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = directory_of(path);
    if parent != path {
        create_directories(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed();
            let created = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
            change_owner(&created, &parent.metadata()?)
        }
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a directory with access for its owner only, or closes the one that exists to others.
///
/// Refuses a symbolic link in a directory of another user.
pub(in crate::store) fn private_directory(path: &Path) -> io::Result<()> {
    create_directories(path)?;
    let is_own = directory_of(path).metadata()?.uid() == geteuid().as_raw();
    let flags = if is_own { OFlags::DIRECTORY } else { OFlags::NOFOLLOW | OFlags::DIRECTORY };
    let folder = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let mode = folder.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        folder.set_permissions(Permissions::from_mode(0o700))?;
        log::warn!("{} was open to other users (mode {:o}); changed it to mode 700", path.display(), mode & 0o7777);
    }
    Ok(())
}

fn change_owner(file: &File, like: &Metadata) -> io::Result<()> {
    if geteuid().is_root() && like.uid() != 0 {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    Ok(())
}

pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// The file of SQLite's beside a data file: its write-ahead log `-wal` or its shared memory `-shm`.
pub(in crate::store) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(end);
    beside.into()
}
