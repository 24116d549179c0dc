//! The table `workspaces`.

use rusqlite::{OptionalExtension, ToSql, named_params};
use serde_json::json;
use uuid::Uuid;

use super::fault::conflict;
use super::search::{self, SearchTable, Way};
use super::visibility::{self, Visibility};
use super::{Row, Tx, View, row};
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::text::{Description, fold};
use crate::domain::workspace::{
    Creator, LlmIntegration, NewWorkspace, SettingText, Settings, Workspace, WorkspaceEntry, WorkspaceName,
    WorkspaceSearch,
};
use crate::error::Result;

pub(super) const COLUMNS: &str = "w.id, w.organization_id, w.name, w.archived, w.created_at, w.description, w.private,
    w.ml_models_enabled, w.gradient_start_color, w.gradient_end_color, w.default_llm_integration,
    w.default_agent_runtime,
    c.id AS creator_id, c.uuid AS creator_uuid, c.email AS creator_email, d.id IS NOT NULL AS by_default";

pub(super) const TABLES: &str = "workspaces w LEFT JOIN users c ON c.id = w.created_by
    LEFT JOIN default_workspaces d ON d.workspace_id = w.id AND d.user_id = w.created_by";

/// The columns of a long list. Reading all columns would take twice the time.
pub(super) const ENTRY: &str = "w.id, w.name, w.archived, w.created_at, c.id AS creator_id, c.uuid AS creator_uuid,
    c.email AS creator_email, d.id IS NOT NULL AS by_default";

pub fn find(view: &View, id: WorkspaceId) -> Result<Option<Workspace>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE w.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

pub fn find_by_name(view: &View, organization: OrganizationId, name: &WorkspaceName) -> Result<Option<Workspace>> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE w.organization_id = :organization AND w.name = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":organization": organization.0, ":name": name.as_str() };
    Ok(query.query_row(params, read).optional()?)
}

pub type Each<'f> = &'f mut dyn FnMut(WorkspaceEntry) -> Result<()>;

