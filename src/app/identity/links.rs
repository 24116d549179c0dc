//! Single-use links and temporary passwords, with which people choose a password.

use serde_json::{Value, json};

use crate::app::identity::attempts::{self, Attempt, SecretOwner};
use crate::app::identity::passwords::Owner;
use crate::app::identity::{invitation_links, passwords, second_factors, sessions};
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::app::users::NewPassword;
use crate::app::{audit, invitations, keys, lookup, users};
use crate::domain::actor::{Actor, Credential, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::field::Field;
use crate::domain::ids::UserId;
use crate::domain::link::Purpose;
use crate::domain::password::Password;
use crate::domain::quota::Quota;
use crate::domain::secret::Secret;
use crate::domain::user::{User, UserStatus};
use crate::error::{AuthError, Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::password::Verdict;

const NOT_ACCEPTED: Error = Error::Refused { rule: "the user has not accepted the invitation yet" };

const HAS_FACTOR: Error = Error::Refused {
    rule: "this account has two-factor authentication: sign in with the temporary password, then choose a new one",
};

/// Records that a person has to choose another password. The link is created by [`make`], where it can be shown.
///
/// Requires an administrator. Refused when the person has not accepted the invitation yet.
pub fn request_reset(tx: &Tx, actor: &Actor, id: UserId) -> Result<()> {
    let user = lookup::active_person(tx, actor, id)?;
    lookup::require_user(tx, actor, user.id, Action::SetPassword, user.uuid)?;
    if user.status(tx.now) != UserStatus::Active {
        return Err(NOT_ACCEPTED);
    }
    let after = json!({ "requested": true });
    audit::record(tx, actor, "users.request_reset", (ObjectKind::User, user.uuid), (Value::Null, after))
}

/// Notes that somebody is to choose another password as [`request_reset`] does.
///
/// Refused when the actor has reset too many within a minute.
pub async fn demand_reset(state: &AppState, actor: &Actor, id: UserId) -> Result<()> {
    let permit = state.creations().permit(actor, Quota::PasswordResets)?;
    state.write_as(actor, move |tx, actor| request_reset(tx, actor, id)).await?;
    permit.use_up();
    Ok(())
}

/// Creates a link for a person. It replaces the previous link for the same purpose.
///
/// Requires an administrator. An invitation link requires that the person is invited; the invitation then lasts as long
/// as the link. A password link requires that the person is active.
pub fn make(tx: &Tx, actor: &Actor, who: &lookup::Named, purpose: Purpose, secret: &Fingerprint) -> Result<User> {
    let mut user = lookup::person(tx, actor, who, Action::SetPassword)?;
    match (purpose, user.status(tx.now)) {
        (Purpose::Invitation, _) => user = invitations::extend(tx, &user)?,
        (Purpose::PasswordReset, UserStatus::Active) => {}
        (Purpose::PasswordReset, UserStatus::Invited | UserStatus::Expired) => return Err(NOT_ACCEPTED),
        (Purpose::PasswordReset, UserStatus::Disabled) => {
            return Err(Error::Refused { rule: "the user is disabled; enable the account first" });
        }
        (Purpose::PasswordReset, UserStatus::Blocked) => return Err(users::CLOSED),
    }
    invitation_links::insert(tx, actor, &user, purpose, secret)?;
    Ok(user)
}

/// What else is done when a password is reset by a link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reset {
    pub second_factor: bool,
    pub keys: bool,
}

/// Creates a link as [`make`] does, and returns its secret. For a reset, it also removes the second factor and revokes
/// the API keys on request.
///
/// Refused when the actor has reset too many passwords within a minute.
pub async fn issue(
    state: &AppState,
    actor: &Actor,
    who: &lookup::Named,
    purpose: Purpose,
    reset: Reset,
) -> Result<(User, Secret)> {
    let permit = state.creations().permit(actor, Quota::PasswordResets)?;
    let (secret, fingerprint) = opaque::mint(Kind::Link);
    let who = who.clone();
    let write = move |tx: &Tx, actor: &Actor| {
        if reset.second_factor {
            second_factors::reset(tx, actor, &who)?;
        }
        let user = make(tx, actor, &who, purpose, &fingerprint)?;
        if reset.keys {
            keys::revoke_of(tx, actor, &user)?;
        }
        Ok(user)
    };
    let user = state.write_as(actor, write).await?;
    permit.use_up();
    Ok((user, secret))
}

/// The user and the purpose of a link. Refused when the link is unknown, used or expired, or its user may no longer use
/// it. Wrong links throttle further wrong links from the same address. A valid link is never throttled, because it is
/// too long to be guessed.
pub fn find(state: &AppState, origin: &Origin, token: &str) -> Result<(User, Purpose)> {
    let found = match opaque::parse(Kind::Link, token) {
        Some(secret) => state.read_inline(|view| find_valid(view, &secret)),
        None => Err(AuthError::DeadLink.into()),
    };
    match found {
        Err(Error::Unauthenticated(why)) => {
            Err(Attempt::refuse(state, origin, ThrottleScope::Link, SecretOwner::Unknown, why)?)
        }
        found => found,
    }
}

fn find_valid(view: &View, secret: &Fingerprint) -> Result<(User, Purpose)> {
    let link = store::links::find(view, secret)?.filter(|link| link.is_live(view.now));
    let link = link.ok_or(AuthError::DeadLink)?;
    let user = store::users::find(view, link.user)?.ok_or(AuthError::DeadLink)?;
    match (link.purpose, user.status(view.now)) {
        (Purpose::Invitation, UserStatus::Invited) | (Purpose::PasswordReset, UserStatus::Active) => {
            Ok((user, link.purpose))
        }
        (Purpose::Invitation | Purpose::PasswordReset, _) => Err(AuthError::DeadLink.into()),
    }
}

/// Sets a password by a link, which is then used up. Ends every session, and revokes every API key on request.
///
/// Refused as [`find`] refuses, and when the person may not use the password.
pub async fn follow(
    state: &AppState,
    origin: Origin,
    token: &str,
    chosen: Password,
    revoke_keys: bool,
) -> Result<User> {
    // A wrong link must not cost a hash.
    let (user, _) = find(state, &origin, token)?;
    let hash = passwords::hash(state, Lane::stranger(&origin), chosen, &Owner::from(&user)).await?;
    let secret = opaque::parse(Kind::Link, token).ok_or(AuthError::DeadLink)?;
    let actor = Actor { credential: Credential::Link, ..Actor::nobody(origin) };
    let new = NewPassword { hash, revoke_keys };
    state.write(move |tx| use_up(tx, &actor, &secret, &new)).await
}

pub(in crate::app) fn use_up(tx: &Tx, actor: &Actor, secret: &Fingerprint, new: &NewPassword) -> Result<User> {
    let (user, purpose) = find_valid(tx, secret)?;
    let verb = match purpose {
        Purpose::Invitation => "users.accept_invitation",
        Purpose::PasswordReset => "users.reset_password",
    };
    choose(tx, actor, user, new, verb)
}

/// A temporary password and its replacement.
#[derive(Clone, Debug)]
pub struct Choice {
    pub username: String,
    pub temporary: Secret,
    /// The new password.
    pub chosen: Password,
    /// Whether the person's API keys are revoked too.
    pub revoke_keys: bool,
}

/// Replaces a temporary password. The person then is active.
///
/// A person without a temporary password is refused like one with a wrong password, in the same time. Failures throttle
/// further attempts. A person with a second factor is refused too: the sign-in pages ask for its code first.
pub async fn replace_temporary(state: &AppState, origin: Origin, choice: Choice) -> Result<User> {
    let attempt = Attempt::begin(state, &origin, ThrottleScope::Password, SecretOwner::Named(&choice.username), None)?;
    let (found, against) = state.read_inline(|view| {
        let user = store::users::find_by_email(view, &choice.username)?;
        let user = user.filter(|user| has_temporary(view, user));
        let hash = user.as_ref().map(|user| store::users::password_hash(view, user.id)).transpose()?.flatten();
        let against = hash.clone().map_or_else(|| passwords::decoy(state, view, &choice.username), Ok)?;
        Ok((user.zip(hash), against))
    })?;
    let (verdict, _) = passwords::verify(state, attempt.lane(), choice.temporary.clone(), Some(against)).await?;
    let proved = found.filter(|_| matches!(verdict, Verdict::Right | Verdict::RightButOutdated));
    attempt.judge(proved.is_some())?;
    let (user, stored) = proved.ok_or(AuthError::WrongPassword)?;
    if state.read_inline(|view| second_factors::is_confirmed(view, user.id))? {
        return Err(HAS_FACTOR);
    }
    attempt.succeeded();
    if choice.chosen == Password::existing(choice.temporary.expose()) {
        return Err(Error::invalid(Field::Password, "must differ from the temporary password"));
    }
    let hash = passwords::hash(state, attempt.lane(), choice.chosen, &Owner::from(&user)).await?;
    let new = NewPassword { hash, revoke_keys: choice.revoke_keys };
    let actor = Actor::nobody(origin.clone());
    state
        .write(move |tx| {
            // The password may have changed between the read and the write.
            let user = store::users::find(tx, user.id)?.filter(|user| has_temporary(tx, user));
            let user = user.ok_or(AuthError::WrongPassword)?;
            if store::users::password_hash(tx, user.id)?.as_ref() != Some(&stored) {
                return Err(AuthError::WrongPassword.into());
            }
            choose(tx, &actor, user, &new, "users.replace_temporary_password")
        })
        .await
}

fn has_temporary(view: &View, user: &User) -> bool {
    user.must_change_password && matches!(user.status(view.now), UserStatus::Invited | UserStatus::Active)
}

fn choose(tx: &Tx, actor: &Actor, mut user: User, new: &NewPassword, verb: &'static str) -> Result<User> {
    let before = json!({ "state": user.state.as_str() });
    let ended = users::store_password(tx, &mut user, new, None)?;
    attempts::remember_place(tx, &actor.origin, user.id)?;
    let after = ended.add_to(json!({ "state": user.state.as_str() }));
    audit::record(tx, &sessions::acting(actor, &user), verb, (ObjectKind::User, user.uuid), (before, after))?;
    Ok(user)
}
