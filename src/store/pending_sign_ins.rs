//! The table `pending_sign_ins`.

use rusqlite::{OptionalExtension, named_params};

use super::{Row, Tx, View, row};
use crate::domain::ids::UserId;
use crate::domain::pending_sign_in::PendingSignIn;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

/// The pending sign-in with this cookie, expired or not.
pub fn find(view: &View, cookie: &Fingerprint) -> Result<Option<PendingSignIn>> {
    let mut query = view.conn.prepare_cached(
        "SELECT user_id, step, second_factor, failures, expires_at FROM pending_sign_ins WHERE fingerprint = :cookie",
    )?;
    let read = |row: &Row| {
        Ok(PendingSignIn {
            user: UserId(row.get("user_id")?),
            step: row::parsed(row, "step")?,
            second_factor: row.get("second_factor")?,
            failures: row.get("failures")?,
            expires_at: row::moment(row, "expires_at")?,
        })
    };
    Ok(query.query_row(named_params! { ":cookie": cookie.as_bytes() }, read).optional()?)
}

pub fn insert(tx: &Tx, new: &PendingSignIn, cookie: &Fingerprint) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO pending_sign_ins (fingerprint, user_id, step, second_factor, failures, expires_at)
         VALUES (:cookie, :user, :step, :second_factor, :failures, :expires_at)",
    )?;
    query.execute(named_params! {
        ":cookie": cookie.as_bytes(),
        ":user": new.user.0,
        ":step": new.step.as_str(),
        ":second_factor": new.second_factor,
        ":failures": new.failures,
        ":expires_at": new.expires_at.micros(),
    })?;
    Ok(())
}

pub fn count_failure(tx: &Tx, cookie: &Fingerprint) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE pending_sign_ins SET failures = failures + 1 WHERE fingerprint = :cookie")?;
    query.execute(named_params! { ":cookie": cookie.as_bytes() })?;
    Ok(())
}

pub fn delete(tx: &Tx, cookie: &Fingerprint) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM pending_sign_ins WHERE fingerprint = :cookie")?;
    query.execute(named_params! { ":cookie": cookie.as_bytes() })?;
    Ok(())
}

/// Deletes at most `limit` pending sign-ins that cannot be continued any more. Returns how many there were.
pub fn delete_dead(tx: &Tx, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM pending_sign_ins
         WHERE fingerprint IN (SELECT fingerprint FROM pending_sign_ins WHERE expires_at <= :now LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":now": tx.now.micros(), ":most": limit })?)
}
