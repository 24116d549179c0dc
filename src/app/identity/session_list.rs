//! Sign-in sessions as their people see them, and end them one by one.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::reauthentication;
use crate::app::{audit, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::client::ClientId;
use crate::domain::field::Field;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::noun::Noun;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

/// The most sessions of one page.
pub const MOST: usize = 100;

/// The live sessions of a person, of browsers and of clients, the newest first.
///
/// The person may, and administrators.
pub fn list(view: &View, actor: &Actor, user: UserId) -> Result<Vec<Session>> {
    let user = store::users::find_principal(view, user)?.ok_or_else(|| Error::not_found(Noun::User, user))?;
    lookup::require_user(view, actor, user.id, Action::ReadSessions, user.uuid)?;
    store::sessions::list_of(view, user.id)
}

/// The live sessions that a client has of people and of its own, the newest first, each with whose it is.
///
/// Administrators may. Refused when more are asked for than [`MOST`].
pub fn list_through(
    view: &View,
    actor: &Actor,
    client: &ClientId,
    skip: usize,
    most: usize,
) -> Result<Vec<(Session, Whose)>> {
    standing::require(&standing::in_account(actor), Action::ReadClients, Noun::Client, client)?;
    if most > MOST {
        return Err(Error::invalid(Field::Limit, format!("must be at most {MOST}")));
    }
    let mut found = Vec::new();
    for session in store::sessions::list_through(view, client, skip, most)? {
        let Some(user) = store::users::find_principal(view, session.user)? else { continue };
        found.push((session, Whose { uuid: user.uuid, name: user.email.to_string() }));
    }
    Ok(found)
}

/// The live sessions of everybody before this one, the newest first, each with its user's address; at most [`MOST`].
///
/// Administrators may.
pub fn list_everybodys(view: &View, actor: &Actor, before: SessionId) -> Result<Vec<(Session, String)>> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Session, "of everybody")?;
    store::sessions::page(view, before, u32::try_from(MOST).unwrap_or(u32::MAX))
}

/// Whose a session is.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The user's UUID.
    pub uuid: Uuid,
    /// The user's name, which is the address.
    pub name: String,
}

/// Ends a session; with that of a browser goes what was let in by its person and has not come for its tokens yet.
///
/// Whose it is may, and administrators. One that has ended does not exist any more.
pub fn end(tx: &Tx, actor: &Actor, session: Uuid) -> Result<()> {
    let missing = || Error::not_found(Noun::Session, session);
    let found = store::sessions::find_by_uuid(tx, session)?.filter(|found| found.is_live(tx.now));
    let found = found.ok_or_else(missing)?;
    lookup::require_user(tx, actor, found.user, Action::EndSession, session).map_err(|error| match error {
        Error::NotFound { .. } => missing(),
        Error::Invalid { .. }
        | Error::Unauthenticated(_)
        | Error::Forbidden { .. }
        | Error::Conflict { .. }
        | Error::Refused { .. }
        | Error::Exceeded
        | Error::TooLarge { .. }
        | Error::Busy { .. }
        | Error::Throttled { .. }
        | Error::TooMany { .. }
        | Error::Internal(_) => error,
    })?;
    store::sessions::delete(tx, found.id)?;
    if found.client.is_none() {
        store::sessions::delete_to_come(tx, found.user)?;
    }
    let before = json!({ "client": found.client.as_ref().map(ClientId::as_str), "scope": found.scope });
    audit::record(tx, actor, "sessions.end", (ObjectKind::Session, session), (before, Value::Null))
}

/// Ends every session of a person but one, and all that would lead to another.
///
/// As [`end`] lets; for one's own only after having proved lately who one is.
pub fn end_others(tx: &Tx, actor: &Actor, user: UserId, keep: Uuid) -> Result<()> {
    let whose = store::users::find_principal(tx, user)?.ok_or_else(|| Error::not_found(Noun::User, user))?;
    lookup::require_user(tx, actor, user, Action::EndSession, whose.uuid)?;
    reauthentication::require_of_oneself(tx, actor, user)?;
    for session in list(tx, actor, user)?.into_iter().filter(|session| session.uuid != keep) {
        end(tx, actor, session.uuid)?;
    }
    store::sessions::delete_to_come(tx, user)?;
    let after = json!({ "kept": keep });
    audit::record(tx, actor, "sessions.end_others", (ObjectKind::User, whose.uuid), (Value::Null, after))
}
