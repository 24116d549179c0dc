//! The table `known_places`: the addresses that users have signed in from.

use rusqlite::named_params;

use super::{Tx, View};
use crate::domain::ids::UserId;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// Whether a user has signed in from this address.
pub fn contains(view: &View, user: UserId, place: &str) -> Result<bool> {
    let mut query = view
        .conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM known_places WHERE user_id = :user AND place = :place)")?;
    Ok(query.query_row(named_params! { ":user": user.0, ":place": place }, |row| row.get(0))?)
}

/// Records that a user signed in from this address, unless that was recorded after `fresh`. Keeps the newest
/// `max_places` rows. Returns whether it was recorded now.
///
/// A time in the future means that the clock was set back.
pub fn upsert(tx: &Tx, user: UserId, place: &str, fresh: Timestamp, max_places: usize) -> Result<bool> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO known_places (user_id, place, seen_at) VALUES (:user, :place, :now)
         ON CONFLICT (user_id, place) DO UPDATE SET seen_at = :now
             WHERE known_places.seen_at < :fresh OR known_places.seen_at > :now",
    )?;
    let (now, fresh) = (tx.now.micros(), fresh.micros());
    if query.execute(named_params! { ":user": user.0, ":place": place, ":now": now, ":fresh": fresh })? == 0 {
        return Ok(false);
    }
    let mut query = tx.conn.prepare_cached("SELECT seen_at, place FROM known_places WHERE user_id = :user")?;
    let rows = query.query_map(named_params! { ":user": user.0 }, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut all: Vec<(i64, String)> = rows.collect::<rusqlite::Result<_>>()?;
    all.sort_unstable_by(|a, b| b.cmp(a));
    for (_, place) in all.iter().skip(max_places) {
        let mut query = tx.conn.prepare_cached("DELETE FROM known_places WHERE user_id = :user AND place = :place")?;
        query.execute(named_params! { ":user": user.0, ":place": place })?;
    }
    Ok(true)
}
