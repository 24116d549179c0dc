//! Lists sign-in sessions for their users, and ends them one by one.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::reauthentication;
use crate::app::runtime::long_view::LongView;
use crate::app::{audit, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::{Change, ObjectKind};
use crate::domain::client::ClientId;
use crate::domain::field::Field;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

/// The maximum number of sessions on one page.
pub const MAX_PAGE: usize = 100;

/// Calls `each` with the live sessions of a person, of browsers and of clients, the newest first.
///
/// Requires the person or an administrator.
pub fn for_each(
    view: &LongView,
    actor: &Actor,
    user: UserId,
    mut each: impl FnMut(Session) -> Result<()>,
) -> Result<()> {
    let user = store::users::find_principal(view, user)?.ok_or_else(|| Error::not_found(Noun::User, user))?;
    lookup::require_user(view, actor, user.id, Action::ReadSessions, user.uuid)?;
    store::sessions::for_each_of(view, user.id, |session| {
        view.count_row()?;
        each(session)
    })
}

/// The live sessions of a client, of people and of its own, the newest first, each with its owner.
///
/// Requires an administrator. Refused when more than [`MAX_PAGE`] are requested.
pub fn list_through(
    view: &View,
    actor: &Actor,
    client: &ClientId,
    skip: usize,
    max: usize,
) -> Result<Vec<(Session, SessionOwner)>> {
    standing::require(&standing::in_account(actor), Action::ReadClients, Noun::Client, client)?;
    if max > MAX_PAGE {
        return Err(Error::invalid(Field::Limit, format!("must be at most {MAX_PAGE}")));
    }
    let mut found = Vec::new();
    for session in store::sessions::list_through(view, client, skip, max)? {
        let Some(user) = store::users::find_principal(view, session.user)? else { continue };
        found.push((session, SessionOwner { uuid: user.uuid, name: user.email.to_string() }));
    }
    Ok(found)
}

/// A page of the live sessions of all users, or of one, the newest first, each with its user's address.
///
/// Requires an administrator; for those of one user, that user is enough.
pub fn page(view: &View, actor: &Actor, of: Option<&lookup::Named>, page: Page) -> Result<Slice<(Session, String)>> {
    let before = SessionId(page.after.unwrap_or(i64::MAX));
    let found = if let Some(who) = of {
        let user = lookup::user(view, actor, who)?;
        lookup::require_user(view, actor, user.id, Action::ReadSessions, user.uuid)?;
        let sessions = store::sessions::page_of(view, user.id, before, page.fetch_limit())?;
        sessions.into_iter().map(|session| (session, user.email.to_string())).collect()
    } else {
        standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Session, "of everybody")?;
        store::sessions::page(view, before, page.fetch_limit())?
    };
    Ok(Slice::from_rows(found, page, |(session, _)| session.id.0))
}

#[derive(Clone, Debug)]
pub struct SessionOwner {
    pub uuid: Uuid,
    /// The user's name, which is the email address.
    pub name: String,
}

/// The live session with this UUID. Refused when the actor may not end it.
pub fn live(view: &View, actor: &Actor, session: Uuid) -> Result<Session> {
    let missing = || Error::not_found(Noun::Session, session);
    let found = store::sessions::find_by_uuid(view, session)?.filter(|found| found.is_live(view.now));
    let found = found.ok_or_else(missing)?;
    lookup::require_user(view, actor, found.user, Action::EndSession, session).map_err(|error| match error {
        Error::NotFound { .. } => missing(),
        Error::Invalid { .. }
        | Error::Unauthenticated(_)
        | Error::Forbidden { .. }
        | Error::Conflict { .. }
        | Error::InUse { .. }
        | Error::Refused { .. }
        | Error::Exceeded
        | Error::TooLarge { .. }
        | Error::Busy { .. }
        | Error::Throttled { .. }
        | Error::TooMany { .. }
        | Error::Disk { .. }
        | Error::FilesFull { .. }
        | Error::Internal(_) => error,
    })?;
    Ok(found)
}

/// Ends a session. Ending a browser session also ends the sessions that its person has approved for clients and that
/// have no tokens yet.
///
/// Requires the owner or an administrator. A session that has ended is not found.
pub fn end(tx: &Tx, actor: &Actor, session: Uuid) -> Result<()> {
    let found = live(tx, actor, session)?;
    store::sessions::delete(tx, found.id)?;
    if found.client.is_none() {
        store::sessions::delete_to_come(tx, found.user)?;
    }
    audit::record(tx, actor, "sessions.end", (ObjectKind::Session, session), (to_audit(&found), Value::Null))
}

/// Ends every session of a person but one, and everything that could still become a session.
///
/// Requires what [`end`] requires, and a recent sign-in for one's own sessions.
pub fn end_others(tx: &Tx, actor: &Actor, user: UserId, keep: Uuid) -> Result<()> {
    let whose = store::users::find_principal(tx, user)?.ok_or_else(|| Error::not_found(Noun::User, user))?;
    lookup::require_user(tx, actor, user, Action::EndSession, whose.uuid)?;
    reauthentication::require_of_oneself(tx, actor, user)?;
    let mut sessions = Vec::new();
    store::sessions::for_each_of(tx, user, |session| {
        sessions.push(session);
        Ok(())
    })?;
    let kept = sessions.iter().find(|session| session.uuid == keep).map(|session| session.id);
    store::sessions::delete_of_but(tx, user, kept)?;
    let change =
        |session: &Session| Change { object: session.uuid.to_string(), before: to_audit(session), after: Value::Null };
    let ended = sessions.iter().filter(|session| Some(session.id) != kept);
    audit::record_all(tx, actor, "sessions.end", ObjectKind::Session, ended.map(change))?;
    let after = json!({ "kept": keep });
    audit::record(tx, actor, "sessions.end_others", (ObjectKind::User, whose.uuid), (Value::Null, after))
}

fn to_audit(session: &Session) -> Value {
    json!({ "client": session.client.as_ref().map(ClientId::as_str), "scope": session.scope })
}
