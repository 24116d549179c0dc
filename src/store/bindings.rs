//! The table `bindings`.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::fault::conflict;
use super::visibility::{self, Visibility, Where};
use super::{Row, Tx, View, row};
use crate::domain::ids::{BindingId, OrganizationId, ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::role::{Binding, Resource};
use crate::error::Result;

const COLUMNS: &str = "b.id, b.role_id, b.user_id, b.workspace_id, b.project_id, b.created_at, b.updated_at";

pub fn find(view: &View, id: BindingId) -> Result<Option<Binding>> {
    let sql = format!("SELECT {COLUMNS} FROM bindings b WHERE b.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// A page of the bindings on workspaces, or of those on projects, ordered by id: of all users or of one. Omits only
/// bindings that the viewer certainly cannot see. Fetches one row more than a page contains.
///
/// If the viewer can see bindings in a few workspaces only, only those are searched.
pub fn page(
    view: &View,
    visibility: Visibility,
    on_projects: bool,
    user: Option<UserId>,
    page: Page,
) -> Result<Vec<Binding>> {
    let places = match user {
        None => visibility::where_governed(view, visibility)?,
        Some(_) => Where::Anywhere,
    };
    let kind = if on_projects { "b.workspace_id IS NULL" } else { "b.project_id IS NULL" };
    let visible = match visibility {
        Visibility::Everything => "",
        Visibility::Of(_) => {
            "AND (EXISTS (SELECT 1 FROM bindings own WHERE own.user_id = :me AND own.project_id = b.project_id)
                 OR EXISTS (SELECT 1 FROM workspaces w
                     WHERE w.id = coalesce(b.workspace_id, (SELECT workspace_id FROM projects WHERE id = b.project_id))
                         AND (EXISTS (SELECT 1 FROM organization_members o
                                      WHERE o.organization_id = w.organization_id AND o.user_id = :me
                                          AND o.role = 'admin')
                              OR EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = w.id AND m.user_id = :me)
                              OR EXISTS (SELECT 1 FROM bindings own
                                         WHERE own.user_id = :me AND own.workspace_id = w.id))))"
        }
    };
    let sql = match (&places, user) {
        (Where::In(_), _) if on_projects => format!(
            "SELECT {COLUMNS} FROM bindings b WHERE {kind} {visible} AND b.id IN (
                 SELECT y.id FROM json_each(:places) j CROSS JOIN projects p ON p.workspace_id = j.value
                 CROSS JOIN bindings y ON y.id IN (
                     SELECT x.id FROM bindings x WHERE x.project_id = p.id AND x.id > :after
                     ORDER BY x.id LIMIT :limit))
             ORDER BY b.id LIMIT :limit"
        ),
        (Where::In(_), _) => format!(
            "SELECT {COLUMNS} FROM bindings b WHERE {kind} {visible} AND b.id IN (
                 SELECT y.id FROM json_each(:places) j
                 CROSS JOIN bindings y ON y.id IN (
                     SELECT x.id FROM bindings x WHERE x.workspace_id = j.value AND x.id > :after
                     ORDER BY x.id LIMIT :limit))
             ORDER BY b.id LIMIT :limit"
        ),
        (Where::Anywhere, Some(_)) => format!(
            "SELECT {COLUMNS} FROM bindings b WHERE b.user_id = :user AND b.id > :after AND {kind} {visible}
             ORDER BY b.id LIMIT :limit"
        ),
        (Where::Anywhere, None) => {
            format!(
                "SELECT {COLUMNS} FROM bindings b WHERE b.id > :after AND {kind} {visible} ORDER BY b.id LIMIT :limit"
            )
        }
    };
    let mut query = view.conn.prepare_cached(&sql)?;
    let (after, limit, user) = (page.after.unwrap_or(0), page.fetch_limit(), user.map(|id| id.0));
    let places = places.numbers();
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    if places.is_some() {
        params.push((":places", &places));
    }
    if user.is_some() {
        params.push((":user", &user));
    }
    let me = visibility.user().map(|id| id.0);
    if me.is_some() {
        params.push((":me", &me));
    }
    Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
}

pub fn find_on(view: &View, user: UserId, resource: Resource) -> Result<Option<Binding>> {
    let (workspace, project) = columns(resource);
    let sql = format!(
        "SELECT {COLUMNS} FROM bindings b
         WHERE b.user_id = :user AND (b.workspace_id = :workspace OR b.project_id = :project)"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":workspace": workspace, ":project": project };
    Ok(query.query_row(params, read).optional()?)
}

/// Inserts a binding. A conflict if the user already has one on the resource.
pub fn insert(tx: &Tx, role: RoleId, user: UserId, resource: Resource) -> Result<Binding> {
    let (workspace, project) = columns(resource);
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO bindings (role_id, user_id, workspace_id, project_id, created_at, updated_at)
         VALUES (:role, :user, :workspace, :project, :now, :now)
         RETURNING id, role_id, user_id, workspace_id, project_id, created_at, updated_at",
    )?;
    let params = named_params! {
        ":role": role.0,
        ":user": user.0,
        ":workspace": workspace,
        ":project": project,
        ":now": tx.now.micros(),
    };
    query.query_row(params, read).map_err(conflict(Noun::RoleBinding, "of this user on this resource"))
}

