//! The tables `tags`, `model_version_tags` and `pipeline_tags`.

use rusqlite::{OptionalExtension, named_params};

use super::fault::conflict;
use super::{Row, Tx, View, row};
use crate::domain::ids::{ModelVersionId, OrganizationId, PipelineId, TagId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::tag::{PipelineTag, Tag, TagName};
use crate::domain::text::{Description, fold};
use crate::error::Result;

const COLUMNS: &str =
    "t.id, t.organization_id, t.workspace_id, t.name, t.description, t.color, t.created_at, t.updated_at";

pub fn find(view: &View, id: TagId) -> Result<Option<Tag>> {
    let sql = format!("SELECT {COLUMNS} FROM tags t WHERE t.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// Inserts a tag of an organization, or of one of its workspaces. A conflict if a name is taken in the workspace.
pub fn insert(
    tx: &Tx,
    organization: OrganizationId,
    workspace: Option<WorkspaceId>,
    (name, description, color): (&TagName, Option<&Description>, Option<&str>),
    creator: Option<UserId>,
) -> Result<TagId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO tags (organization_id, workspace_id, name, name_key, description, color, created_by, created_at,
                           updated_at)
         VALUES (:organization, :workspace, :name, :key, :description, :color, :creator, :now, :now) RETURNING id",
    )?;
    let params = named_params! {
        ":organization": organization.0,
        ":workspace": workspace.map(|id| id.0),
        ":name": name.as_str(),
        ":key": fold(name.as_str()),
        ":description": description.map(Description::as_str),
        ":color": color,
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, |row| row.get(0).map(TagId)).map_err(conflict(Noun::Tag, name.as_str()))
}

/// The tags of a model version, by number.
pub fn of_model_version(view: &View, version: ModelVersionId) -> Result<Vec<Tag>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM model_version_tags a JOIN tags t ON t.id = a.tag_id
         WHERE a.version_id = :version ORDER BY a.tag_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(named_params! { ":version": version.0 }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The tags of a pipeline, by number.
pub fn of_pipeline(view: &View, pipeline: PipelineId) -> Result<Vec<(PipelineTag, Tag)>> {
    let sql = format!(
        "SELECT {COLUMNS}, a.id, a.pipeline_id FROM pipeline_tags a JOIN tags t ON t.id = a.tag_id
         WHERE a.pipeline_id = :pipeline ORDER BY a.tag_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":pipeline": pipeline.0 }, |row| {
        let tag = read(row)?;
        Ok((PipelineTag { id: row.get(8)?, pipeline: PipelineId(row.get(9)?), tag: tag.id }, tag))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The model versions with a tag, by number.
pub fn model_versions(view: &View, tag: TagId) -> Result<Vec<ModelVersionId>> {
    let mut query = view
        .conn
        .prepare_cached("SELECT version_id FROM model_version_tags WHERE tag_id = :tag ORDER BY version_id")?;
    let rows = query.query_map(named_params! { ":tag": tag.0 }, |row| row.get(0).map(ModelVersionId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The attachments of a tag to pipelines, in their order.
pub fn pipelines(view: &View, tag: TagId) -> Result<Vec<PipelineTag>> {
    let mut query =
        view.conn.prepare_cached("SELECT id, pipeline_id FROM pipeline_tags WHERE tag_id = :tag ORDER BY id")?;
    let rows = query.query_map(named_params! { ":tag": tag.0 }, |row| {
        Ok(PipelineTag { id: row.get(0)?, pipeline: PipelineId(row.get(1)?), tag })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The number of tags of a model version.
pub fn count_of_model_version(view: &View, version: ModelVersionId) -> Result<u32> {
    let mut query = view.conn.prepare_cached("SELECT count(*) FROM model_version_tags WHERE version_id = :version")?;
    Ok(query.query_row(named_params! { ":version": version.0 }, |row| row.get(0))?)
}

/// The number of tags of a pipeline.
pub fn count_of_pipeline(view: &View, pipeline: PipelineId) -> Result<u32> {
    let mut query = view.conn.prepare_cached("SELECT count(*) FROM pipeline_tags WHERE pipeline_id = :pipeline")?;
    Ok(query.query_row(named_params! { ":pipeline": pipeline.0 }, |row| row.get(0))?)
}

/// Attaches a tag to a model version. Returns whether it was not attached before.
pub fn attach_to_model_version(tx: &Tx, version: ModelVersionId, tag: TagId) -> Result<bool> {
    let mut query = tx
        .conn
        .prepare_cached("INSERT OR IGNORE INTO model_version_tags (version_id, tag_id) VALUES (:version, :tag)")?;
    Ok(query.execute(named_params! { ":version": version.0, ":tag": tag.0 })? > 0)
}

/// Returns whether the tag was attached.
pub fn detach_from_model_version(tx: &Tx, version: ModelVersionId, tag: TagId) -> Result<bool> {
    let mut query =
        tx.conn.prepare_cached("DELETE FROM model_version_tags WHERE version_id = :version AND tag_id = :tag")?;
    Ok(query.execute(named_params! { ":version": version.0, ":tag": tag.0 })? > 0)
}

/// Attaches a tag to a pipeline. Returns the attachment, and whether it is new.
pub fn attach_to_pipeline(tx: &Tx, pipeline: PipelineId, tag: TagId) -> Result<(PipelineTag, bool)> {
    let params = named_params! { ":pipeline": pipeline.0, ":tag": tag.0 };
    let mut query =
        tx.conn.prepare_cached("INSERT OR IGNORE INTO pipeline_tags (pipeline_id, tag_id) VALUES (:pipeline, :tag)")?;
    let is_new = query.execute(params)? > 0;
    let mut query =
        tx.conn.prepare_cached("SELECT id FROM pipeline_tags WHERE pipeline_id = :pipeline AND tag_id = :tag")?;
    let id = query.query_row(params, |row| row.get(0))?;
    Ok((PipelineTag { id, pipeline, tag }, is_new))
}

/// Returns the attachment that ended, if there was one.
pub fn detach_from_pipeline(tx: &Tx, pipeline: PipelineId, tag: TagId) -> Result<Option<PipelineTag>> {
    let mut query = tx
        .conn
        .prepare_cached("DELETE FROM pipeline_tags WHERE pipeline_id = :pipeline AND tag_id = :tag RETURNING id")?;
    let id = query.query_row(named_params! { ":pipeline": pipeline.0, ":tag": tag.0 }, |row| row.get(0)).optional()?;
    Ok(id.map(|id| PipelineTag { id, pipeline, tag }))
}

pub(super) fn read(row: &Row) -> rusqlite::Result<Tag> {
    Ok(Tag {
        id: TagId(row.get(0)?),
        organization: OrganizationId(row.get(1)?),
        workspace: row.get::<_, Option<i64>>(2)?.map(WorkspaceId),
        name: TagName::stored(row.get(3)?),
        description: match row.get::<_, Option<String>>(4)? {
            Some(_) => Some(row::text(row, 4, |text| Description::parse(text).ok())?),
            None => None,
        },
        color: row.get(5)?,
        created_at: row::moment(row, 6)?,
        updated_at: row::moment(row, 7)?,
    })
}
