//! The move of a workspace to another organization: the copies of the organization's number, the size of its files, and
//! what stays behind.

use rusqlite::named_params;
use uuid::Uuid;

use super::fault::conflict;
use super::members::read_role;
use super::{Row, Tx, View, row};
use crate::domain::ids::{ConnectionId, OrganizationId, TagId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::user::UserKind;
use crate::domain::workspace::Workspace;
use crate::error::Result;

/// A member of a workspace who is not in an organization.
#[derive(Clone, Debug)]
pub struct Outsider {
    pub user: UserId,
    pub uuid: Uuid,
    pub kind: UserKind,
    /// Empty for a bot.
    pub email: String,
    pub role: Role,
}

/// The first members of a workspace who are not in this organization, by user.
pub fn outsiders(view: &View, workspace: WorkspaceId, to: OrganizationId, limit: usize) -> Result<Vec<Outsider>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.id, u.uuid, u.kind, u.email, m.role, m.role_id
         FROM members m CROSS JOIN users u ON u.id = m.user_id
         WHERE m.workspace_id = :workspace AND NOT EXISTS (
             SELECT 1 FROM organization_members o WHERE o.organization_id = :to AND o.user_id = m.user_id)
         ORDER BY m.user_id",
    )?;
    let params = named_params! { ":workspace": workspace.0, ":to": to.0 };
    let read = |row: &Row| {
        let kind = row::parsed(row, "kind")?;
        Ok(Outsider {
            user: UserId(row.get("id")?),
            uuid: row::uuid(row, 1)?,
            kind,
            email: if kind == UserKind::Bot { String::new() } else { row.get("email")? },
            role: read_role(row)?,
        })
    };
    Ok(query.query_map(params, read)?.take(limit).collect::<rusqlite::Result<_>>()?)
}

/// The users of the first bindings on a workspace and its projects who are not in this organization, once for each
/// binding.
pub fn bound_outsiders(
    view: &View,
    workspace: WorkspaceId,
    to: OrganizationId,
    limit: usize,
) -> Result<Vec<(UserId, Uuid)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.id, u.uuid FROM bindings b CROSS JOIN users u ON u.id = b.user_id
         WHERE b.place_id = :workspace AND NOT EXISTS (
             SELECT 1 FROM organization_members o WHERE o.organization_id = :to AND o.user_id = b.user_id)
         ORDER BY b.project_id IS NULL, b.id",
    )?;
    let params = named_params! { ":workspace": workspace.0, ":to": to.0 };
    let read = |row: &Row| Ok((UserId(row.get(0)?), row::uuid(row, 1)?));
    Ok(query.query_map(params, read)?.take(limit).collect::<rusqlite::Result<_>>()?)
}

/// Removes the members of a workspace who are not in this organization, and their bindings there.
pub fn delete_outsiders(tx: &Tx, workspace: WorkspaceId, to: OrganizationId) -> Result<()> {
    let params = named_params! { ":workspace": workspace.0, ":to": to.0 };
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM bindings WHERE place_id = :workspace AND NOT EXISTS (
             SELECT 1 FROM organization_members o WHERE o.organization_id = :to AND o.user_id = bindings.user_id)",
    )?;
    query.execute(params)?;
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM members WHERE workspace_id = :workspace AND NOT EXISTS (
             SELECT 1 FROM organization_members o WHERE o.organization_id = :to AND o.user_id = members.user_id)",
    )?;
    query.execute(params)?;
    Ok(())
}

/// The connections of a workspace whose creator is not in this organization.
pub fn foreign_connections(view: &View, workspace: WorkspaceId, to: OrganizationId) -> Result<Vec<ConnectionId>> {
    let mut query = view.conn.prepare_cached(
        "SELECT l.connection_id FROM connection_workspaces l CROSS JOIN connections c ON c.id = l.connection_id
         WHERE l.workspace_id = :workspace AND NOT EXISTS (
             SELECT 1 FROM organization_members o WHERE o.organization_id = :to AND o.user_id = c.created_by)
         ORDER BY l.connection_id",
    )?;
    let params = named_params! { ":workspace": workspace.0, ":to": to.0 };
    Ok(query.query_map(params, |row| row.get(0).map(ConnectionId))?.collect::<rusqlite::Result<_>>()?)
}

/// What has tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    ModelVersions,
    Pipelines,
    Projects,
}

impl Tagged {
    pub const ALL: [Self; 3] = [Self::ModelVersions, Self::Pipelines, Self::Projects];
}

