//! Recovers access for administrators when no administrator can sign in.

use serde_json::json;
use uuid::Uuid;

use crate::app::identity::second_factors;
use crate::app::users::NewPassword;
use crate::app::{audit, lookup, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::email::Email;
use crate::domain::key::Key;
use crate::domain::user::{AccountRole, NewUser, PersonName, User, UserState};
use crate::error::Result;
use crate::policy::Action;
use crate::store::{self, Tx, View};

#[derive(Clone, Debug)]
pub enum Whom {
    /// The person with this address, who is created if there is none.
    Named(Email),
    /// The first administrator whose account is not closed. If there is none, the person with this address.
    AnyOr(Email),
}

#[derive(Clone, Debug)]
pub struct Recovered {
    pub user: User,
    /// Whether the account is new.
    pub created: bool,
    /// The administrator's live service keys. A stranger may have created them, but programs may need them, and the
    /// operator decides.
    pub service_keys: Vec<Key>,
}

/// The account that a recovery changes. `None` if it creates one.
///
/// Requires the operator.
pub fn find(view: &View, actor: &Actor, whom: &Whom) -> Result<Option<User>> {
    let found = match whom {
        Whom::Named(email) => store::users::find_by_email(view, email.as_str())?,
        Whom::AnyOr(email) => choose(view, email)?,
    };
    if let Some(user) = &found {
        lookup::require_user(view, actor, user.id, Action::ChangeUser, user.uuid)?;
    }
    Ok(found)
}

/// Makes a person an administrator who can sign in with this password. Enables the account, removes its second factor,
/// ends every session and link, and revokes every API key on request. A second recovery replaces the password of the
/// first.
///
/// Requires the operator. A closed account is not found, and a new one is created instead.
pub fn recover(tx: &Tx, actor: &Actor, whom: &Whom, uuid: Uuid, new: &NewPassword) -> Result<Recovered> {
    let Some(mut user) = find(tx, actor, whom)? else {
        let (Whom::Named(email) | Whom::AnyOr(email)) = whom;
        let (first_name, last_name) = (PersonName::default(), PersonName::default());
        let person = NewUser { email: email.clone(), first_name, last_name, role: AccountRole::Administrator };
        let user = users::create(tx, actor, &person, uuid, Some(&new.hash))?;
        return Ok(Recovered { user, created: true, service_keys: Vec::new() });
    };
    let before = users::to_audit(&user);
    user.enabled = true;
    user.role = AccountRole::Administrator;
    let ended = users::store_password(tx, &mut user, new, None)?;
    let second_factor = second_factors::delete(tx, user.id)?;
    let home = lookup::home(tx)?;
    store::organizations::upsert_member(tx, home.id, user.id, users::home_role(user.role))?;
    let mut after = users::to_audit(&user);
    after["password"] = json!("set");
    after["ended"] = ended.to_json();
    after["ended"]["second_factor"] = json!(second_factor);
    audit::record(tx, actor, "users.recover", (ObjectKind::User, user.uuid), (before, after))?;
    let service_keys = store::keys::list_live_made_by(tx, user.id)?;
    Ok(Recovered { user, created: false, service_keys })
}

/// The administrator to recover when none is named: enabled before disabled ones, the oldest account first. Without
/// any, the person with the address that a new account would get.
fn choose(view: &View, email: &Email) -> Result<Option<User>> {
    let mut administrators = store::users::list_administrators(view)?;
    administrators.retain(|user| user.state != UserState::Blocked);
    administrators.sort_by_key(|user| (!user.may_authenticate(), user.id));
    match administrators.into_iter().next() {
        Some(user) => Ok(Some(user)),
        None => store::users::find_by_email(view, email.as_str()),
    }
}
