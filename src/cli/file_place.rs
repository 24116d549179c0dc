//! Opens the place of the files that the configuration names.

use std::fs;
use std::num::NonZeroUsize;

use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::pool::{Pool, PoolKind};
use crate::cli::CliError;
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::files::{ObjectSettings, Place};
use crate::store::data_dir::DataDir;

/// The place of the files. Reads the file of the secret.
pub(super) fn of(config: &Config) -> Result<Place, CliError> {
    let Some(url) = &config.files_url else { return Ok(Place::Local) };
    let secret = match (&config.files_secret_key, &config.files_secret_key_file) {
        (Some(secret), _) => Some(secret.clone()),
        (None, Some(path)) => {
            let text = fs::read_to_string(path).map_err(|error| {
                let path = path.display();
                CliError::Failed(format!("cannot read files_secret_key_file {path}: {error}; check its path and mode"))
            })?;
            Some(Secret::new(text.trim()))
        }
        (None, None) => None,
    };
    let access_key = match (config.files_access_key.clone(), secret) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => None,
        (Some(_), None) => {
            let words =
                "files_access_key is set without its secret; set files_secret_key_file or files_secret_key, too";
            return Err(CliError::Usage(words.to_owned()));
        }
        (None, Some(_)) => {
            let words = "the secret of the object storage is set without its access key; set files_access_key, too";
            return Err(CliError::Usage(words.to_owned()));
        }
    };
    Ok(Place::Object(ObjectSettings {
        url: url.clone(),
        endpoint: config.files_endpoint.clone(),
        region: config.files_region.clone(),
        access_key,
    }))
}

/// Opens the files of a data directory. Their folders are created with the first file.
pub(super) fn open(config: &Config, home: &DataDir) -> Result<FileStorage, CliError> {
    let storage = FileStorage::open(home.path(), &of(config)?)?;
    Ok(FileStorage { max_file: bytes(config.max_file), max_organization: max_organization(config), ..storage })
}

/// The maximum size of all files of an organization, in bytes. `None` for no maximum.
pub(super) fn max_organization(config: &Config) -> Option<u64> {
    Some(bytes(config.organization_files)).filter(|limit| *limit > 0)
}

fn bytes(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// The maximum number of queued jobs for files. Each upload and each download has at most two.
const MAX_QUEUED_CHUNKS: NonZeroUsize = NonZeroUsize::new(4096).expect("more than none");

/// Starts the threads for files.
pub(super) fn pool(kind: PoolKind) -> Result<Pool, CliError> {
    Pool::start(kind, Pool::default_threads(kind), MAX_QUEUED_CHUNKS).map_err(|error| {
        CliError::Failed(format!("cannot start the threads for files: {error}; raise the thread limit of the server"))
    })
}

/// Opens the files of a server, which holds the lock of the directory. Removes the uploads that a killed server has left.
pub(super) fn open_for_server(config: &Config, home: &DataDir) -> Result<FileStorage, CliError> {
    let files = open(config, home)?;
    let left = files.spool.clean()?;
    if left > 0 {
        log::info!("removed unfinished uploads of a killed process: {left}");
    }
    Ok(files)
}
