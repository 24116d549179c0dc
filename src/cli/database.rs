//! Where the data is: in a file of the data directory, or in a database of PostgreSQL.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::cli::CliError;
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::store::Address;
use crate::store::data_dir::DataDir;

/// The data directory, and the database if it is not in it. Changes nothing.
pub(super) fn at(config: &Config) -> Result<DataDir, CliError> {
    Ok(DataDir::at(&config.data_dir).with_server(server(config)?))
}

/// The data of a server that exists.
pub(super) fn existing(config: &Config) -> Result<DataDir, CliError> {
    Ok(at(config)?.found()?)
}

/// Refuses what works on the file of the data only.
pub(super) fn require_file(config: &Config, next: &str) -> Result<(), CliError> {
    match config.database {
        Some(_) => Err(CliError::Usage(format!("the data is in PostgreSQL (database), not in a file; {next}"))),
        None => Ok(()),
    }
}

/// Refuses what several servers on one database need, but do not have.
pub(super) fn require_for_server(config: &Config, address: &Address) -> Result<(), CliError> {
    if address.is_exposed() {
        log::warn!(
            "the connection to {address} is not encrypted, so others can read passwords and data; set \
             sslmode=verify-full in database"
        );
    }
    if config.public_url.is_none() && !config.listen.iter().all(|address| address.ip().is_loopback()) {
        let words = "public_url is required with database, because every server must issue the same tokens; set it to the \
                     address that people use";
        return Err(CliError::Usage(words.to_owned()));
    }
    Ok(())
}

/// The database of PostgreSQL, with its password.
fn server(config: &Config) -> Result<Option<Address>, CliError> {
    let Some(text) = &config.database else { return Ok(None) };
    let address = Address::parse(text.expose()).map_err(|rule| {
        CliError::Usage(format!("database {rule}; write it as postgres://USER@HOST/DATABASE?sslmode=verify-full"))
    })?;
    let password = match &config.database_password_file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| {
                let path = path.display();
                CliError::Failed(format!("cannot read database_password_file {path}: {error}; check its path and mode"))
            })?;
            Some(Secret::new(text.trim()))
        }
        None => password_file().and_then(|path| address.password_in(&path)),
    };
    Ok(Some(address.with_password(password)))
}

/// The file in which the programs of PostgreSQL find passwords.
fn password_file() -> Option<PathBuf> {
    let named = env::var_os("PGPASSFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass")))
}
