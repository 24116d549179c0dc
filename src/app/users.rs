//! People with an account.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{audit, organizations, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, NewUser, User, UserChange};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::password::PasswordHash;

/// How somebody names a person.
#[derive(Clone, Debug)]
pub enum Named {
    /// By row number.
    Number(UserId),
    /// By UUID.
    Uuid(Uuid),
    /// By address, in any case.
    Email(Email),
    /// By both, which must be the same person's.
    Both(Uuid, Email),
}

/// The person whom somebody names, if the actor may find them.
pub fn named(view: &View, actor: &Actor, who: &Named) -> Result<User> {
    let (found, key) = match who {
        Named::Number(id) => (store::users::find(view, *id)?, id.to_string()),
        Named::Uuid(uuid) => (store::users::find_by_uuid(view, *uuid)?, uuid.to_string()),
        Named::Email(email) => (store::users::find_by_email(view, email.as_str())?, email.to_string()),
        Named::Both(uuid, email) => {
            let found = store::users::find_by_uuid(view, *uuid)?.filter(|user| user.email == *email);
            (found, format!("{uuid} with the address {email}"))
        }
    };
    let user = found.ok_or_else(|| Error::not_found("user", &key))?;
    require(view, actor, user.id, Action::ReadUser, &key)?;
    Ok(user)
}

/// The person or bot whom somebody names, if the actor may find them; a bot has no address to be named by.
pub(super) fn principal(view: &View, actor: &Actor, who: &Named) -> Result<User> {
    let (found, key) = match who {
        Named::Number(id) => (store::users::find_principal(view, *id)?, id.to_string()),
        Named::Uuid(uuid) => (store::users::find_principal_by_uuid(view, *uuid)?, uuid.to_string()),
        Named::Email(_) | Named::Both(_, _) => return named(view, actor, who),
    };
    let user = found.ok_or_else(|| Error::not_found("user", &key))?;
    require(view, actor, user.id, Action::ReadUser, &key)?;
    Ok(user)
}

/// The person of this UUID, if the actor may find them.
pub fn get(view: &View, actor: &Actor, uuid: Uuid) -> Result<User> {
    named(view, actor, &Named::Uuid(uuid))
}

/// The people whom the actor may find: an administrator everybody, everybody else those of their organizations.
pub fn list(view: &View, actor: &Actor) -> Result<Vec<User>> {
    let sees_all = decide(&standing::in_account(actor), Action::ReadUserWorkspaces) == Decision::Allowed;
    match actor.user() {
        _ if sees_all => store::users::list(view),
        Some(me) => store::users::list_neighbours(view, me),
        None => Ok(Vec::new()),
    }
}

/// Those of these people whom the actor may find, the oldest account first.
pub fn find_many(view: &View, actor: &Actor, uuids: &[Uuid]) -> Result<Vec<User>> {
    let mut found = store::users::list_by_uuid(view, uuids)?;
    let mut visible = Vec::with_capacity(found.len());
    for user in found.drain(..) {
        if decide(&standing::toward(view, actor, user.id)?, Action::ReadUser) == Decision::Allowed {
            visible.push(user);
        }
    }
    Ok(visible)
}

/// The people of all these whole addresses whom the actor may find; without an address, everybody.
///
/// An address that is nobody's finds nobody.
pub fn find_by_addresses(view: &View, actor: &Actor, addresses: &[String]) -> Result<Vec<User>> {
    let Some(first) = addresses.first() else { return list(view, actor) };
    if addresses.iter().any(|address| Email::fold(address) != Email::fold(first)) {
        return Ok(Vec::new());
    }
    let found = store::users::find_by_email(view, first)?;
    let uuids: Vec<Uuid> = found.iter().map(|user| user.uuid).collect();
    find_many(view, actor, &uuids)
}

/// Whether the actor manages the people of the account.
pub fn manages(actor: &Actor) -> bool {
    decide(&standing::in_account(actor), Action::ChangeUser) == Decision::Allowed
}

/// Refuses whoever may not invite, before anything costly is done for them.
pub fn may_invite(actor: &Actor, email: &Email) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::CreateUser, "user", email)
}

