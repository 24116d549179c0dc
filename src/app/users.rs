//! People with an account.

mod password;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::reauthentication;
use crate::app::{audit, lookup, standing, workspaces};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::{Page, Slice};
use crate::domain::user::{AccountRole, NewUser, User, UserChange, UserSearch, UserState, Verification, Voucher};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::password::PasswordHash;

pub use crate::app::lookup::{Named, active_person as visible, user as named};
pub(super) use password::{CLOSED, keep_password};
pub use password::{NewPassword, demand_password_change, set_password};

/// The person of this UUID, if the actor may find them.
pub fn get(view: &View, actor: &Actor, uuid: Uuid) -> Result<User> {
    lookup::user(view, actor, &lookup::Named::Uuid(uuid))
}

/// The people, by number, whom the actor may find and whose account is neither switched off nor closed.
pub fn page(view: &View, actor: &Actor, search: &UserSearch, page: Page) -> Result<Slice<User>> {
    match standing::circle(actor) {
        Some(circle) => store::users::page(view, circle, search, page),
        None => Ok(Slice { items: Vec::new(), next: None }),
    }
}

/// The people whom the actor may find: an administrator everybody, a bot those of its workspaces, everybody else those of
/// their organizations.
///
/// Deleted people are shown to the operator only.
pub fn list(view: &View, actor: &Actor) -> Result<Vec<User>> {
    let Some(circle) = standing::circle(actor) else { return Ok(Vec::new()) };
    let mut found = store::circle::list(view, circle)?;
    if actor.person().is_some() {
        found.retain(|user| user.state != UserState::Blocked);
    }
    Ok(found)
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

/// Whether the actor may know when a user last signed in: their own, and administrators everybody's.
pub fn knows_last_sign_in(actor: &Actor, user: &User) -> bool {
    actor.user() == Some(user.id) || standing::sees_everything(actor)
}

/// Refuses whoever may not make accounts, before anything costly is done for them.
pub(super) fn may_create(actor: &Actor, email: &Email) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::CreateUser, Noun::User, email)
}

/// Makes an account that can be used at once, and puts the person into the home organization. Whoever makes it vouches
/// for the address.
///
/// Administrators may. Refused when the address is taken.
pub fn create(tx: &Tx, actor: &Actor, new: &NewUser, uuid: Uuid, hash: Option<&PasswordHash>) -> Result<User> {
    make(tx, actor, new, uuid, (hash, false))
}

/// Makes an account as [`create`] does, but lets nobody in before the password was replaced by another.
pub fn create_to_reset(tx: &Tx, actor: &Actor, new: &NewUser, uuid: Uuid, hash: Option<&PasswordHash>) -> Result<User> {
    make(tx, actor, new, uuid, (hash, true))
}

fn make(
    tx: &Tx,
    actor: &Actor,
    new: &NewUser,
    uuid: Uuid,
    (hash, must_change_password): (Option<&PasswordHash>, bool),
) -> Result<User> {
    may_create(actor, &new.email)?;
    let home = lookup::home(tx)?;
    let mut user = store::users::insert(tx, new, uuid, hash)?;
    workspaces::free_default_name(tx, actor, &user.email)?;
    user.must_change_password = must_change_password;
    user.email_verified = voucher(tx, actor);
    store::users::update(tx, &user)?;
    store::organizations::put_member(tx, home.id, user.id, home_role(user.role))?;
    audit::record(tx, actor, "users.create", (ObjectKind::User, user.uuid), (Value::Null, shown(&user)))?;
    Ok(user)
}

