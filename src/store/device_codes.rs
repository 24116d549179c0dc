//! The table `device_codes`.

use std::net::IpAddr;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, named_params};

use super::{Column as _, Row, Tx, View, row};
use crate::domain::client::{ClientId, Scopes};
use crate::domain::device_code::{Approval, Decision, DeviceCode};
use crate::domain::ids::UserId;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

const COLUMNS: &str = "client, scope, address, state, user_id, authenticated_at, second_factor, pause, polled_at,
    created_at, expires_at";

pub fn find(view: &View, code: &Fingerprint) -> Result<Option<DeviceCode>> {
    one(view, "fingerprint", code)
}

pub fn find_by_user_code(view: &View, user_code: &Fingerprint) -> Result<Option<DeviceCode>> {
    one(view, "user_code", user_code)
}

fn one(view: &View, column: &str, key: &Fingerprint) -> Result<Option<DeviceCode>> {
    let sql = format!("SELECT {COLUMNS} FROM device_codes WHERE {column} = :key");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":key": key.as_bytes() }, read).optional()?)
}

/// The addresses that requested the pending codes. Codes of the future, from before the clock was set back, do not count.
pub fn pending_addresses(view: &View) -> Result<Vec<Option<IpAddr>>> {
    let mut query = view.conn.prepare_cached(
        "SELECT address FROM device_codes WHERE expires_at > :now AND created_at <= :latest AND state = 'pending'",
    )?;
    let latest = view.now.latest_stored();
    let found = query.query_map(named_params! { ":now": view.now.micros(), ":latest": latest.micros() }, address)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Inserts a pending code.
pub fn insert(tx: &Tx, code: &Fingerprint, user_code: &Fingerprint, new: &DeviceCode) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO device_codes (fingerprint, user_code, client, scope, address, state, second_factor, pause,
             created_at, expires_at)
         VALUES (:code, :user_code, :client, :scope, :address, 'pending', 0, :pause, :created_at, :expires_at)",
    )?;
    query.execute(named_params! {
        ":code": code.as_bytes(),
        ":user_code": user_code.as_bytes(),
        ":client": new.client.as_str(),
        ":scope": new.scopes.to_string(),
        ":address": new.address.map(|address| address.to_string()),
        ":pause": i64::try_from(new.pause.as_secs()).unwrap_or(i64::MAX),
        ":created_at": new.created_at.micros(),
        ":expires_at": new.expires_at.micros(),
    })?;
    Ok(())
}

/// Writes the time of the last poll and the new polling interval.
pub fn update_poll(tx: &Tx, code: &Fingerprint, polled: &DeviceCode) -> Result<()> {
    let mut query = tx
        .conn
        .prepare_cached("UPDATE device_codes SET pause = :pause, polled_at = :polled_at WHERE fingerprint = :code")?;
    query.execute(named_params! {
        ":code": code.as_bytes(),
        ":pause": i64::try_from(polled.pause.as_secs()).unwrap_or(i64::MAX),
        ":polled_at": polled.polled_at.map(Timestamp::micros),
    })?;
    Ok(())
}

/// Writes the decision on the device code that belongs to a user code.
pub fn decide(tx: &Tx, user_code: &Fingerprint, decision: &Decision) -> Result<()> {
    let (state, by, authenticated_at, second_factor) = match decision {
        Decision::Pending => ("pending", None, None, false),
        Decision::Approved(Approval { by, authenticated_at, second_factor }) => {
            ("approved", Some(by.0), Some(authenticated_at.micros()), *second_factor)
        }
        Decision::Denied { by, authenticated_at } => ("denied", Some(by.0), Some(authenticated_at.micros()), false),
    };
    let mut query = tx.conn.prepare_cached(
        "UPDATE device_codes SET state = :state, user_id = :by, authenticated_at = :authenticated_at,
             second_factor = :second_factor
         WHERE user_code = :user_code",
    )?;
    query.execute(named_params! {
        ":user_code": user_code.as_bytes(),
        ":state": state,
        ":by": by,
        ":authenticated_at": authenticated_at,
        ":second_factor": second_factor,
    })?;
    Ok(())
}

pub fn delete(tx: &Tx, code: &Fingerprint) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM device_codes WHERE fingerprint = :code")?;
    query.execute(named_params! { ":code": code.as_bytes() })?;
    Ok(())
}

/// Deletes at most `limit` codes that expired before a time. Returns how many there were.
pub fn delete_dead(tx: &Tx, ended_by: Timestamp, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM device_codes WHERE fingerprint IN (
             SELECT fingerprint FROM device_codes WHERE expires_at <= :ended_by LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":ended_by": ended_by.micros(), ":most": limit })?)
}

fn address(row: &Row) -> rusqlite::Result<Option<IpAddr>> {
    Ok(row.get::<_, Option<String>>("address")?.and_then(|text| text.parse().ok()))
}

fn read(row: &Row) -> rusqlite::Result<DeviceCode> {
    Ok(DeviceCode {
        client: row::text(row, "client", |text| ClientId::parse(text).ok())?,
        scopes: row::text(row, "scope", |text| Some(Scopes::parse_known(text)))?,
        address: address(row)?,
        decision: decision(row)?,
        pause: Duration::from_secs(u64::try_from(row.get::<_, i64>("pause")?).unwrap_or_default()),
        polled_at: row::moment_if_any(row, "polled_at")?,
        created_at: row::moment(row, "created_at")?,
        expires_at: row::moment(row, "expires_at")?,
    })
}

fn decision(row: &Row) -> rusqlite::Result<Decision> {
    let index = "state".index(row)?;
    let state: String = row.get(index)?;
    let by = row.get::<_, Option<i64>>("user_id")?.map(UserId);
    let authenticated_at = row::moment_if_any(row, "authenticated_at")?;
    let second_factor = row.get("second_factor")?;
    match (state.as_str(), by, authenticated_at) {
        ("pending", _, _) => Ok(Decision::Pending),
        ("approved", Some(by), Some(authenticated_at)) => {
            Ok(Decision::Approved(Approval { by, authenticated_at, second_factor }))
        }
        ("denied", Some(by), Some(authenticated_at)) => Ok(Decision::Denied { by, authenticated_at }),
        _ => {
            let what = "a device code is in an invalid state";
            Err(rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into()))
        }
    }
}
