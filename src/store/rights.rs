//! Everything that gives one user rights, with the names of what it is about: memberships and bindings.

use rusqlite::named_params;

use super::members::read_role;
use super::{Row, View, row};
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::error::Result;

/// A membership of an organization, and the name of the organization.
pub type InOrganization = (OrganizationId, String, OrganizationRole);

/// A membership of a workspace, and the name of the workspace.
pub type InWorkspace = (WorkspaceId, String, Role);

/// A bound role. The workspace is or contains the resource.
#[derive(Clone, Debug)]
pub struct Bound {
    pub role: RoleId,
    pub workspace: (WorkspaceId, String),
    pub project: Option<(ProjectId, String)>,
}

/// At most `limit` memberships of organizations, by organization.
pub fn organizations(view: &View, user: UserId, limit: u32) -> Result<Vec<InOrganization>> {
    let mut query = view.conn.prepare_cached(
        "SELECT o.id, o.name, m.role FROM organization_members m CROSS JOIN organizations o ON o.id = m.organization_id
         WHERE m.user_id = :user ORDER BY m.organization_id LIMIT :limit",
    )?;
    let read = |row: &Row| Ok((OrganizationId(row.get(0)?), row.get(1)?, row::parsed(row, 2)?));
    let rows = query.query_map(named_params! { ":user": user.0, ":limit": limit }, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` memberships of workspaces, by workspace.
pub fn workspaces(view: &View, user: UserId, limit: u32) -> Result<Vec<InWorkspace>> {
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.name, m.role, m.role_id FROM members m CROSS JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = :user ORDER BY m.workspace_id LIMIT :limit",
    )?;
    let read = |row: &Row| Ok((WorkspaceId(row.get(0)?), row.get(1)?, read_role(row)?));
    let rows = query.query_map(named_params! { ":user": user.0, ":limit": limit }, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` role bindings, by role.
pub fn bindings(view: &View, user: UserId, limit: u32) -> Result<Vec<Bound>> {
    let mut query = view.conn.prepare_cached(
        "SELECT b.role_id, w.id, w.name, p.id, p.name FROM bindings b LEFT JOIN projects p ON p.id = b.project_id
         CROSS JOIN workspaces w ON w.id = coalesce(b.workspace_id, p.workspace_id)
         WHERE b.user_id = :user ORDER BY b.role_id LIMIT :limit",
    )?;
    let read = |row: &Row| {
        let project = row.get::<_, Option<i64>>(3)?.map(ProjectId);
        let name = row.get::<_, Option<String>>(4)?;
        Ok(Bound {
            role: RoleId(row.get(0)?),
            workspace: (WorkspaceId(row.get(1)?), row.get(2)?),
            project: project.zip(name),
        })
    };
    let rows = query.query_map(named_params! { ":user": user.0, ":limit": limit }, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
