//! The table `authorization_codes`.

use rusqlite::{OptionalExtension, named_params};

use super::{Row, Tx, View, row};
use crate::domain::authorization_code::AuthorizationCode;
use crate::domain::client::{ClientId, Scopes};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::BrowserId;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

const COLUMNS: &str = "client, user_id, redirect_uri, scope, nonce, code_challenge, authenticated_at, second_factor,
    expires_at, used_at, session_id, browser";

/// The code with this fingerprint, valid or not.
pub fn find(view: &View, code: &Fingerprint) -> Result<Option<AuthorizationCode>> {
    let sql = format!("SELECT {COLUMNS} FROM authorization_codes WHERE fingerprint = :code");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":code": code.as_bytes() }, read).optional()?)
}

/// Inserts an unused code.
pub fn insert(tx: &Tx, code: &Fingerprint, new: &AuthorizationCode) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO authorization_codes (fingerprint, client, user_id, redirect_uri, scope, nonce, code_challenge,
             authenticated_at, second_factor, browser, expires_at)
         VALUES (:code, :client, :user, :redirect_uri, :scope, :nonce, :code_challenge, :authenticated_at,
             :second_factor, :browser, :expires_at)",
    )?;
    query.execute(named_params! {
        ":code": code.as_bytes(),
        ":client": new.client.as_str(),
        ":user": new.user.0,
        ":redirect_uri": new.redirect_uri,
        ":scope": new.scopes.to_string(),
        ":nonce": new.nonce,
        ":code_challenge": new.code_challenge.as_deref().unwrap_or_default(),
        ":authenticated_at": new.authenticated_at.micros(),
        ":second_factor": new.second_factor,
        ":browser": new.browser.map(|browser| browser.0),
        ":expires_at": new.expires_at.micros(),
    })?;
    Ok(())
}

/// Marks a code as used, with the session that it led to.
pub fn use_up(tx: &Tx, code: &Fingerprint, session: SessionId) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE authorization_codes SET used_at = :now, session_id = :session WHERE fingerprint = :code",
    )?;
    query.execute(named_params! { ":code": code.as_bytes(), ":session": session.0, ":now": tx.now.micros() })?;
    Ok(())
}

/// Deletes the unused codes that a browser got for a client on behalf of a user.
pub fn delete_unused(tx: &Tx, user: UserId, client: &ClientId, browser: BrowserId) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM authorization_codes
         WHERE user_id = :user AND client || '' = :client AND browser = :browser AND used_at IS NULL",
    )?;
    query.execute(named_params! { ":user": user.0, ":client": client.as_str(), ":browser": browser.0 })?;
    Ok(())
}

/// Deletes at most `limit` expired codes: those without a live session at once, the others once they expired before
/// `kept_since`. Returns how many there were.
pub fn delete_dead(tx: &Tx, kept_since: Timestamp, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM authorization_codes WHERE fingerprint IN (
             SELECT fingerprint FROM authorization_codes
             WHERE expires_at <= :now AND (session_id IS NULL OR expires_at <= :since) LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":now": tx.now.micros(), ":since": kept_since.micros(), ":most": limit })?)
}

fn read(row: &Row) -> rusqlite::Result<AuthorizationCode> {
    Ok(AuthorizationCode {
        client: row::text(row, "client", |text| ClientId::parse(text).ok())?,
        user: UserId(row.get("user_id")?),
        redirect_uri: row.get("redirect_uri")?,
        scopes: row::text(row, "scope", |text| Some(Scopes::parse_known(text)))?,
        nonce: row.get("nonce")?,
        code_challenge: Some(row.get("code_challenge")?).filter(|text: &String| !text.is_empty()),
        authenticated_at: row::moment(row, "authenticated_at")?,
        second_factor: row.get("second_factor")?,
        expires_at: row::moment(row, "expires_at")?,
        used_at: row::moment_if_any(row, "used_at")?,
        session: row.get::<_, Option<i64>>("session_id")?.map(SessionId),
        browser: row.get::<_, Option<[u8; 32]>>("browser")?.map(BrowserId),
    })
}