/// Calls `each` with every workspace of an organization, ordered by id.
pub fn for_each(view: &View, organization: OrganizationId, each: Each) -> Result<()> {
    let sql = format!("SELECT {ENTRY} FROM {TABLES} WHERE w.organization_id = :organization ORDER BY w.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query_map(named_params! { ":organization": organization.0 }, read_entry)?;
    rows.try_for_each(|entry| each(entry?))
}

/// Calls `each` with the workspaces of an organization that at least one of these users joined, ordered by id.
pub fn for_each_joined(view: &View, organization: OrganizationId, by: &[Uuid], each: Each) -> Result<()> {
    let sql = format!(
        "SELECT {ENTRY} FROM {TABLES}
         WHERE w.organization_id = :organization AND w.id IN (
             SELECT m.workspace_id FROM members m JOIN users u ON u.id = m.user_id
             WHERE u.uuid IN (SELECT value FROM json_each(:users, '$')))
         ORDER BY w.id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows =
        query.query_map(named_params! { ":organization": organization.0, ":users": row::uuids(by) }, read_entry)?;
    rows.try_for_each(|entry| each(entry?))
}

/// Calls `each` with the workspaces of an organization that this user joined, ordered by id. If `by` is given, only
/// with those that one of those users joined too.
pub fn for_each_shared(
    view: &View,
    organization: OrganizationId,
    with: UserId,
    by: Option<&[Uuid]>,
    each: Each,
) -> Result<()> {
    let also = match by {
        None => "",
        Some(_) => {
            "AND w.id IN (
                 SELECT o.workspace_id FROM members o JOIN users u ON u.id = o.user_id
                 WHERE u.uuid IN (SELECT value FROM json_each(:users, '$')))"
        }
    };
    let sql = format!(
        "SELECT {ENTRY} FROM members mine
         CROSS JOIN workspaces w ON w.id = mine.workspace_id
         LEFT JOIN users c ON c.id = w.created_by
         LEFT JOIN default_workspaces d ON d.workspace_id = w.id AND d.user_id = w.created_by
         WHERE mine.user_id = :me AND w.organization_id = :organization {also} ORDER BY mine.workspace_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    match by {
        None => {
            let params = named_params! { ":organization": organization.0, ":me": with.0 };
            query.query_map(params, read_entry)?.try_for_each(|entry| each(entry?))
        }
        Some(by) => {
            let params = named_params! { ":organization": organization.0, ":me": with.0, ":users": row::uuids(by) };
            query.query_map(params, read_entry)?.try_for_each(|entry| each(entry?))
        }
    }
}

/// A page of the workspaces that a user sees, ordered by id.
pub fn page(view: &View, visibility: Visibility, search: &WorkspaceSearch, page: Page) -> Result<Slice<Workspace>> {
    let (after, limit) = (page.after.unwrap_or(0), page.fetch_limit());
    let name = search.name.as_deref().map(fold).filter(|name| !name.is_empty());
    let found = match (visibility, search.organization, name) {
        (Visibility::Everything, None, None) => {
            let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE w.id > :after ORDER BY w.id LIMIT :limit");
            let mut query = view.conn.prepare_cached(&sql)?;
            let params = named_params! { ":after": after, ":limit": limit };
            query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?
        }
        (visibility, organization, name) => {
            let (name, me) = (name.as_deref().unwrap_or_default(), visibility.user());
            let mine = |after, limit| match (visibility, organization) {
                (Visibility::Of(me), None) => visibility::workspaces(view, me, after, limit),
                (Visibility::Of(me), Some(place)) => visibility::workspaces_in(view, me, place, after, limit),
                (Visibility::Everything, _) => Ok(None),
            };
            let every = |after, limit| match (me, organization) {
                (Some(me), _) => every(view, me, organization, after, limit),
                (None, Some(place)) => Ok(search::seen(visibility::of_organization(view, place, after, limit)?)),
                (None, None) => Ok(Vec::new()),
            };
            let named = |after, limit| search::by_name(view, (SearchTable::Workspaces, name), after, limit);
            let mut ways = Vec::new();
            if me.is_some() {
                ways.push(Way::Ids(&mine, organization.is_none()));
            }
            if name.is_empty() || organization.is_some() {
                ways.push(Way::Every(&every));
            }
            if !name.is_empty() {
                ways.push(Way::Ids(&named, me.is_none() && organization.is_none()));
            }
            search::find((after, limit), &ways, |these, visible| {
                let visibility = if visible { Visibility::Everything } else { visibility };
                matching(view, visibility, (organization, name), these)
            })?
        }
    };
    Ok(Slice::from_rows(found, page, |workspace| workspace.id.0))
}

/// The ids of the workspaces with a text in their name, in order. Returns none if there are more than `most`.
pub(super) fn with_name(view: &View, name: &str, most: u32) -> Result<Option<Vec<i64>>> {
    let mut query = view.conn.prepare_cached(
        "SELECT id FROM workspaces WHERE id IN (SELECT value FROM json_each(:these)) AND instr(name_key, :name) > 0
         ORDER BY id",
    )?;
    let named = |after, limit| search::by_name(view, (SearchTable::Workspaces, name), after, limit);
    let found = search::find((0, most.saturating_add(1)), &[Way::Ids(&named, true)], |these, _| {
        let params = named_params! { ":these": row::numbers(these.iter().copied()), ":name": name };
        Ok(query.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>()?)
    })?;
    Ok((found.len() <= most as usize).then_some(found))
}

/// The workspaces that a user sees.
pub(super) const IS_VISIBLE: &str = "(:organizations AND EXISTS (SELECT 1 FROM organization_members o
        WHERE o.organization_id = w.organization_id AND o.user_id = :me AND (w.private = 0 OR o.role = 'admin'))
    OR :workspaces AND EXISTS (SELECT 1 FROM members m INDEXED BY members_by_user
                               WHERE m.workspace_id = w.id AND m.user_id = :me)
    OR :bindings AND EXISTS (SELECT 1 FROM bindings b JOIN roles r ON r.id = b.role_id
                             WHERE b.user_id = :me AND b.workspace_id = w.id AND r.shows_workspaces = 1))";

