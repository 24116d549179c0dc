//! The tables `projects` and `restrictions`.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::fault::conflict;
use super::search::{self, SearchTable, Way};
use super::visibility::{self, Visibility};
use super::visible_projects::{self, MAY_BE_VISIBLE, Part, bound, parts};
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

pub fn find_by_name(view: &View, workspace: WorkspaceId, name: &str) -> Result<Option<Project>> {
    let sql = format!("SELECT {COLUMNS} FROM projects p WHERE p.workspace_id = :workspace AND p.name = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":workspace": workspace.0, ":name": name }, read).optional()?)
}

/// The conditions of a search on a project.
const MATCH: &str = "(:name = '' OR instr(p.name_key, :name) > 0) AND (CAST(:kind AS TEXT) IS NULL OR p.kind = :kind)
    AND (CAST(:workspace AS BIGINT) IS NULL OR p.workspace_id = :workspace)
    AND (:workspace_name = '' OR EXISTS (SELECT 1 FROM workspaces w
                                         WHERE w.id = p.workspace_id AND instr(w.name_key, :workspace_name) > 0))";

/// A page of the projects of a search, ordered by id. Omits only projects that the viewer certainly cannot see. Fetches
/// one row more than a page contains.
pub fn page(view: &View, visibility: Visibility, search: &ProjectSearch, page: Page) -> Result<Vec<Project>> {
    let folded = |text: &Option<String>| text.as_deref().map(fold).unwrap_or_default();
    let (name, workspace_name) = (folded(&search.name), folded(&search.workspace_name));
    let (after, limit, kind) = (page.after.unwrap_or(0), page.fetch_limit(), search.kind.map(ProjectKind::as_str));
    let me = visibility.user();
    let workspace = search.workspace.map(|id| id.0);

    let mine = |after, limit| {
        let all = match (search.workspace, me) {
            (Some(place), _) => visible_projects::parts_in(view, visibility, place, limit)?,
            (None, Some(me)) => visible_projects::parts_of(view, me, limit)?,
            (None, None) => None,
        };
        all.map(|all| parts(view, &all, after, limit)).transpose()
    };
    let of_kind = |after, limit| match me {
        Some(me) => visible_projects::every(view, me, search.kind, after, limit),
        None => Ok(search::seen(visible_projects::of_kind(view, search.kind, after, limit)?)),
    };
    let named = |after, limit| search::by_name(view, (SearchTable::Projects, &name), after, limit);
    // A name that many workspaces have is found soon by the other ways.
    let in_named = |after, limit| match workspaces::with_name(view, &workspace_name, limit)? {
        Some(places) => {
            let all: Vec<_> = places.into_iter().flat_map(|id| [false, true].map(|is| Part::Of(id, is))).collect();
            parts(view, &all, after, limit).map(Some)
        }
        None => Ok(None),
    };
    let mut ways = Vec::new();
    if me.is_some() || workspace.is_some() {
        ways.push(Way::Ids(&mine, false));
    }
    if workspace.is_none() || search.kind.is_some() {
        ways.push(Way::Every(&of_kind));
    }
    if !name.is_empty() {
        ways.push(Way::Ids(&named, me.is_none()));
    }
    if !workspace_name.is_empty() && workspace.is_none() {
        ways.push(Way::Ids(&in_named, me.is_none()));
    }
    search::find((after, limit), &ways, |these, visible| {
        let me = me.filter(|_| !visible);
        let has = me.map(|me| visibility::has(view, me)).transpose()?;
        let me = me.map(|id| id.0);
        let seen = if me.is_some() { MAY_BE_VISIBLE } else { "TRUE" };
        let sql = format!(
            "SELECT {COLUMNS} FROM projects p
             WHERE p.id IN (SELECT value FROM json_each(:these)) AND {MATCH} AND {seen} ORDER BY p.id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let these = row::numbers(these.iter().copied());
        let mut params: Vec<(&str, &dyn ToSql)> = vec![
            (":these", &these),
            (":name", &name),
            (":workspace_name", &workspace_name),
            (":kind", &kind),
            (":workspace", &workspace),
        ];
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
    let me = visibility.user();
    let mine = |after, limit| {
        let Some(me) = me else { return Ok(None) };
        let Some(memberships) = visibility::memberships(view, me, limit)? else { return Ok(None) };
        let Some(places) = visibility::places(view, me, limit)? else { return Ok(None) };
        let Some(mut all) = bound(view, me, limit)? else { return Ok(None) };
        let governed = memberships.into_iter().filter(|(_, governs)| *governs);
        let governed = governed.flat_map(|(place, _)| [false, true].map(|private| Part::In(place, true, private)));
        let places = places.into_iter().filter(|place| place.restricts_projects);
        all.extend(governed.chain(places.map(|place| Part::Of(place.id, true))));
        parts(view, &all, after, limit).map(Some)
    };
    let every = |after, limit| {
        if let Some(me) = me {
            return every_restriction(view, me, after, limit);
        }
        let sql = "SELECT project_id, 1 FROM restrictions WHERE project_id > :after ORDER BY project_id LIMIT :limit";
        visibility::flagged(view, sql, named_params! { ":after": after, ":limit": limit })
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
        let seen = if me.is_some() { MAY_RESTRICT } else { "TRUE" };
        let sql = format!(
            "SELECT r.project_id, r.created_at FROM restrictions r
             WHERE r.project_id IN (SELECT value FROM json_each(:these)) AND {seen} ORDER BY r.project_id"
        );
        let mut query = view.conn.prepare_cached(&sql)?;
        let these = row::numbers(these.iter().copied());
        let mut params: Vec<(&str, &dyn ToSql)> = vec![(":these", &these)];
        if let Some(has) = &has {
            params.extend_from_slice(&[
                (":me", &me),
                (":organizations", &has.organizations),
                (":workspaces", &has.workspaces),
                (":bindings", &has.bindings),
            ]);
        }
        Ok(query.query_map(params.as_slice(), read_restriction)?.collect::<rusqlite::Result<_>>()?)
    })
}

/// Looks at the next restrictions: whether a user may be able to manage them.
fn every_restriction(view: &View, me: UserId, after: i64, limit: u32) -> Result<Vec<(i64, bool)>> {
    let has = visibility::has(view, me)?;
    let params: Vec<(&str, &dyn ToSql)> = vec![
        (":after", &after),
        (":limit", &limit),
        (":me", &me.0),
        (":organizations", &has.organizations),
        (":workspaces", &has.workspaces),
        (":bindings", &has.bindings),
    ];
    let sql = format!(
        "SELECT r.project_id, iif({MAY_RESTRICT}, 1, 0) FROM restrictions r WHERE r.project_id > :after
         ORDER BY r.project_id LIMIT :limit"
    );
    visibility::flagged(view, &sql, &params)
}

/// The restrictions of the projects that a user may be able to restrict.
const MAY_RESTRICT: &str = "EXISTS (SELECT 1 FROM projects p WHERE p.id = r.project_id AND (
    :workspaces AND EXISTS (SELECT 1 FROM members m LEFT JOIN roles o ON o.id = m.role_id
            WHERE m.workspace_id = p.workspace_id AND m.user_id = :me
                AND (m.role = 'owner' OR o.restricts_projects = 1))
    OR :bindings AND EXISTS (SELECT 1 FROM bindings b JOIN roles o ON o.id = b.role_id
               WHERE b.user_id = :me AND b.workspace_id = p.workspace_id AND o.restricts_projects = 1)
    OR :bindings AND EXISTS (SELECT 1 FROM bindings b JOIN roles o ON o.id = b.role_id
               WHERE b.user_id = :me AND b.project_id = p.id AND o.restricts_projects = 1)
    OR :organizations AND EXISTS (SELECT 1 FROM organization_members a
               WHERE a.organization_id = p.organization_id AND a.user_id = :me AND a.role = 'admin')))";

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

pub(super) fn read(row: &Row) -> rusqlite::Result<Project> {
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

#[cfg(test)]
mod tests;
