//! Links with which a user sets a password.

use uuid::Uuid;

use crate::app::identity::links;
use crate::app::invitations::{self, Invitation, Mode, Outcome};
use crate::app::users::Named;
use crate::app::{by_name, keys, organizations};
use crate::cli::data::{self, or_refused};
use crate::cli::{CliError, database, running, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::link::Purpose;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, NewUser, User};
use crate::store::Tx;
use crate::tokens::opaque::{Kind, mint};

pub(super) fn make(config: &Config, email: &str, purpose: Purpose, revoke_keys: bool) -> Result<(), CliError> {
    let (home, who) = (database::existing(config)?, Named::Email(data::address(email)?));
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
    say(&words(&user, purpose));
    if revoke_keys {
        say(&format!("all API keys of {} are revoked", user.email));
    }
    if let Some(words) = origin.local {
        say(words);
    }
    Ok(())
}

fn words(user: &User, purpose: Purpose) -> String {
    let life = match purpose {
        Purpose::Invitation => "72 hours",
        Purpose::PasswordReset => "30 minutes",
    };
    format!("{} can set a password with the link on stdout, once and within {life}", user.email)
}

/// Invites somebody, perhaps into an organization, and prints the link.
pub(super) fn invite(config: &Config, new: NewUser, organization: Option<String>) -> Result<(), CliError> {
    let home = database::existing(config)?;
    let (secret, fingerprint) = mint(Kind::Link);
    let origin = running::origin(config, &home);
    let link = format!("{}/auth/invitation?token={}\n", origin.url, secret.expose());
    let role = match new.role {
        AccountRole::Annotator => OrganizationRole::Annotator,
        AccountRole::Administrator | AccountRole::Member | AccountRole::UiOnly => OrganizationRole::Member,
    };
    let invitation = Invitation { new, uuid: Uuid::new_v4(), developer: None, mode: Mode::Link };
    let user = data::with(&home, |store| {
        let actor = Actor::operator();
        let invite = move |tx: &Tx| {
            let (Outcome::Fresh(user) | Outcome::Already(user)) = invitations::invite(tx, &actor, &invitation)?;
            let who = Named::Uuid(user.uuid);
            if let Some(name) = &organization {
                let id = by_name::organization(tx, &actor, name)?.id;
                organizations::upsert_member(tx, &actor, id, &who, role)?;
            }
            links::make(tx, &actor, &who, Purpose::Invitation, &fingerprint)
        };
        data::write_and_print(store, invite, move |_: &User| Some(link.clone()), CliError::from)
    })?;
    say(&words(&user, Purpose::Invitation));
    if let Some(words) = origin.local {
        say(words);
    }
    Ok(())
}
