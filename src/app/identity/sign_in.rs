//! Sign-in: by password at the pages or for a client, by cookie, access token or API key.

mod bearers;
mod browsers;
mod pending;
mod verified_password;

use crate::app::identity::attempts::{self, SecretOwner};
use crate::app::identity::code_attempts::{self, Judged};
use crate::app::identity::second_factors;
use crate::app::identity::sessions::{self, NewSession};
use crate::app::runtime::sign_in_counts::SignInKind;
use crate::app::runtime::state::AppState;
use crate::app::runtime::throttle::ThrottleScope;
use crate::domain::actor::{Actor, Origin};
use crate::domain::client::{Client, Scopes};
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::{User, UserStatus};
use crate::error::{AuthError, Result};
use crate::store::View;
use verified_password::{MAX_TRIES, VerifiedPassword};

pub use crate::domain::pending_sign_in::Step;
pub(in crate::app) use bearers::verified;
pub use bearers::{Authenticated, with_bearer};
pub(in crate::app) use browsers::sign_out;
pub use browsers::{BrowserSignIn, with_cookie};
pub use pending::{
    Login, NextStep, Progress, at_pages, begin_enrolment, choose_password, enrolment, finish_enrolment, pending,
    second_factor,
};

/// A password sign-in for a client.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The user name, which is the email address.
    pub username: String,
    pub password: Secret,
    pub totp: Option<Secret>,
    /// The OAuth client that the sign-in uses.
    pub client: Client,
    pub scopes: Scopes,
}

#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: User,
    /// The new session.
    pub session: Session,
    /// The refresh token, which is shown only once. `None` if the client may not use one.
    pub refresh_token: Option<Secret>,
}

/// Signs a user in with a password, and with a code if the user has a second factor. Begins a session.
///
/// An unknown name, a wrong password and a missing or wrong code are refused alike and take the same time. Failures
/// throttle further attempts. Only the right password reveals that the user is disabled or has to complete the account
/// first.
pub async fn with_password(state: &AppState, origin: &Origin, attempt: Attempt) -> Result<SignedIn> {
    let (owner, client) = (SecretOwner::Named(&attempt.username), Some(attempt.client.id.as_str()));
    let guess = attempts::Attempt::begin(state, origin, ThrottleScope::Password, owner, client)?;
    let signed_in = try_password(state, &guess, origin, &attempt).await;
    match &signed_in {
        Ok(_) => {
            guess.succeeded();
            state.sign_in_counts().count(SignInKind::Password);
        }
        Err(error) => guess.note(error),
    }
    signed_in
}

async fn try_password(
    state: &AppState,
    guess: &attempts::Attempt<'_>,
    origin: &Origin,
    attempt: &Attempt,
) -> Result<SignedIn> {
    for _ in 0..MAX_TRIES {
        let verified = VerifiedPassword::check(state, guess, &attempt.username, &attempt.password).await?;
        // Without a code, or while codes are not judged, no write is queued.
        let user = verified.user.clone();
        state.read_inline(|view| match code_needed(view, &user, attempt.totp.as_ref())? {
            Some(_) => code_attempts::admit(view, user.id),
            None => may_get_tokens(state, view, &user, false),
        })?;
        if let Some(signed_in) = begin(state, origin, attempt, verified).await? {
            return signed_in.or_refused(AuthError::WrongPassword);
        }
    }
    Err(AuthError::WrongPassword.into())
}

/// The code that has to be judged. `None` for a person without a second factor. Refused when a required code is
/// missing.
fn code_needed<'a>(view: &View, user: &User, code: Option<&'a Secret>) -> Result<Option<&'a Secret>> {
    if !second_factors::is_confirmed(view, user.id)? {
        return Ok(None);
    }
    let code = code.filter(|code| !code.expose().trim().is_empty());
    code.map(Some).ok_or_else(|| AuthError::WrongPassword.into())
}

/// Refuses an authenticated user who may not sign in. A temporary password is worthless after the invitation has
/// expired.
fn may_get_tokens(state: &AppState, view: &View, user: &User, has_factor: bool) -> Result<()> {
    match user.status(view.now) {
        UserStatus::Active if user.must_change_password => Err(AuthError::NotSetUp.into()),
        UserStatus::Active if !has_factor && second_factors::is_needed(state, user.role) => {
            Err(AuthError::NotSetUp.into())
        }
        UserStatus::Active => Ok(()),
        UserStatus::Invited => Err(AuthError::NotSetUp.into()),
        UserStatus::Expired => Err(AuthError::WrongPassword.into()),
        UserStatus::Disabled | UserStatus::Blocked => Err(AuthError::Disabled.into()),
    }
}

/// Begins the session of a user whose password was right, if the code is right too. `None` if the password has changed
/// meanwhile.
async fn begin(
    state: &AppState,
    origin: &Origin,
    attempt: &Attempt,
    verified: VerifiedPassword,
) -> Result<Option<Judged<SignedIn>>> {
    let new = NewSession::through(&attempt.client, &attempt.scopes, &state.lifetimes);
    let refresh_token = new.refresh_token.as_ref().map(|token| token.text.clone());
    let actor = Actor::nobody(origin.clone());
    let (shared, attempt) = (state.clone(), attempt.clone());
    let begun = state
        .write(move |tx| {
            // Since the read, the person may have been disabled, the password may have changed, or another sign-in with
            // the same password may have renewed its hash.
            let Some(user) = verified.confirm(tx)? else { return Ok(None) };
            let code = code_needed(tx, &user, attempt.totp.as_ref())?;
            let judged = match code {
                Some(code) => {
                    let actor = sessions::acting(&actor, &user);
                    second_factors::judge_totp(&shared.master_key, tx, &actor, &user, code)?
                }
                None => Judged::Right(()),
            };
            let second_factor = code.is_some();
            let begun = judged.and_then(|()| {
                may_get_tokens(&shared, tx, &user, second_factor)?;
                let new = NewSession { second_factor, ..new.clone() };
                let session = sessions::begin(tx, &actor, &user, &new)?;
                attempts::remember_place(tx, &actor.origin, user.id)?;
                Ok(SignedIn { user, session, refresh_token: refresh_token.clone() })
            })?;
            Ok(Some(begun))
        })
        .await?;
    Ok(begun)
}
