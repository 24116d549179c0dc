//! Links and temporary passwords: how somebody proves once who they are, to choose a password.

use serde_json::{Value, json};

use crate::app::identity::attempts::{self, Attempt, Whose};
use crate::app::identity::passwords::Owner;
use crate::app::identity::{passwords, second_factors, sessions};
use crate::app::runtime::creations;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::app::users::NewPassword;
use crate::app::{audit, invitations, lookup, users};
use crate::domain::actor::{Actor, Credential, Origin};
use crate::domain::audit::ObjectKind;
use crate::domain::field::Field;
use crate::domain::ids::UserId;
use crate::domain::link::{Link, Purpose};
use crate::domain::password::Password;
use crate::domain::quota::Quota;
use crate::domain::secret::Secret;
use crate::domain::user::{User, UserStatus};
use crate::error::{AuthError, Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::password::Verdict;

/// What stands against a link for somebody who never came in.
const NEVER_IN: Error = Error::Refused { rule: "the user has not accepted the invitation yet" };

/// What stands against choosing a password without the code of the second factor.
const HAS_FACTOR: Error = Error::Refused {
    rule: "this account has two-factor authentication: sign in with the temporary password, then choose a new one",
};

/// Notes that somebody is to choose another password; the link for it is made where it can be shown, by [`make`].
///
/// Administrators may. Refused when the person never came in.
pub fn request_reset(tx: &Tx, actor: &Actor, id: UserId) -> Result<()> {
    let user = lookup::active_person(tx, actor, id)?;
    lookup::require_user(tx, actor, user.id, Action::SetPassword, user.uuid)?;
    if user.status(tx.now) != UserStatus::Active {
        return Err(NEVER_IN);
    }
    let after = json!({ "requested": true });
    audit::record(tx, actor, "users.request_reset", (ObjectKind::User, user.uuid), (Value::Null, after))
}

/// Notes that somebody is to choose another password as [`request_reset`] does.
///
/// Refused when the actor has reset too many within a minute.
pub async fn demand_reset(desk: &AppState, actor: &Actor, id: UserId) -> Result<()> {
    let permit = creations::permit(desk, actor, Quota::PasswordResets)?;
    desk.write_as(actor, move |tx, actor| request_reset(tx, actor, id)).await?;
    permit.use_up();
    Ok(())
}

/// Makes a link for somebody; the one before it for the same purpose is good no more.
///
/// Administrators may. Refused for an invitation unless the person is invited now, whose invitation then lasts as long
/// as the link; for another password unless the person is in.
pub fn make(tx: &Tx, actor: &Actor, who: &lookup::Named, purpose: Purpose, secret: &Fingerprint) -> Result<User> {
    let mut user = lookup::person(tx, actor, who, Action::SetPassword)?;
    match (purpose, user.status(tx.now)) {
        (Purpose::Invitation, _) => user = invitations::last_longer(tx, &user)?,
        (Purpose::PasswordReset, UserStatus::Active) => {}
        (Purpose::PasswordReset, UserStatus::Invited | UserStatus::Expired) => return Err(NEVER_IN),
        (Purpose::PasswordReset, UserStatus::Disabled) => {
            return Err(Error::Refused { rule: "the user is disabled; enable the account first" });
        }
        (Purpose::PasswordReset, UserStatus::Blocked) => return Err(users::CLOSED),
    }
    let link = Link { user: user.id, purpose, expires_at: tx.now.after(purpose.life()) };
    store::links::put(tx, &link, secret)?;
    let after = json!({ "purpose": purpose.as_str(), "expires_at": link.expires_at.to_string() });
    audit::record(tx, actor, "users.make_link", (ObjectKind::User, user.uuid), (Value::Null, after))?;
    Ok(user)
}

/// Whom a link lets in, and what for. A link that is unknown, used, expired or somebody's who may not use it any more
/// is refused, and wrong ones slow down further wrong ones from their address. A good one is never delayed: it is too
/// long to be guessed.
pub fn find(desk: &AppState, origin: &Origin, token: &str) -> Result<(User, Purpose)> {
    let found = match opaque::parse(Kind::Link, token) {
        Some(secret) => desk.read_inline(|view| good(view, &secret)),
        None => Err(AuthError::DeadLink.into()),
    };
    match found {
        Err(Error::Unauthenticated(why)) => {
            Err(Attempt::refuse(desk, origin, ThrottleScope::Link, Whose::Nobody, why)?)
        }
        found => found,
    }
}

fn good(view: &View, secret: &Fingerprint) -> Result<(User, Purpose)> {
    let link = store::links::find(view, secret)?.filter(|link| view.now < link.expires_at);
    let link = link.ok_or(AuthError::DeadLink)?;
    let user = store::users::find(view, link.user)?.ok_or(AuthError::DeadLink)?;
    match (link.purpose, user.status(view.now)) {
        (Purpose::Invitation, UserStatus::Invited) | (Purpose::PasswordReset, UserStatus::Active) => {
            Ok((user, link.purpose))
        }
        (Purpose::Invitation | Purpose::PasswordReset, _) => Err(AuthError::DeadLink.into()),
    }
}

/// Chooses a password by a link, which is good no more; every session ends, and every API key where asked.
///
/// Refused as [`find`] refuses, and when the password is one that the person may not have.
pub async fn follow(desk: &AppState, origin: Origin, token: &str, chosen: Password, revoke_keys: bool) -> Result<User> {
    // A wrong link costs no hash.
    let (user, _) = find(desk, &origin, token)?;
    let hash = passwords::hash(desk, Lane::stranger(&origin), chosen, &Owner::from(&user)).await?;
    let secret = opaque::parse(Kind::Link, token).ok_or(AuthError::DeadLink)?;
    let actor = Actor { credential: Credential::Link, ..Actor::nobody(origin) };
    let new = NewPassword { hash, revoke_keys };
    desk.write(move |tx| use_up(tx, &actor, &secret, &new)).await
}

/// Uses a link up.
pub(in crate::app) fn use_up(tx: &Tx, actor: &Actor, secret: &Fingerprint, new: &NewPassword) -> Result<User> {
    let (user, purpose) = good(tx, secret)?;
    let verb = match purpose {
        Purpose::Invitation => "users.accept_invitation",
        Purpose::PasswordReset => "users.reset_password",
    };
    choose(tx, actor, user, new, verb)
}

/// Somebody who has a temporary password, and the one to be.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The address.
    pub username: String,
    /// The temporary password.
    pub temporary: Secret,
    /// The password to be.
    pub chosen: Password,
    /// Whether the person's API keys are revoked with it.
    pub revoke_keys: bool,
}

