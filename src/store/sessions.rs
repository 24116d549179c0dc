//! The tables `sessions` and `refresh_tokens`.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::{Row, Tx, View, row, users};
use crate::domain::actor::Person;
use crate::domain::client::{ClientId, Scope};
use crate::domain::email::Email;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{BrowserId, Session};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

const COLUMNS: &str =
    "s.id, s.uuid, s.user_id, s.client, s.scope, s.nonce, s.address, s.user_agent, s.authenticated_at,
    s.second_factor, s.created_at, s.last_used_at, s.idle_until, s.ends_at";

pub fn find(view: &View, id: SessionId) -> Result<Option<Session>> {
    let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

pub fn find_by_uuid(view: &View, uuid: Uuid) -> Result<Option<Session>> {
    let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.uuid = :uuid");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":uuid": uuid.to_string() }, read).optional()?)
}

/// The session and its user, as far as every request needs them.
#[derive(Clone, Debug)]
pub struct SessionPrincipal {
    pub session: SessionId,
    /// When the session expires, unless it is used or revoked before.
    pub until: Timestamp,
    /// The person or bot that the session belongs to.
    pub person: Person,
    /// Whether the account may authenticate.
    pub may_authenticate: bool,
    /// Whether the scope `api` was granted.
    pub reaches_api: bool,
}

const PRINCIPAL_COLUMNS: &str = "s.id, s.idle_until, s.ends_at, u.id, u.uuid, u.email, u.role, u.enabled, u.state,
    u.invited_until, s.scope, u.kind";

pub fn find_principal(view: &View, session: Uuid) -> Result<Option<SessionPrincipal>> {
    let sql =
        format!("SELECT {PRINCIPAL_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.uuid = :uuid");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":uuid": session.to_string() }, read_principal).optional()?)
}

/// Like [`find_principal`], by the session's id.
pub fn find_principal_by_id(view: &View, session: SessionId) -> Result<Option<SessionPrincipal>> {
    let sql = format!("SELECT {PRINCIPAL_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": session.0 }, read_principal).optional()?)
}

fn read_principal(row: &Row) -> rusqlite::Result<SessionPrincipal> {
    Ok(SessionPrincipal {
        session: SessionId(row.get(0)?),
        until: row::moment(row, 1)?.min(row::moment(row, 2)?),
        person: Person {
            id: UserId(row.get(3)?),
            uuid: row::uuid(row, 4)?,
            email: row::text(row, 5, |text| Some(Email::stored(text)))?,
            kind: row::parsed(row, 11)?,
            role: row::parsed(row, 6)?,
        },
        may_authenticate: users::read_state(row, 8)?.allows_sign_in(row.get(7)?),
        reaches_api: row.get_ref(10)?.as_str()?.split_ascii_whitespace().any(|word| word == Scope::Api.as_str()),
    })
}

pub fn find_by_cookie(view: &View, cookie: &Fingerprint) -> Result<Option<Session>> {
    let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.cookie = :cookie");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":cookie": cookie.as_bytes() }, read).optional()?)
}

/// Calls `each` with the live sessions of a user, newest first.
pub fn for_each_of(view: &View, user: UserId, mut each: impl FnMut(Session) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s
         WHERE s.user_id = :user AND s.idle_until > :now AND s.ends_at > :now ORDER BY s.id DESC"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    for session in query.query_map(named_params! { ":user": user.0, ":now": view.now.micros() }, read)? {
        each(session?)?;
    }
    Ok(())
}

