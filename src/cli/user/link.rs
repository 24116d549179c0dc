//! Links with which a user sets a password.

use crate::app::identity::links;
use crate::app::keys;
use crate::app::users::Named;
use crate::cli::data::{self, or_refused};
use crate::cli::{CliError, running, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::link::Purpose;
use crate::domain::user::User;
use crate::store::Tx;
use crate::store::data_dir::DataDir;
use crate::tokens::opaque::{Kind, mint};

pub(super) fn make(config: &Config, email: &str, purpose: Purpose, revoke_keys: bool) -> Result<(), CliError> {
    let (home, who) = (DataDir::existing(&config.data_dir)?, Named::Email(data::address(email)?));
    let (secret, fingerprint) = mint(Kind::Link);
    let origin = running::origin(config, &home);
    let link = format!("{}/auth/invitation?token={}\n", origin.url, secret.expose());
    let user = data::with(&home, |store| {
        let actor = Actor::operator();
        let make = move |tx: &Tx| {
            let user = links::make(tx, &actor, &who, purpose, &fingerprint)?;
            if revoke_keys {
                keys::revoke_of(tx, &actor, &user)?;
            }
            Ok(user)
        };
        let refused = or_refused("`atelier user list` shows the status of all users");
        data::write_and_print(store, make, move |_: &User| Some(link.clone()), refused)
    })?;
    let life = match purpose {
        Purpose::Invitation => "72 hours",
        Purpose::PasswordReset => "30 minutes",
    };
    say(&format!("{} can set a password with the link on stdout, once and within {life}", user.email));
    if revoke_keys {
        say(&format!("all API keys of {} are revoked", user.email));
    }
    if let Some(words) = origin.local {
        say(words);
    }
    Ok(())
}
