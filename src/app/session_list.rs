//! Sign-in sessions as their people see them, and end them one by one.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{audit, users};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::client::ClientId;
use crate::domain::ids::UserId;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

/// The live sessions of a person, of browsers and of clients, the newest first.
///
/// The person may, and administrators.
pub fn list(view: &View, actor: &Actor, user: UserId) -> Result<Vec<Session>> {
    let user = store::users::find_principal(view, user)?.ok_or_else(|| Error::not_found("user", user))?;
    users::require(view, actor, user.id, Action::ReadSessions, user.uuid)?;
    store::sessions::list_of(view, user.id)
}

/// Ends a session.
///
/// Whose it is may, and administrators. One that has ended does not exist any more.
pub fn end(tx: &Tx, actor: &Actor, session: Uuid) -> Result<()> {
    let missing = || Error::not_found("session", session);
    let found = store::sessions::find_by_uuid(tx, session)?.filter(|found| found.is_live(tx.now));
    let found = found.ok_or_else(missing)?;
    users::require(tx, actor, found.user, Action::EndSession, session).map_err(|error| match error {
        Error::NotFound { .. } => missing(),
        Error::Invalid { .. }
        | Error::Unauthenticated(_)
        | Error::Forbidden { .. }
        | Error::Conflict { .. }
        | Error::Refused { .. }
        | Error::Exceeded
        | Error::Busy { .. }
        | Error::Throttled { .. }
        | Error::Internal(_) => error,
    })?;
    store::sessions::delete(tx, found.id)?;
    let before = json!({ "client": found.client.as_ref().map(ClientId::as_str), "scope": found.scope });
    audit::record(tx, actor, "sessions.end", (ObjectKind::Session, session), (before, Value::Null))
}

/// Ends every session of a person but one, as [`end`] does.
pub fn end_others(tx: &Tx, actor: &Actor, user: UserId, keep: Uuid) -> Result<()> {
    for session in list(tx, actor, user)?.into_iter().filter(|session| session.uuid != keep) {
        end(tx, actor, session.uuid)?;
    }
    Ok(())
}
