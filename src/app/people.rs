//! The administration of people: search by profile, creation, and how each person signs in.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::app::identity::oauth::service_accounts::{self, ServiceAccount};
use crate::app::identity::passwords::{self, Owner};
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::users::NewPassword;
use crate::app::{lookup, standing, users};
use crate::domain::actor::Actor;
use crate::domain::field::Field;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::password::Password;
use crate::domain::people::PeopleSearch;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{NewUser, User, UserChange, UserState};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::password::PasswordHash;

/// The maximum number of people on one page.
pub const MAX_PAGE: usize = 1000;

/// A person, and how they sign in if the actor may know.
#[derive(Clone, Debug)]
pub struct Profile {
    pub user: User,
    /// Visible only to the person and to administrators.
    pub entry: Option<Entry>,
}

#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub password: bool,
    /// When the second factor was confirmed. `None` without one.
    pub second_factor: Option<Timestamp>,
}

/// A part of the people of a search that the actor may see, the oldest account first, without closed accounts.
///
/// Refused when more than [`MAX_PAGE`] are requested.
pub fn search(view: &View, actor: &Actor, search: &PeopleSearch, skip: usize, max: usize) -> Result<Vec<Profile>> {
    if max > MAX_PAGE {
        return Err(Error::invalid(Field::Limit, format!("must be at most {MAX_PAGE}")));
    }
    let Some(circle) = standing::circle(actor) else { return Ok(Vec::new()) };
    let found = store::people::search(view, circle, search, skip, max)?;
    let ids: Vec<UserId> = found.iter().map(|user| user.id).collect();
    let factors: BTreeMap<UserId, Timestamp> = store::people::second_factors(view, &ids)?.into_iter().collect();
    found.into_iter().map(|user| profile(view, actor, user, &factors)).collect()
}

/// A person of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub profile: Profile,
    /// The number of valid API keys, if the actor may know it.
    pub keys: Option<u32>,
}

/// A page of the people of a search that the actor may see, by number, without closed accounts.
pub fn page(view: &View, actor: &Actor, search: &PeopleSearch, page: Page) -> Result<Slice<Listed>> {
    let Some(circle) = standing::circle(actor) else { return Ok(Slice { items: Vec::new(), next: None }) };
    let found = store::people::page(view, circle, search, page)?;
    let ids: Vec<UserId> = found.items.iter().map(|user| user.id).collect();
    let factors: BTreeMap<UserId, Timestamp> = store::people::second_factors(view, &ids)?.into_iter().collect();
    let mut keys = store::person_access::count_keys(view, ids.iter().copied())?;
    let listed = |user: User| {
        let number = keys.remove(&user.id);
        let profile = profile(view, actor, user, &factors)?;
        let keys = number.filter(|_| profile.entry.is_some());
        Ok(Listed { profile, keys })
    };
    Ok(Slice { items: found.items.into_iter().map(listed).collect::<Result<_>>()?, next: found.next })
}

/// The number of people of a search that the actor may see.
pub fn count(view: &View, actor: &Actor, search: &PeopleSearch) -> Result<usize> {
    let Some(circle) = standing::circle(actor) else { return Ok(0) };
    store::people::count(view, circle, search)
}

/// A person, or a bot, which is found by its UUID only.
#[derive(Clone, Debug)]
pub enum Found {
    Person(Profile),
    Service(ServiceAccount),
}

impl Found {
    pub const fn user(&self) -> &User {
        match self {
            Self::Person(profile) => &profile.user,
            Self::Service(account) => &account.user,
        }
    }
}

/// The person or bot with this UUID. Refused when the actor may not see them, and when the account is closed.
pub fn find(view: &View, actor: &Actor, uuid: Uuid) -> Result<Found> {
    match get(view, actor, uuid) {
        Err(Error::NotFound { .. }) => service_accounts::get(view, actor, uuid).map(Found::Service),
        found => found.map(Found::Person),
    }
}

/// The person with this UUID. Refused when the actor may not see them, and when the account is closed.
pub fn get(view: &View, actor: &Actor, uuid: Uuid) -> Result<Profile> {
    let user = users::get(view, actor, uuid)?;
    if user.state == UserState::Blocked {
        return Err(Error::not_found(Noun::User, uuid));
    }
    let factors = store::people::second_factors(view, &[user.id])?.into_iter().collect();
    profile(view, actor, user, &factors)
}

fn profile(view: &View, actor: &Actor, user: User, factors: &BTreeMap<UserId, Timestamp>) -> Result<Profile> {
    let mut entry = None;
    if knows_entry(view, actor, user.id)? {
        let password = store::users::password_hash(view, user.id)?.is_some();
        entry = Some(Entry { password, second_factor: factors.get(&user.id).copied() });
    }
    Ok(Profile { user, entry })
}

fn knows_entry(view: &View, actor: &Actor, user: UserId) -> Result<bool> {
    Ok(decide(&standing::toward(view, actor, user)?, Action::ReadSessions) == Decision::Allowed)
}

