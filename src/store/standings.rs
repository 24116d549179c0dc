//! What a user has in many workspaces or projects at once: roles, and whether they are private or restricted.

use rusqlite::named_params;

use super::{Row, View, row};
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::error::Result;

#[derive(Clone, Debug)]
pub struct InWorkspace {
    pub workspace: WorkspaceId,
    pub organization: OrganizationId,
    pub private: bool,
    pub archived: bool,
    /// The role of the user in the organization.
    pub organization_role: Option<OrganizationRole>,
    /// The role of the user as a member of the workspace.
    pub role: Option<Role>,
    /// The named role that is bound to the user on the workspace.
    pub bound: Option<RoleId>,
}

/// What a user has in those of these workspaces that exist.
pub fn in_workspaces(
    view: &View,
    user: Option<UserId>,
    workspaces: impl Iterator<Item = WorkspaceId>,
) -> Result<Vec<InWorkspace>> {
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.organization_id, w.private, o.role, m.role, m.role_id, b.role_id, w.archived
         FROM json_each(:workspaces) j CROSS JOIN workspaces w ON w.id = j.value
         LEFT JOIN organization_members o ON o.organization_id = w.organization_id AND o.user_id = :user
         LEFT JOIN members m ON m.workspace_id = w.id AND m.user_id = :user
         LEFT JOIN bindings b ON b.user_id = :user AND b.workspace_id = w.id",
    )?;
    let workspaces = row::numbers(workspaces.map(|id| id.0));
    let params = named_params! { ":workspaces": workspaces, ":user": user.map(|id| id.0) };
    let read = |row: &Row| {
        Ok(InWorkspace {
            workspace: WorkspaceId(row.get(0)?),
            organization: OrganizationId(row.get(1)?),
            private: row.get(2)?,
            archived: row.get(7)?,
            organization_role: row::parsed_if_any(row, 3)?,
            role: match (row.get_ref(4)?.as_str_or_null()?, row.get::<_, Option<i64>>(5)?) {
                (None, _) => None,
                (Some(_), Some(id)) => Some(Role::Custom(RoleId(id))),
                (Some(_), None) => Some(row::text(row, 4, Role::predefined)?),
            },
            bound: row.get::<_, Option<i64>>(6)?.map(RoleId),
        })
    };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

#[derive(Clone, Debug)]
pub struct InProject {
    pub project: ProjectId,
    pub workspace: WorkspaceId,
    pub restricted: bool,
    /// The named role that is bound to the user on the project.
    pub bound: Option<RoleId>,
}

/// What a user has in those of these projects that exist.
pub fn in_projects(
    view: &View,
    user: Option<UserId>,
    projects: impl Iterator<Item = ProjectId>,
) -> Result<Vec<InProject>> {
    let mut query = view.conn.prepare_cached(
        "SELECT p.id, p.workspace_id, r.project_id IS NOT NULL, b.role_id
         FROM json_each(:projects) j CROSS JOIN projects p ON p.id = j.value
         LEFT JOIN restrictions r ON r.project_id = p.id
         LEFT JOIN bindings b ON b.user_id = :user AND b.project_id = p.id",
    )?;
    let projects = row::numbers(projects.map(|id| id.0));
    let params = named_params! { ":projects": projects, ":user": user.map(|id| id.0) };
    let read = |row: &Row| {
        Ok(InProject {
            project: ProjectId(row.get(0)?),
            workspace: WorkspaceId(row.get(1)?),
            restricted: row.get(2)?,
            bound: row.get::<_, Option<i64>>(3)?.map(RoleId),
        })
    };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}
