//! The tables `pipelines`, `pipeline_versions` and `pipeline_version_models`.

use rusqlite::{OptionalExtension, ToSql, named_params};
use uuid::Uuid;

use super::fault::conflict;
use super::models::creator;
use super::workspaces::{ENTRY, TABLES, read_entry};
use super::{Row, Tx, View, row};
use crate::domain::ids::{PipelineId, PipelineVersionId, UserId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::pipeline::{NewPipelineVersion, Pipeline, PipelineName, PipelineVersion};
use crate::domain::workspace::WorkspaceEntry;
use crate::error::Result;

const COLUMNS: &str = "p.id, p.workspace_id, p.name, p.visibility, p.created_at, p.updated_at, m.uuid, m.email";

/// The number of columns of a workspace in a list.
const ENTRY_LENGTH: usize = 8;

pub fn find(view: &View, id: PipelineId) -> Result<Option<Pipeline>> {
    let sql = format!("SELECT {COLUMNS} FROM pipelines p LEFT JOIN users m ON m.id = p.created_by WHERE p.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, |row| read(row, 0)).optional()?)
}

/// A page of the pipelines of a workspace, or of all, by number.
pub fn page(view: &View, workspace: Option<WorkspaceId>, page: Page) -> Result<Slice<Pipeline>> {
    let sql = match workspace {
        Some(_) => format!(
            "SELECT {COLUMNS} FROM pipelines p LEFT JOIN users m ON m.id = p.created_by
             WHERE p.workspace_id = :workspace AND p.id > :after ORDER BY p.id LIMIT :limit"
        ),
        None => format!(
            "SELECT {COLUMNS} FROM pipelines p LEFT JOIN users m ON m.id = p.created_by
             WHERE p.id > :after ORDER BY p.id LIMIT :limit"
        ),
    };
    let mut query = view.conn.prepare_cached(&sql)?;
    let (after, limit, workspace) = (page.after.unwrap_or(0), page.fetch_limit(), workspace.map(|id| id.0));
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    if workspace.is_some() {
        params.push((":workspace", &workspace));
    }
    let found = query.query_map(params.as_slice(), |row| read(row, 0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |pipeline| pipeline.id.0))
}

/// Calls `each` with those of these pipelines that exist.
pub fn for_each_of(view: &View, ids: &[PipelineId], mut each: impl FnMut(Pipeline) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:ids) j CROSS JOIN pipelines p ON p.id = j.value
         LEFT JOIN users m ON m.id = p.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":ids": row::numbers(ids.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read(&row, 0)?)?;
    }
    Ok(())
}

/// The pipeline with this name in a workspace.
pub fn find_by_name(view: &View, workspace: WorkspaceId, name: &str) -> Result<Option<Pipeline>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pipelines p LEFT JOIN users m ON m.id = p.created_by
         WHERE p.workspace_id = :workspace AND p.name = :name"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":workspace": workspace.0, ":name": name }, |row| read(row, 0)).optional()?)
}

/// Calls `each` with the pipelines of these workspaces, by workspace and number.
pub fn for_each(view: &View, workspaces: &[WorkspaceId], mut each: impl FnMut(Pipeline) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:workspaces) j CROSS JOIN pipelines p ON p.workspace_id = j.value
         LEFT JOIN users m ON m.id = p.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":workspaces": row::numbers(workspaces.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read(&row, 0)?)?;
    }
    Ok(())
}

/// Calls `each` with the pipelines of these workspaces and their workspaces, by workspace and number.
pub fn for_each_listed(
    view: &View,
    workspaces: &[WorkspaceId],
    mut each: impl FnMut(Pipeline, WorkspaceEntry) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {ENTRY}, {COLUMNS} FROM json_each(:workspaces) j CROSS JOIN pipelines p ON p.workspace_id = j.value
         LEFT JOIN users m ON m.id = p.created_by CROSS JOIN {TABLES} WHERE w.id = p.workspace_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":workspaces": row::numbers(workspaces.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read(&row, ENTRY_LENGTH)?, read_entry(&row)?)?;
    }
    Ok(())
}

const VERSION_COLUMNS: &str =
    "v.id, v.uuid, v.pipeline_id, p.workspace_id, p.name, v.definition, v.created_at, c.uuid, c.email";

pub fn find_version(view: &View, id: PipelineVersionId) -> Result<Option<PipelineVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM pipeline_versions v JOIN pipelines p ON p.id = v.pipeline_id
         LEFT JOIN users c ON c.id = v.created_by WHERE v.id = :id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read_version).optional()?)
}

/// Calls `each` with those of these versions that exist.
pub fn for_each_version_of(
    view: &View,
    ids: &[PipelineVersionId],
    mut each: impl FnMut(PipelineVersion) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM json_each(:ids) j CROSS JOIN pipeline_versions v ON v.id = j.value
         JOIN pipelines p ON p.id = v.pipeline_id LEFT JOIN users c ON c.id = v.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":ids": row::numbers(ids.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read_version(&row)?)?;
    }
    Ok(())
}

pub fn find_version_by_uuid(view: &View, uuid: Uuid) -> Result<Option<PipelineVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM pipeline_versions v JOIN pipelines p ON p.id = v.pipeline_id
         LEFT JOIN users c ON c.id = v.created_by WHERE v.uuid = :uuid"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":uuid": uuid.to_string() }, read_version).optional()?)
}

