//! Looks up in sets what a set-up file names.

use rusqlite::named_params;
use serde_json::{Value, json};

use super::{Row, View, bindings, keys, organizations, projects, roles, row, users, workspaces};
use crate::domain::ids::{OrganizationId, ProjectId, UserId, WorkspaceId};
use crate::domain::key::Key;
use crate::domain::organization::{Organization, OrganizationRole};
use crate::domain::project::Project;
use crate::domain::role::{Binding, NamedRole};
use crate::domain::user::User;
use crate::domain::workspace::Workspace;
use crate::error::Result;

/// At most `limit` organizations, ordered by id.
pub fn organizations(view: &View, limit: u32) -> Result<Vec<Organization>> {
    let mut query = view.conn.prepare_cached(
        "SELECT id, name, description, home, created_at FROM organizations WHERE id > 0 ORDER BY id LIMIT :limit",
    )?;
    let rows = query.query_map(named_params! { ":limit": limit }, organizations::read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` roles, ordered by id.
pub fn roles(view: &View, limit: u32) -> Result<Vec<NamedRole>> {
    let mut query = view.conn.prepare_cached(
        "SELECT r.id, r.name, r.description, r.predefined, r.permissions, r.created_at, r.updated_at
         FROM roles r WHERE r.id > 0 ORDER BY r.id LIMIT :limit",
    )?;
    Ok(query.query_map(named_params! { ":limit": limit }, roles::read)?.collect::<rusqlite::Result<_>>()?)
}

/// The people whose address has one of these canonical forms.
pub fn people_by_address<'a>(view: &View, addresses: impl Iterator<Item = &'a str>) -> Result<Vec<User>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.id, u.uuid, u.email, u.first_name, u.last_name, u.kind, u.state, u.invited_until, u.enabled,
             u.developer, u.must_change_password, u.role, u.created_at, u.last_sign_in_at, u.email_verified_by,
             u.email_verified_at
         FROM json_each(:addresses, '$') j CROSS JOIN users u ON u.email_key = j.value
         WHERE u.state <> 'blocked' AND u.kind = 'person'",
    )?;
    let rows = query.query_map(named_params! { ":addresses": texts(addresses) }, users::read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The people with these ids, of whom bots and closed accounts are left out.
pub fn people(view: &View, ids: impl Iterator<Item = UserId>) -> Result<Vec<User>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.id, u.uuid, u.email, u.first_name, u.last_name, u.kind, u.state, u.invited_until, u.enabled,
             u.developer, u.must_change_password, u.role, u.created_at, u.last_sign_in_at, u.email_verified_by,
             u.email_verified_at
         FROM json_each(:ids) j CROSS JOIN users u ON u.id = j.value
         WHERE u.state <> 'blocked' AND u.kind = 'person'",
    )?;
    let rows = query.query_map(named_params! { ":ids": row::numbers(ids.map(|id| id.0)) }, users::read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` people whose account is not closed, ordered by id.
pub fn everybody(view: &View, limit: u32) -> Result<Vec<User>> {
    let mut query = view.conn.prepare_cached(
        "SELECT u.id, u.uuid, u.email, u.first_name, u.last_name, u.kind, u.state, u.invited_until, u.enabled,
             u.developer, u.must_change_password, u.role, u.created_at, u.last_sign_in_at, u.email_verified_by,
             u.email_verified_at
         FROM users u WHERE u.status IS NOT NULL AND u.id > 0 ORDER BY u.id LIMIT :limit",
    )?;
    Ok(query.query_map(named_params! { ":limit": limit }, users::read)?.collect::<rusqlite::Result<_>>()?)
}

/// The memberships of organizations of these users.
pub fn memberships(
    view: &View,
    users: impl Iterator<Item = UserId>,
) -> Result<Vec<(UserId, OrganizationId, OrganizationRole)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT m.user_id, m.organization_id, m.role FROM json_each(:users) j
         CROSS JOIN organization_members m ON m.user_id = j.value",
    )?;
    let read = |row: &Row| Ok((UserId(row.get(0)?), OrganizationId(row.get(1)?), row::parsed(row, 2)?));
    let params = named_params! { ":users": row::numbers(users.map(|id| id.0)) };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The admins of every organization who may sign in.
pub fn organization_admins(view: &View) -> Result<Vec<(OrganizationId, UserId)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT o.id, m.user_id FROM organizations o
         CROSS JOIN organization_members m ON m.organization_id = o.id AND m.role = 'admin'
         CROSS JOIN users u ON u.id = m.user_id
         WHERE o.id > 0 AND u.enabled = 1 AND u.state = 'active' AND u.kind = 'person'",
    )?;
    let read = |row: &Row| Ok((OrganizationId(row.get(0)?), UserId(row.get(1)?)));
    Ok(query.query_map(&[], read)?.collect::<rusqlite::Result<_>>()?)
}

