//! The table `keys`.

use rusqlite::{OptionalExtension, Row, named_params};

use super::{Tx, View, row};
use crate::domain::email::Email;
use crate::domain::ids::{KeyId, UserId};
use crate::domain::key::{Key, KeyName};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

const COLUMNS: &str =
    "k.id, k.user_id, u.email, k.name, k.redacted, k.created_at, k.expires_at, k.revoked_at, k.last_used_at";

/// The key of this number.
pub fn find(view: &View, id: KeyId) -> Result<Option<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM keys k JOIN users u ON u.id = k.user_id WHERE k.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The key of this secret.
pub fn find_by_fingerprint(view: &View, fingerprint: &Fingerprint) -> Result<Option<Key>> {
    let sql =
        format!("SELECT {COLUMNS} FROM keys k JOIN users u ON u.id = k.user_id WHERE k.fingerprint = :fingerprint");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":fingerprint": fingerprint.as_bytes() }, read).optional()?)
}

/// Every key, the oldest first.
pub fn list(view: &View) -> Result<Vec<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM keys k JOIN users u ON u.id = k.user_id ORDER BY k.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}

/// The keys of a user, the oldest first.
pub fn list_of(view: &View, user: UserId) -> Result<Vec<Key>> {
    let sql =
        format!("SELECT {COLUMNS} FROM keys k JOIN users u ON u.id = k.user_id WHERE k.user_id = :user ORDER BY k.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(named_params! { ":user": user.0 }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Adds a key.
pub fn insert(
    tx: &Tx,
    user: UserId,
    name: &KeyName,
    fingerprint: &Fingerprint,
    redacted: &str,
    expires_at: Option<Timestamp>,
) -> Result<KeyId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, expires_at)
         VALUES (:user, :name, :fingerprint, :redacted, '', :now, :expires_at) RETURNING id",
    )?;
    let params = named_params! {
        ":user": user.0,
        ":name": name.as_str(),
        ":fingerprint": fingerprint.as_bytes(),
        ":redacted": redacted,
        ":now": tx.now.micros(),
        ":expires_at": expires_at.map(Timestamp::micros),
    };
    Ok(query.query_row(params, |row| row.get(0).map(KeyId))?)
}

/// Ends a key, unless it is ended already.
pub fn revoke(tx: &Tx, id: KeyId) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")?;
    query.execute(named_params! { ":id": id.0, ":now": tx.now.micros() })?;
    Ok(())
}

/// Ends every key of a user; tells how many it ended.
pub fn revoke_of(tx: &Tx, user: UserId) -> Result<usize> {
    let mut query =
        tx.conn.prepare_cached("UPDATE keys SET revoked_at = :now WHERE user_id = :user AND revoked_at IS NULL")?;
    Ok(query.execute(named_params! { ":user": user.0, ":now": tx.now.micros() })?)
}

/// Notes that a key is in use.
pub fn update_last_used(tx: &Tx, id: KeyId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE keys SET last_used_at = :now WHERE id = :id")?;
    query.execute(named_params! { ":id": id.0, ":now": tx.now.micros() })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Key> {
    Ok(Key {
        id: KeyId(row.get("id")?),
        user: UserId(row.get("user_id")?),
        email: row::text(row, "email", |text| Email::parse(text).ok())?,
        name: row::text(row, "name", |text| KeyName::parse(text).ok())?,
        redacted: row.get("redacted")?,
        created_at: row::moment(row, "created_at")?,
        expires_at: row::moment_if_any(row, "expires_at")?,
        revoked_at: row::moment_if_any(row, "revoked_at")?,
        last_used_at: row::moment_if_any(row, "last_used_at")?,
    })
}
