//! The way back in for administrators, when nobody has one any more.

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

/// Whom a recovery is for.
#[derive(Clone, Debug)]
pub enum Whom {
    /// The person of this address, who is made if there is none.
    Named(Email),
    /// The first administrator whose account is not closed; if there is none, one of this address.
    AnyOr(Email),
}

/// What a recovery came to.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The administrator.
    pub user: User,
    /// Whether there was no such account before.
    pub made: bool,
    /// The service keys that the administrator made and that still work. A stranger may have made them, but programs
    /// may need them, so the operator decides.
    pub service_keys: Vec<Key>,
}

/// Makes somebody an administrator who can come in with this password: the account is switched on, its second factor is
/// gone, and every session and link has ended, and every API key where asked. To do it again gives another way in and
/// voids the former.
///
/// The operator may. Somebody whose account is closed for good is not found any more, and gets a new one.
pub fn recover(tx: &Tx, actor: &Actor, whom: &Whom, uuid: Uuid, new: &NewPassword) -> Result<Recovered> {
    let (found, email) = match whom {
        Whom::Named(email) => (store::users::find_by_email(tx, email.as_str())?, email),
        Whom::AnyOr(email) => (choose(tx, email)?, email),
    };
    let Some(mut user) = found else {
        let (first_name, last_name) = (PersonName::default(), PersonName::default());
        let person = NewUser { email: email.clone(), first_name, last_name, role: AccountRole::Administrator };
        let user = users::create(tx, actor, &person, uuid, Some(&new.hash))?;
        return Ok(Recovered { user, made: true, service_keys: Vec::new() });
    };
    lookup::require_user(tx, actor, user.id, Action::ChangeUser, user.uuid)?;
    let before = users::shown(&user);
    user.enabled = true;
    user.role = AccountRole::Administrator;
    let ended = users::keep_password(tx, &mut user, new, None)?;
    let second_factor = second_factors::take_away(tx, user.id)?;
    let home = lookup::home(tx)?;
    store::organizations::upsert_member(tx, home.id, user.id, users::home_role(user.role))?;
    let mut after = users::shown(&user);
    after["password"] = json!("set");
    after["ended"] = ended.told();
    after["ended"]["second_factor"] = json!(second_factor);
    audit::record(tx, actor, "users.recover", (ObjectKind::User, user.uuid), (before, after))?;
    let service_keys = store::keys::list_live_made_by(tx, user.id)?;
    Ok(Recovered { user, made: false, service_keys })
}

/// The administrator to be recovered where nobody is named: one who may come in before one who may not, the oldest
/// account first; without any, whoever has the address that a new one would get.
fn choose(view: &View, email: &Email) -> Result<Option<User>> {
    let administrators = store::users::list(view)?.into_iter();
    let mut administrators: Vec<User> = administrators
        .filter(|user| user.role == AccountRole::Administrator && user.state != UserState::Blocked)
        .collect();
    administrators.sort_by_key(|user| (!user.may_enter(), user.id));
    match administrators.into_iter().next() {
        Some(user) => Ok(Some(user)),
        None => store::users::find_by_email(view, email.as_str()),
    }
}
