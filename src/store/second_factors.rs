//! The table `second_factors`.

use data_encoding::HEXLOWER;
use rusqlite::{OptionalExtension, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Row, Tx, View, row, signing_keys};
use crate::domain::ids::UserId;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

#[derive(Clone, Debug)]
pub struct StoredFactor {
    /// The secret, encrypted under the master key.
    pub sealed: Vec<u8>,
    pub created_at: Timestamp,
    /// None if the second factor is not confirmed. It is required only after its confirmation.
    pub confirmed_at: Option<Timestamp>,
    /// The last time step whose code was used.
    pub last_step: Option<i64>,
}

/// The second factor of a user, confirmed or not.
pub fn find(view: &View, user: UserId) -> Result<Option<StoredFactor>> {
    let mut query = view.conn.prepare_cached(
        "SELECT sealed, created_at, confirmed_at, last_step FROM second_factors WHERE user_id = :user",
    )?;
    let read = |row: &Row| {
        Ok(StoredFactor {
            sealed: row.get("sealed")?,
            created_at: row::moment(row, "created_at")?,
            confirmed_at: row::moment_if_any(row, "confirmed_at")?,
            last_step: row.get("last_step")?,
        })
    };
    Ok(query.query_row(named_params! { ":user": user.0 }, read).optional()?)
}

/// Inserts an unconfirmed second factor. It replaces the user's previous one.
///
/// Refuses if the master key was replaced after the secret was sealed.
pub fn upsert(tx: &Tx, user: UserId, sealed: &[u8]) -> Result<()> {
    signing_keys::require_master_key(tx, sealed)?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO second_factors (user_id, sealed, created_at) VALUES (:user, :sealed, :now)
         ON CONFLICT (user_id) DO UPDATE
         SET sealed = excluded.sealed, created_at = excluded.created_at, confirmed_at = NULL, last_step = NULL",
    )?;
    query.execute(named_params! { ":user": user.0, ":sealed": sealed, ":now": tx.now.micros() })?;
    Ok(())
}

/// At most `limit` administrators who can sign in, by email, and whether each has a second factor.
pub fn of_administrators(view: &View, limit: u32) -> Result<Vec<(String, bool)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.email, EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL)
         FROM users u WHERE u.role = 'administrator' AND u.enabled = 1 AND u.kind = 'person' AND u.state = 'active'
         LIMIT :limit",
    )?;
    let rows = query.query_map(named_params! { ":limit": limit }, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The sealed secrets of at most `limit` users after this one, with their UUIDs.
pub fn list_sealed(view: &View, after: UserId, limit: u32) -> Result<Vec<(UserId, Uuid, Vec<u8>)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT f.user_id, u.uuid, f.sealed FROM second_factors f JOIN users u ON u.id = f.user_id
         WHERE f.user_id > :after ORDER BY f.user_id LIMIT :most",
    )?;
    let read = |row: &Row| Ok((UserId(row.get(0)?), row::uuid(row, 1)?, row.get(2)?));
    Ok(query.query_map(named_params! { ":after": after.0, ":most": limit }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Writes the sealed secrets of these users.
pub fn update_sealed(tx: &Tx, sealed: &[(UserId, Vec<u8>)]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE second_factors SET sealed = unhex(j.value ->> 1) FROM json_each(:sealed, '$') j
         WHERE user_id = CAST(j.value ->> 0 AS BIGINT)",
    )?;
    let sealed = sealed.iter().map(|(user, sealed)| json!([user.0, HEXLOWER.encode(sealed)]));
    query.execute(named_params! { ":sealed": sealed.collect::<Value>().to_string() })?;
    Ok(())
}

pub fn confirm(tx: &Tx, user: UserId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE second_factors SET confirmed_at = :now WHERE user_id = :user")?;
    query.execute(named_params! { ":user": user.0, ":now": tx.now.micros() })?;
    Ok(())
}

/// Marks a time step and all earlier ones as used.
pub fn use_step(tx: &Tx, user: UserId, step: i64) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE second_factors SET last_step = :step WHERE user_id = :user")?;
    query.execute(named_params! { ":user": user.0, ":step": step })?;
    Ok(())
}

/// Deletes the second factor of a user. Returns whether there was one.
pub fn delete(tx: &Tx, user: UserId) -> Result<bool> {
    let mut query = tx.conn.prepare_cached("DELETE FROM second_factors WHERE user_id = :user")?;
    Ok(query.execute(named_params! { ":user": user.0 })? > 0)
}
