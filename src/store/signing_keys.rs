//! The table `signing_keys`.

use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};
use strum::{EnumString, IntoStaticStr};

use super::{Row, Tx, View, row};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};
use crate::tokens::seal::key_of;
use crate::tokens::signing::Algorithm;

/// The state of a signing key. At most one key is next, and at most one is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// The key is published ahead, so that verifiers know it before it signs.
    Next,
    Active,
    /// The key only verifies tokens that it signed.
    Retired,
}

impl State {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A signing key without its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name in the header of tokens.
    pub kid: String,
    pub algorithm: Algorithm,
    pub state: State,
    pub created_at: Timestamp,
    /// When the key began to sign.
    pub activated_at: Option<Timestamp>,
    /// When the key stopped signing.
    pub retired_at: Option<Timestamp>,
    /// The longest life of a token that the key signed.
    pub token_life: Duration,
    /// RSA only.
    pub rsa_bits: Option<u32>,
}

impl Record {
    /// The maximum time between retiring a key and the last token signed with it: the commit of the one, and the
    /// signing of the other.
    const SLACK: Duration = Duration::from_secs(5);

    /// When the last token of a retired key expires.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.retired_at.map(|retired_at| retired_at.after(self.token_life).after(Self::SLACK))
    }

    /// Whether a token that the key signed or will sign may be valid.
    pub fn verifies(&self, now: Timestamp) -> bool {
        self.ends_at().is_none_or(|end| now < end)
    }
}

/// A signing key with its sealed private key.
#[derive(Clone)]
pub struct SealedKey {
    /// The name in the header of tokens.
    pub kid: String,
    pub algorithm: Algorithm,
    /// The private key, sealed under the master key with `kid` as its context.
    pub sealed: Vec<u8>,
    /// RSA only.
    pub rsa_bits: Option<u32>,
}

/// Every signing key: the active one, the next one, then the retired ones, newest first.
pub fn list(view: &View) -> Result<Vec<Record>> {
    let mut query = view.conn.prepare_cached(
        "SELECT kid, algorithm, state, created_at, activated_at, retired_at, token_life, rsa_bits FROM signing_keys
         ORDER BY state <> 'active', state <> 'next', retired_at DESC, kid",
    )?;
    Ok(query.query_map(&[], read)?.collect::<rusqlite::Result<_>>()?)
}

/// Every signing key with its sealed private key, in the same order.
pub fn list_sealed(view: &View) -> Result<Vec<SealedKey>> {
    let mut keys = Vec::new();
    for record in list(view)? {
        if let Some(sealed) = sealed(view, &record.kid)? {
            keys.push(SealedKey { kid: record.kid, algorithm: record.algorithm, sealed, rsa_bits: record.rsa_bits });
        }
    }
    Ok(keys)
}

/// The sealed private key of that name.
pub fn sealed(view: &View, kid: &str) -> Result<Option<Vec<u8>>> {
    let mut query = view.conn.prepare_cached("SELECT sealed FROM signing_keys WHERE kid = :kid")?;
    Ok(query.query_row(named_params! { ":kid": kid }, |row| row.get(0)).optional()?)
}

/// Inserts a key that does not sign yet.
///
/// Refuses if the master key was replaced after the key was sealed.
pub fn insert(tx: &Tx, key: &SealedKey) -> Result<()> {
    require_master_key(tx, &key.sealed)?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO signing_keys (kid, algorithm, sealed, state, created_at, token_life, rsa_bits)
         VALUES (:kid, :algorithm, :sealed, 'next', :now, 0, :rsa_bits)",
    )?;
    query.execute(named_params! {
        ":kid": key.kid,
        ":algorithm": key.algorithm.as_str(),
        ":sealed": key.sealed,
        ":now": tx.now.micros(),
        ":rsa_bits": key.rsa_bits,
    })?;
    Ok(())
}

pub fn update_sealed(tx: &Tx, kid: &str, sealed: &[u8]) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE signing_keys SET sealed = :sealed WHERE kid = :kid")?;
    query.execute(named_params! { ":kid": kid, ":sealed": sealed })?;
    Ok(())
}

/// Fails as busy if a value was sealed under another master key than the active signing key: the master key was
/// replaced meanwhile, and the value could not be opened any more.
pub(super) fn require_master_key(view: &View, sealed: &[u8]) -> Result<()> {
    let mut query = view.conn.prepare_cached("SELECT sealed FROM signing_keys WHERE state = 'active'")?;
    let active: Option<Vec<u8>> = query.query_row(&[], |row| row.get(0)).optional()?;
    match active {
        Some(active) if key_of(&active) != key_of(sealed) => Err(Error::Busy { retry_after: Duration::from_secs(1) }),
        Some(_) | None => Ok(()),
    }
}

/// Makes the next key the active one.
pub fn activate(tx: &Tx, kid: &str, token_life: Duration) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE signing_keys SET state = 'active', activated_at = :now, token_life = :life WHERE kid = :kid",
    )?;
    query.execute(named_params! { ":kid": kid, ":life": seconds(token_life), ":now": tx.now.micros() })?;
    Ok(())
}

pub fn retire(tx: &Tx, kid: &str) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE signing_keys SET state = 'retired', retired_at = :now WHERE kid = :kid")?;
    query.execute(named_params! { ":kid": kid, ":now": tx.now.micros() })?;
    Ok(())
}

/// Writes the longest life of a token that the key signed.
pub fn update_token_life(tx: &Tx, kid: &str, token_life: Duration) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE signing_keys SET token_life = :life WHERE kid = :kid")?;
    query.execute(named_params! { ":kid": kid, ":life": seconds(token_life) })?;
    Ok(())
}

pub fn delete(tx: &Tx, kid: &str) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM signing_keys WHERE kid = :kid")?.execute(named_params! { ":kid": kid })?;
    Ok(())
}

/// The longest access token life that a client sets; none if no client sets one.
pub fn longest_client_token(view: &View) -> Result<Option<Duration>> {
    let mut query = view.conn.prepare_cached("SELECT max(access_token_life) FROM clients")?;
    let longest: Option<i64> = query.query_row(&[], |row| row.get(0))?;
    Ok(longest.map(duration))
}

/// Whether the file contains anything that only the master key opens.
pub fn anything_sealed(view: &View) -> Result<bool> {
    let mut query = view
        .conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM signing_keys) OR EXISTS (SELECT 1 FROM second_factors)")?;
    Ok(query.query_row(&[], |row| row.get(0))?)
}

/// Whole seconds, rounded up.
fn seconds(life: Duration) -> i64 {
    let whole = life.as_secs() + u64::from(life.subsec_nanos() > 0);
    i64::try_from(whole).unwrap_or(i64::MAX)
}

fn duration(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn read(row: &Row) -> rusqlite::Result<Record> {
    Ok(Record {
        kid: row.get("kid")?,
        algorithm: row::parsed(row, "algorithm")?,
        state: row::parsed(row, "state")?,
        created_at: row::moment(row, "created_at")?,
        activated_at: row::moment_if_any(row, "activated_at")?,
        retired_at: row::moment_if_any(row, "retired_at")?,
        token_life: duration(row.get("token_life")?),
        rsa_bits: row.get("rsa_bits")?,
    })
}
