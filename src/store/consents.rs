//! The table `consents`.

use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::{Row, Tx, View, row};
use crate::domain::client::{ClientId, Scopes};
use crate::domain::ids::UserId;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// The scopes that a person granted to a client, if any.
pub fn find(view: &View, user: UserId, client: &ClientId) -> Result<Option<Scopes>> {
    let mut query =
        view.conn.prepare_cached("SELECT scope FROM consents WHERE user_id = :user AND client = :client")?;
    let read = |row: &Row| row::text(row, "scope", |text| Some(Scopes::parse_known(text)));
    Ok(query.query_row(named_params! { ":user": user.0, ":client": client.as_str() }, read).optional()?)
}

/// The scopes that a person granted to at most `limit` clients after this one, by client, with the time of the grant.
pub fn page(
    view: &View,
    user: UserId,
    after: Option<&ClientId>,
    limit: u32,
) -> Result<Vec<(ClientId, Scopes, Timestamp)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT client, scope, created_at FROM consents WHERE user_id = :user AND client > :after
         ORDER BY client LIMIT :limit",
    )?;
    let read = |row: &Row| {
        let client = row::text(row, "client", |text| ClientId::parse(text).ok())?;
        let scopes = row::text(row, "scope", |text| Some(Scopes::parse_known(text)))?;
        Ok((client, scopes, row::moment(row, "created_at")?))
    };
    // Every id comes after an empty text.
    let params = named_params! { ":user": user.0, ":after": after.map_or("", ClientId::as_str), ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The first people who gave a client a consent, by number: their ids and emails, the scopes and the time.
pub fn first_of(view: &View, client: &ClientId, limit: u32) -> Result<Vec<(Uuid, String, Scopes, Timestamp)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.uuid, u.email, c.scope, c.created_at FROM consents c CROSS JOIN users u ON u.id = c.user_id
         WHERE c.client = :client ORDER BY c.user_id LIMIT :limit",
    )?;
    let read = |row: &Row| {
        let scopes: String = row.get(2)?;
        Ok((row::uuid(row, 0)?, row.get(1)?, Scopes::parse_known(&scopes), row::moment(row, 3)?))
    };
    let params = named_params! { ":client": client.as_str(), ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

pub fn upsert(tx: &Tx, user: UserId, client: &ClientId, scopes: &Scopes) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO consents (user_id, client, scope, created_at) VALUES (:user, :client, :scope, :now)
         ON CONFLICT (user_id, client) DO UPDATE SET scope = excluded.scope, created_at = excluded.created_at",
    )?;
    query.execute(named_params! {
        ":user": user.0,
        ":client": client.as_str(),
        ":scope": scopes.to_string(),
        ":now": tx.now.micros(),
    })?;
    Ok(())
}

pub fn delete(tx: &Tx, user: UserId, client: &ClientId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM consents WHERE user_id = :user AND client = :client")?;
    query.execute(named_params! { ":user": user.0, ":client": client.as_str() })?;
    Ok(())
}
