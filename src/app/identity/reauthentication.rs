//! Requires a recent sign-in for changes that could lock people out of their own account or admit a stranger: a
//! password or a code that was entered in the last minutes, not only a session.

use std::time::Duration;

use crate::domain::actor::{Actor, Credential};
use crate::domain::ids::UserId;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::error::{AuthError, Result};
use crate::store::{self, View};

/// How long a password or a code counts as recent.
pub const RECENT: Duration = Duration::from_mins(5);

/// Whether the person of this session authenticated recently.
pub fn is_recent(session: &Session, now: Timestamp) -> bool {
    session.authenticated_at <= now && now < session.authenticated_at.after(RECENT)
}

/// Refuses an actor whose session began too long ago and has not been confirmed since. An API key proves no recent
/// sign-in. The operator needs none.
pub(in crate::app) fn require(view: &View, actor: &Actor) -> Result<()> {
    let session = match actor.credential {
        Credential::Session(id) => store::sessions::find(view, id)?,
        Credential::Key(_) => None,
        Credential::Password | Credential::Link | Credential::Console | Credential::Server => return Ok(()),
    };
    match session {
        Some(session) if is_recent(&session, view.now) => Ok(()),
        Some(_) | None => Err(AuthError::NotConfirmed.into()),
    }
}

/// Like [`require`], but only when actors change their own account.
pub(in crate::app) fn require_of_oneself(view: &View, actor: &Actor, user: UserId) -> Result<()> {
    if actor.user() == Some(user) { require(view, actor) } else { Ok(()) }
}
