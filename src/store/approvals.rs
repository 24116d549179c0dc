//! The table `approvals`.

use rusqlite::{OptionalExtension, named_params};

use super::{Row, Tx, View, row};
use crate::domain::client::{ClientId, Scopes};
use crate::domain::ids::{SessionId, UserId};
use crate::error::Result;

/// The scopes that a client is approved for in a browser session, if any.
pub fn find(view: &View, session: SessionId, client: &ClientId) -> Result<Option<Scopes>> {
    let mut query =
        view.conn.prepare_cached("SELECT scope FROM approvals WHERE session_id = :session AND client = :client")?;
    let read = |row: &Row| row::text(row, "scope", |text| Some(Scopes::parse_known(text)));
    Ok(query.query_row(named_params! { ":session": session.0, ":client": client.as_str() }, read).optional()?)
}

pub fn upsert(tx: &Tx, session: SessionId, client: &ClientId, scopes: &Scopes) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO approvals (session_id, client, scope, created_at) VALUES (:session, :client, :scope, :now)
         ON CONFLICT (session_id, client) DO UPDATE SET scope = excluded.scope, created_at = excluded.created_at",
    )?;
    query.execute(named_params! {
        ":session": session.0,
        ":client": client.as_str(),
        ":scope": scopes.to_string(),
        ":now": tx.now.micros(),
    })?;
    Ok(())
}

/// Deletes the approvals of a client in every browser session of a user.
pub fn delete_of(tx: &Tx, user: UserId, client: &ClientId) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM approvals
         WHERE session_id IN (SELECT id FROM sessions WHERE user_id = :user) AND client = :client",
    )?;
    query.execute(named_params! { ":user": user.0, ":client": client.as_str() })?;
    Ok(())
}