/// Changes a person's profile, role or state; switching the account off ends every session and every key.
///
/// Administrators may; their own address only if they have proved lately who they are. A new address is vouched for with
/// that, unless the change says otherwise. Refused when it would leave the account without an enabled administrator, when
/// the new address is taken, and when the account is closed for good.
pub fn change(tx: &Tx, actor: &Actor, who: &lookup::Named, change: &UserChange) -> Result<User> {
    let before = lookup::person(tx, actor, who, Action::ChangeUser)?;
    let after = changed(&before, change, voucher(tx, actor));
    let reverified = before.email_verified != after.email_verified;
    if shown(&before) == shown(&after) && !reverified {
        return Ok(before);
    }
    if before.state == UserState::Blocked {
        return Err(CLOSED);
    }
    if before.email.as_str() != after.email.as_str() {
        reauthentication::require_of_oneself(tx, actor, before.id)?;
    }
    if governs(&before) && !governs(&after) {
        keep_an_administrator(tx, &before)?;
    }
    store::users::update(tx, &after)?;
    let (mut past, mut told) = (shown(&before), shown(&after));
    if reverified {
        past["email_verified"] = json!(before.email_verified.is_some());
        told["email_verified"] = json!(after.email_verified.is_some());
    }
    if before.enabled && !after.enabled {
        told["ended"] = end_access(tx, after.id)?;
    }
    if before.role != after.role {
        let home = lookup::home(tx)?;
        if store::organizations::role(tx, home.id, after.id)?.is_some() {
            store::organizations::put_member(tx, home.id, after.id, home_role(after.role))?;
        }
    }
    audit::record(tx, actor, "users.change", (ObjectKind::User, after.uuid), (past, told))?;
    Ok(after)
}

/// Vouches for an address as the actor, if the actor may: an administrator or the operator.
pub(super) fn voucher(view: &View, actor: &Actor) -> Option<Verification> {
    let by = actor.person().map_or(Voucher::Operator, |person| Voucher::Administrator(person.uuid));
    let may = decide(&standing::in_account(actor), Action::CreateUser) == Decision::Allowed;
    may.then_some(Verification { by, at: view.now })
}

fn changed(before: &User, change: &UserChange, voucher: Option<Verification>) -> User {
    let mut after = before.clone();
    if let Some(email) = &change.email {
        after.email = email.clone();
    }
    after.email_verified = match change.email_verified {
        Some(false) => None,
        Some(true) => before.email_verified.filter(|_| before.email == after.email).or(voucher),
        None if before.email == after.email => before.email_verified,
        None => voucher,
    };
    if let Some(first_name) = &change.first_name {
        after.first_name = first_name.clone();
    }
    if let Some(last_name) = &change.last_name {
        after.last_name = last_name.clone();
    }
    after.enabled = change.enabled.unwrap_or(after.enabled);
    after.developer = change.developer.unwrap_or(after.developer);
    after.role = match change.administrator {
        Some(true) => AccountRole::Administrator,
        Some(false) if before.role == AccountRole::Administrator => AccountRole::Member,
        Some(false) | None => before.role,
    };
    after
}

/// What stands against letting the last enabled administrator go.
pub const KEEPS_AN_ADMINISTRATOR: &str = "the account must keep at least one enabled administrator";

/// Ends every session, key and link of a user; tells how many.
pub(super) fn end_access(tx: &Tx, user: UserId) -> Result<Value> {
    store::links::delete_of(tx, user)?;
    let sessions = store::sessions::delete_of(tx, user)?;
    let keys = store::keys::revoke_of(tx, user)?;
    Ok(json!({ "sessions": sessions, "keys": keys }))
}

/// Whether somebody is an administrator who may come in.
pub(super) fn governs(user: &User) -> bool {
    user.may_enter() && user.role == AccountRole::Administrator
}

/// Refuses to let the last enabled administrator go.
pub(super) fn keep_an_administrator(tx: &Tx, user: &User) -> Result<()> {
    if store::users::count_other_administrators(tx, user.id)? == 0 {
        return Err(Error::Refused { rule: KEEPS_AN_ADMINISTRATOR });
    }
    Ok(())
}

/// Who governs the account governs its home.
pub(super) const fn home_role(role: AccountRole) -> OrganizationRole {
    match role {
        AccountRole::Administrator => OrganizationRole::Admin,
        AccountRole::Member | AccountRole::UiOnly => OrganizationRole::Member,
        AccountRole::Annotator => OrganizationRole::Annotator,
    }
}

/// A user as the audit keeps one.
pub(super) fn shown(user: &User) -> Value {
    json!({
        "developer": user.developer,
        "email": user.email.as_str(),
        "first_name": user.first_name.as_str(),
        "last_name": user.last_name.as_str(),
        "enabled": user.enabled,
        "role": user.role.as_str(),
    })
}
