//! The table `links`.

use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::{Row, Tx, View, row};
use crate::domain::ids::UserId;
use crate::domain::link::Link;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

/// The link with this secret, valid or not.
pub fn find(view: &View, fingerprint: &Fingerprint) -> Result<Option<Link>> {
    let mut query =
        view.conn.prepare_cached("SELECT user_id, purpose, expires_at FROM links WHERE fingerprint = :fingerprint")?;
    let read = |row: &Row| {
        Ok(Link {
            user: UserId(row.get("user_id")?),
            purpose: row::parsed(row, "purpose")?,
            expires_at: row::moment(row, "expires_at")?,
        })
    };
    Ok(query.query_row(named_params! { ":fingerprint": fingerprint.as_bytes() }, read).optional()?)
}

/// Inserts a link. It replaces the user's link for the same purpose.
pub fn upsert(tx: &Tx, link: &Link, fingerprint: &Fingerprint) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO links (fingerprint, user_id, purpose, created_at, expires_at)
         VALUES (:fingerprint, :user, :purpose, :now, :expires_at)
         ON CONFLICT (user_id, purpose) DO UPDATE
         SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, expires_at = excluded.expires_at",
    )?;
    query.execute(named_params! {
        ":fingerprint": fingerprint.as_bytes(),
        ":user": link.user.0,
        ":purpose": link.purpose.as_str(),
        ":now": tx.now.micros(),
        ":expires_at": link.expires_at.micros(),
    })?;
    Ok(())
}

/// Who made the invitation link of a user, as the audit log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Operator,
    User(UserId),
    /// The row of the audit log was deleted since.
    Unknown,
}

/// Who made the invitation link of a user; none without a link.
pub fn find_maker(view: &View, user: UserId, uuid: Uuid) -> Result<Option<Maker>> {
    let mut query = view.conn.prepare_cached(
        "SELECT a.id, a.actor_id FROM links l
         LEFT JOIN audit a ON a.verb = 'users.make_link' AND a.at = l.created_at AND a.object = :uuid
         WHERE l.user_id = :user AND l.purpose = 'invitation'",
    )?;
    let read = |row: &Row| {
        Ok(match (row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?) {
            (None, _) => Maker::Unknown,
            (Some(_), None) => Maker::Operator,
            (Some(_), Some(id)) => Maker::User(UserId(id)),
        })
    };
    Ok(query.query_row(named_params! { ":user": user.0, ":uuid": uuid.to_string() }, read).optional()?)
}

/// Deletes the invitation link of a user.
pub fn delete_invitation(tx: &Tx, user: UserId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM links WHERE user_id = :user AND purpose = 'invitation'")?;
    query.execute(named_params! { ":user": user.0 })?;
    Ok(())
}

/// Deletes all links.
pub fn delete_all(tx: &Tx) -> Result<usize> {
    Ok(tx.conn.prepare_cached("DELETE FROM links")?.execute(&[])?)
}

/// Deletes at most `limit` expired links. Returns how many there were.
pub fn delete_dead(tx: &Tx, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM links WHERE fingerprint IN (SELECT fingerprint FROM links WHERE expires_at <= :now LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":now": tx.now.micros(), ":most": limit })?)
}

/// Deletes every link of a user.
pub fn delete_of(tx: &Tx, user: UserId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM links WHERE user_id = :user")?.execute(named_params! { ":user": user.0 })?;
    Ok(())
}
