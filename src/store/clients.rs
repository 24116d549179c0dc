//! The table `clients`.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};

use super::fault::conflict;
use super::{Row, Tx, View, row};
use crate::domain::client::{Client, ClientId, ClientName, RedirectUri, Scopes};
use crate::domain::group::GroupNames;
use crate::domain::ids::UserId;
use crate::domain::noun::Noun;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

const COLUMNS: &str =
    "id, name, built_in, confidential, grants, scopes, redirect_uris, post_logout_redirect_uris, refresh,
    access_token_life, session_idle, session_life, service_user_id, created_at, updated_at, pkce, group_names";

pub fn find(view: &View, id: &ClientId) -> Result<Option<Client>> {
    let sql = format!("SELECT {COLUMNS} FROM clients WHERE id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.as_str() }, read).optional()?)
}

/// The client that acts as this bot.
pub fn find_by_service_user(view: &View, bot: UserId) -> Result<Option<ClientId>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM clients WHERE service_user_id = :bot")?;
    let read = |row: &Row| row::text(row, "id", |text| ClientId::parse(text).ok());
    Ok(query.query_row(named_params! { ":bot": bot.0 }, read).optional()?)
}

/// Every client, ordered by id.
pub fn list(view: &View) -> Result<Vec<Client>> {
    let sql = format!("SELECT {COLUMNS} FROM clients ORDER BY id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(&[], read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` clients after this one, ordered by id.
pub fn page(view: &View, after: Option<&ClientId>, limit: u32) -> Result<Vec<Client>> {
    let sql = format!("SELECT {COLUMNS} FROM clients WHERE id > :after ORDER BY id LIMIT :limit");
    let mut query = view.conn.prepare_cached(&sql)?;
    // Every id comes after an empty text.
    let params = named_params! { ":after": after.map_or("", ClientId::as_str), ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The fingerprint of a client's secret, if it has one.
pub fn secret(view: &View, id: &ClientId) -> Result<Option<Fingerprint>> {
    let mut query = view.conn.prepare_cached("SELECT secret FROM clients WHERE id = :id")?;
    let bytes: Option<Option<Vec<u8>>> =
        query.query_row(named_params! { ":id": id.as_str() }, |row| row.get(0)).optional()?;
    Ok(bytes.flatten().and_then(|bytes| Fingerprint::from_slice(&bytes)))
}

/// Inserts a client. A conflict if the id is taken.
pub fn insert(tx: &Tx, new: &Client, secret: Option<&Fingerprint>) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO clients (id, name, built_in, confidential, secret, grants, scopes, redirect_uris,
             post_logout_redirect_uris, refresh, access_token_life, session_idle, session_life, service_user_id,
             created_at, updated_at, pkce, group_names)
         VALUES (:id, :name, 0, :confidential, :secret, :grants, :scopes, :redirect_uris, :post_logout, :refresh,
             :access_token_life, :session_idle, :session_life, :service_user, :now, :now,
             :pkce, :group_names)",
    )?;
    query
        .execute(named_params! {
            ":id": new.id.as_str(),
            ":name": new.name.as_str(),
            ":confidential": new.confidential,
            ":secret": secret.map(Fingerprint::as_bytes),
            ":grants": words(new.grants.iter().map(|grant| grant.as_str())),
            ":scopes": new.scopes.to_string(),
            ":redirect_uris": words(new.redirect_uris.iter().map(RedirectUri::as_str)),
            ":post_logout": words(new.post_logout_redirect_uris.iter().map(RedirectUri::as_str)),
            ":refresh": new.refresh.as_str(),
            ":access_token_life": seconds(new.access_token_life),
            ":session_idle": seconds(new.session_idle),
            ":session_life": seconds(new.session_life),
            ":service_user": new.service_user.map(|id| id.0),
            ":pkce": new.pkce.as_str(),
            ":group_names": new.groups.to_json(),
            ":now": tx.now.micros(),
        })
        .map_err(conflict(Noun::Client, new.id.as_str()))?;
    Ok(())
}

/// Writes all columns of a client except its id, its secret, `built_in` and `confidential`.
pub fn update(tx: &Tx, client: &Client) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE clients SET name = :name, grants = :grants, scopes = :scopes, redirect_uris = :redirect_uris,
             post_logout_redirect_uris = :post_logout, refresh = :refresh, access_token_life = :access_token_life,
             session_idle = :session_idle, session_life = :session_life, service_user_id = :service_user,
             pkce = :pkce, group_names = :group_names, updated_at = :now
         WHERE id = :id",
    )?;
    query.execute(named_params! {
        ":id": client.id.as_str(),
        ":name": client.name.as_str(),
        ":grants": words(client.grants.iter().map(|grant| grant.as_str())),
        ":scopes": client.scopes.to_string(),
        ":redirect_uris": words(client.redirect_uris.iter().map(RedirectUri::as_str)),
        ":post_logout": words(client.post_logout_redirect_uris.iter().map(RedirectUri::as_str)),
        ":refresh": client.refresh.as_str(),
        ":access_token_life": seconds(client.access_token_life),
        ":session_idle": seconds(client.session_idle),
        ":session_life": seconds(client.session_life),
        ":service_user": client.service_user.map(|id| id.0),
        ":pkce": client.pkce.as_str(),
        ":group_names": client.groups.to_json(),
        ":now": tx.now.micros(),
    })?;
    Ok(())
}

