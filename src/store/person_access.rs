//! What one person has: organizations, sessions, keys, and the workspaces that only this person owns.

use std::collections::HashMap;

use rusqlite::named_params;

use super::{Row, View, row};
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::organization::OrganizationRole;
use crate::domain::page::{Page, Slice};
use crate::domain::workspace::WorkspaceName;
use crate::error::Result;

/// A page of the organizations of a user, ordered by id, each with the role of the user.
pub fn organizations(view: &View, user: UserId, page: Page) -> Result<Vec<(OrganizationId, OrganizationRole)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT organization_id, role FROM organization_members
         WHERE user_id = :user AND organization_id > :after ORDER BY organization_id LIMIT :limit",
    )?;
    let (after, limit) = (page.after.unwrap_or(0), page.fetch_limit());
    let read = |row: &Row| Ok((OrganizationId(row.get(0)?), row::parsed(row, 1)?));
    let params = named_params! { ":user": user.0, ":after": after, ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The numbers of valid keys of these users.
pub fn count_keys(view: &View, of: impl Iterator<Item = UserId>) -> Result<HashMap<UserId, u32>> {
    let mut query = view.conn.prepare_cached(
        "SELECT j.value, (SELECT count(*) FROM keys k WHERE k.user_id = j.value AND k.dead = 0
                              AND (k.expires_at IS NULL OR k.expires_at > :now))
         FROM json_each(:users) j",
    )?;
    let users = row::numbers(of.map(|id| id.0));
    let params = named_params! { ":users": users, ":now": view.now.micros() };
    let read = |row: &Row| Ok((UserId(row.get(0)?), row.get(1)?));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The number of live sessions of a user.
pub fn count_sessions(view: &View, user: UserId) -> Result<u32> {
    let mut query = view.conn.prepare_cached(
        "SELECT count(*) FROM sessions WHERE user_id = :user AND idle_until > :now AND ends_at > :now",
    )?;
    let params = named_params! { ":user": user.0, ":now": view.now.micros() };
    Ok(query.query_row(params, |row| row.get(0))?)
}

/// A page of the workspaces that a user owns and no other enabled person outside of `leaving` does, ordered by id.
pub fn owned_alone(
    view: &View,
    user: UserId,
    leaving: &[UserId],
    page: Page,
) -> Result<Slice<(WorkspaceId, WorkspaceName)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.workspace_id, w.name FROM members m CROSS JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = :user AND m.role = 'owner' AND m.workspace_id > :after
             AND NOT EXISTS (
                 SELECT 1 FROM members o CROSS JOIN users u ON u.id = o.user_id
                 WHERE o.workspace_id = m.workspace_id AND o.role = 'owner' AND o.user_id <> :user AND u.enabled = 1
                     AND u.state = 'active' AND u.kind = 'person'
                     AND o.user_id NOT IN (SELECT value FROM json_each(:leaving)))
         ORDER BY m.workspace_id LIMIT :limit",
    )?;
    let (after, limit) = (page.after.unwrap_or(0), page.fetch_limit());
    let leaving = row::numbers(leaving.iter().map(|id| id.0));
    let params = named_params! { ":user": user.0, ":leaving": leaving, ":after": after, ":limit": limit };
    let read = |row: &Row| Ok((WorkspaceId(row.get(0)?), row::text(row, 1, |text| Some(WorkspaceName::stored(text)))?));
    let found = query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |(id, _): &(WorkspaceId, WorkspaceName)| id.0))
}
