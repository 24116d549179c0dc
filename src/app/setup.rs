//! The initial contents of a new data file.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{audit, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::member::Role;
use crate::domain::organization::{HOME_NAME, NewOrganization, OrganizationName};
use crate::domain::text::Description;
use crate::domain::user::{NewUser, User};
use crate::error::{Error, Result};
use crate::policy;
use crate::store::{self, Store, Tx};
use crate::tokens::password::PasswordHash;

/// Creates the home organization and the predefined roles, if there is no home organization.
pub fn settle(store: &Store) -> Result<()> {
    if store.read(store::organizations::find_home)?.is_some() {
        return Ok(());
    }
    let actor = Actor::server();
    store.write_and_wait(move |tx| make_home(tx, &actor))
}

fn make_home(tx: &Tx, actor: &Actor) -> Result<()> {
    if store::organizations::find_home(tx)?.is_some() {
        return Ok(());
    }
    let home = store::organizations::insert(tx, &new_home()?, true)?;
    for role in Role::PREDEFINED {
        store::roles::insert(tx, role.as_str(), "", policy::of_role(role), Some(role))?;
    }
    let after = json!({ "name": home.name.as_str() });
    audit::record(tx, actor, "organizations.create", (ObjectKind::Organization, home.id), (Value::Null, after))
}

fn new_home() -> Result<NewOrganization> {
    let name = OrganizationName::parse(HOME_NAME).map_err(Error::internal)?;
    Ok(NewOrganization { name, description: Description::default() })
}

pub fn lacks_administrator(store: &Store) -> Result<bool> {
    Ok(!store.read(store::users::any_administrator)?)
}

/// Creates the first administrator, who has to replace the password at the first sign-in if it was generated.
///
/// Refused when there is an administrator already, and when the address is taken.
pub fn first_administrator(store: &Store, new: NewUser, hash: PasswordHash, made_up: bool) -> Result<User> {
    first_administrator_and(store, new, hash, made_up, |_| Ok(()))
}

/// Like [`first_administrator`], and does more in the same write. If that fails, there is no administrator.
pub fn first_administrator_and(
    store: &Store,
    new: NewUser,
    hash: PasswordHash,
    made_up: bool,
    then: impl Fn(&Tx) -> Result<()> + Send + 'static,
) -> Result<User> {
    let actor = Actor::server();
    let uuid = Uuid::new_v4();
    store.write_and_wait(move |tx| {
        if store::users::any_administrator(tx)? {
            return Err(Error::Refused { rule: "the account already has an administrator" });
        }
        let make = if made_up { users::create_to_reset } else { users::create };
        let user = make(tx, &actor, &new, uuid, Some(&hash))?;
        then(tx)?;
        Ok(user)
    })
}