/// How a person signs in.
///
/// Requires the person or an administrator.
pub fn entry(view: &View, actor: &Actor, uuid: Uuid) -> Result<Entry> {
    let profile = get(view, actor, uuid)?;
    lookup::require_user(view, actor, profile.user.id, Action::ReadSessions, uuid)?;
    profile.entry.ok_or_else(|| Error::not_found(Noun::User, uuid))
}

/// The person whose password the actor may set. Refuses an actor who may not, before any costly work.
pub fn may_set_password(view: &View, actor: &Actor, uuid: Uuid) -> Result<User> {
    let user = get(view, actor, uuid)?.user;
    lookup::require_user(view, actor, user.id, Action::SetPassword, uuid)?;
    Ok(user)
}

/// Sets a person's password like [`users::set_password`]. A temporary password has to be replaced at the first sign-in.
pub fn reset_password(tx: &Tx, actor: &Actor, uuid: Uuid, hash: &PasswordHash, temporary: bool) -> Result<()> {
    let new = NewPassword { hash: hash.clone(), revoke_keys: false };
    let mut user = users::set_password(tx, actor, &lookup::Named::Uuid(uuid), &new)?;
    if temporary {
        user.must_change_password = true;
        store::users::update(tx, &user)?;
    }
    Ok(())
}

/// Changes a person like [`users::change`].
///
/// Refused when the change would add or remove the requirement to choose another password: only a temporary password
/// adds it.
pub fn change(
    tx: &Tx,
    actor: &Actor,
    uuid: Uuid,
    change: &UserChange,
    must_change_password: Option<bool>,
) -> Result<User> {
    get(tx, actor, uuid)?;
    let user = users::change(tx, actor, &lookup::Named::Uuid(uuid), change)?;
    if must_change_password.is_some_and(|must| must != user.must_change_password) {
        let rule = "must be unchanged: to require a new password, set a temporary one";
        return Err(Error::invalid(Field::MustChangePassword, rule));
    }
    Ok(user)
}

/// A new person, with a password that is not hashed yet.
#[derive(Debug)]
pub struct Registration {
    pub new: NewUser,
    /// The password, and whether it is good only for choosing another; without one, there is none yet.
    pub password: Option<(Password, bool)>,
    pub enabled: bool,
    /// Whether the actor vouches for the address.
    pub email_verified: bool,
}

/// Makes an account as [`create`] does, and returns its UUID.
///
/// Refused when the actor has made too many within a minute; nothing costly is done for an actor who may make none.
pub async fn register(state: &AppState, actor: &Actor, person: Registration) -> Result<Uuid> {
    users::may_create(actor, &person.new.email)?;
    let permit = state.creations().permit(actor, Quota::People)?;
    let password = match person.password {
        Some((password, temporary)) => {
            let hash = passwords::hash(state, Lane::from(actor), password, &Owner::from(&person.new)).await?;
            Some((hash, temporary))
        }
        None => None,
    };
    let uuid = Uuid::new_v4();
    let Registration { new, enabled, email_verified, .. } = person;
    let person = NewPerson { new, uuid, password, enabled, email_verified };
    state.write_as(actor, move |tx, actor| create(tx, actor, &person)).await?;
    permit.use_up();
    Ok(uuid)
}

/// Hashes a password and gives it to a person as [`reset_password`] does.
///
/// Refused when the actor has reset too many within a minute.
pub async fn replace_password(
    state: &AppState,
    actor: &Actor,
    user: &User,
    password: Password,
    temporary: bool,
) -> Result<()> {
    let permit = state.creations().permit(actor, Quota::PasswordResets)?;
    let hash = passwords::hash(state, Lane::from(actor), password, &Owner::from(user)).await?;
    let uuid = user.uuid;
    state.write_as(actor, move |tx, actor| reset_password(tx, actor, uuid, &hash, temporary)).await?;
    permit.use_up();
    Ok(())
}

/// A new person, as created by an administrator.
#[derive(Clone, Debug)]
pub struct NewPerson {
    pub new: NewUser,
    /// The UUID that clients know the user by.
    pub uuid: Uuid,
    /// The hash of the password, and whether it is temporary. The person has no password without one.
    pub password: Option<(PasswordHash, bool)>,
    pub enabled: bool,
    /// Whether the actor confirms the address.
    pub email_verified: bool,
}

/// Creates an account like [`users::create`], but enabled or not, and with a confirmed address or not.
pub fn create(tx: &Tx, actor: &Actor, person: &NewPerson) -> Result<User> {
    let hash = person.password.as_ref().map(|(hash, _)| hash);
    let user = match person.password {
        Some((_, true)) => users::create_to_reset(tx, actor, &person.new, person.uuid, hash)?,
        Some((_, false)) | None => users::create(tx, actor, &person.new, person.uuid, hash)?,
    };
    if person.enabled && person.email_verified {
        return Ok(user);
    }
    let change = UserChange {
        enabled: Some(person.enabled),
        email_verified: Some(person.email_verified),
        ..UserChange::default()
    };
    users::change(tx, actor, &lookup::Named::Uuid(person.uuid), &change)
}
