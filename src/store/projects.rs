//! The tables `projects` and `restrictions`.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::fault::conflict;
use super::search::{self, SearchTable};
use super::visibility::{self, Visibility, Where};
use super::{Row, Tx, View, row, workspaces};
use crate::domain::ids::{ProjectId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::project::{Project, ProjectKind, ProjectName, ProjectSearch, Restriction};
use crate::domain::text::fold;
use crate::error::Result;

const COLUMNS: &str = "p.id, p.workspace_id, p.name, p.kind, p.created_at";

pub fn find(view: &View, id: ProjectId) -> Result<Option<Project>> {
    let sql = format!("SELECT {COLUMNS} FROM projects p WHERE p.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The conditions of a search on a project.
const MATCH: &str = "(:name = '' OR instr(p.name_key, :name) > 0) AND (CAST(:kind AS TEXT) IS NULL OR p.kind = :kind)
    AND (:workspace_name = '' OR EXISTS (SELECT 1 FROM workspaces w
                                         WHERE w.id = p.workspace_id AND instr(w.name_key, :workspace_name) > 0))";

/// The projects that a user may be able to see. Omits the projects of workspaces without a relation to the user, and
/// restricted projects in which the user has no role.
const MAY_BE_VISIBLE: &str = "EXISTS (SELECT 1 FROM bindings b WHERE b.user_id = :me AND b.project_id = p.id)
    OR EXISTS (SELECT 1 FROM bindings b WHERE b.user_id = :me AND b.workspace_id = p.workspace_id)
    OR EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = p.workspace_id AND m.user_id = :me
                   AND (m.role IN ('owner', 'custom')
                        OR NOT EXISTS (SELECT 1 FROM restrictions r WHERE r.project_id = p.id)))
    OR EXISTS (SELECT 1 FROM workspaces w JOIN organization_members o ON o.organization_id = w.organization_id
               WHERE w.id = p.workspace_id AND o.user_id = :me
                   AND (o.role = 'admin' OR (w.private = 0
                        AND NOT EXISTS (SELECT 1 FROM restrictions r WHERE r.project_id = p.id))))";

/// A page of the projects of a search, ordered by id. Omits only projects that the viewer certainly cannot see. Fetches
/// one row more than a page contains.
///
/// If the projects are in a few workspaces only, only those are searched.
pub fn page(view: &View, visibility: Visibility, search: &ProjectSearch, page: Page) -> Result<Vec<Project>> {
    let folded = |text: &Option<String>| text.as_deref().map(fold).unwrap_or_default();
    let (name, workspace_name) = (folded(&search.name), folded(&search.workspace_name));
    let places = match (search.workspace, visibility) {
        (Some(workspace), _) => Where::In(vec![workspace.0]),
        (None, Visibility::Everything) if !workspace_name.is_empty() => workspaces::with_name(view, &workspace_name)?,
        (None, _) => visibility::where_seen(view, visibility)?,
    };
    let seen = match visibility {
        Visibility::Everything => "TRUE",
        Visibility::Of(_) => MAY_BE_VISIBLE,
    };
    let (after, limit, kind) = (page.after.unwrap_or(0), page.fetch_limit(), search.kind.map(ProjectKind::as_str));
    let me = visibility.user().map(|id| id.0);
    let mut params: Vec<(&str, &dyn ToSql)> =
        vec![(":name", &name), (":workspace_name", &workspace_name), (":kind", &kind)];
    if me.is_some() {
        params.push((":me", &me));
    }
    if matches!(places, Where::Anywhere) && !name.is_empty() {
        let sql = format!(
            "SELECT {COLUMNS} FROM projects p
             WHERE p.id IN (SELECT value FROM json_each(:these)) AND {MATCH} AND ({seen}) ORDER BY p.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        return search::find(view, (after, limit), None, Some((SearchTable::Projects, &name)), |these| {
            let these = row::numbers(these.iter().copied());
            let mut params = params.clone();
            params.push((":these", &these));
            Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
        });
    }
    params.extend_from_slice(&[(":after", &after), (":limit", &limit)]);
    let places = places.numbers();
    let sql = match places {
        None => format!(
            "SELECT {COLUMNS} FROM projects p WHERE p.id > :after AND {MATCH} AND ({seen}) ORDER BY p.id LIMIT :limit"
        ),
        Some(_) => format!(
            "SELECT {COLUMNS} FROM projects p WHERE p.id IN (
                 SELECT y.id FROM json_each(:places) j CROSS JOIN projects y ON y.id IN (
                     SELECT p.id FROM projects p
                     WHERE p.workspace_id = j.value AND p.id > :after AND {MATCH} AND ({seen})
                     ORDER BY p.id LIMIT :limit))
             ORDER BY p.id LIMIT :limit"
        ),
    };
    if places.is_some() {
        params.push((":places", &places));
    }
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?)
}

/// Inserts a project. A conflict if the name is taken in the workspace.
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
        ":kind": kind.as_str(),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, read).map_err(conflict(Noun::Project, name.as_str()))
}

