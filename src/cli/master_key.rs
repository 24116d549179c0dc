//! Loads the master key, and verifies that it opens what was sealed.

mod rotation;
mod source;

use crate::app::identity::signing_keys;
use crate::cli::CliError;
use crate::cli::data::error_details;
use crate::config::Config;
use crate::store::data_dir::DataDir;
use crate::store::{self, Store, files};
use crate::tokens::seal::MasterKey;

pub use rotation::Command;
pub(super) use source::{ONE_PLACE, Source, Unusable};

/// The effective master key, which opens every signing key.
///
/// Refused if there is none, or if the signing keys were sealed with another.
pub(super) fn load(config: &Config, home: &DataDir, store: &Store) -> Result<MasterKey, CliError> {
    let source = Source::of(config, home)?;
    if let Source::DataDir(path) = &source
        && !path.exists()
    {
        let next = if store.read(signing_keys::anything_sealed)? {
            home.server().map(|_| SAME_KEY)
        } else {
            Some("the first start of the server creates it: run `atelier serve` once, then this command again")
        };
        if let Some(next) = next {
            return Err(CliError::Failed(format!("there is no master key at {}; {next}", path.display())));
        }
    }
    let key = source.loaded()?;
    proved(&source, key, store)
}

/// The same for the start of a server, which also finishes an interrupted rotation. If nothing was ever sealed and no
/// key is configured, it creates one in the data directory.
pub(super) fn load_or_create(config: &Config, home: &DataDir, store: &Store) -> Result<MasterKey, CliError> {
    let source = Source::of(config, home)?;
    let key = match &source {
        Source::DataDir(path) if !path.exists() && !store.read(signing_keys::anything_sealed)? => {
            let new = MasterKey::write_new(path, &MasterKey::generate(), files::create);
            new.map_err(|error| CliError::Failed(error.to_string()))?
        }
        Source::DataDir(path) if !path.exists() && home.server().is_some() => {
            return Err(CliError::Failed(format!(
                "the database contains keys that are sealed with a master key, but {} does not exist; {SAME_KEY}",
                path.display()
            )));
        }
        Source::DataDir(path) | Source::File(path, _) => {
            rotation::finish_interrupted(path, store)?;
            source.loaded()?
        }
        Source::Text(..) | Source::Credential(_) => source.loaded()?,
    };
    proved(&source, key, store).map_err(|error| match error {
        CliError::Failed(words) if home.server().is_some() => CliError::Failed(format!("{words}; {SAME_KEY}")),
        error => error,
    })
}

/// The next step if the key is not that of the other servers.
const SAME_KEY: &str =
    "all servers on a database need the same master key: set master_key_file to a copy of the key of the others";

fn proved(source: &Source, key: MasterKey, store: &Store) -> Result<MasterKey, CliError> {
    for sealed in store.read(store::signing_keys::list_sealed)? {
        signing_keys::prove(&key, &sealed).map_err(|error| {
            let kid = &sealed.kid;
            CliError::Failed(format!("{source} does not open the signing key {kid}: {}", error_details(&error)))
        })?;
    }
    Ok(key)
}
