//! Where the data is: in a file of the data directory, or in a database of PostgreSQL.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::app::checks::{self, Finding, Level};
use crate::cli::CliError;
use crate::config::{Config, Origin};
use crate::domain::secret::Secret;
use crate::store::data_dir::DataDir;
use crate::store::schema::SchemaState;
use crate::store::{Address, Sizes, Store};

/// The data directory, and the database if it is not in it. Changes nothing.
pub(super) fn at(config: &Config) -> Result<DataDir, CliError> {
    Ok(DataDir::at(&config.data_dir).with_server(server(config)?))
}

/// The data of a server that exists.
pub(super) fn existing(config: &Config) -> Result<DataDir, CliError> {
    let home = at(config)?.found()?;
    if let Some(address) = home.server()
        && Store::schema_of_postgres(address)? == SchemaState::Empty
    {
        let words =
            "the database has no tables of atelier; correct database, or start the server once with `atelier serve`";
        return Err(CliError::Failed(words.to_owned()));
    }
    Ok(home)
}

/// Refuses what works on the file of the data only.
pub(super) fn require_file(config: &Config, next: &str) -> Result<(), CliError> {
    match config.database {
        Some(_) => Err(CliError::Usage(format!("the data is in PostgreSQL (database), not in a file; {next}"))),
        None => Ok(()),
    }
}

/// Warns of a connection that others can read.
pub(super) fn warn(address: &Address) {
    if address.is_exposed() {
        log::warn!(
            "the connection to {address} is not encrypted, so others can read passwords and data; set \
             sslmode=verify-full in database"
        );
    }
}

/// Refuses what several servers on one database need, but do not have.
pub(super) fn require_for_server(config: &Config) -> Result<(), CliError> {
    if config.database.is_some()
        && config.public_url.is_none()
        && !config.addresses().iter().all(|address| address.ip().is_loopback())
    {
        let words = "public_url is required with database, because every server must issue the same tokens; set it to the \
                     address that people use";
        return Err(CliError::Usage(words.to_owned()));
    }
    Ok(())
}

/// Registers this server among those on the database.
///
/// Warns if the database can lose data. Refuses what does not fit the others, or the number of connections that PostgreSQL permits.
pub(super) fn register(config: &Config, store: &Store) -> Result<(), CliError> {
    let (files, public_url) = shared_settings(config);
    if let Some(Finding { what, found, next, .. }) = store.has_fsync()?.and_then(checks::fsync) {
        log::warn!("{what}: {found}; {}", next.unwrap_or_default());
    }
    if let Some(room) = store.connection_room()? {
        require_sound(&checks::connections(room, store.readers()))?;
        require_sound(&checks::other_servers(&store.register(files, public_url)?, files, public_url))?;
    }
    Ok(())
}

/// The settings that have to be the same on all servers: the URLs of the files and of the server, empty if they are not set.
fn shared_settings(config: &Config) -> (&str, &str) {
    (config.files_url.as_deref().unwrap_or_default(), config.public_url.as_deref().unwrap_or_default())
}

fn require_sound(finding: &Finding) -> Result<(), CliError> {
    match finding.level {
        Level::Fault => {
            Err(CliError::Failed(format!("{}; {}", finding.found, finding.next.as_deref().unwrap_or_default())))
        }
        Level::Ok | Level::Warning => Ok(()),
    }
}

/// Whether [`register`] would refuse. `is_running`: the server of this configuration is among those on the database.
pub(super) fn findings(config: &Config, store: &Store, is_running: bool) -> Result<Vec<Finding>, CliError> {
    let (Some(room), Some(nodes)) = (store.connection_room()?, store.nodes()?) else { return Ok(Vec::new()) };
    let fsync = store.has_fsync()?.and_then(checks::fsync);
    let mut findings = Vec::from_iter(fsync);
    if is_running {
        findings.push(checks::running_servers(&nodes));
        return Ok(findings);
    }
    let (files, public_url) = shared_settings(config);
    let readers = usize::try_from(sizes(config).readers).unwrap_or(usize::MAX);
    findings.extend([checks::other_servers(&nodes, files, public_url), checks::connections(room, readers)]);
    Ok(findings)
}

/// The maximum time of a read. The longest list of a million people takes some seconds.
const MAX_READ: Duration = Duration::from_mins(1);

pub(super) fn sizes(config: &Config) -> Sizes {
    Sizes {
        // One more builds long answers.
        readers: u32::try_from(config.readers).unwrap_or(u32::MAX).saturating_add(1),
        write_queue: config.write_queue,
        page_cache_kib: u32::try_from(config.page_cache / 1024).unwrap_or(u32::MAX),
        search_memory: config.search_memory,
        max_read: Some(MAX_READ),
        max_write: Some(config.request_timeout),
    }
}

/// The database of PostgreSQL, with its password.
fn server(config: &Config) -> Result<Option<Address>, CliError> {
    config.database.as_ref().map(|text| address("database", text, config)).transpose()
}

/// The database that an option or a key names, with its password.
pub(super) fn address(name: &str, text: &Secret, config: &Config) -> Result<Address, CliError> {
    let address = Address::parse(text.expose()).map_err(|rule| {
        CliError::Usage(format!("{name} {rule}; write it as postgres://USER@HOST/DATABASE?sslmode=verify-full"))
    })?;
    if address.has_password() && matches!(config.origins.of("database"), Origin::Flag(_)) {
        let words = "--database must not contain the password, because the list of processes shows it; write it into the file \
                     that database_password_file names, into ~/.pgpass, or set ATELIER_DATABASE";
        return Err(CliError::Usage(words.to_owned()));
    }
    let password = match &config.database_password_file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| {
                let path = path.display();
                CliError::Failed(format!("cannot read database_password_file {path}: {error}; check its path and mode"))
            })?;
            Some(Secret::new(text.trim()))
        }
        None if address.has_password() => None,
        None => found_password(&address)?,
    };
    Ok(address.with_password(password))
}

/// The password in the file in which the programs of PostgreSQL find it. They do not use one that others can read.
fn found_password(address: &Address) -> Result<Option<Secret>, CliError> {
    let Some(path) = password_file() else { return Ok(None) };
    let password = address.password_in(&path);
    if password.is_some() && fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
        let path = path.display();
        return Err(CliError::Failed(format!(
            "{path} with the password of the database is open to other users; run `chmod 600 {path}`"
        )));
    }
    Ok(password)
}

/// The file in which the programs of PostgreSQL find passwords.
fn password_file() -> Option<PathBuf> {
    let named = env::var_os("PGPASSFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass")))
}
