//! The files that are imported: regular files of a limited size, and the errors about their faults.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::cli::CliError;
use crate::cli::progress::size;

pub(super) use crate::app::imported_people::MAX_PEOPLE;
pub(super) use crate::domain::words::{excerpt, one_of};

/// Opens a regular file of at most this size. The reader ends there even if the file grows.
pub(super) fn open(path: &Path, max: u64) -> Result<std::io::Take<File>, CliError> {
    let unreadable = |error: std::io::Error| {
        CliError::Failed(format!("cannot read {}: {error}; check the path and its permissions", path.display()))
    };
    // Opening a pipe would wait for its writer.
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(CliError::Usage(format!("{} is not a regular file; give the path of a file", path.display())));
    }
    if found.len() > max {
        return Err(CliError::Usage(format!(
            "{} has {}, and at most {} can be imported at once; split it into several files",
            path.display(),
            size(found.len()),
            size(max)
        )));
    }
    Ok(File::open(path).map_err(unreadable)?.take(max))
}

/// Reads a whole file of at most this size.
pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = open(path, max)?.read_to_end(&mut bytes);
    read.map_err(|error| CliError::Failed(format!("cannot read {}: {error}; check its disk", path.display())))?;
    Ok(bytes)
}

/// The words of an error about faults in a file: the first ones, and the number of the others.
pub(super) fn faults(path: &Path, faults: &[String]) -> CliError {
    const MAX: usize = 50;
    let mut lines = vec![format!("{} cannot be imported; nothing was changed:", path.display())];
    lines.extend(faults.iter().take(MAX).map(|fault| format!("  {fault}")));
    if let Some(more) = faults.len().checked_sub(MAX).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more"));
    }
    lines.push("correct the file and try again".to_owned());
    CliError::Usage(lines.join("\n"))
}
