//! The table `roles`.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, named_params};

use super::fault::conflict;
use super::{Row, Tx, View, row};
use crate::domain::ids::{ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::member;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::NamedRole;
use crate::error::Result;
use crate::policy;

const COLUMNS: &str = "r.id, r.name, r.description, r.predefined, r.permissions, r.created_at, r.updated_at";

pub fn find(view: &View, id: RoleId) -> Result<Option<NamedRole>> {
    let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The id of a predefined role.
pub fn find_predefined(view: &View, role: member::Role) -> Result<Option<RoleId>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM roles WHERE predefined = :role")?;
    Ok(query.query_row(named_params! { ":role": role.as_str() }, |row| row.get(0).map(RoleId)).optional()?)
}

/// A page of the roles, ordered by id: all, the predefined ones, or the custom ones.
pub fn page(view: &View, predefined: Option<bool>, page: Page) -> Result<Slice<NamedRole>> {
    let which = match predefined {
        None => "",
        Some(false) => "AND r.predefined IS NULL",
        Some(true) => "AND r.predefined IN ('owner', 'member', 'reader', 'annotator')",
    };
    let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.id > :after {which} ORDER BY r.id LIMIT :limit");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":after": page.after.unwrap_or(0), ":limit": page.fetch_limit() };
    let found = query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |role| role.id.0))
}

/// The predefined role with this name, or else the custom one.
pub fn find_by_name(view: &View, name: &str) -> Result<Option<NamedRole>> {
    let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.predefined = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    let predefined = query.query_row(named_params! { ":name": name }, read).optional()?;
    if predefined.is_some() {
        return Ok(predefined);
    }
    let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.predefined IS NULL AND r.name = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":name": name }, read).optional()?)
}

/// The permissions of a user's named roles in a workspace: of a custom membership, and of a binding.
pub fn named(view: &View, user: UserId, workspace: WorkspaceId) -> Result<PermissionSet> {
    let sql = format!(
        "SELECT {COLUMNS} FROM roles r WHERE r.id IN (
             SELECT role_id FROM members WHERE user_id = :user AND workspace_id = :thing AND role_id IS NOT NULL
             UNION ALL SELECT role_id FROM bindings WHERE user_id = :user AND workspace_id = :thing)"
    );
    allowed(view, &sql, user, workspace.0)
}

/// The permissions of the role that a user is bound to on a project itself.
pub fn direct(view: &View, user: UserId, project: ProjectId) -> Result<PermissionSet> {
    let sql = format!(
        "SELECT {COLUMNS} FROM roles r WHERE r.id IN (
             SELECT role_id FROM bindings WHERE user_id = :user AND project_id = :thing)"
    );
    allowed(view, &sql, user, project.0)
}

fn allowed(view: &View, sql: &str, user: UserId, thing: i64) -> Result<PermissionSet> {
    let mut query = view.conn.prepare_cached(sql)?;
    let mut all = PermissionSet::EMPTY;
    for role in query.query_map(named_params! { ":user": user.0, ":thing": thing }, read)? {
        all = all.union(role?.permissions);
    }
    Ok(all)
}

/// The permissions of those of these roles that exist.
pub fn permissions(view: &View, ids: impl Iterator<Item = RoleId>) -> Result<HashMap<RoleId, PermissionSet>> {
    let sql = format!("SELECT {COLUMNS} FROM roles r WHERE r.id IN (SELECT value FROM json_each(:ids))");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":ids": row::numbers(ids.map(|id| id.0)) };
    let rows = query.query_map(params, |row| read(row).map(|role| (role.id, role.permissions)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether anybody has this role, through a membership or a binding.
pub fn is_bound(view: &View, id: RoleId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM members WHERE role_id = :id) OR EXISTS (SELECT 1 FROM bindings WHERE role_id = :id)",
    )?;
    Ok(query.query_row(named_params! { ":id": id.0 }, |row| row.get(0))?)
}

/// Inserts a role. A conflict if the name is taken.
pub fn insert(
    tx: &Tx,
    name: &str,
    description: &str,
    permissions: PermissionSet,
    predefined: Option<member::Role>,
) -> Result<RoleId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO roles (name, description, predefined, permissions, shows_workspaces, created_at, updated_at)
         VALUES (:name, :description, :predefined, :permissions, :shows, :now, :now) RETURNING id",
    )?;
    let params = named_params! {
        ":name": name,
        ":description": description,
        ":predefined": predefined.map(member::Role::as_str),
        ":permissions": permissions.to_bytes(),
        ":shows": permissions.contains(Permission::SPACE_READ),
        ":now": tx.now.micros(),
    };
    query.query_row(params, |row| row.get(0).map(RoleId)).map_err(conflict(Noun::Role, name))
}

/// Writes a role's name, description and permissions. A conflict if the name is taken.
pub fn update(tx: &Tx, role: &NamedRole) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE roles SET name = :name, description = :description, permissions = :permissions,
             shows_workspaces = :shows, updated_at = :now
         WHERE id = :id",
    )?;
    let params = named_params! {
        ":id": role.id.0,
        ":name": role.name,
        ":description": role.description,
        ":permissions": role.permissions.to_bytes(),
        ":shows": role.permissions.contains(Permission::SPACE_READ),
        ":now": tx.now.micros(),
    };
    query.execute(params).map_err(conflict(Noun::Role, &role.name))?;
    Ok(())
}

/// Deletes a role that nobody has.
pub fn delete(tx: &Tx, id: RoleId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM roles WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

pub(super) fn read(row: &Row) -> rusqlite::Result<NamedRole> {
    let predefined = match row.get::<_, Option<String>>("predefined")? {
        None => None,
        Some(_) => Some(row::text(row, "predefined", member::Role::predefined)?),
    };
    // The permissions of a predefined role may grow with the program. The row does not change.
    let permissions = match predefined {
        Some(role) => policy::of_role(role),
        None => PermissionSet::from_bytes(row.get("permissions")?),
    };
    Ok(NamedRole {
        id: RoleId(row.get("id")?),
        name: row.get("name")?,
        description: row.get("description")?,
        permissions,
        predefined,
        created_at: row::moment(row, "created_at")?,
        updated_at: row::moment(row, "updated_at")?,
    })
}
