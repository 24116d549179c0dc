//! The kept copies: `backup/before-schema-N` beside the data file, where N is the version that it was upgraded to. The
//! last three are kept.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::error::{DiskFault, Error, Result};
use crate::store::data_dir::files;

const FOLDER: &str = "backup";
const NAME: &str = "before-schema-";

/// The number of copies that are kept.
const KEPT: usize = 3;

/// The offset of the version of the schema in the header of a file
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
const VERSION_AT: usize = 60;

/// The directory of the copies of a data file. It may not exist.
pub(super) fn folder(data_file: &Path) -> PathBuf {
    files::directory_of(data_file).join(FOLDER)
}

/// The copy that an upgrade to this version keeps.
pub fn path(data_file: &Path, version: u32) -> PathBuf {
    folder(data_file).join(format!("{NAME}{version}"))
}

/// Removes all but the newest copies. The one that was just made stays in any case.
pub(super) fn prune(data_file: &Path, made: u32) -> Result<()> {
    let folder = folder(data_file);
    let mut numbers = numbers(&folder).map_err(|error| disk_error(&folder, &error))?;
    numbers.retain(|number| *number != made);
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    for number in numbers.into_iter().skip(KEPT - 1) {
        let path = folder.join(format!("{NAME}{number}"));
        fs::remove_file(&path).map_err(|error| disk_error(&path, &error))?;
    }
    Ok(())
}

/// The number of the copy with the newest schema up to this version.
pub(in crate::store::engine) fn usable(data_file: &Path, max_version: u32) -> Option<u32> {
    let folder = folder(data_file);
    let numbers = numbers(&folder).ok()?;
    let with_version = numbers.into_iter().filter_map(|number| {
        let version = version_of(&folder.join(format!("{NAME}{number}"))).ok()?;
        (version <= max_version).then_some((version, number))
    });
    with_version.max().map(|(_, number)| number)
}

/// The numbers of the copies in a directory.
fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(NAME));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    Ok(numbers)
}

fn version_of(path: &Path) -> io::Result<u32> {
    let mut header = [0; VERSION_AT + 4];
    File::open(path)?.read_exact(&mut header)?;
    Ok(header.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes)))
}

pub(super) fn disk_error(path: &Path, error: &io::Error) -> Error {
    let fault = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskFault::Full,
        _ => DiskFault::Failing,
    };
    Error::disk(fault, format!("cannot write {}: {error}", path.display()))
}
