//! Copies a data file before an upgrade, and on the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::kept::{self, disk_error};
use super::watcher::{Watcher, Work};
use crate::error::{Error, Result};
use crate::store::data_dir::files;
use crate::store::engine::copy::copy_pages;
use crate::store::engine::open;
use crate::store::engine::schema::VERSION;

/// Copies the data file, with its write-ahead log, in the state of the last commit. The copy is on the disk afterwards.
/// It replaces an older one of the same name.
///
/// The caller holds the lock of writers, so that nothing is written meanwhile.
pub(super) fn keep(data_file: &Path, watcher: &Watcher) -> Result<PathBuf> {
    let target = kept::path(data_file, VERSION);
    let folder = kept::folder(data_file);
    files::private_directory(&folder).map_err(|error| disk_error(&folder, &error))?;
    let part = target.with_extension("part");
    let source = Connection::open_with_flags(data_file, open::reading_flags())?;
    open::for_inspection(&source)?;
    let kept = copy(&source, &part, watcher).and_then(|()| {
        let synced = fs::rename(&part, &target)
            .and_then(|()| sync(&folder))
            // The directory may be new.
            .and_then(|()| sync(files::directory_of(&folder)));
        synced.map_err(|error| disk_error(&target, &error))
    });
    if kept.is_err() {
        // A part of a copy is of no use.
        let _ = fs::remove_file(&part);
    }
    kept.map(|()| target)
}

/// Copies what a connection reads into a new file, and syncs it.
pub(super) fn copy(source: &Connection, target: &Path, watcher: &Watcher) -> Result<()> {
    let created = match fs::remove_file(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => files::create(target),
    };
    let file = created.map_err(|error| disk_error(target, &error))?;
    // SQLite opens it itself, and its locks would go with this handle.
    drop(file);
    watcher.name(Work::Copy);
    let count = |done, all| {
        watcher.count(done, all);
        Ok(())
    };
    copy_pages(source, target, count).map_err(|error| match error {
        Error::Disk { fault, cause } => Error::disk(fault, format!("cannot write {}: {cause}", target.display())),
        other => other,
    })?;
    let synced = File::open(target).and_then(|file| file.sync_all());
    synced.map_err(|error| disk_error(target, &error))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
