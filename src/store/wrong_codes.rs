//! The table `wrong_codes`.

use rusqlite::{OptionalExtension, named_params};

use super::{Row, Tx, View, row};
use crate::domain::ids::UserId;
use crate::domain::wrong_codes::WrongCodes;
use crate::error::Result;

/// The wrong codes of a user since the last right one, if any.
pub fn find(view: &View, user: UserId) -> Result<Option<WrongCodes>> {
    let mut query = view.conn.prepare_cached("SELECT count, last_at FROM wrong_codes WHERE user_id = :user")?;
    let read = |row: &Row| Ok(WrongCodes { count: row.get("count")?, last_at: row::moment(row, "last_at")? });
    Ok(query.query_row(named_params! { ":user": user.0 }, read).optional()?)
}

/// Counts one more wrong code of a user. Returns the new count.
pub fn count_one(tx: &Tx, user: UserId) -> Result<WrongCodes> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO wrong_codes (user_id, count, last_at) VALUES (:user, 1, :now)
         ON CONFLICT (user_id) DO UPDATE SET count = min(wrong_codes.count + 1, 1000000), last_at = excluded.last_at
         RETURNING count",
    )?;
    let params = named_params! { ":user": user.0, ":now": tx.now.micros() };
    let count = query.query_row(params, |row| row.get(0))?;
    Ok(WrongCodes { count, last_at: tx.now })
}

pub fn delete(tx: &Tx, user: UserId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM wrong_codes WHERE user_id = :user")?;
    query.execute(named_params! { ":user": user.0 })?;
    Ok(())
}
