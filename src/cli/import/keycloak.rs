//! `atelier import keycloak`: takes over the users and clients of a realm.

mod clients;
mod credentials;
mod map;
mod realm;
mod users;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::plan::{self, Item, Options};
use crate::cli::{CliError, data, database, master_key, say};
use crate::config::Config;
use crate::tokens::seal::MasterKey;
use map::Map;
use realm::Realm;

/// What to import, and how.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// A realm file that `kc.sh export --users realm_file` wrote, or a file of users of `--users different_files`.
    file: PathBuf,
    /// A TOML file that maps groups and realm roles to workspaces, organizations and account roles.
    #[arg(long, value_name = "MAP.toml")]
    groups: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<(), CliError> {
    let home = database::existing(config)?;
    let map = arguments.groups.as_deref().map(Map::read).transpose()?.unwrap_or_default();
    let realm = realm::read(&arguments.file)?;
    let master_key = || data::with(&home, |store| master_key::load(config, &home, store)).map(Arc::new);
    let items = items(&realm, &map, master_key)?;
    if items.is_empty() {
        say("the file has no users and no clients");
    }
    plan::carry_out(&home, items, arguments.options, |_, _| Ok(None))
}

/// The rows of a realm: its users, its clients, and the groups and roles of users that are not mapped.
fn items(
    realm: &Realm,
    map: &Map,
    master_key: impl Fn() -> Result<Arc<MasterKey>, CliError>,
) -> Result<Vec<Item>, CliError> {
    let mut items = users::items(realm, map, master_key)?;
    items.extend(clients::items(realm));
    Ok(items)
}
