//! Memberships of several people in several places, for the overview of who can reach what.

use rusqlite::named_params;

use super::members::read_role;
use super::{Row, View, row};
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::error::Result;

/// The memberships of these users in these workspaces.
pub fn members(
    view: &View,
    users: impl Iterator<Item = UserId>,
    workspaces: impl Iterator<Item = WorkspaceId>,
) -> Result<Vec<(UserId, WorkspaceId, Role)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.user_id, m.workspace_id, m.role, m.role_id FROM json_each(:users) j
         CROSS JOIN members m ON m.user_id = j.value
         WHERE m.workspace_id IN (SELECT value FROM json_each(:workspaces))",
    )?;
    let users = row::numbers(users.map(|id| id.0));
    let workspaces = row::numbers(workspaces.map(|id| id.0));
    let params = named_params! { ":users": users, ":workspaces": workspaces };
    let read = |row: &Row| Ok((UserId(row.get(0)?), WorkspaceId(row.get(1)?), read_role(row)?));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The memberships of these users in these organizations.
pub fn organization_members(
    view: &View,
    users: impl Iterator<Item = UserId>,
    organizations: impl Iterator<Item = OrganizationId>,
) -> Result<Vec<(UserId, OrganizationId, OrganizationRole)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.user_id, m.organization_id, m.role FROM json_each(:users) j
         CROSS JOIN organization_members m ON m.user_id = j.value
         WHERE m.organization_id IN (SELECT value FROM json_each(:organizations))",
    )?;
    let users = row::numbers(users.map(|id| id.0));
    let organizations = row::numbers(organizations.map(|id| id.0));
    let params = named_params! { ":users": users, ":organizations": organizations };
    let read = |row: &Row| Ok((UserId(row.get(0)?), OrganizationId(row.get(1)?), row::parsed(row, 2)?));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}