/// The workspaces with these names, each in its organization.
pub fn workspaces_by_name<'a>(
    view: &View,
    names: impl Iterator<Item = (OrganizationId, &'a str)>,
) -> Result<Vec<Workspace>> {
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.organization_id, w.name, w.archived, w.created_at, w.description, w.private,
             w.ml_models_enabled, w.gradient_start_color, w.gradient_end_color, w.default_llm_integration,
             w.default_agent_runtime,
             c.id AS creator_id, c.uuid AS creator_uuid, c.email AS creator_email, d.id IS NOT NULL AS by_default
         FROM json_each(:names, '$') j
         CROSS JOIN workspaces w ON w.organization_id = CAST(j.value ->> 0 AS BIGINT) AND w.name = j.value ->> 1
         LEFT JOIN users c ON c.id = w.created_by
         LEFT JOIN default_workspaces d ON d.workspace_id = w.id AND d.user_id = w.created_by",
    )?;
    let names = names.map(|(organization, name)| json!([organization.0, name])).collect::<Value>().to_string();
    Ok(query.query_map(named_params! { ":names": names }, workspaces::read)?.collect::<rusqlite::Result<_>>()?)
}

/// The workspaces with these ids.
pub fn workspaces(view: &View, ids: impl Iterator<Item = WorkspaceId>) -> Result<Vec<Workspace>> {
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.organization_id, w.name, w.archived, w.created_at, w.description, w.private,
             w.ml_models_enabled, w.gradient_start_color, w.gradient_end_color, w.default_llm_integration,
             w.default_agent_runtime,
             c.id AS creator_id, c.uuid AS creator_uuid, c.email AS creator_email, d.id IS NOT NULL AS by_default
         FROM json_each(:ids) j CROSS JOIN workspaces w ON w.id = j.value
         LEFT JOIN users c ON c.id = w.created_by
         LEFT JOIN default_workspaces d ON d.workspace_id = w.id AND d.user_id = w.created_by",
    )?;
    let params = named_params! { ":ids": row::numbers(ids.map(|id| id.0)) };
    Ok(query.query_map(params, workspaces::read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` workspaces, ordered by id.
pub fn every_workspace(view: &View, limit: u32) -> Result<Vec<Workspace>> {
    let mut query = view.conn.prepare_cached(
        "SELECT w.id, w.organization_id, w.name, w.archived, w.created_at, w.description, w.private,
             w.ml_models_enabled, w.gradient_start_color, w.gradient_end_color, w.default_llm_integration,
             w.default_agent_runtime,
             c.id AS creator_id, c.uuid AS creator_uuid, c.email AS creator_email, d.id IS NOT NULL AS by_default
         FROM workspaces w LEFT JOIN users c ON c.id = w.created_by
         LEFT JOIN default_workspaces d ON d.workspace_id = w.id AND d.user_id = w.created_by
         WHERE w.id > 0 ORDER BY w.id LIMIT :limit",
    )?;
    Ok(query.query_map(named_params! { ":limit": limit }, workspaces::read)?.collect::<rusqlite::Result<_>>()?)
}

/// How many models, pipelines and projects each of these workspaces has.
pub fn contents(view: &View, workspaces: impl Iterator<Item = WorkspaceId>) -> Result<Vec<(WorkspaceId, [usize; 3])>> {
    let mut query = view.conn.prepare_cached(
        "SELECT j.value, (SELECT count(*) FROM models WHERE workspace_id = j.value),
             (SELECT count(*) FROM pipelines WHERE workspace_id = j.value),
             (SELECT count(*) FROM projects WHERE workspace_id = j.value)
         FROM json_each(:workspaces) j",
    )?;
    let count = |row: &Row, at| Ok::<_, rusqlite::Error>(row.get::<_, u32>(at)? as usize);
    let read = |row: &Row| Ok((WorkspaceId(row.get(0)?), [count(row, 1)?, count(row, 2)?, count(row, 3)?]));
    let params = named_params! { ":workspaces": row::numbers(workspaces.map(|id| id.0)) };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// How many workspaces an organization has.
pub fn workspaces_in(view: &View, organization: OrganizationId) -> Result<usize> {
    let mut query =
        view.conn.prepare_cached("SELECT count(*) FROM workspaces WHERE organization_id = :organization")?;
    Ok(query.query_row(named_params! { ":organization": organization.0 }, |row| row.get::<_, u32>(0))? as usize)
}

/// The bindings of these users.
pub fn bindings_of(view: &View, users: impl Iterator<Item = UserId>) -> Result<Vec<Binding>> {
    let mut query = view.conn.prepare_cached(
        "SELECT b.id, b.role_id, b.user_id, b.workspace_id, b.project_id, b.created_at, b.updated_at
         FROM json_each(:users) j CROSS JOIN bindings b ON b.user_id = j.value",
    )?;
    let params = named_params! { ":users": row::numbers(users.map(|id| id.0)) };
    Ok(query.query_map(params, bindings::read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` bindings, ordered by id.
pub fn bindings(view: &View, limit: u32) -> Result<Vec<Binding>> {
    let mut query = view.conn.prepare_cached(
        "SELECT b.id, b.role_id, b.user_id, b.workspace_id, b.project_id, b.created_at, b.updated_at
         FROM bindings b WHERE b.id > 0 ORDER BY b.id LIMIT :limit",
    )?;
    Ok(query.query_map(named_params! { ":limit": limit }, bindings::read)?.collect::<rusqlite::Result<_>>()?)
}

/// The projects with these names, each in its workspace.
pub fn projects_by_name<'a>(view: &View, names: impl Iterator<Item = (WorkspaceId, &'a str)>) -> Result<Vec<Project>> {
    let mut query = view.conn.prepare_cached(
        "SELECT p.id, p.workspace_id, p.name, p.kind, p.created_at FROM json_each(:names, '$') j
         CROSS JOIN projects p ON p.workspace_id = CAST(j.value ->> 0 AS BIGINT) AND p.name = j.value ->> 1",
    )?;
    let names = names.map(|(workspace, name)| json!([workspace.0, name])).collect::<Value>().to_string();
    Ok(query.query_map(named_params! { ":names": names }, projects::read)?.collect::<rusqlite::Result<_>>()?)
}

/// The projects with these ids.
pub fn projects(view: &View, ids: impl Iterator<Item = ProjectId>) -> Result<Vec<Project>> {
    let mut query = view.conn.prepare_cached(
        "SELECT p.id, p.workspace_id, p.name, p.kind, p.created_at FROM json_each(:ids) j
         CROSS JOIN projects p ON p.id = j.value",
    )?;
    let params = named_params! { ":ids": row::numbers(ids.map(|id| id.0)) };
    Ok(query.query_map(params, projects::read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` service keys that are not marked as dead, ordered by id.
pub fn service_keys(view: &View, limit: u32) -> Result<Vec<Key>> {
    let mut query = view.conn.prepare_cached(
        "SELECT k.id, k.user_id, u.kind, u.email, k.name, k.description, k.created_by, k.redacted, k.created_at,
             k.expires_at, k.revoked_at, k.last_used_at
         FROM keys k CROSS JOIN users u ON u.id = k.user_id
         WHERE k.service = 1 AND k.dead = 0 ORDER BY k.id LIMIT :limit",
    )?;
    Ok(query.query_map(named_params! { ":limit": limit }, keys::read)?.collect::<rusqlite::Result<_>>()?)
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Value>().to_string()
}
