//! The table `signing_keys`.

use rusqlite::named_params;

use super::{Tx, View};
use crate::error::Result;

/// A signing key as it is kept: sealed.
#[derive(Clone)]
pub struct SealedKey {
    /// The name that token headers carry.
    pub kid: String,
    /// What it signs with: `RS256`, `ES256` or `EdDSA`.
    pub algorithm: String,
    /// The private key, sealed under the master key with `kid` as its context.
    pub sealed: Vec<u8>,
}

/// Every signing key, the newest first.
pub fn list(view: &View) -> Result<Vec<SealedKey>> {
    let mut query =
        view.conn.prepare_cached("SELECT kid, algorithm, sealed FROM signing_keys ORDER BY created_at DESC, kid")?;
    let rows =
        query.query_map([], |row| Ok(SealedKey { kid: row.get(0)?, algorithm: row.get(1)?, sealed: row.get(2)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Adds a signing key.
pub fn insert(tx: &Tx, key: &SealedKey) -> Result<()> {
    tx.conn
        .prepare_cached("UPDATE signing_keys SET state = 'retired', retired_at = :now WHERE state = 'active'")?
        .execute(named_params! { ":now": tx.now.micros() })?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO signing_keys (kid, algorithm, sealed, state, created_at, activated_at)
         VALUES (:kid, :algorithm, :sealed, 'active', :now, :now)",
    )?;
    query.execute(named_params! {
        ":kid": key.kid,
        ":algorithm": key.algorithm,
        ":sealed": key.sealed,
        ":now": tx.now.micros(),
    })?;
    Ok(())
}
