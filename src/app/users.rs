//! The accounts of people.

mod password;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::{invitation_links, reauthentication};
use crate::app::runtime::long_view::LongView;
use crate::app::{audit, lookup, standing, workspaces};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::page::{Page, Slice};
use crate::domain::user::{
    AccountRole, EmailVerifier, NewUser, PersonName, User, UserChange, UserKind, UserSearch, UserState, Verification,
};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::password::PasswordHash;

pub use crate::app::lookup::{Named, active_person as visible, principal, user as named};
pub(super) use password::{CLOSED, store_password};
pub use password::{NewPassword, demand_password_change, set_password};

/// The person with this UUID. Refused when the actor may not see them.
pub fn get(view: &View, actor: &Actor, uuid: Uuid) -> Result<User> {
    lookup::user(view, actor, &lookup::Named::Uuid(uuid))
}

/// The people that the actor may see and whose account is neither disabled nor closed, by number.
pub fn page(view: &View, actor: &Actor, search: &UserSearch, page: Page) -> Result<Slice<User>> {
    match standing::circle(actor) {
        Some(circle) => store::users::page(view, circle, search, page),
        None => Ok(Slice { items: Vec::new(), next: None }),
    }
}

/// Is called with each person of a list.
pub type Each<'f> = &'f mut dyn FnMut(&User) -> Result<()>;

/// Calls `each` with the people that the actor may see, the oldest account first: all for an administrator, those of
/// its workspaces for a bot, those of their organizations for anybody else.
///
/// Only the operator sees closed accounts.
pub fn for_each(view: &LongView, actor: &Actor, each: Each) -> Result<()> {
    let Some(circle) = standing::circle(actor) else { return Ok(()) };
    store::people::for_each(view, circle, |user| {
        view.count_row()?;
        if actor.person().is_some() && user.state == UserState::Blocked { Ok(()) } else { each(&user) }
    })
}

/// A page of everybody, with disabled and closed accounts, the oldest account first.
///
/// Requires an administrator.
pub fn page_of_all(view: &View, actor: &Actor, page: Page) -> Result<Slice<User>> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::User, "anybody")?;
    store::users::page_of_all(view, page)
}

/// Calls `each` with the people among these UUIDs that the actor may see, the oldest account first.
pub fn for_each_of(view: &LongView, actor: &Actor, uuids: &[Uuid], each: Each) -> Result<()> {
    store::users::for_each_of(view, uuids, |user| {
        view.count_row()?;
        let decision = decide(&standing::toward(view, actor, user.id)?, Action::ReadUser);
        if decision == Decision::Allowed { each(&user) } else { Ok(()) }
    })
}

/// Whether the actor may manage the people of the account.
pub fn manages(actor: &Actor) -> bool {
    decide(&standing::in_account(actor), Action::ChangeUser) == Decision::Allowed
}

/// Whether the actor may see the last sign-in of a user: their own, or any for an administrator.
pub fn knows_last_sign_in(actor: &Actor, user: &User) -> bool {
    actor.user() == Some(user.id) || standing::sees_everything(actor)
}

/// Refuses an actor who may not create accounts, before any costly work.
pub(super) fn may_create(actor: &Actor, email: &Email) -> Result<()> {
    standing::require(&standing::in_account(actor), Action::CreateUser, Noun::User, email)
}

/// Creates an account that can be used at once, and adds the person to the home organization. The creator confirms the
/// address.
///
/// Requires an administrator. Refused when the address is taken.
pub fn create(tx: &Tx, actor: &Actor, new: &NewUser, uuid: Uuid, hash: Option<&PasswordHash>) -> Result<User> {
    make(tx, actor, new, uuid, (hash, false))
}

/// Creates an account like [`create`], but the person has to replace the password before signing in.
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
    store::organizations::upsert_member(tx, home.id, user.id, home_role(user.role))?;
    audit::record(tx, actor, "users.create", (ObjectKind::User, user.uuid), (Value::Null, to_audit(&user)))?;
    Ok(user)
}