/// Makes an account and puts the person into the home organization.
///
/// Administrators may. Refused when the address is taken.
pub fn invite(tx: &Tx, actor: &Actor, new: &NewUser, uuid: Uuid, hash: Option<&PasswordHash>) -> Result<User> {
    may_invite(actor, &new.email)?;
    let home = organizations::home(tx)?;
    let user = store::users::insert(tx, new, uuid, hash)?;
    store::organizations::put_member(tx, home.id, user.id, home_role(user.role))?;
    audit::record(tx, actor, "users.invite", (ObjectKind::User, user.uuid), (Value::Null, shown(&user)))?;
    Ok(user)
}

/// Changes a person's profile, role or state; disabling ends every session and refuses every key at once.
///
/// Administrators may. Refused when it would leave the account without an enabled administrator, and when the
/// new address is taken.
pub fn change(tx: &Tx, actor: &Actor, who: &Named, change: &UserChange) -> Result<User> {
    let before = named(tx, actor, who)?;
    require(tx, actor, before.id, Action::ChangeUser, before.uuid)?;
    let mut after = before.clone();
    if let Some(email) = &change.email {
        after.email = email.clone();
    }
    if let Some(first_name) = &change.first_name {
        after.first_name = first_name.clone();
    }
    if let Some(last_name) = &change.last_name {
        after.last_name = last_name.clone();
    }
    after.enabled = change.enabled.unwrap_or(after.enabled);
    after.role = match change.administrator {
        Some(true) => AccountRole::Administrator,
        Some(false) if before.role == AccountRole::Administrator => AccountRole::Member,
        Some(false) | None => before.role,
    };
    if shown(&before) == shown(&after) {
        return Ok(before);
    }
    let governs = |user: &User| user.enabled && user.role == AccountRole::Administrator;
    if governs(&before) && !governs(&after) && store::users::count_other_administrators(tx, before.id)? == 0 {
        return Err(Error::Refused { rule: "the account keeps at least one enabled administrator" });
    }
    store::users::update(tx, &after)?;
    if before.enabled && !after.enabled {
        store::sessions::delete_of(tx, after.id)?;
    }
    if before.role != after.role {
        let home = organizations::home(tx)?;
        if store::organizations::role(tx, home.id, after.id)?.is_some() {
            store::organizations::put_member(tx, home.id, after.id, home_role(after.role))?;
        }
    }
    audit::record(tx, actor, "users.change", (ObjectKind::User, after.uuid), (shown(&before), shown(&after)))?;
    Ok(after)
}

/// Gives a person a new password, which ends every session, and every key where asked.
///
/// Administrators may.
pub fn set_password(tx: &Tx, actor: &Actor, who: &Named, hash: &PasswordHash, revoke_keys: bool) -> Result<User> {
    let user = named(tx, actor, who)?;
    require(tx, actor, user.id, Action::SetPassword, user.uuid)?;
    store::users::update_password(tx, user.id, hash)?;
    let sessions = store::sessions::delete_of(tx, user.id)?;
    let keys = if revoke_keys { store::keys::revoke_of(tx, user.id)? } else { 0 };
    let after = json!({ "sessions_ended": sessions, "keys_revoked": keys });
    audit::record(tx, actor, "users.set_password", (ObjectKind::User, user.uuid), (Value::Null, after))?;
    Ok(user)
}

/// Lets the actor do this to a person, or refuses.
pub(super) fn require(view: &View, actor: &Actor, user: UserId, action: Action, key: impl ToString) -> Result<()> {
    standing::require(&standing::toward(view, actor, user)?, action, "user", key)
}

/// Who governs the account governs its home.
pub(super) const fn home_role(role: AccountRole) -> OrganizationRole {
    match role {
        AccountRole::Administrator => OrganizationRole::Admin,
        AccountRole::Member | AccountRole::UiOnly => OrganizationRole::Member,
        AccountRole::Annotator => OrganizationRole::Annotator,
    }
}

fn shown(user: &User) -> Value {
    json!({
        "email": user.email.as_str(),
        "first_name": user.first_name.as_str(),
        "last_name": user.last_name.as_str(),
        "enabled": user.enabled,
        "role": user.role.word(),
    })
}
