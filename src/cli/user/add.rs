//! A new user.

use uuid::Uuid;

use super::{NewPassword, to_json};
use crate::app::{setup, users};
use crate::cli::{CliError, data, database, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::user::NewUser;
use crate::store::Tx;
use crate::store::data_dir::DataDir;

/// Creates the data directory if it is absent, because a first user may be added before a server runs. The message
/// reveals a misspelled path.
pub(super) fn create_if_absent(config: &Config) -> Result<DataDir, CliError> {
    let home = database::at(config)?;
    let absent = home.server().is_none() && !home.database().exists();
    let home = home.opened()?;
    if absent {
        say(&format!("created the data directory {}; `atelier serve` starts a server on it", home.path().display()));
    }
    Ok(home)
}

pub(super) fn add(home: &DataDir, new: NewUser, password: &NewPassword, json: bool) -> Result<(), CliError> {
    let hash = password.hash.clone();
    let user = data::with(home, |store| {
        setup::settle(store)?;
        let (actor, uuid) = (Actor::operator(), Uuid::new_v4());
        let create = move |tx: &Tx| users::create(tx, &actor, &new, uuid, Some(&hash));
        data::write_and_print(store, create, password.password_output(to_json, json), CliError::from)
    })?;
    password.print_result(&to_json(&user), &format!("added {} as {}", user.email, user.role.as_str()), json)
}