/// Changes a person's profile, role or state. Disabling the account ends every session and revokes every key.
///
/// Requires an administrator, who needs a recent sign-in to change their own address. The change confirms a new
/// address, unless it says otherwise. Refused when the account would have no enabled administrator, when the new
/// address is taken, and when the account is closed for good.
pub fn change(tx: &Tx, actor: &Actor, who: &lookup::Named, change: &UserChange) -> Result<User> {
    let before = lookup::person(tx, actor, who, Action::ChangeUser)?;
    let after = changed(&before, change, voucher(tx, actor));
    let reverified = before.email_verified != after.email_verified;
    if to_audit(&before) == to_audit(&after) && !reverified {
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
    if before.email != after.email || before.role != after.role || before.developer != after.developer {
        invitation_links::end_of_others(tx, actor, &before)?;
    }
    store::users::update(tx, &after)?;
    let (mut past, mut audited) = (to_audit(&before), to_audit(&after));
    if reverified {
        past["email_verified"] = json!(before.email_verified.is_some());
        audited["email_verified"] = json!(after.email_verified.is_some());
    }
    if before.enabled && !after.enabled {
        audited["ended"] = end_access(tx, after.id)?;
    }
    if before.role != after.role {
        let home = lookup::home(tx)?;
        if store::organizations::role(tx, home.id, after.id)?.is_some() {
            store::organizations::upsert_member(tx, home.id, after.id, home_role(after.role))?;
        }
    }
    audit::record(tx, actor, "users.change", (ObjectKind::User, after.uuid), (past, audited))?;
    Ok(after)
}

/// Changes the actor's own first and last name. The same names change nothing.
///
/// Requires a person; [`change`] changes the names of others.
pub fn change_own_name(tx: &Tx, actor: &Actor, first_name: &PersonName, last_name: &PersonName) -> Result<User> {
    let me = actor.person().filter(|person| person.kind == UserKind::Person);
    let me = me.ok_or(Error::Refused { rule: "only people have a name to change, not service accounts" })?;
    let before = store::users::find(tx, me.id)?.ok_or_else(|| Error::not_found(Noun::User, me.uuid))?;
    let after = User { first_name: first_name.clone(), last_name: last_name.clone(), ..before.clone() };
    let (past, audited) = (to_audit(&before), to_audit(&after));
    if past == audited {
        return Ok(before);
    }
    store::users::update(tx, &after)?;
    audit::record(tx, actor, "users.change_name", (ObjectKind::User, after.uuid), (past, audited))?;
    Ok(after)
}

/// The actor's confirmation of an address, if the actor is an administrator or the operator.
pub(super) fn voucher(view: &View, actor: &Actor) -> Option<Verification> {
    let by = actor.person().map_or(EmailVerifier::Operator, |person| EmailVerifier::Administrator(person.uuid));
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

pub const KEEPS_AN_ADMINISTRATOR: &str = "the account must keep at least one enabled administrator";

/// Ends every session, key and link of a user. Returns the numbers of sessions and keys.
pub(super) fn end_access(tx: &Tx, user: UserId) -> Result<Value> {
    store::links::delete_of(tx, user)?;
    let sessions = store::sessions::delete_of(tx, user)?;
    let keys = store::keys::revoke_of(tx, user)?;
    Ok(json!({ "sessions": sessions, "keys": keys }))
}

/// Whether a user is an administrator who may sign in.
pub(super) fn governs(user: &User) -> bool {
    user.may_authenticate() && user.role == AccountRole::Administrator
}

/// Refuses to remove the last enabled administrator.
pub(super) fn keep_an_administrator(tx: &Tx, user: &User) -> Result<()> {
    if !store::users::has_other_administrator(tx, user.id)? {
        return Err(Error::Refused { rule: KEEPS_AN_ADMINISTRATOR });
    }
    Ok(())
}

/// An administrator of the account is an admin of the home organization.
pub(super) const fn home_role(role: AccountRole) -> OrganizationRole {
    match role {
        AccountRole::Administrator => OrganizationRole::Admin,
        AccountRole::Member | AccountRole::UiOnly => OrganizationRole::Member,
        AccountRole::Annotator => OrganizationRole::Annotator,
    }
}

pub(super) fn to_audit(user: &User) -> Value {
    json!({
        "developer": user.developer,
        "email": user.email.as_str(),
        "first_name": user.first_name.as_str(),
        "last_name": user.last_name.as_str(),
        "enabled": user.enabled,
        "role": user.role.as_str(),
    })
}
