//! The tables `projects` and `restrictions`.

use rusqlite::{OptionalExtension, Row, named_params};

use super::fault::conflict;
use super::workspaces::Sight;
use super::{Tx, View, row};
use crate::domain::ids::{ProjectId, UserId, WorkspaceId};
use crate::domain::page::Page;
use crate::domain::project::{Project, ProjectKind, ProjectName, ProjectSearch, Restriction};
use crate::domain::text::fold;
use crate::error::Result;

const COLUMNS: &str = "p.id, p.workspace_id, p.name, p.kind, p.created_at";

/// The project of this number.
pub fn find(view: &View, id: ProjectId) -> Result<Option<Project>> {
    let sql = format!("SELECT {COLUMNS} FROM projects p WHERE p.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The projects of a search that somebody may be able to see, by number: those that they certainly cannot see are left
/// out. One more than a page holds is looked for.
pub fn page(view: &View, sight: Sight, search: &ProjectSearch, page: Page) -> Result<Vec<Project>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM projects p JOIN workspaces w ON w.id = p.workspace_id
         WHERE p.id > :after AND (:workspace IS NULL OR p.workspace_id = :workspace)
             AND (:workspace_name IS NULL OR instr(w.name_key, :workspace_name) > 0)
             AND (:name IS NULL OR instr(p.name_key, :name) > 0) AND (:kind IS NULL OR p.kind = :kind)
             AND (:me IS NULL
                 OR EXISTS (SELECT 1 FROM organization_members o
                            WHERE o.organization_id = w.organization_id AND o.user_id = :me
                                AND (w.private = 0 OR o.role = 'admin'))
                 OR w.id IN (SELECT workspace_id FROM members WHERE user_id = :me)
                 OR w.id IN (SELECT workspace_id FROM bindings WHERE user_id = :me AND workspace_id IS NOT NULL)
                 OR p.id IN (SELECT project_id FROM bindings WHERE user_id = :me AND project_id IS NOT NULL))
         ORDER BY p.id LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! {
        ":after": page.after.unwrap_or(0),
        ":workspace": search.workspace.map(|id| id.0),
        ":workspace_name": search.workspace_name.as_deref().map(fold),
        ":name": search.name.as_deref().map(fold),
        ":kind": search.kind.map(ProjectKind::word),
        ":me": sight.user().map(|id| id.0),
        ":limit": page.look_for(),
    };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Adds a project; a conflict if the name is taken in the workspace.
pub fn insert(
    tx: &Tx,
    workspace: WorkspaceId,
    name: &ProjectName,
    kind: ProjectKind,
    creator: Option<UserId>,
) -> Result<Project> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO projects (workspace_id, name, name_key, kind, created_by, created_at, updated_at)
         VALUES (:workspace, :name, :name_key, :kind, :creator, :now, :now)
         RETURNING id, workspace_id, name, kind, created_at",
    )?;
    let params = named_params! {
        ":workspace": workspace.0,
        ":name": name.as_str(),
        ":name_key": fold(name.as_str()),
        ":kind": kind.word(),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, read).map_err(conflict("project", name.as_str()))
}

/// Gives a project another name; a conflict if it is taken in the workspace.
pub fn update(tx: &Tx, id: ProjectId, name: &ProjectName) -> Result<()> {
    let mut query = tx
        .conn
        .prepare_cached("UPDATE projects SET name = :name, name_key = :name_key, updated_at = :now WHERE id = :id")?;
    let params = named_params! {
        ":id": id.0, ":name": name.as_str(), ":name_key": fold(name.as_str()), ":now": tx.now.micros(),
    };
    query.execute(params).map_err(conflict("project", name.as_str()))?;
    Ok(())
}

/// Deletes a project.
pub fn delete(tx: &Tx, id: ProjectId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM projects WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// The restriction of a project, if it has one.
pub fn find_restriction(view: &View, id: ProjectId) -> Result<Option<Restriction>> {
    let mut query =
        view.conn.prepare_cached("SELECT project_id, created_at FROM restrictions WHERE project_id = :id")?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read_restriction).optional()?)
}

/// The restrictions that somebody may be able to see, by project: those that they certainly cannot see are left out.
/// One more than a page holds is looked for.
pub fn page_of_restrictions(view: &View, sight: Sight, page: Page) -> Result<Vec<Restriction>> {
    let mut query = view.conn.prepare_cached(
        "SELECT r.project_id, r.created_at
         FROM restrictions r JOIN projects p ON p.id = r.project_id JOIN workspaces w ON w.id = p.workspace_id
         WHERE r.project_id > :after
             AND (:me IS NULL
                 OR EXISTS (SELECT 1 FROM organization_members o
                            WHERE o.organization_id = w.organization_id AND o.user_id = :me AND o.role = 'admin')
                 OR w.id IN (SELECT workspace_id FROM members WHERE user_id = :me)
                 OR w.id IN (SELECT workspace_id FROM bindings WHERE user_id = :me AND workspace_id IS NOT NULL)
                 OR p.id IN (SELECT project_id FROM bindings WHERE user_id = :me AND project_id IS NOT NULL))
         ORDER BY r.project_id LIMIT :limit",
    )?;
    let params = named_params! {
        ":after": page.after.unwrap_or(0), ":me": sight.user().map(|id| id.0), ":limit": page.look_for(),
    };
    Ok(query.query_map(params, read_restriction)?.collect::<rusqlite::Result<_>>()?)
}

/// Restricts a project, unless it is restricted already.
pub fn restrict(tx: &Tx, id: ProjectId, by: Option<UserId>) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO restrictions (project_id, created_by, created_at) VALUES (:id, :by, :now)
         ON CONFLICT (project_id) DO NOTHING",
    )?;
    query.execute(named_params! { ":id": id.0, ":by": by.map(|id| id.0), ":now": tx.now.micros() })?;
    Ok(())
}

/// Lifts the restriction of a project.
pub fn lift_restriction(tx: &Tx, id: ProjectId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM restrictions WHERE project_id = :id")?;
    query.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Project> {
    Ok(Project {
        id: ProjectId(row.get("id")?),
        workspace: WorkspaceId(row.get("workspace_id")?),
        name: row::text(row, "name", |text| ProjectName::parse(text).ok())?,
        kind: row::text(row, "kind", ProjectKind::from_word)?,
        created_at: row::moment(row, "created_at")?,
    })
}

fn read_restriction(row: &Row) -> rusqlite::Result<Restriction> {
    Ok(Restriction { project: ProjectId(row.get("project_id")?), created_at: row::moment(row, "created_at")? })
}
