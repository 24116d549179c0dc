//! The passwords of users, in the table `users`.

use rusqlite::{OptionalExtension, named_params};

use super::View;
use crate::error::{Error, Result};
use crate::tokens::opaque::Fingerprint;
use crate::tokens::password::PasswordHash;

/// The password hash of a user that a random number selects: the same one for the same number, as long as the users and
/// their passwords are the same. `None` if that user has no password.
pub fn any_hash(view: &View, number: &Fingerprint) -> Result<Option<PasswordHash>> {
    let number = number.as_bytes().iter().take(7).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    let mut query = view.conn.prepare_cached(
        "SELECT password_hash FROM users WHERE id > (SELECT :number % max(id) FROM users) ORDER BY id LIMIT 1",
    )?;
    let text: Option<Option<String>> =
        query.query_row(named_params! { ":number": number }, |row| row.get(0)).optional()?;
    text.flatten().map(|text| PasswordHash::parse(&text).map_err(Error::internal)).transpose()
}
