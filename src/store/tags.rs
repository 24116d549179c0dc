//! The tables `tags`, `model_version_tags`, `pipeline_tags` and `project_tags`.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::fault::conflict;
use super::{Row, Tx, View, row};
use crate::domain::ids::{ModelId, ModelVersionId, OrganizationId, PipelineId, ProjectId, TagId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::tag::{PipelineTag, Tag, TagColor, TagName};
use crate::domain::text::{Description, fold};
use crate::error::Result;

pub(super) const COLUMNS: &str =
    "t.id, t.organization_id, t.workspace_id, t.name, t.description, t.color, t.created_at, t.updated_at,
     t.created_by";

pub fn find(view: &View, id: TagId) -> Result<Option<Tag>> {
    let sql = format!("SELECT {COLUMNS} FROM tags t WHERE t.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// A page of the tags of a workspace, or of all tags, by number.
pub fn page(view: &View, workspace: Option<WorkspaceId>, page: Page) -> Result<Slice<Tag>> {
    let sql = match workspace {
        Some(_) => format!(
            "SELECT {COLUMNS} FROM tags t WHERE t.workspace_id = :workspace AND t.id > :after ORDER BY t.id LIMIT :limit"
        ),
        None => format!("SELECT {COLUMNS} FROM tags t WHERE t.id > :after ORDER BY t.id LIMIT :limit"),
    };
    let mut query = view.conn.prepare_cached(&sql)?;
    let (after, limit, workspace) = (page.after.unwrap_or(0), page.fetch_limit(), workspace.map(|id| id.0));
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    if workspace.is_some() {
        params.push((":workspace", &workspace));
    }
    let found = query.query_map(params.as_slice(), read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |tag| tag.id.0))
}

/// Calls `each` with those of these tags that exist.
pub fn for_each_of(view: &View, ids: &[TagId], mut each: impl FnMut(Tag) -> Result<()>) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM json_each(:ids) j CROSS JOIN tags t ON t.id = j.value");
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":ids": row::numbers(ids.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read(&row)?)?;
    }
    Ok(())
}

/// Inserts a tag of an organization, or of one of its workspaces. A conflict if a name is taken in the workspace.
pub fn insert(
    tx: &Tx,
    organization: OrganizationId,
    workspace: Option<WorkspaceId>,
    (name, description, color): (&TagName, Option<&Description>, Option<TagColor>),
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
        ":color": color.map(TagColor::as_str),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, |row| row.get(0).map(TagId)).map_err(conflict(Noun::Tag, name.as_str()))
}

/// Writes the name, the description and the color of a tag. A conflict if the name is taken in the workspace.
pub fn update(tx: &Tx, tag: &Tag) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE tags SET name = :name, name_key = :key, description = :description, color = :color, updated_at = :now
         WHERE id = :id",
    )?;
    let params = named_params! {
        ":id": tag.id.0,
        ":name": tag.name.as_str(),
        ":key": fold(tag.name.as_str()),
        ":description": tag.description.as_ref().map(Description::as_str),
        ":color": tag.color.map(TagColor::as_str),
        ":now": tx.now.micros(),
    };
    query.execute(params).map_err(conflict(Noun::Tag, tag.name.as_str()))?;
    Ok(())
}

/// Deletes a tag, which detaches it from everything.
pub fn delete(tx: &Tx, id: TagId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM tags WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
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

/// The tags of a project, by number.
pub fn of_project(view: &View, project: ProjectId) -> Result<Vec<Tag>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM project_tags a JOIN tags t ON t.id = a.tag_id
         WHERE a.project_id = :project ORDER BY a.tag_id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_map(named_params! { ":project": project.0 }, read)?.collect::<rusqlite::Result<_>>()?)
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

/// The number of tags of a project.
pub fn count_of_project(view: &View, project: ProjectId) -> Result<u32> {
    let mut query = view.conn.prepare_cached("SELECT count(*) FROM project_tags WHERE project_id = :project")?;
    Ok(query.query_row(named_params! { ":project": project.0 }, |row| row.get(0))?)
}

/// Attaches a tag to a model version. Returns whether it was not attached before.
pub fn attach_to_model_version(tx: &Tx, version: ModelVersionId, tag: TagId) -> Result<bool> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO model_version_tags (version_id, tag_id) VALUES (:version, :tag) ON CONFLICT DO NOTHING",
    )?;
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
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO pipeline_tags (pipeline_id, tag_id) VALUES (:pipeline, :tag) ON CONFLICT DO NOTHING",
    )?;
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

/// Detaches the tags of workspaces from all versions of a model, which moves to another workspace. Returns the versions
/// and their tags.
pub fn detach_local_from_model(tx: &Tx, model: ModelId) -> Result<Vec<(ModelVersionId, TagId)>> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM model_version_tags WHERE version_id IN (SELECT id FROM model_versions WHERE model_id = :model)
         AND EXISTS (SELECT 1 FROM tags t WHERE t.id = model_version_tags.tag_id AND t.workspace_id IS NOT NULL)
         RETURNING version_id, tag_id",
    )?;
    let read = |row: &Row| Ok((ModelVersionId(row.get(0)?), TagId(row.get(1)?)));
    Ok(query.query_map(named_params! { ":model": model.0 }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Detaches the tags of workspaces from a pipeline, which moves to another workspace. Returns the tags.
pub fn detach_local_from_pipeline(tx: &Tx, pipeline: PipelineId) -> Result<Vec<TagId>> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM pipeline_tags WHERE pipeline_id = :pipeline
         AND EXISTS (SELECT 1 FROM tags t WHERE t.id = pipeline_tags.tag_id AND t.workspace_id IS NOT NULL)
         RETURNING tag_id",
    )?;
    let rows = query.query_map(named_params! { ":pipeline": pipeline.0 }, |row| row.get(0).map(TagId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Attaches a tag to a project. Returns whether it was not attached before.
pub fn attach_to_project(tx: &Tx, project: ProjectId, tag: TagId) -> Result<bool> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO project_tags (project_id, tag_id) VALUES (:project, :tag) ON CONFLICT DO NOTHING",
    )?;
    Ok(query.execute(named_params! { ":project": project.0, ":tag": tag.0 })? > 0)
}

/// Returns whether the tag was attached.
pub fn detach_from_project(tx: &Tx, project: ProjectId, tag: TagId) -> Result<bool> {
    let mut query = tx.conn.prepare_cached("DELETE FROM project_tags WHERE project_id = :project AND tag_id = :tag")?;
    Ok(query.execute(named_params! { ":project": project.0, ":tag": tag.0 })? > 0)
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
        color: match row.get::<_, Option<String>>(5)? {
            Some(_) => Some(row::text(row, 5, |text| text.parse().ok())?),
            None => None,
        },
        created_at: row::moment(row, 6)?,
        updated_at: row::moment(row, 7)?,
        created_by: row.get::<_, Option<i64>>(8)?.map(UserId),
    })
}
