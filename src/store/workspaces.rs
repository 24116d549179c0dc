//! The table `workspaces`.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::fault::conflict;
use super::{Tx, View, row};
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::workspace::{Creator, NewWorkspace, Workspace, WorkspaceName};
use crate::error::Result;

const COLUMNS: &str = "w.id, w.organization_id, w.name, w.archived, w.created_at,
    c.id AS creator_id, c.uuid AS creator_uuid, c.email AS creator_email,
    EXISTS (SELECT 1 FROM default_workspaces d WHERE d.workspace_id = w.id AND d.user_id = c.id) AS by_default";

const TABLES: &str = "workspaces w LEFT JOIN users c ON c.id = w.created_by";

/// The workspace of this number.
pub fn find(view: &View, id: WorkspaceId) -> Result<Option<Workspace>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE w.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The workspace of this name in an organization.
pub fn find_by_name(view: &View, organization: OrganizationId, name: &WorkspaceName) -> Result<Option<Workspace>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE w.organization_id = :organization AND w.name = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":organization": organization.0, ":name": name.as_str() };
    Ok(query.query_row(params, read).optional()?)
}

/// Every workspace, by number.
pub fn list(view: &View) -> Result<Vec<Workspace>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY w.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}

/// The workspaces that at least one of these users joined, by number.
pub fn list_joined(view: &View, by: &[Uuid]) -> Result<Vec<Workspace>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
         WHERE w.id IN (
             SELECT m.workspace_id FROM members m JOIN users u ON u.id = m.user_id
             WHERE u.uuid IN (SELECT value FROM json_each(:users)))
         ORDER BY w.id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":users": row::uuids(by) }, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The workspaces that this user joined, by number; where users are named, only those that one of them joined too.
pub fn list_shared(view: &View, with: UserId, by: Option<&[Uuid]>) -> Result<Vec<Workspace>> {
    let also = match by {
        None => "",
        Some(_) => {
            "AND w.id IN (
                 SELECT o.workspace_id FROM members o JOIN users u ON u.id = o.user_id
                 WHERE u.uuid IN (SELECT value FROM json_each(:users)))"
        }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM members mine
         JOIN workspaces w ON w.id = mine.workspace_id
         LEFT JOIN users c ON c.id = w.created_by
         WHERE mine.user_id = :me {also} ORDER BY mine.workspace_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let rows = match by {
        None => query.query_map(named_params! { ":me": with.0 }, read)?.collect::<rusqlite::Result<_>>()?,
        Some(by) => query
            .query_map(named_params! { ":me": with.0, ":users": row::uuids(by) }, read)?
            .collect::<rusqlite::Result<_>>()?,
    };
    Ok(rows)
}

/// Adds a workspace; a conflict if the name is taken in the organization.
pub fn insert(tx: &Tx, organization: OrganizationId, new: &NewWorkspace, creator: UserId) -> Result<WorkspaceId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO workspaces (organization_id, name, archived, created_by, created_at)
         VALUES (:organization, :name, :archived, :creator, :now) RETURNING id",
    )?;
    query
        .query_row(
            named_params! {
                ":organization": organization.0,
                ":name": new.name.as_str(),
                ":archived": new.archived,
                ":creator": creator.0,
                ":now": tx.now.micros(),
            },
            |row| row.get(0).map(WorkspaceId),
        )
        .map_err(conflict("workspace", new.name.as_str()))
}

fn read(row: &Row) -> rusqlite::Result<Workspace> {
    let created_by = match row.get::<_, Option<i64>>("creator_id")? {
        None => None,
        Some(id) => Some(Creator {
            id: UserId(id),
            uuid: row::uuid(row, "creator_uuid")?,
            email: row::text(row, "creator_email", |text| Email::parse(text).ok())?,
            by_default: row.get("by_default")?,
        }),
    };
    Ok(Workspace {
        id: WorkspaceId(row.get("id")?),
        organization: OrganizationId(row.get("organization_id")?),
        name: row::text(row, "name", |text| WorkspaceName::parse(text).ok())?,
        created_by,
        created_at: row::moment(row, "created_at")?,
        archived: row.get("archived")?,
    })
}
