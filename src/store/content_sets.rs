//! What belongs to many objects at once: the versions of models and pipelines, their tags, and the objects of tags.

use rusqlite::named_params;

use super::workspaces::{COLUMNS, TABLES, read};
use super::{Row, View, row};
use crate::domain::ids::{ModelId, ModelVersionId, PipelineId, PipelineVersionId, TagId, WorkspaceId};
use crate::domain::tag::PipelineTag;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::error::Result;

/// Calls `each` with those of these workspaces that exist.
pub fn workspaces(view: &View, ids: &[WorkspaceId], mut each: impl FnMut(Workspace) -> Result<()>) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM json_each(:ids) j CROSS JOIN {TABLES} WHERE w.id = j.value");
    let ids = row::numbers(ids.iter().map(|id| id.0));
    for_each(view, &sql, &ids, |row| each(read(row)?))
}

/// Calls `each` with the versions of these models.
pub fn model_versions(
    view: &View,
    models: &[ModelId],
    mut each: impl FnMut(ModelId, ModelVersionId) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT v.model_id, v.id FROM json_each(:ids) j CROSS JOIN model_versions v ON v.model_id = j.value";
    let ids = row::numbers(models.iter().map(|id| id.0));
    for_each(view, sql, &ids, |row| each(ModelId(row.get(0)?), ModelVersionId(row.get(1)?)))
}

/// Calls `each` with the versions of these pipelines, and the time at which each was created.
pub fn pipeline_versions(
    view: &View,
    pipelines: &[PipelineId],
    mut each: impl FnMut(PipelineId, PipelineVersionId, Timestamp) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT v.pipeline_id, v.id, v.created_at
               FROM json_each(:ids) j CROSS JOIN pipeline_versions v ON v.pipeline_id = j.value";
    let ids = row::numbers(pipelines.iter().map(|id| id.0));
    for_each(view, sql, &ids, |row| each(PipelineId(row.get(0)?), PipelineVersionId(row.get(1)?), row::moment(row, 2)?))
}

/// Calls `each` with the tags of these model versions.
pub fn tags_of_model_versions(
    view: &View,
    versions: &[ModelVersionId],
    mut each: impl FnMut(ModelVersionId, TagId) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT a.version_id, a.tag_id FROM json_each(:ids) j CROSS JOIN model_version_tags a ON a.version_id = j.value";
    let ids = row::numbers(versions.iter().map(|id| id.0));
    for_each(view, sql, &ids, |row| each(ModelVersionId(row.get(0)?), TagId(row.get(1)?)))
}

/// Calls `each` with the model versions that have these tags, and the workspace of each version.
pub fn model_versions_of_tags(
    view: &View,
    tags: &[TagId],
    mut each: impl FnMut(TagId, ModelVersionId, WorkspaceId) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT a.tag_id, a.version_id, m.workspace_id
               FROM json_each(:ids) j CROSS JOIN model_version_tags a ON a.tag_id = j.value
               CROSS JOIN model_versions v ON v.id = a.version_id CROSS JOIN models m ON m.id = v.model_id";
    let ids = row::numbers(tags.iter().map(|id| id.0));
    for_each(view, sql, &ids, |row| each(TagId(row.get(0)?), ModelVersionId(row.get(1)?), WorkspaceId(row.get(2)?)))
}

/// Calls `each` with the attachments of tags to these pipelines.
pub fn tags_of_pipelines(
    view: &View,
    pipelines: &[PipelineId],
    mut each: impl FnMut(PipelineTag) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT a.id, a.pipeline_id, a.tag_id
               FROM json_each(:ids) j CROSS JOIN pipeline_tags a ON a.pipeline_id = j.value";
    let ids = row::numbers(pipelines.iter().map(|id| id.0));
    for_each(view, sql, &ids, |row| each(attachment(row)?))
}

/// Calls `each` with the attachments of these tags to pipelines, and the workspace of each pipeline.
pub fn pipelines_of_tags(
    view: &View,
    tags: &[TagId],
    mut each: impl FnMut(PipelineTag, WorkspaceId) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT a.id, a.pipeline_id, a.tag_id, p.workspace_id
               FROM json_each(:ids) j CROSS JOIN pipeline_tags a ON a.tag_id = j.value
               CROSS JOIN pipelines p ON p.id = a.pipeline_id";
    let ids = row::numbers(tags.iter().map(|id| id.0));
    for_each(view, sql, &ids, |row| each(attachment(row)?, WorkspaceId(row.get(3)?)))
}

fn for_each(view: &View, sql: &str, ids: &str, mut each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    let mut query = view.conn.prepare_cached(sql)?;
    let mut rows = query.query(named_params! { ":ids": ids })?;
    while let Some(row) = rows.next()? {
        each(&row)?;
    }
    Ok(())
}

fn attachment(row: &Row) -> rusqlite::Result<PipelineTag> {
    Ok(PipelineTag { id: row.get(0)?, pipeline: PipelineId(row.get(1)?), tag: TagId(row.get(2)?) })
}
