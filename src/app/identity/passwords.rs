//! Passwords: which ones somebody may choose, and hashing, which takes long on purpose: in a pool of its own, as many at a
//! time as it has threads.

use crate::app::runtime::pool::Lane;
use crate::app::runtime::state::AppState;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::password::{Password, compared};
use crate::domain::secret::Secret;
use crate::domain::user::{NewUser, PersonName, User};
use crate::error::{Error, Result};
use crate::tokens::password::{self, PasswordHash, Verdict};

/// Whose a password is to be.
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

/// Hashes a password that its owner is to have, in the turn of this lane. Every way to set one leads through here or [`hash_here`].
///
/// Refused when it is made of the owner's address or name, and as busy when too many wait.
pub async fn hash(desk: &AppState, lane: Lane, password: Password, owner: &Owner) -> Result<PasswordHash> {
    refuse_own(&password, owner)?;
    desk.hashery.run(lane, move || password::hash(&password)).await?.map_err(Error::internal)
}

/// The same on the calling thread, for the command line and the start of the server.
pub fn hash_here(password: &Password, owner: &Owner) -> Result<PasswordHash> {
    refuse_own(password, owner)?;
    password::hash(password).map_err(Error::internal)
}

/// The first that somebody tries who knows a person is their address and their name.
fn refuse_own(password: &Password, owner: &Owner) -> Result<()> {
    // Composed first: a mark that stands apart would part a word.
    let [first, last] = &owner.names;
    let texts = [owner.email.as_str(), first.as_str(), last.as_str()].map(compared);
    if password.is_made_of(texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))) {
        return Err(Error::invalid(Field::Password, "must not be based on your own email address or name"));
    }
    Ok(())
}

/// What stands against a password that is the same as before.
pub(in crate::app) fn must_be_another() -> Error {
    Error::invalid(Field::Password, "must differ from the current password")
}

/// Whether a typed password is the one of this hash; takes as long if there is no hash.
///
/// Gives a new hash beside the verdict where the old one has been outgrown.
pub(in crate::app) async fn verify(
    desk: &AppState,
    lane: Lane,
    typed: Secret,
    against: Option<PasswordHash>,
) -> Result<(Verdict, Option<PasswordHash>)> {
    desk.hashery
        .run(lane, move || match against {
            None => {
                password::verify(typed.expose(), password::dummy());
                (Verdict::Wrong, None)
            }
            Some(against) => match password::verify(typed.expose(), &against) {
                Verdict::RightButOld => {
                    let renewed = password::hash(&Password::existing(typed.expose())).ok();
                    (Verdict::RightButOld, renewed)
                }
                verdict => (verdict, None),
            },
        })
        .await
}
