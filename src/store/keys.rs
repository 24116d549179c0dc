//! The table `keys`.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::{Row, Tx, View, row};
use crate::domain::email::Email;
use crate::domain::ids::{KeyId, UserId, WorkspaceId};
use crate::domain::key::{Key, KeyKind, KeyName};
use crate::domain::page::{Page, Slice};
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::tokens::opaque::Fingerprint;

const COLUMNS: &str = "k.id, k.user_id, u.kind, u.email, k.name, k.description, k.created_by, k.redacted, k.created_at,
    k.expires_at, k.revoked_at, k.last_used_at";

const TABLES: &str = "keys k JOIN users u ON u.id = k.user_id";

pub fn find(view: &View, id: KeyId) -> Result<Option<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE k.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The key with this secret, and when the secret expires. The secret from before the last refresh is valid only for a
/// while.
pub fn find_by_fingerprint(view: &View, fingerprint: &Fingerprint) -> Result<Option<(Key, Timestamp)>> {
    let sql = format!(
        "SELECT {COLUMNS}, CASE WHEN k.fingerprint = :fingerprint THEN NULL ELSE k.previous_expires_at END AS good_until
         FROM {TABLES}
         WHERE k.fingerprint = :fingerprint
             OR (k.previous_fingerprint = :fingerprint AND k.previous_expires_at > :now)"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":fingerprint": fingerprint.as_bytes(), ":now": view.now.micros() };
    let found = query
        .query_row(params, |row| Ok((read(row)?, row::moment_if_any(row, "good_until")?.unwrap_or(Timestamp::LATEST))));
    Ok(found.optional()?)
}

/// Every key, oldest first.
pub fn list(view: &View) -> Result<Vec<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY k.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(&[], read)?.collect::<rusqlite::Result<_>>()?)
}

/// The keys that act as a user, oldest first.
pub fn list_of(view: &View, user: UserId) -> Result<Vec<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE k.user_id = :user ORDER BY k.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(named_params! { ":user": user.0 }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The service keys that a user created and that are still valid, oldest first.
pub fn list_live_made_by(view: &View, user: UserId) -> Result<Vec<Key>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
         WHERE k.created_by = :user AND u.kind = 'bot' AND k.revoked_at IS NULL
             AND (k.expires_at IS NULL OR k.expires_at > :now)
         ORDER BY k.id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":now": view.now.micros() };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The keys that a page contains.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// The keys that act as this person.
    Of(UserId),
    /// The service keys that this user created.
    MadeBy(UserId),
    /// The service keys that are members of this workspace: all, or those that this user created.
    In(WorkspaceId, Option<UserId>),
}

/// A page of the keys of a scope, ordered by id: the valid ones, or those revoked or expired.
pub fn page(view: &View, scope: Scope, live: bool, page: Page) -> Result<Slice<Key>> {
    let within = match scope {
        Scope::Of(_) => "k.user_id = :user AND u.kind = 'person'",
        Scope::MadeBy(_) => "k.created_by = :user AND u.kind = 'bot'",
        Scope::In(..) => {
            "u.kind = 'bot' AND (CAST(:user AS INTEGER) IS NULL OR k.created_by = :user)
             AND k.id IN (SELECT y.id FROM members m CROSS JOIN keys y ON y.user_id = m.user_id
                          WHERE m.workspace_id = :workspace AND y.id > :after)"
        }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
         WHERE {within} AND k.id > :after
             AND (k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)) = :live
         ORDER BY k.id LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let (user, workspace) = match scope {
        Scope::Of(user) | Scope::MadeBy(user) => (Some(user.0), None),
        Scope::In(workspace, user) => (user.map(|id| id.0), Some(workspace.0)),
    };
    let (after, now, limit) = (page.after.unwrap_or(0), view.now.micros(), page.fetch_limit());
    let mut params: Vec<(&str, &dyn ToSql)> =
        vec![(":user", &user), (":after", &after), (":now", &now), (":live", &live), (":limit", &limit)];
    if workspace.is_some() {
        params.push((":workspace", &workspace));
    }
    let found = query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |key| key.id.0))
}

