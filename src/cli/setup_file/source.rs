//! The text of a set-up file, and the message about its faults.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::app::declared_setup::Fault;
use crate::cli::CliError;

/// The maximum size of a set-up file.
const MAX_SIZE: u64 = 64 << 20;

/// The maximum number of faults of a file that are printed.
const MAX_TOLD: usize = 50;

pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SIZE {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + valid.split(|byte| *byte == b'\n').skip(1).count();
        io::Error::other(format!("line {line} is not valid UTF-8"))
    })
}

/// All faults of a file, each with its line and path.
pub(super) fn cannot_apply(file: &Path, faults: &[Fault]) -> CliError {
    use std::fmt::Write as _;
    let file = file.display();
    let mut words = format!("{file} cannot be applied:");
    for fault in faults.iter().take(MAX_TOLD) {
        let path = if fault.at.path.is_empty() { String::new() } else { format!("{}: ", fault.at.path) };
        // Writing to a string never fails.
        let _ = write!(words, "\n  {file}:{}: {path}{}", fault.at.line, fault.rule);
    }
    if faults.len() > MAX_TOLD {
        let _ = write!(words, "\n  and {} more", faults.len() - MAX_TOLD);
    }
    CliError::Failed(words + "\nnothing was changed; correct the file and try again")
}
