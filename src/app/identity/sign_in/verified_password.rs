//! A verified password.

use crate::app::identity::attempts::Attempt;
use crate::app::identity::passwords;
use crate::app::runtime::state::AppState;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::error::{AuthError, Result};
use crate::store::{self, Tx};
use crate::tokens::password::{PasswordHash, Verdict};

/// The maximum number of checks of a password when another one is stored during the check.
pub(super) const MAX_TRIES: u32 = 3;

/// The user whom a password authenticated.
pub(super) struct VerifiedPassword {
    pub(super) user: User,
    /// The hash that the password was checked against.
    hash: Option<PasswordHash>,
    /// The hash to store instead, if the old one is outdated.
    renewed: Option<PasswordHash>,
}

impl VerifiedPassword {
    /// Checks a password. Takes the same time whether or not the user exists.
    pub(super) async fn check(
        state: &AppState,
        attempt: &Attempt<'_>,
        username: &str,
        password: &Secret,
    ) -> Result<Self> {
        let (user, hash, against) = state.read_inline(|view| {
            let user = store::users::find_by_email(view, username)?;
            let hash = user.as_ref().map(|user| store::users::password_hash(view, user.id)).transpose()?.flatten();
            let against = hash.clone().map_or_else(|| passwords::decoy(state, view, username), Ok)?;
            Ok((user, hash, against))
        })?;
        let (verdict, renewed) = passwords::verify(state, attempt.lane(), password.clone(), Some(against)).await?;
        let verified = user.filter(|_| matches!(verdict, Verdict::Right | Verdict::RightButOutdated));
        attempt.judge(verified.is_some())?;
        let user = verified.ok_or(AuthError::WrongPassword)?;
        Ok(Self { user, hash, renewed })
    }

    /// The current user, whose hash is renewed if it is outdated. `None` if the password has changed meanwhile.
    pub(super) fn confirm(&self, tx: &Tx) -> Result<Option<User>> {
        let user = store::users::find(tx, self.user.id)?.ok_or(AuthError::WrongPassword)?;
        if store::users::password_hash(tx, user.id)? != self.hash {
            return Ok(None);
        }
        if let Some(renewed) = &self.renewed {
            store::users::update_password(tx, user.id, Some(renewed))?;
        }
        Ok(Some(user))
    }
}