/// Writes the fingerprint of a confidential client's secret.
pub fn update_secret(tx: &Tx, id: &ClientId, secret: &Fingerprint) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE clients SET secret = :secret, updated_at = :now WHERE id = :id")?;
    query.execute(named_params! { ":id": id.as_str(), ":secret": secret.as_bytes(), ":now": tx.now.micros() })?;
    Ok(())
}

/// Deletes a client with its sessions, codes and consents.
pub fn delete(tx: &Tx, id: &ClientId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM clients WHERE id = :id")?.execute(named_params! { ":id": id.as_str() })?;
    Ok(())
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn seconds(life: Option<Duration>) -> Option<i64> {
    life.map(|life| i64::try_from(life.as_secs()).unwrap_or(i64::MAX))
}

fn read(row: &Row) -> rusqlite::Result<Client> {
    let life = |name| {
        let seconds = row.get::<_, Option<i64>>(name)?.and_then(|seconds| u64::try_from(seconds).ok());
        Ok::<_, rusqlite::Error>(seconds.map(Duration::from_secs))
    };
    let addresses = |name| {
        row::text(row, name, |text| {
            text.split_ascii_whitespace().map(|uri| RedirectUri::parse(uri).ok()).collect::<Option<Vec<_>>>()
        })
    };
    Ok(Client {
        id: row::text(row, "id", |text| ClientId::parse(text).ok())?,
        name: row::text(row, "name", |text| Some(ClientName::stored(text)))?,
        built_in: row.get("built_in")?,
        confidential: row.get("confidential")?,
        grants: row::text(row, "grants", |text| {
            text.split_ascii_whitespace().map(|word| word.parse().ok()).collect::<Option<BTreeSet<_>>>()
        })?,
        scopes: row::text(row, "scopes", |text| Some(Scopes::parse_known(text)))?,
        redirect_uris: addresses("redirect_uris")?,
        post_logout_redirect_uris: addresses("post_logout_redirect_uris")?,
        refresh: row::parsed(row, "refresh")?,
        pkce: row::parsed(row, "pkce")?,
        groups: row::text(row, "group_names", |text| GroupNames::parse_json(text).ok())?,
        access_token_life: life("access_token_life")?,
        session_idle: life("session_idle")?,
        session_life: life("session_life")?,
        service_user: row.get::<_, Option<i64>>("service_user_id")?.map(UserId),
        created_at: row::moment(row, "created_at")?,
        updated_at: row::moment(row, "updated_at")?,
    })
}