pub fn update(tx: &Tx, id: BindingId, role: RoleId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE bindings SET role_id = :role, updated_at = :now WHERE id = :id")?;
    query.execute(named_params! { ":id": id.0, ":role": role.0, ":now": tx.now.micros() })?;
    Ok(())
}

pub fn delete(tx: &Tx, id: BindingId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM bindings WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// The bindings of these users on these workspaces and their projects, each with the workspace.
pub fn list_in(
    view: &View,
    users: impl Iterator<Item = UserId>,
    workspaces: impl Iterator<Item = WorkspaceId>,
) -> Result<Vec<(Binding, WorkspaceId)>> {
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(b.workspace_id, p.workspace_id) AS place
         FROM json_each(:users) j CROSS JOIN bindings b ON b.user_id = j.value
         LEFT JOIN projects p ON p.id = b.project_id
         WHERE coalesce(b.workspace_id, p.workspace_id) IN (SELECT value FROM json_each(:workspaces))"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let users = row::numbers(users.map(|id| id.0));
    let workspaces = row::numbers(workspaces.map(|id| id.0));
    let params = named_params! { ":users": users, ":workspaces": workspaces };
    let read = |row: &Row| Ok((read(row)?, WorkspaceId(row.get("place")?)));
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The bindings of a user in an organization.
pub fn list_of(view: &View, user: UserId, organization: OrganizationId) -> Result<Vec<Binding>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM bindings b LEFT JOIN projects p ON p.id = b.project_id
         CROSS JOIN workspaces w ON w.id = coalesce(b.workspace_id, p.workspace_id)
         WHERE b.user_id = :user AND w.organization_id = :organization"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":user": user.0, ":organization": organization.0 };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The roles that are bound to a user, each with the workspace that is or contains the resource.
pub fn roles_of(view: &View, user: UserId) -> Result<Vec<(WorkspaceId, RoleId)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT coalesce(b.workspace_id, p.workspace_id), b.role_id
         FROM bindings b LEFT JOIN projects p ON p.id = b.project_id WHERE b.user_id = :user",
    )?;
    let read = |row: &Row| Ok((WorkspaceId(row.get(0)?), RoleId(row.get(1)?)));
    Ok(query.query_map(named_params! { ":user": user.0 }, read)?.collect::<rusqlite::Result<_>>()?)
}

pub fn delete_many(tx: &Tx, ids: impl Iterator<Item = BindingId>) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM bindings WHERE id IN (SELECT value FROM json_each(:ids))")?;
    query.execute(named_params! { ":ids": row::numbers(ids.map(|id| id.0)) })?;
    Ok(())
}

/// Deletes the bindings of a user in an organization, or in all. Returns how many were deleted.
pub fn delete_of(tx: &Tx, user: UserId, organization: Option<OrganizationId>) -> Result<usize> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM bindings WHERE user_id = :user AND (CAST(:organization AS INTEGER) IS NULL
             OR EXISTS (SELECT 1 FROM workspaces w
                        WHERE w.id = bindings.workspace_id AND w.organization_id = :organization)
             OR EXISTS (SELECT 1 FROM projects p JOIN workspaces w ON w.id = p.workspace_id
                        WHERE p.id = bindings.project_id AND w.organization_id = :organization))",
    )?;
    let params = named_params! { ":user": user.0, ":organization": organization.map(|id| id.0) };
    Ok(query.execute(params)?)
}

fn columns(resource: Resource) -> (Option<i64>, Option<i64>) {
    match resource {
        Resource::Workspace(id) => (Some(id.0), None),
        Resource::Project(id) => (None, Some(id.0)),
    }
}

fn read(row: &Row) -> rusqlite::Result<Binding> {
    let resource = match (row.get::<_, Option<i64>>("workspace_id")?, row.get::<_, Option<i64>>("project_id")?) {
        (Some(id), _) => Resource::Workspace(WorkspaceId(id)),
        (None, id) => Resource::Project(ProjectId(id.unwrap_or_default())),
    };
    Ok(Binding {
        id: BindingId(row.get("id")?),
        role: RoleId(row.get("role_id")?),
        user: UserId(row.get("user_id")?),
        resource,
        created_at: row::moment(row, "created_at")?,
        updated_at: row::moment(row, "updated_at")?,
    })
}
