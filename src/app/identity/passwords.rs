//! Password rules and password hashing. Hashing is slow on purpose and runs in a pool of its own, as many at a time as
//! the pool has threads.

use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::password::{Password, compared};
use crate::domain::secret::Secret;
use crate::domain::user::{NewUser, PersonName, User};
use crate::error::{Error, Result};
use crate::store::{self, View};
use crate::tokens::opaque::Fingerprint;
use crate::tokens::password::{self, PasswordHash, Verdict};

/// The person who will have a password.
#[derive(Clone, Debug)]
pub struct Owner {
    email: Email,
    names: [PersonName; 2],
}

impl From<&Email> for Owner {
    fn from(email: &Email) -> Self {
        Self { email: email.clone(), names: Default::default() }
    }
}

impl From<&User> for Owner {
    fn from(user: &User) -> Self {
        Self { email: user.email.clone(), names: [user.first_name.clone(), user.last_name.clone()] }
    }
}

impl From<&NewUser> for Owner {
    fn from(new: &NewUser) -> Self {
        Self { email: new.email.clone(), names: [new.first_name.clone(), new.last_name.clone()] }
    }
}

/// Hashes a new password of this owner in this lane's turn. Every way to set a password uses this or [`hash_here`].
///
/// Refused when the password is based on the owner's address or name, and as busy when the queue is full.
pub async fn hash(state: &AppState, lane: Lane, password: Password, owner: &Owner) -> Result<PasswordHash> {
    refuse_own(&password, owner)?;
    state.password_pool.run(lane, move || password::hash(&password)).await?.map_err(Error::internal)
}

/// Like [`hash`], but on the calling thread, for the command line and the start of the server.
pub fn hash_here(password: &Password, owner: &Owner) -> Result<PasswordHash> {
    refuse_own(password, owner)?;
    password::hash(password).map_err(Error::internal)
}

/// The address and the name are the first guesses of anybody who knows the owner.
fn refuse_own(password: &Password, owner: &Owner) -> Result<()> {
    // Compose first: a separate combining mark would split a word.
    let [first, last] = &owner.names;
    let texts = [owner.email.as_str(), first.as_str(), last.as_str()].map(compared);
    if password.is_made_of(texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))) {
        return Err(Error::invalid(Field::Password, "must not be based on your own email address or name"));
    }
    Ok(())
}

pub(in crate::app) fn must_be_another() -> Error {
    Error::invalid(Field::Password, "must differ from the current password")
}

/// The hash to check a password against when the account of this name is unknown or has no password. No password
/// matches it.
///
/// Accounts from another system have hashes of another cost until they sign in. An unknown name always gets the cost of
/// the same account, so that the time of a refusal does not tell whether a name is known.
pub(in crate::app) fn decoy(state: &AppState, view: &View, name: &str) -> Result<PasswordHash> {
    let tag = state.tags.tag("password-decoy", &Email::fold(name), 32);
    let like = store::passwords::any_hash(view, &Fingerprint::of(&tag))?;
    Ok(like.map_or_else(|| password::dummy().clone(), |like| like.decoy()))
}

/// Checks a password against a hash. Takes as long when there is no hash.
///
/// Returns a new hash too when the old one uses outdated parameters.
pub(in crate::app) async fn verify(
    state: &AppState,
    lane: Lane,
    typed: Secret,
    against: Option<PasswordHash>,
) -> Result<(Verdict, Option<PasswordHash>)> {
    state
        .password_pool
        .run(lane, move || match against {
            None => {
                password::verify(typed.expose(), password::dummy());
                (Verdict::Wrong, None)
            }
            Some(against) => match password::verify(typed.expose(), &against) {
                Verdict::RightButOutdated => {
                    let renewed = password::hash(&Password::existing(typed.expose())).ok();
                    (Verdict::RightButOutdated, renewed)
                }
                verdict => (verdict, None),
            },
        })
        .await
}
