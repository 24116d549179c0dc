//! Reads the master keys that a backup needs.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::app::backups::BackupError;
use crate::cli::CliError;
use crate::cli::master_key::Source;
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::store::data_dir::DataDir;
use crate::store::files::directory_of;
use crate::tokens::seal::next_file;

/// The maximum size of a key file.
const MAX_FILE: u64 = 4096;

/// The master key in force, if there is one, that of an unfinished rotation, and the older ones beside it.
pub(in crate::cli) fn found_keys(config: &Config, home: &DataDir) -> Result<Vec<Secret>, BackupError> {
    let source = Source::of(config, home).map_err(|error| {
        let (CliError::Failed(words) | CliError::Usage(words) | CliError::Replaced(words)) = error;
        BackupError::Refused(words)
    })?;
    let path = match &source {
        Source::Text(text, _) => return Ok(vec![text.clone()]),
        Source::Credential(path) => return Ok(read(path)?.into_iter().collect()),
        Source::File(path, _) | Source::DataDir(path) => path.canonicalize().unwrap_or_else(|_| path.clone()),
    };
    let mut keys: Vec<Secret> = read(&path)?.into_iter().collect();
    keys.extend(read(&next_file(&path))?);
    for older in older(&path).map_err(|error| failed(&path, error))? {
        keys.extend(read(&older)?);
    }
    Ok(keys)
}

/// The keys that rotations have left: the name of the file, and the id of the key.
fn older(path: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let is_id = |id: &str| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory_of(path)) {
        // The directory of a key that does not exist.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?.path();
        let end = entry.file_name().and_then(|other| other.to_str()).and_then(|other| other.strip_prefix(name));
        if end.and_then(|end| end.strip_prefix('.')).is_some_and(is_id) {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

/// None if there is no file.
fn read(path: &Path) -> Result<Option<Secret>, BackupError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| failed(path, error))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
    Ok(Some(Secret::new(String::from_utf8_lossy(&bytes))))
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    let next = "run this command as the user that runs the server";
    BackupError::Io { verb: "read the master key", path: path.to_owned(), source, next }
}
