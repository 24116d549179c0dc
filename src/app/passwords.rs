//! Hashing, which takes long on purpose: in a pool of its own, as many at a time as it has threads.

use super::desk::Desk;
use crate::domain::password::Password;
use crate::error::{Error, Result};
use crate::tokens::password::{self, PasswordHash, Verdict};

/// Hashes a password. Refused as busy when too many wait.
pub async fn hash(desk: &Desk, password: Password) -> Result<PasswordHash> {
    desk.hashery.run(move || password::hash(&password)).await?.map_err(Error::internal)
}

/// What stands against a password that is the same as before.
pub(super) fn must_be_another() -> Error {
    Error::invalid("password", "must be another than the one before")
}

/// Whether a typed password is the one of this hash; takes as long if there is no hash.
///
/// Gives a new hash beside the verdict where the parameters of the old one have been outgrown.
pub(super) async fn verify(
    desk: &Desk,
    typed: crate::domain::secret::Secret,
    against: Option<PasswordHash>,
) -> Result<(Verdict, Option<PasswordHash>)> {
    desk.hashery
        .run(move || match against {
            None => {
                password::verify(typed.expose(), password::dummy());
                (Verdict::Wrong, None)
            }
            Some(against) => match password::verify(typed.expose(), &against) {
                Verdict::RightButOld => {
                    let renewed = Password::parse(typed.expose()).ok().and_then(|typed| password::hash(&typed).ok());
                    (Verdict::RightButOld, renewed)
                }
                verdict => (verdict, None),
            },
        })
        .await
}
