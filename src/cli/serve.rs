//! `atelier serve`: the server.

use crate::cli::Trouble;
use crate::config::Config;
use crate::store::home::Home;

/// Runs the server of that configuration until it is told to stop.
pub fn run(config: &Config) -> Result<(), Trouble> {
    let home = Home::open(&config.data_dir)?;
    let _lock = home.lock()?;
    if let Some(kind) = home.network_file_system() {
        log::warn!(
            "{} is on a network file system ({kind}), where SQLite can lose data; move it to a local disk",
            home.path().display()
        );
    }
    Err(Trouble::Failed(
        "`atelier serve` is not part of this version yet; use a newer one".to_owned(),
    ))
}