/// A page of the versions of a pipeline, newest first.
pub fn page_of_versions(view: &View, pipeline: PipelineId, page: Page) -> Result<Slice<PipelineVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM pipeline_versions v JOIN pipelines p ON p.id = v.pipeline_id
         LEFT JOIN users c ON c.id = v.created_by
         WHERE v.pipeline_id = :pipeline AND v.id < :before ORDER BY v.id DESC LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let (before, limit) = (page.after.unwrap_or(i64::MAX), page.fetch_limit());
    let params = named_params! { ":pipeline": pipeline.0, ":before": before, ":limit": limit };
    let found = query.query_map(params, read_version)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |version| version.id.0))
}

/// At most so many versions of a pipeline, newest first.
pub fn versions(view: &View, pipeline: PipelineId, limit: u32) -> Result<Vec<PipelineVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM pipeline_versions v JOIN pipelines p ON p.id = v.pipeline_id
         LEFT JOIN users c ON c.id = v.created_by
         WHERE v.pipeline_id = :pipeline ORDER BY v.id DESC LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":pipeline": pipeline.0, ":limit": limit }, read_version)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Calls `each` with the versions of a pipeline, newest first.
pub fn for_each_version(
    view: &View,
    pipeline: PipelineId,
    mut each: impl FnMut(PipelineVersion) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM pipeline_versions v JOIN pipelines p ON p.id = v.pipeline_id
         LEFT JOIN users c ON c.id = v.created_by
         WHERE v.pipeline_id = :pipeline ORDER BY v.id DESC"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":pipeline": pipeline.0 })?;
    while let Some(row) = rows.next()? {
        each(read_version(&row)?)?;
    }
    Ok(())
}

/// Inserts a pipeline without versions. A conflict if the name is taken in the workspace.
pub fn insert(tx: &Tx, workspace: WorkspaceId, name: &PipelineName, creator: Option<UserId>) -> Result<PipelineId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO pipelines (workspace_id, name, created_by, created_at, updated_at)
         VALUES (:workspace, :name, :creator, :now, :now) RETURNING id",
    )?;
    let params = named_params! {
        ":workspace": workspace.0,
        ":name": name.as_str(),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, |row| row.get(0).map(PipelineId)).map_err(conflict(Noun::Pipeline, name.as_str()))
}

/// Inserts a version of a pipeline, with the models that it names.
pub fn insert_version(
    tx: &Tx,
    pipeline: PipelineId,
    new: &NewPipelineVersion,
    creator: Option<UserId>,
) -> Result<(PipelineVersionId, Uuid)> {
    let uuid = Uuid::new_v4();
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_by, created_at)
         VALUES (:pipeline, :uuid, :definition, :creator, :now) RETURNING id",
    )?;
    let params = named_params! {
        ":pipeline": pipeline.0,
        ":uuid": uuid.to_string(),
        ":definition": new.definition.as_ref().map(JsonText::as_str),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    let id = query.query_row(params, |row| row.get(0).map(PipelineVersionId))?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO pipeline_version_models (pipeline_version_id, model_name, model_uuid)
         VALUES (:version, :name, :uuid) ON CONFLICT DO NOTHING",
    )?;
    for model in &new.models {
        let params = named_params! { ":version": id.0, ":name": model.name, ":uuid": model.uuid.to_string() };
        query.execute(params)?;
    }
    touch(tx, pipeline)?;
    Ok((id, uuid))
}

/// Notes that a pipeline was changed now.
fn touch(tx: &Tx, pipeline: PipelineId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE pipelines SET updated_at = :now WHERE id = :id")?;
    query.execute(named_params! { ":now": tx.now.micros(), ":id": pipeline.0 })?;
    Ok(())
}

/// Changes the workspace and the visibility of a pipeline. A conflict if the name is taken in the workspace.
pub fn update(tx: &Tx, pipeline: &Pipeline) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE pipelines SET workspace_id = :workspace, visibility = :visibility, updated_at = :now WHERE id = :id",
    )?;
    let params = named_params! {
        ":workspace": pipeline.workspace.0,
        ":visibility": pipeline.visibility.as_str(),
        ":now": tx.now.micros(),
        ":id": pipeline.id.0,
    };
    query.execute(params).map_err(conflict(Noun::Pipeline, pipeline.name.as_str()))?;
    Ok(())
}

/// Deletes a pipeline with its versions.
pub fn delete(tx: &Tx, id: PipelineId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM pipelines WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// Deletes a version of a pipeline.
pub fn delete_version(tx: &Tx, version: &PipelineVersion) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM pipeline_versions WHERE id = :id")?;
    query.execute(named_params! { ":id": version.id.0 })?;
    touch(tx, version.pipeline)
}

/// Reads the columns of [`COLUMNS`] that begin at this index.
fn read(row: &Row, first: usize) -> rusqlite::Result<Pipeline> {
    Ok(Pipeline {
        id: PipelineId(row.get(first)?),
        workspace: WorkspaceId(row.get(first + 1)?),
        name: PipelineName::stored(row.get(first + 2)?),
        visibility: row::parsed(row, first + 3)?,
        created_at: row::moment(row, first + 4)?,
        updated_at: row::moment(row, first + 5)?,
        created_by: creator(row, first + 6)?,
    })
}

fn read_version(row: &Row) -> rusqlite::Result<PipelineVersion> {
    Ok(PipelineVersion {
        id: PipelineVersionId(row.get(0)?),
        uuid: row::uuid(row, 1)?,
        pipeline: PipelineId(row.get(2)?),
        workspace: WorkspaceId(row.get(3)?),
        name: PipelineName::stored(row.get(4)?),
        definition: row::deserialized_if_any(row, 5)?,
        created_at: row::moment(row, 6)?,
        created_by: creator(row, 7)?,
    })
}