/// Looks at the next workspaces, of one organization or of all: whether a user sees them.
fn every(
    view: &View,
    me: UserId,
    organization: Option<OrganizationId>,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, bool)>> {
    let has = visibility::has(view, me)?;
    let mut params: Vec<(&str, &dyn ToSql)> = vec![
        (":after", &after),
        (":limit", &limit),
        (":me", &me.0),
        (":organizations", &has.organizations),
        (":workspaces", &has.workspaces),
        (":bindings", &has.bindings),
    ];
    let Some(organization) = organization else {
        let sql = format!(
            "SELECT w.id, iif({IS_VISIBLE}, 1, 0) FROM workspaces w WHERE w.id > :after ORDER BY w.id LIMIT :limit"
        );
        return visibility::flagged(view, &sql, &params);
    };
    let sql = format!(
        "SELECT w.id, iif({IS_VISIBLE}, 1, 0) FROM workspaces w WHERE w.organization_id = :in AND w.id > :after
         ORDER BY w.id LIMIT :limit"
    );
    params.push((":in", &organization.0));
    visibility::flagged(view, &sql, &params)
}

/// Those of these workspaces that the user sees and that match a search, ordered by id.
fn matching(
    view: &View,
    visibility: Visibility,
    (organization, name): (Option<OrganizationId>, &str),
    these: &[i64],
) -> Result<Vec<Workspace>> {
    if these.is_empty() {
        return Ok(Vec::new());
    }
    let visible = match visibility {
        Visibility::Everything => "TRUE",
        Visibility::Of(_) => IS_VISIBLE,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:these) j CROSS JOIN workspaces w ON w.id = j.value
         LEFT JOIN users c ON c.id = w.created_by
         LEFT JOIN default_workspaces d ON d.workspace_id = w.id AND d.user_id = w.created_by
         WHERE (CAST(:organization AS BIGINT) IS NULL OR w.organization_id = :organization)
             AND (:name = '' OR instr(w.name_key, :name) > 0) AND {visible}"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let these = row::numbers(these.iter().copied());
    let organization = organization.map(|id| id.0);
    let has = visibility.user().map(|me| visibility::has(view, me)).transpose()?;
    let me = visibility.user().map(|id| id.0);
    let mut params: Vec<(&str, &dyn ToSql)> =
        vec![(":these", &these), (":organization", &organization), (":name", &name)];
    if let Some(has) = &has {
        params.extend_from_slice(&[
            (":me", &me),
            (":organizations", &has.organizations),
            (":workspaces", &has.workspaces),
            (":bindings", &has.bindings),
        ]);
    }
    let mut found = query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    found.sort_by_key(|workspace| workspace.id);
    Ok(found)
}

/// Inserts a workspace. A conflict if the name is taken in the organization.
pub fn insert(tx: &Tx, organization: OrganizationId, new: &NewWorkspace, creator: UserId) -> Result<WorkspaceId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO workspaces
             (organization_id, name, name_key, description, private, archived, created_by, created_at, ml_models_enabled)
         VALUES (:organization, :name, :name_key, :description, :private, 0, :creator, :now, 0) RETURNING id",
    )?;
    query
        .query_row(
            named_params! {
                ":organization": organization.0,
                ":name": new.name.as_str(),
                ":name_key": fold(new.name.as_str()),
                ":description": new.description.as_str(),
                ":private": new.private,
                ":creator": creator.0,
                ":now": tx.now.micros(),
            },
            |row| row.get(0).map(WorkspaceId),
        )
        .map_err(conflict(Noun::Workspace, new.name.as_str()))
}

