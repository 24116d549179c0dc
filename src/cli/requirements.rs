//! The rules that a start of the server holds its configuration to, beside those of each key. `atelier check` tells the
//! same.

use super::{CliError, backup, brand, certificate, database, file_place};
use crate::config::Config;
use crate::store::data_dir::DataDir;

/// A subject, and why the server does not start.
pub(super) type Unmet = (&'static str, CliError);

/// The rules that do not hold. Creates nothing.
pub(super) fn unmet(config: &Config, home: &DataDir) -> Vec<Unmet> {
    let all = [
        ("public url", database::require_for_server(config)),
        ("certificate", certificate::from_files(config).map(drop)),
        ("logo", brand::read(config).map(drop)),
        ("files", file_place::of(config).map(drop)),
        ("backup", backup::control(config).and_then(|_| backup::planned(config, home)).map(drop)),
    ];
    all.into_iter().filter_map(|(what, result)| Some((what, result.err()?))).collect()
}
