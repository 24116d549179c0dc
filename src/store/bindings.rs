//! The table `bindings`.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::fault::conflict;
use super::search::{self, Way};
use super::visibility::{self, Visibility};
use super::{Params, Row, Tx, View, row};
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

/// A part of the bindings that a user sees, which an index contains in order.
enum Part {
    /// On a workspace, or on the projects in it.
    At(i64),
    /// In an organization.
    In(OrganizationId),
    /// On a project.
    On(i64),
}

/// The ids of the next bindings of some parts, in order.
fn parts(view: &View, parts: &[Part], on_projects: bool, after: i64, limit: u32) -> Result<Vec<i64>> {
    let whole = !on_projects;
    search::merged(parts, after, limit, |part, after, limit| match part {
        Part::At(place) => visibility::numbers(
            view,
            "SELECT id FROM bindings WHERE place_id = :in AND (project_id IS NULL) = :whole AND id > :after
             ORDER BY id LIMIT :limit",
            named_params! { ":in": place, ":whole": whole, ":after": after, ":limit": limit },
        ),
        Part::In(organization) => visibility::numbers(
            view,
            "SELECT id FROM bindings WHERE organization_id = :in AND (project_id IS NULL) = :whole AND id > :after
             ORDER BY id LIMIT :limit",
            named_params! { ":in": organization.0, ":whole": whole, ":after": after, ":limit": limit },
        ),
        Part::On(project) => visibility::numbers(
            view,
            "SELECT id FROM bindings WHERE project_id = :in AND id > :after ORDER BY id LIMIT :limit",
            named_params! { ":in": project, ":after": after, ":limit": limit },
        ),
    })
}

/// The parts that contain all bindings that a user sees. Returns none if there are more than `most`.
fn parts_of(view: &View, me: UserId, on_projects: bool, most: u32) -> Result<Option<Vec<Part>>> {
    let Some(memberships) = visibility::memberships(view, me, most)? else { return Ok(None) };
    let Some(places) = visibility::places(view, me, most)? else { return Ok(None) };
    let governed = memberships.into_iter().filter(|(_, governs)| *governs).map(|(place, _)| Part::In(place));
    let places = places.into_iter().filter(|place| place.reads_bindings).map(|place| Part::At(place.id));
    let mut all: Vec<_> = governed.chain(places).collect();
    if on_projects {
        let Some(roles) = visibility::roles(view, me, most)? else { return Ok(None) };
        let sql = "SELECT project_id FROM bindings
                   WHERE user_id = :me AND role_id = :role AND workspace_id IS NULL LIMIT :most";
        for role in roles.into_iter().filter(|role| role.reads_bindings) {
            let params = named_params! { ":me": me.0, ":role": role.id, ":most": most.saturating_add(1) };
            all.extend(visibility::numbers(view, sql, params)?.into_iter().map(Part::On));
        }
    }
    Ok((all.len() <= most as usize).then_some(all))
}

/// The bindings that a user may be able to see.
const MAY_BE_VISIBLE: &str = "(:bindings AND EXISTS (SELECT 1 FROM bindings own JOIN roles r ON r.id = own.role_id
             WHERE own.user_id = :me AND own.project_id = b.project_id AND r.reads_bindings = 1)
    OR :organizations AND EXISTS (SELECT 1 FROM organization_members o
               WHERE o.organization_id = b.organization_id AND o.user_id = :me AND o.role = 'admin')
    OR :workspaces AND EXISTS (SELECT 1 FROM members m LEFT JOIN roles r ON r.id = m.role_id
               WHERE m.workspace_id = b.place_id AND m.user_id = :me AND (m.role = 'owner' OR r.reads_bindings = 1))
    OR :bindings AND EXISTS (SELECT 1 FROM bindings own JOIN roles r ON r.id = own.role_id
               WHERE own.user_id = :me AND own.workspace_id = b.place_id AND r.reads_bindings = 1))";