/// Renames a project. A conflict if the name is taken in the workspace.
pub fn update(tx: &Tx, id: ProjectId, name: &ProjectName) -> Result<()> {
    let mut query = tx
        .conn
        .prepare_cached("UPDATE projects SET name = :name, name_key = :name_key, updated_at = :now WHERE id = :id")?;
    let params = named_params! {
        ":id": id.0, ":name": name.as_str(), ":name_key": fold(name.as_str()), ":now": tx.now.micros(),
    };
    query.execute(params).map_err(conflict(Noun::Project, name.as_str()))?;
    Ok(())
}

pub fn delete(tx: &Tx, id: ProjectId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM projects WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

pub fn find_restriction(view: &View, id: ProjectId) -> Result<Option<Restriction>> {
    let mut query =
        view.conn.prepare_cached("SELECT project_id, created_at FROM restrictions WHERE project_id = :id")?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read_restriction).optional()?)
}

/// A page of the restrictions, ordered by project. Omits only restrictions that the viewer certainly cannot see.
/// Fetches one row more than a page contains.
pub fn page_of_restrictions(view: &View, visibility: Visibility, page: Page) -> Result<Vec<Restriction>> {
    let places = visibility::where_governed(view, visibility)?.numbers();
    let seen = match visibility {
        Visibility::Everything => "TRUE",
        Visibility::Of(_) => {
            "EXISTS (SELECT 1 FROM projects p WHERE p.id = r.project_id AND (
                 EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = p.workspace_id AND m.user_id = :me)
                 OR EXISTS (SELECT 1 FROM bindings b WHERE b.user_id = :me AND b.workspace_id = p.workspace_id)
                 OR EXISTS (SELECT 1 FROM bindings b WHERE b.user_id = :me AND b.project_id = p.id)
                 OR EXISTS (SELECT 1 FROM workspaces w JOIN organization_members o
                                ON o.organization_id = w.organization_id
                            WHERE w.id = p.workspace_id AND o.user_id = :me AND o.role = 'admin')))"
        }
    };
    let sql = match places {
        None => format!(
            "SELECT r.project_id, r.created_at FROM restrictions r WHERE r.project_id > :after AND {seen}
             ORDER BY r.project_id LIMIT :limit"
        ),
        Some(_) => format!(
            "SELECT r.project_id, r.created_at FROM restrictions r WHERE {seen} AND r.project_id IN (
                 SELECT y.id FROM json_each(:places) j CROSS JOIN projects y ON y.id IN (
                     SELECT x.id FROM projects x WHERE x.workspace_id = j.value AND x.id > :after
                         AND EXISTS (SELECT 1 FROM restrictions z WHERE z.project_id = x.id)
                     ORDER BY x.id LIMIT :limit))
             ORDER BY r.project_id LIMIT :limit"
        ),
    };
    let mut query = view.conn.prepare_cached(&sql)?;
    let (after, limit, me) = (page.after.unwrap_or(0), page.fetch_limit(), visibility.user().map(|id| id.0));
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    if me.is_some() {
        params.push((":me", &me));
    }
    if places.is_some() {
        params.push((":places", &places));
    }
    Ok(query.query_map(params.as_slice(), read_restriction)?.collect::<rusqlite::Result<_>>()?)
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

pub fn lift_restriction(tx: &Tx, id: ProjectId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM restrictions WHERE project_id = :id")?;
    query.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Project> {
    Ok(Project {
        id: ProjectId(row.get("id")?),
        workspace: WorkspaceId(row.get("workspace_id")?),
        name: row::text(row, "name", |text| Some(ProjectName::stored(text)))?,
        kind: row::parsed(row, "kind")?,
        created_at: row::moment(row, "created_at")?,
    })
}

fn read_restriction(row: &Row) -> rusqlite::Result<Restriction> {
    Ok(Restriction { project: ProjectId(row.get("project_id")?), created_at: row::moment(row, "created_at")? })
}
