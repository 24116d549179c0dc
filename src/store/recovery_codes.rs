//! The table `recovery_codes`.

use rusqlite::named_params;

use super::{Tx, View};
use crate::domain::ids::UserId;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

/// The number of unused recovery codes of a user.
pub fn count(view: &View, user: UserId) -> Result<u32> {
    let mut query =
        view.conn.prepare_cached("SELECT count(*) FROM recovery_codes WHERE user_id = :user AND used_at IS NULL")?;
    Ok(query.query_row(named_params! { ":user": user.0 }, |row| row.get(0))?)
}

/// Whether this is an unused recovery code of a user.
pub fn is_good(view: &View, user: UserId, code: &Fingerprint) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM recovery_codes
             WHERE fingerprint = :code AND user_id = :user AND used_at IS NULL)",
    )?;
    Ok(query.query_row(named_params! { ":code": code.as_bytes(), ":user": user.0 }, |row| row.get(0))?)
}

pub fn insert(tx: &Tx, user: UserId, code: &Fingerprint) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("INSERT INTO recovery_codes (fingerprint, user_id) VALUES (:code, :user)")?;
    query.execute(named_params! { ":code": code.as_bytes(), ":user": user.0 })?;
    Ok(())
}

/// Marks a recovery code of a user as used. Returns whether it was unused.
pub fn use_up(tx: &Tx, user: UserId, code: &Fingerprint) -> Result<bool> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE recovery_codes SET used_at = :now
         WHERE fingerprint = :code AND user_id = :user AND used_at IS NULL",
    )?;
    let params = named_params! { ":code": code.as_bytes(), ":user": user.0, ":now": tx.now.micros() };
    Ok(query.execute(params)? > 0)
}

/// Deletes every recovery code of a user, used or not.
pub fn delete_of(tx: &Tx, user: UserId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM recovery_codes WHERE user_id = :user")?;
    query.execute(named_params! { ":user": user.0 })?;
    Ok(())
}
