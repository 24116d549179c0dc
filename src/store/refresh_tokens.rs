//! The table `refresh_tokens`, and how its rows lead to sessions.

use rusqlite::{OptionalExtension, named_params};

use super::{Row, Tx, View, row};
use crate::domain::ids::SessionId;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;
use crate::tokens::refresh::Salt;

#[derive(Clone, Debug)]
pub struct StoredToken {
    pub session: SessionId,
    /// When the token was exchanged for its successor, and the salt that the successor was derived with.
    pub exchanged: Option<(Timestamp, Salt)>,
}

pub fn find(view: &View, token: &Fingerprint) -> Result<Option<StoredToken>> {
    let mut query = view.conn.prepare_cached(
        "SELECT session_id, exchanged_at, successor_salt FROM refresh_tokens WHERE fingerprint = :token",
    )?;
    let read = |row: &Row| {
        let at = row::moment_if_any(row, "exchanged_at")?;
        let salt = row.get::<_, Option<Salt>>("successor_salt")?;
        Ok(StoredToken { session: SessionId(row.get("session_id")?), exchanged: at.zip(salt) })
    };
    Ok(query.query_row(named_params! { ":token": token.as_bytes() }, read).optional()?)
}

/// The session of a family of refresh tokens.
pub fn session_of_family(view: &View, family: &Fingerprint) -> Result<Option<SessionId>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM sessions WHERE family = :family")?;
    let read = |row: &Row| row.get(0).map(SessionId);
    Ok(query.query_row(named_params! { ":family": family.as_bytes() }, read).optional()?)
}

pub fn insert(tx: &Tx, session: SessionId, token: &Fingerprint) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO refresh_tokens (fingerprint, session_id, created_at) VALUES (:token, :session, :now)",
    )?;
    query.execute(named_params! { ":token": token.as_bytes(), ":session": session.0, ":now": tx.now.micros() })?;
    Ok(())
}

/// Marks a refresh token as exchanged, with the salt that its successor is derived with.
pub fn exchange(tx: &Tx, token: &Fingerprint, salt: &Salt) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE refresh_tokens SET exchanged_at = :now, successor_salt = :salt WHERE fingerprint = :token",
    )?;
    query.execute(named_params! { ":token": token.as_bytes(), ":salt": salt, ":now": tx.now.micros() })?;
    Ok(())
}

/// Deletes at most `limit` tokens that were exchanged before a time, with the salts of their successors. Returns how many there were.
pub fn delete_exchanged(tx: &Tx, by: Timestamp, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM refresh_tokens WHERE fingerprint IN (
             SELECT fingerprint FROM refresh_tokens WHERE exchanged_at <= :by LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":by": by.micros(), ":most": limit })?)
}

/// Deletes the tokens of a session that were exchanged before a time.
pub fn delete_exchanged_of(tx: &Tx, session: SessionId, by: Timestamp) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("DELETE FROM refresh_tokens WHERE session_id = :session AND exchanged_at <= :by")?;
    query.execute(named_params! { ":session": session.0, ":by": by.micros() })?;
    Ok(())
}
