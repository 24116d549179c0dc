//! The table `keys`.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::search::{self, Way};
use super::{Row, Tx, View, row, visibility};
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

/// The same for a list of keys. PostgreSQL joins in the order of the text, and would read every key if the list came last.
const LISTED: &str = "(SELECT * FROM keys WHERE id IN (SELECT value FROM json_each(:these))) k
    JOIN users u ON u.id = k.user_id";

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

/// A page of the keys that act as a user, valid or not, oldest first.
pub fn page_of(view: &View, user: UserId, page: Page) -> Result<Slice<Key>> {
    let of_user = |dead| marked(view, Scope::Of(user), dead, page.after.unwrap_or(0), page.fetch_limit());
    let ids: BTreeSet<i64> = of_user(false)?.into_iter().chain(of_user(true)?).collect();
    let ids = row::numbers(ids.into_iter().take(page.fetch_limit() as usize));
    let sql = format!("SELECT {COLUMNS} FROM {LISTED} ORDER BY k.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    let found = query.query_map(named_params! { ":these": ids }, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |key| key.id.0))
}

/// A page of every key, oldest first.
pub fn page_of_all(view: &View, page: Page) -> Result<Slice<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE k.id > :after ORDER BY k.id LIMIT :limit");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":after": page.after.unwrap_or(0), ":limit": page.fetch_limit() };
    let found = query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |key| key.id.0))
}

/// The service keys that a user created and that are still valid, oldest first.
pub fn list_live_made_by(view: &View, user: UserId) -> Result<Vec<Key>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
         WHERE k.created_by = :user AND k.service = 1 AND k.dead = 0 AND (k.expires_at IS NULL OR k.expires_at > :now)
         ORDER BY k.id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":now": view.now.micros() };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The next keys after one, by id.
pub fn list_after(view: &View, after: KeyId, limit: u32) -> Result<Vec<Key>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE k.id > :after ORDER BY k.id LIMIT :limit");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(named_params! { ":after": after.0, ":limit": limit }, read)?.collect::<rusqlite::Result<_>>()?)
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
    /// The service keys that this user created, or that are members of a workspace in which the user has a role; all
    /// without a user.
    SeenBy(Option<UserId>),
}

/// A page of the keys of a scope, ordered by id: the valid ones, or those revoked or expired.
pub fn page(view: &View, scope: Scope, live: bool, page: Page) -> Result<Slice<Key>> {
    let now = view.now.micros();
    let (user, workspace) = match scope {
        Scope::Of(user) | Scope::MadeBy(user) => (Some(user.0), None),
        Scope::In(workspace, user) => (user.map(|id| id.0), Some(workspace.0)),
        Scope::SeenBy(user) => (user.map(|id| id.0), None),
    };
    let of_scope = |after, limit| {
        let marked = marked(view, scope, !live, after, limit)?;
        if live {
            return Ok(Some(marked));
        }
        let expiring = expiring(view, after)?;
        let all: BTreeSet<i64> = marked.into_iter().chain(expiring).collect();
        Ok(Some(all.into_iter().take(limit as usize).collect()))
    };
    let in_workspace = |after, limit| in_workspace(view, workspace, after, limit);
    let mut ways = vec![Way::Ids(&of_scope, workspace.is_none())];
    if workspace.is_some() {
        ways.insert(0, Way::Ids(&in_workspace, true));
    }
    let found = search::find((page.after.unwrap_or(0), page.fetch_limit()), &ways, |these, visible| {
        let within = match scope {
            Scope::Of(_) => "+k.user_id = :user AND u.kind = 'person'",
            Scope::MadeBy(_) => "+k.created_by = :user AND u.kind = 'bot'",
            Scope::In(..) => {
                "u.kind = 'bot' AND (CAST(:user AS BIGINT) IS NULL OR +k.created_by = :user)
                 AND (:visible OR EXISTS (SELECT 1 FROM members m
                                          WHERE m.workspace_id = :workspace AND m.user_id = k.user_id))"
            }
            Scope::SeenBy(_) => IS_SEEN,
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {LISTED} WHERE {within}
                 AND (k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)) = :live
             ORDER BY k.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let these = row::numbers(these.iter().copied());
        let mut params: Vec<(&str, &dyn ToSql)> =
            vec![(":these", &these), (":user", &user), (":now", &now), (":live", &live)];
        if workspace.is_some() {
            params.extend_from_slice(&[(":workspace", &workspace), (":visible", &visible)]);
        }
        Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
    })?;
    Ok(Slice::from_rows(found, page, |key| key.id.0))
}