/// Chooses a password in place of a temporary one, with which the person is in.
///
/// Whoever has no temporary password is refused as with a wrong one, in the same time; failures slow down what follows.
/// Whoever has a second factor is refused, too: the sign-in pages ask for its code first.
pub async fn replace_temporary(desk: &AppState, origin: Origin, choice: Choice) -> Result<User> {
    let attempt = Attempt::begin(desk, &origin, ThrottleScope::Password, Whose::Named(&choice.username), None)?;
    let found = desk.read_inline(|view| {
        let user = store::users::find_by_email(view, &choice.username)?;
        let user = user.filter(|user| has_temporary(view, user));
        let hash = user.as_ref().map(|user| store::users::password_hash(view, user.id)).transpose()?.flatten();
        Ok(user.zip(hash))
    })?;
    let against = found.as_ref().map(|(_, hash)| hash.clone());
    let (verdict, _) = passwords::verify(desk, attempt.lane(), choice.temporary.clone(), against).await?;
    let proved = found.filter(|_| matches!(verdict, Verdict::Right | Verdict::RightButOld));
    attempt.judge(proved.is_some())?;
    let (user, kept) = proved.ok_or(AuthError::WrongPassword)?;
    if desk.read_inline(|view| second_factors::is_confirmed(view, user.id))? {
        return Err(HAS_FACTOR);
    }
    attempt.succeeded();
    if choice.chosen == Password::existing(choice.temporary.expose()) {
        return Err(Error::invalid(Field::Password, "must differ from the temporary password"));
    }
    let hash = passwords::hash(desk, attempt.lane(), choice.chosen, &Owner::from(&user)).await?;
    let new = NewPassword { hash, revoke_keys: choice.revoke_keys };
    let actor = Actor::nobody(origin.clone());
    desk.write(move |tx| {
        // Between the look and the write, another password may have come.
        let user = store::users::find(tx, user.id)?.filter(|user| has_temporary(tx, user));
        let user = user.ok_or(AuthError::WrongPassword)?;
        if store::users::password_hash(tx, user.id)?.as_ref() != Some(&kept) {
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
    let ended = users::keep_password(tx, &mut user, new, None)?;
    attempts::remember_place(tx, &actor.origin, user.id)?;
    let after = ended.added_to(json!({ "state": user.state.as_str() }));
    audit::record(tx, &sessions::acting(actor, &user), verb, (ObjectKind::User, user.uuid), (before, after))?;
    Ok(user)
}