/// At most `limit` live sessions of a client, newest first, after skipping `skip`. The skipped ones are not read, only
/// counted in the index.
pub fn list_through(view: &View, client: &ClientId, skip: usize, limit: usize) -> Result<Vec<Session>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.id IN (
             SELECT id FROM sessions
             WHERE client = :client AND idle_until > :now AND ends_at > :now
             ORDER BY id DESC LIMIT :most OFFSET :skip)
         ORDER BY s.id DESC"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! {
        ":client": client.as_str(), ":now": view.now.micros(), ":most": whole(limit), ":skip": whole(skip),
    };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` live sessions of all users before this one, newest first, each with its user's email address.
pub fn page(view: &View, before: SessionId, limit: u32) -> Result<Vec<(Session, String)>> {
    let sql = format!(
        "SELECT {COLUMNS}, u.email FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id < :before AND s.idle_until > :now AND s.ends_at > :now ORDER BY s.id DESC LIMIT :most"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":before": before.0, ":now": view.now.micros(), ":most": limit };
    Ok(query.query_map(params, |row| Ok((read(row)?, row.get(14)?)))?.collect::<rusqlite::Result<_>>()?)
}

/// Like [`page`], of one user.
pub fn page_of(view: &View, user: UserId, before: SessionId, limit: u32) -> Result<Vec<Session>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s
         WHERE s.user_id = :user AND s.id < :before AND s.idle_until > :now AND s.ends_at > :now
         ORDER BY s.id DESC LIMIT :most"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":before": before.0, ":now": view.now.micros(), ":most": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// How a new session is found again.
#[derive(Clone, Copy, Debug)]
pub enum SessionCredential<'a> {
    /// By the cookie of a browser.
    Cookie(&'a Fingerprint),
    /// By the common part of refresh tokens that are exchanged for one another.
    Family(&'a Fingerprint),
    /// By its reusable refresh tokens, if it has any.
    Nothing,
}

pub fn insert(tx: &Tx, new: &Session, credential: SessionCredential) -> Result<SessionId> {
    let (cookie, family) = match credential {
        SessionCredential::Cookie(cookie) => (Some(cookie), None),
        SessionCredential::Family(family) => (None, Some(family)),
        SessionCredential::Nothing => (None, None),
    };
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO sessions (uuid, user_id, client, cookie, family, scope, nonce, address, user_agent,
             authenticated_at, second_factor, created_at, last_used_at, idle_until, ends_at)
         VALUES (:uuid, :user, :client, :cookie, :family, :scope, :nonce, :address, :user_agent,
             :authenticated_at, :second_factor, :created_at, :last_used_at, :idle_until, :ends_at)
         RETURNING id",
    )?;
    let params = named_params! {
        ":uuid": new.uuid.to_string(),
        ":user": new.user.0,
        ":client": new.client.as_ref().map(ClientId::as_str),
        ":cookie": cookie.map(Fingerprint::as_bytes),
        ":family": family.map(Fingerprint::as_bytes),
        ":scope": new.scope,
        ":nonce": new.nonce,
        ":address": new.address.map(|address| address.to_string()),
        ":user_agent": new.user_agent,
        ":authenticated_at": new.authenticated_at.micros(),
        ":second_factor": new.second_factor,
        ":created_at": new.created_at.micros(),
        ":last_used_at": new.last_used_at.micros(),
        ":idle_until": new.idle_until.micros(),
        ":ends_at": new.ends_at.micros(),
    };
    Ok(query.query_row(params, |row| row.get(0).map(SessionId))?)
}

/// Writes the last use of a session, and until when it may stay idle.
pub fn update_use(tx: &Tx, used: &Session) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE sessions SET idle_until = :until, last_used_at = :used WHERE id = :id")?;
    let (until, last) = (used.idle_until.micros(), used.last_used_at.micros());
    query.execute(named_params! { ":id": used.id.0, ":until": until, ":used": last })?;
    Ok(())
}

/// Records that a session was used from this address, unless it was before. Keeps the newest
/// `max_places`. Returns whether the address is new.
pub fn add_place(tx: &Tx, session: SessionId, place: &str, max_places: usize) -> Result<bool> {
    let mut query = tx.conn.prepare_cached("SELECT places FROM sessions WHERE id = :id")?;
    let known: String = query.query_row(named_params! { ":id": session.0 }, |row| row.get(0))?;
    let known: Vec<&str> = known.split_ascii_whitespace().collect();
    if known.contains(&place) {
        return Ok(false);
    }
    let kept = &known[(known.len() + 1).saturating_sub(max_places)..];
    let places = [kept, &[place]].concat().join(" ");
    let mut query = tx.conn.prepare_cached("UPDATE sessions SET places = :places WHERE id = :id")?;
    query.execute(named_params! { ":id": session.0, ":places": places })?;
    Ok(true)
}

/// Records that the user of a session authenticated again, and whether with a second factor.
pub fn update_authenticated(tx: &Tx, id: SessionId, second_factor: bool) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE sessions SET authenticated_at = :now, second_factor = max(second_factor, :second_factor) WHERE id = :id",
    )?;
    query.execute(named_params! { ":id": id.0, ":now": tx.now.micros(), ":second_factor": second_factor })?;
    Ok(())
}

pub fn delete(tx: &Tx, id: SessionId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM sessions WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// Revokes every session of a user with everything that could lead to one: pending sign-ins and unredeemed codes.
/// Returns the number of sessions.
pub fn delete_of(tx: &Tx, user: UserId) -> Result<usize> {
    delete_of_but(tx, user, None)
}

/// Like [`delete_of`], but keeps one session.
pub fn delete_of_but(tx: &Tx, user: UserId, but: Option<SessionId>) -> Result<usize> {
    delete_to_come(tx, user)?;
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM sessions WHERE user_id = :user AND (CAST(:but AS BIGINT) IS NULL OR id <> :but)",
    )?;
    Ok(query.execute(named_params! { ":user": user.0, ":but": but.map(|id| id.0) })?)
}

/// Deletes everything that could lead to a session of a user: pending sign-ins and unredeemed codes. Used codes stay,
/// so that their reuse is detected.
pub fn delete_to_come(tx: &Tx, user: UserId) -> Result<()> {
    for sql in [
        "DELETE FROM pending_sign_ins WHERE user_id = :user",
        "DELETE FROM authorization_codes WHERE user_id = :user AND used_at IS NULL",
        "DELETE FROM device_codes WHERE user_id = :user",
    ] {
        tx.conn.prepare_cached(sql)?.execute(named_params! { ":user": user.0 })?;
    }
    Ok(())
}

/// Revokes every session of all users with everything that could lead to one. Returns the number of sessions.
pub fn delete_everybodys(tx: &Tx) -> Result<usize> {
    // Without a condition SQLite drops the pages of a table that no other one refers to. The rows that refer to sessions
    // are deleted first, so that deleting a session finds none.
    for sql in [
        "DELETE FROM pending_sign_ins",
        "DELETE FROM device_codes",
        "DELETE FROM authorization_codes",
        "DELETE FROM approvals",
        "DELETE FROM refresh_tokens",
    ] {
        tx.conn.prepare_cached(sql)?.execute(&[])?;
    }
    Ok(tx.conn.prepare_cached("DELETE FROM sessions WHERE true")?.execute(&[])?)
}

/// Revokes every session that a user has through a client. Returns how many there were.
pub fn delete_through(tx: &Tx, user: UserId, client: &ClientId) -> Result<usize> {
    let mut query = tx.conn.prepare_cached("DELETE FROM sessions WHERE client || '' = :client AND user_id = :user")?;
    Ok(query.execute(named_params! { ":user": user.0, ":client": client.as_str() })?)
}

/// Writes the browser through which a client's session began.
pub fn update_browser(tx: &Tx, id: SessionId, browser: BrowserId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE sessions SET browser = :browser WHERE id = :id")?;
    query.execute(named_params! { ":id": id.0, ":browser": browser.0 })?;
    Ok(())
}

/// Revokes every session of a user through a client that began through this browser. Returns how many there were.
pub fn delete_through_browser(tx: &Tx, user: UserId, client: &ClientId, browser: BrowserId) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM sessions WHERE user_id = :user AND client || '' = :client AND browser = :browser",
    )?;
    Ok(query.execute(named_params! { ":user": user.0, ":client": client.as_str(), ":browser": browser.0 })?)
}

/// Revokes every session of a client. Returns how many there were.
pub fn delete_all_through(tx: &Tx, client: &ClientId) -> Result<usize> {
    let mut query = tx.conn.prepare_cached("DELETE FROM sessions WHERE client = :client")?;
    Ok(query.execute(named_params! { ":client": client.as_str() })?)
}

/// Deletes at most `limit` expired sessions. Returns how many there were.
pub fn delete_dead(tx: &Tx, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE idle_until <= :now LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":now": tx.now.micros(), ":most": limit })?)
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads the columns by their index in [`COLUMNS`], because every request reads a session.
fn read(row: &Row) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(row.get(0)?),
        uuid: row::uuid(row, 1)?,
        user: UserId(row.get(2)?),
        client: client(row)?,
        scope: row.get(4)?,
        nonce: row.get(5)?,
        address: row.get_ref(6)?.as_str_or_null()?.and_then(|text| text.parse().ok()),
        user_agent: row.get(7)?,
        authenticated_at: row::moment(row, 8)?,
        second_factor: row.get(9)?,
        created_at: row::moment(row, 10)?,
        last_used_at: row::moment(row, 11)?,
        idle_until: row::moment(row, 12)?,
        ends_at: row::moment(row, 13)?,
    })
}

fn client(row: &Row) -> rusqlite::Result<Option<ClientId>> {
    if row.get_ref(3)? == ValueRef::Null {
        return Ok(None);
    }
    row::text(row, 3, |text| ClientId::parse(text).ok()).map(Some)
}
