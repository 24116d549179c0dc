//! Sessions of browsers at the pages. A cookie identifies each.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::identity::{attempts, sessions};
use crate::app::runtime::state::AppState;
use crate::app::{audit, expiry};
use crate::domain::actor::{Actor, Credential, Origin, Who};
use crate::domain::audit::ObjectKind;
use crate::domain::ids::SessionId;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::error::{AuthError, Error, Result};
use crate::store::sessions::SessionCredential;
use crate::store::{self, Tx};
use crate::tokens::opaque::{self, Kind};

/// A user who has signed in at the pages.
#[derive(Clone, Debug)]
pub struct BrowserSignIn {
    pub user: User,
    /// The new session.
    pub session: Session,
    /// The session's cookie, which is shown only once.
    pub cookie: Secret,
}

/// Begins a session of a browser.
pub(super) fn begin(
    tx: &Tx,
    actor: &Actor,
    user: User,
    second_factor: bool,
    lifetimes: &Lifetimes,
) -> Result<BrowserSignIn> {
    expiry::sweep(tx)?;
    let (cookie, fingerprint) = opaque::mint(Kind::Session);
    let ends_at = tx.now.after(lifetimes.browser_life);
    let mut session = Session {
        id: SessionId(0),
        uuid: Uuid::new_v4(),
        user: user.id,
        client: None,
        scope: String::new(),
        nonce: None,
        address: actor.origin.address,
        user_agent: actor.origin.agent.clone(),
        authenticated_at: tx.now,
        second_factor,
        created_at: tx.now,
        last_used_at: tx.now,
        idle_until: tx.now.after(lifetimes.browser_idle).min(ends_at),
        ends_at,
    };
    session.id = store::sessions::insert(tx, &session, SessionCredential::Cookie(&fingerprint))?;
    store::users::update_last_sign_in(tx, user.id, tx.now)?;
    attempts::remember_place(tx, &actor.origin, user.id)?;
    let object = (ObjectKind::Session, session.uuid);
    let after = json!({ "client": null, "second_factor": second_factor });
    audit::record(tx, &sessions::acting(actor, &user), "sessions.begin", object, (Value::Null, after))?;
    Ok(BrowserSignIn { user, session, cookie })
}

/// The actor and the session of a cookie. The use extends the session.
///
/// Refused when the session has ended, or its person is disabled or has to choose another password, according to the
/// current data.
pub fn with_cookie(state: &AppState, origin: Origin, cookie: &str) -> Result<(Actor, Session)> {
    let fingerprint = opaque::parse(Kind::Session, cookie).ok_or(AuthError::SessionOver)?;
    let (user, mut session, now) = state.read_inline(|view| {
        let session = store::sessions::find_by_cookie(view, &fingerprint)?.ok_or(AuthError::SessionOver)?;
        let user = sessions::recheck(view, session.id)?;
        if user.must_change_password { Err(AuthError::SessionOver.into()) } else { Ok((user, session, view.now)) }
    })?;
    if session.note_use(now, state.lifetimes.browser_idle) {
        let noted = session.clone();
        state.store.write_in_passing(move |tx| store::sessions::update_use(tx, &noted));
    }
    let who = Who::Person(sessions::person(&user));
    Ok((Actor { who, credential: Credential::Session(session.id), origin }, session))
}

/// Ends the actor's own session. Does nothing if it has ended already.
pub(in crate::app) fn sign_out(tx: &Tx, actor: &Actor) -> Result<()> {
    let Credential::Session(id) = actor.credential else {
        return Err(Error::Refused { rule: "you are not signed in" });
    };
    match store::sessions::find(tx, id)? {
        Some(session) => end(tx, actor, &session),
        None => Ok(()),
    }
}

/// Ends the session of a cookie that a new sign-in replaces.
pub(super) fn replace(tx: &Tx, actor: &Actor, cookie: &str) -> Result<()> {
    let Some(fingerprint) = opaque::parse(Kind::Session, cookie) else { return Ok(()) };
    match store::sessions::find_by_cookie(tx, &fingerprint)? {
        Some(session) => end(tx, actor, &session),
        None => Ok(()),
    }
}

fn end(tx: &Tx, actor: &Actor, session: &Session) -> Result<()> {
    store::sessions::delete(tx, session.id)?;
    let before = json!({ "client": null });
    audit::record(tx, actor, "sessions.end", (ObjectKind::Session, session.uuid), (before, Value::Null))
}