/// The stored parts of a key's secret.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    pub fingerprint: Fingerprint,
    /// The secret with all but its ends masked.
    pub redacted: String,
}

/// Inserts a key that acts as a user.
pub fn insert(
    tx: &Tx,
    user: UserId,
    (name, description): (&KeyName, &Description),
    secret: &StoredSecret,
    created_by: Option<UserId>,
    expires_at: Option<Timestamp>,
) -> Result<KeyId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at, expires_at)
         VALUES (:user, :name, :fingerprint, :redacted, :description, :created_by, :now, :expires_at) RETURNING id",
    )?;
    let params = named_params! {
        ":user": user.0,
        ":name": name.as_str(),
        ":fingerprint": secret.fingerprint.as_bytes(),
        ":redacted": secret.redacted,
        ":description": description.as_str(),
        ":created_by": created_by.map(|id| id.0),
        ":now": tx.now.micros(),
        ":expires_at": expires_at.map(Timestamp::micros),
    };
    Ok(query.query_row(params, |row| row.get(0).map(KeyId))?)
}

/// Replaces the secret and the expiry of a key. The previous secret is valid until `grace`, or becomes invalid at once.
pub fn renew(
    tx: &Tx,
    id: KeyId,
    secret: &StoredSecret,
    expires_at: Option<Timestamp>,
    grace: Option<Timestamp>,
) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE keys SET previous_fingerprint = CASE WHEN CAST(:grace AS INTEGER) IS NULL THEN NULL ELSE fingerprint END,
             previous_expires_at = :grace, fingerprint = :fingerprint, redacted = :redacted, expires_at = :expires_at
         WHERE id = :id",
    )?;
    query.execute(named_params! {
        ":id": id.0,
        ":grace": grace.map(Timestamp::micros),
        ":fingerprint": secret.fingerprint.as_bytes(),
        ":redacted": secret.redacted,
        ":expires_at": expires_at.map(Timestamp::micros),
    })?;
    Ok(())
}

/// Revokes a key, unless it is revoked already.
pub fn revoke(tx: &Tx, id: KeyId) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")?;
    query.execute(named_params! { ":id": id.0, ":now": tx.now.micros() })?;
    Ok(())
}

/// Revokes every key that acts as a user. Returns how many were revoked.
pub fn revoke_of(tx: &Tx, user: UserId) -> Result<usize> {
    let mut query =
        tx.conn.prepare_cached("UPDATE keys SET revoked_at = :now WHERE user_id = :user AND revoked_at IS NULL")?;
    Ok(query.execute(named_params! { ":user": user.0, ":now": tx.now.micros() })?)
}

pub fn update_last_used(tx: &Tx, id: KeyId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE keys SET last_used_at = :now WHERE id = :id")?;
    query.execute(named_params! { ":id": id.0, ":now": tx.now.micros() })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Key> {
    Ok(Key {
        id: KeyId(row.get("id")?),
        user: UserId(row.get("user_id")?),
        kind: row::text(row, "kind", kind)?,
        email: row::text(row, "email", |text| Some(Email::stored(text)))?,
        name: row::text(row, "name", |text| Some(KeyName::stored(text)))?,
        description: row::text(row, "description", |text| Description::parse(text).ok())?,
        created_by: row.get::<_, Option<i64>>("created_by")?.map(UserId),
        redacted: row.get("redacted")?,
        created_at: row::moment(row, "created_at")?,
        expires_at: row::moment_if_any(row, "expires_at")?,
        revoked_at: row::moment_if_any(row, "revoked_at")?,
        last_used_at: row::moment_if_any(row, "last_used_at")?,
    })
}

/// The kind of key that a kind of user has.
fn kind(word: &str) -> Option<KeyKind> {
    match word {
        "person" => Some(KeyKind::User),
        "bot" => Some(KeyKind::Service),
        _ => None,
    }
}