/// Looks at the next bindings on workspaces, or on projects, of one user or of all: whether a user may be able to see
/// them.
fn every_of(
    view: &View,
    me: UserId,
    (user, on_projects): (Option<i64>, bool),
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, bool)>> {
    let which = match (user, on_projects) {
        (None, false) => "b.project_id IS NULL",
        (None, true) => "b.workspace_id IS NULL",
        (Some(_), false) => "b.user_id = :user AND b.project_id IS NULL",
        (Some(_), true) => "b.user_id = :user AND b.workspace_id IS NULL",
    };
    let sql = format!(
        "SELECT b.id, iif({MAY_BE_VISIBLE}, 1, 0) FROM bindings b WHERE {which} AND b.id > :after ORDER BY b.id LIMIT :limit"
    );
    let has = visibility::has(view, me)?;
    let mut params: Vec<(&str, &dyn ToSql)> = vec![
        (":after", &after),
        (":limit", &limit),
        (":me", &me.0),
        (":organizations", &has.organizations),
        (":workspaces", &has.workspaces),
        (":bindings", &has.bindings),
    ];
    if user.is_some() {
        params.push((":user", &user));
    }
    visibility::flagged(view, &sql, &params)
}

/// A page of the bindings on workspaces, or of those on projects, ordered by id: of all users or of one. Omits only
/// bindings that the viewer certainly cannot see. Fetches one row more than a page contains.
pub fn page(
    view: &View,
    visibility: Visibility,
    on_projects: bool,
    user: Option<UserId>,
    page: Page,
) -> Result<Vec<Binding>> {
    let me = visibility.user();
    let user = user.map(|id| id.0);
    let mine = |after, limit| {
        let Some(me) = me else { return Ok(None) };
        match parts_of(view, me, on_projects, limit)? {
            Some(all) => parts(view, &all, on_projects, after, limit).map(Some),
            None => Ok(None),
        }
    };
    let every = |after, limit| {
        let params: Params = &[(":after", &after), (":limit", &limit), (":user", &user)];
        let (sql, params) = match (user, on_projects) {
            (None, false) => (
                "SELECT id FROM bindings WHERE project_id IS NULL AND id > :after ORDER BY id LIMIT :limit",
                &params[..2],
            ),
            (None, true) => (
                "SELECT id FROM bindings WHERE workspace_id IS NULL AND id > :after ORDER BY id LIMIT :limit",
                &params[..2],
            ),
            (Some(_), false) => (
                "SELECT id FROM bindings WHERE user_id = :user AND project_id IS NULL AND id > :after
                 ORDER BY id LIMIT :limit",
                params,
            ),
            (Some(_), true) => (
                "SELECT id FROM bindings WHERE user_id = :user AND workspace_id IS NULL AND id > :after
                 ORDER BY id LIMIT :limit",
                params,
            ),
        };
        Ok(search::seen(visibility::numbers(view, sql, params)?))
    };
    let every = |after, limit| match me {
        Some(me) => every_of(view, me, (user, on_projects), after, limit),
        None => every(after, limit),
    };
    let every = Way::Every(&every);
    let ways = match me {
        Some(_) => vec![Way::Ids(&mine, false), every],
        None => vec![every],
    };
    search::find((page.after.unwrap_or(0), page.fetch_limit()), &ways, |these, visible| {
        let me = me.filter(|_| !visible);
        let has = me.map(|me| visibility::has(view, me)).transpose()?;
        let me = me.map(|id| id.0);
        let seen = if me.is_some() { MAY_BE_VISIBLE } else { "TRUE" };
        let sql = format!(
            "SELECT {COLUMNS} FROM bindings b
             WHERE b.id IN (SELECT value FROM json_each(:these))
                 AND (CAST(:user AS BIGINT) IS NULL OR b.user_id = :user) AND {seen}
             ORDER BY b.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let these = row::numbers(these.iter().copied());
        let mut params: Vec<(&str, &dyn ToSql)> = vec![(":these", &these), (":user", &user)];
        if let Some(has) = &has {
            params.extend_from_slice(&[
                (":me", &me),
                (":organizations", &has.organizations),
                (":workspaces", &has.workspaces),
                (":bindings", &has.bindings),
            ]);
        }
        Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
    })
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
        "DELETE FROM bindings WHERE user_id = :user AND (CAST(:organization AS BIGINT) IS NULL
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

pub(super) fn read(row: &Row) -> rusqlite::Result<Binding> {
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