/// Writes the columns of a workspace that can change. A conflict if the name is taken in the organization.
pub fn update(tx: &Tx, workspace: &Workspace) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE workspaces SET name = :name, name_key = :name_key, description = :description, private = :private,
             archived = :archived, ml_models_enabled = :ml_models_enabled, gradient_start_color = :start,
             gradient_end_color = :end, default_llm_integration = :llm, default_agent_runtime = :runtime
         WHERE id = :id",
    )?;
    let settings = &workspace.settings;
    let llm = settings
        .default_llm_integration
        .as_ref()
        .map(|llm| json!([llm.integration.as_str(), llm.model.as_str()]).to_string());
    let params = named_params! {
        ":id": workspace.id.0,
        ":name": workspace.name.as_str(),
        ":name_key": fold(workspace.name.as_str()),
        ":description": workspace.description.as_str(),
        ":private": workspace.private,
        ":archived": workspace.archived,
        ":ml_models_enabled": settings.ml_models_enabled,
        ":start": settings.gradient_start_color.as_ref().map(SettingText::as_str),
        ":end": settings.gradient_end_color.as_ref().map(SettingText::as_str),
        ":llm": llm,
        ":runtime": settings.default_agent_runtime.as_ref().map(SettingText::as_str),
    };
    query.execute(params).map_err(conflict(Noun::Workspace, workspace.name.as_str()))?;
    Ok(())
}

pub fn delete(tx: &Tx, id: WorkspaceId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM workspaces WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// Reads the columns by their index in [`COLUMNS`]. Looking up their names takes half the time of a long list.
pub(super) fn read(row: &Row) -> rusqlite::Result<Workspace> {
    let created_by = creator(row, 12)?;
    Ok(Workspace {
        id: WorkspaceId(row.get(0)?),
        organization: OrganizationId(row.get(1)?),
        name: row::text(row, 2, |text| Some(WorkspaceName::stored(text)))?,
        created_by,
        created_at: row::moment(row, 4)?,
        archived: row.get(3)?,
        description: row::text(row, 5, |text| Description::parse(text).ok())?,
        private: row.get(6)?,
        settings: Settings {
            ml_models_enabled: row.get(7)?,
            gradient_start_color: row.get::<_, Option<_>>(8)?.map(SettingText::stored),
            gradient_end_color: row.get::<_, Option<_>>(9)?.map(SettingText::stored),
            default_llm_integration: match row.get::<_, Option<String>>(10)? {
                None => None,
                Some(_) => Some(row::text(row, 10, llm)?),
            },
            default_agent_runtime: row.get::<_, Option<_>>(11)?.map(SettingText::stored),
        },
    })
}

pub(super) fn read_entry(row: &Row) -> rusqlite::Result<WorkspaceEntry> {
    Ok(WorkspaceEntry {
        id: WorkspaceId(row.get(0)?),
        name: row::text(row, 1, |text| Some(WorkspaceName::stored(text)))?,
        archived: row.get(2)?,
        created_at: row::moment(row, 3)?,
        created_by: creator(row, 4)?,
    })
}

/// The creator, from the four columns that start at this index.
fn creator(row: &Row, first: usize) -> rusqlite::Result<Option<Creator>> {
    let Some(id) = row.get(first)? else { return Ok(None) };
    let email = row::text(row, first + 2, |text| Some(Email::stored(text)))?;
    Ok(Some(Creator { id: UserId(id), uuid: row::uuid(row, first + 1)?, email, by_default: row.get(first + 3)? }))
}

/// Parses the stored pair of an integration and a model.
fn llm(text: &str) -> Option<LlmIntegration> {
    let (integration, model) = serde_json::from_str(text).ok()?;
    Some(LlmIntegration { integration: SettingText::stored(integration), model: SettingText::stored(model) })
}