/// The first tags in a workspace that are not its own, each with what it is attached to.
pub fn foreign_tags(view: &View, of: Tagged, workspace: WorkspaceId, limit: usize) -> Result<Vec<(i64, TagId)>> {
    let mut query = match of {
        Tagged::ModelVersions => view.conn.prepare_cached(
            "SELECT a.version_id, a.tag_id FROM models m CROSS JOIN model_versions v ON v.model_id = m.id
             CROSS JOIN model_version_tags a ON a.version_id = v.id CROSS JOIN tags t ON t.id = a.tag_id
             WHERE m.workspace_id = :workspace AND (t.workspace_id IS NULL OR t.workspace_id <> :workspace)",
        )?,
        Tagged::Pipelines => view.conn.prepare_cached(
            "SELECT a.pipeline_id, a.tag_id FROM pipelines p CROSS JOIN pipeline_tags a ON a.pipeline_id = p.id
             CROSS JOIN tags t ON t.id = a.tag_id
             WHERE p.workspace_id = :workspace AND (t.workspace_id IS NULL OR t.workspace_id <> :workspace)",
        )?,
        Tagged::Projects => view.conn.prepare_cached(
            "SELECT a.project_id, a.tag_id FROM projects p CROSS JOIN project_tags a ON a.project_id = p.id
             CROSS JOIN tags t ON t.id = a.tag_id
             WHERE p.workspace_id = :workspace AND (t.workspace_id IS NULL OR t.workspace_id <> :workspace)",
        )?,
    };
    let params = named_params! { ":workspace": workspace.0 };
    let read = |row: &Row| Ok((row.get(0)?, TagId(row.get(1)?)));
    Ok(query.query_map(params, read)?.take(limit).collect::<rusqlite::Result<_>>()?)
}

/// Detaches these tags from what they are attached to.
pub fn detach(tx: &Tx, of: Tagged, these: &[(i64, TagId)]) -> Result<()> {
    let mut query = match of {
        Tagged::ModelVersions => {
            tx.conn.prepare_cached("DELETE FROM model_version_tags WHERE version_id = :object AND tag_id = :tag")?
        }
        Tagged::Pipelines => {
            tx.conn.prepare_cached("DELETE FROM pipeline_tags WHERE pipeline_id = :object AND tag_id = :tag")?
        }
        Tagged::Projects => {
            tx.conn.prepare_cached("DELETE FROM project_tags WHERE project_id = :object AND tag_id = :tag")?
        }
    };
    for (object, tag) in these {
        query.execute(named_params! { ":object": object, ":tag": tag.0 })?;
    }
    Ok(())
}

/// Writes the organization of a workspace and of everything in it, and the sizes of the files of both organizations. A
/// conflict if the name is taken there.
pub fn update(tx: &Tx, workspace: &Workspace, to: OrganizationId) -> Result<()> {
    let params = named_params! { ":workspace": workspace.id.0, ":to": to.0 };
    let mut query = tx.conn.prepare_cached("UPDATE workspaces SET organization_id = :to WHERE id = :workspace")?;
    query.execute(params).map_err(conflict(Noun::Workspace, workspace.name.as_str()))?;
    tx.conn.prepare_cached("UPDATE tags SET organization_id = :to WHERE workspace_id = :workspace")?.execute(params)?;
    tx.conn
        .prepare_cached("UPDATE projects SET organization_id = :to WHERE workspace_id = :workspace")?
        .execute(params)?;
    tx.conn.prepare_cached("UPDATE bindings SET organization_id = :to WHERE place_id = :workspace")?.execute(params)?;
    // While the versions are still the other organization's, and then while they are no longer this one's.
    let mut query = tx.conn.prepare_cached(
        "UPDATE organizations SET file_bytes = file_bytes + (
             SELECT coalesce(sum(size), 0) FROM (
                 SELECT max(v.size) AS size FROM models m CROSS JOIN model_versions v ON v.model_id = m.id
                 WHERE m.workspace_id = :workspace AND v.sha256 IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM model_versions o WHERE o.sha256 = v.sha256 AND o.organization_id = :to)
                 GROUP BY v.sha256) f)
         WHERE id = :to",
    )?;
    query.execute(params)?;
    let mut query = tx.conn.prepare_cached(
        "UPDATE model_versions SET organization_id = :to
         WHERE model_id IN (SELECT id FROM models WHERE workspace_id = :workspace)",
    )?;
    query.execute(params)?;
    let mut query = tx.conn.prepare_cached(
        "UPDATE organizations SET file_bytes = file_bytes - (
             SELECT coalesce(sum(size), 0) FROM (
                 SELECT max(v.size) AS size FROM models m CROSS JOIN model_versions v ON v.model_id = m.id
                 WHERE m.workspace_id = :workspace AND v.sha256 IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM model_versions o WHERE o.sha256 = v.sha256 AND o.organization_id = :from)
                 GROUP BY v.sha256) f)
         WHERE id = :from",
    )?;
    query.execute(named_params! { ":workspace": workspace.id.0, ":from": workspace.organization.0 })?;
    Ok(())
}