/// The service keys of [`Scope::SeenBy`].
const IS_SEEN: &str = "u.kind = 'bot' AND (CAST(:user AS BIGINT) IS NULL OR +k.created_by = :user
    OR EXISTS (SELECT 1 FROM members b INDEXED BY members_by_user JOIN workspaces w ON w.id = b.workspace_id
               WHERE b.user_id = k.user_id
                   AND (EXISTS (SELECT 1 FROM organization_members o
                                WHERE o.organization_id = w.organization_id AND o.user_id = :user AND o.role = 'admin')
                       OR EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = w.id AND m.user_id = :user)
                       OR EXISTS (SELECT 1 FROM bindings g WHERE g.user_id = :user AND g.workspace_id = w.id))))";

/// The ids of the next keys of a scope that are marked as dead, or of the others, in order. For a workspace: of all
/// service keys, or of those that the user created.
fn marked(view: &View, scope: Scope, dead: bool, after: i64, limit: u32) -> Result<Vec<i64>> {
    let (sql, user) = match scope {
        Scope::Of(user) => (
            "SELECT id FROM keys WHERE user_id = :user AND dead = :dead AND id > :after ORDER BY id LIMIT :limit",
            user,
        ),
        Scope::MadeBy(user) | Scope::In(_, Some(user)) => (
            "SELECT id FROM keys WHERE created_by = :user AND service = 1 AND dead = :dead AND id > :after
             ORDER BY id LIMIT :limit",
            user,
        ),
        Scope::In(_, None) | Scope::SeenBy(_) => {
            let sql = "SELECT id FROM keys WHERE service = 1 AND dead = :dead AND id > :after ORDER BY id LIMIT :limit";
            return visibility::numbers(view, sql, named_params! { ":dead": dead, ":after": after, ":limit": limit });
        }
    };
    let params = named_params! { ":user": user.0, ":dead": dead, ":after": after, ":limit": limit };
    visibility::numbers(view, sql, params)
}

/// The ids of the keys that have expired, but are not marked yet.
fn expiring(view: &View, after: i64) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM keys
               WHERE expires_at IS NOT NULL AND expires_at <= :now AND expired = 0 AND revoked_at IS NULL AND id > :after";
    visibility::numbers(view, sql, named_params! { ":now": view.now.micros(), ":after": after })
}

/// The ids of the next service keys that are members of a workspace, in order. Returns none if it has more than `limit`
/// members.
fn in_workspace(view: &View, workspace: Option<i64>, after: i64, limit: u32) -> Result<Option<Vec<i64>>> {
    let sql = "SELECT user_id FROM members WHERE workspace_id = :workspace LIMIT :most";
    let params = named_params! { ":workspace": workspace, ":most": limit.saturating_add(1) };
    let members = visibility::numbers(view, sql, params)?;
    if members.len() > limit as usize {
        return Ok(None);
    }
    let sql = "SELECT k.id FROM json_each(:members) j CROSS JOIN users u ON u.id = j.value
               CROSS JOIN keys k ON k.user_id = u.id
               WHERE u.kind = 'bot' AND k.id > :after";
    let params = named_params! { ":members": row::numbers(members.into_iter()), ":after": after };
    let mut all = visibility::numbers(view, sql, params)?;
    all.sort_unstable();
    all.truncate(limit as usize);
    Ok(Some(all))
}

/// Marks at most `limit` keys that have expired. Returns how many there were.
pub fn mark_expired(tx: &Tx, limit: u32) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE keys SET expired = 1 WHERE id IN (
             SELECT id FROM keys
             WHERE expires_at IS NOT NULL AND expires_at <= :now AND expired = 0 AND revoked_at IS NULL LIMIT :most)",
    )?;
    Ok(query.execute(named_params! { ":now": tx.now.micros(), ":most": limit })?)
}

/// Deletes at most `limit` keys that were revoked or expired before a time. Returns how many there were, and the bots of
/// the service keys among them.
pub fn delete_ended(tx: &Tx, by: Timestamp, limit: u32) -> Result<(usize, Vec<UserId>)> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM keys WHERE id IN (
             SELECT id FROM keys WHERE coalesce(revoked_at, expires_at) <= :by LIMIT :most)
         RETURNING iif(service = 1, user_id, NULL)",
    )?;
    let rows = query.query_map(named_params! { ":by": by.micros(), ":most": limit }, |row| row.get(0))?;
    let owners = rows.collect::<rusqlite::Result<Vec<Option<i64>>>>()?;
    Ok((owners.len(), owners.into_iter().flatten().map(UserId).collect()))
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
        "UPDATE keys SET previous_fingerprint = CASE WHEN CAST(:grace AS BIGINT) IS NULL THEN NULL ELSE fingerprint END,
             previous_expires_at = :grace, fingerprint = :fingerprint, redacted = :redacted, expires_at = :expires_at,
             expired = 0
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

pub(super) fn read(row: &Row) -> rusqlite::Result<Key> {
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
