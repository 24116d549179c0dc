//! Pages of the contents of one workspace, the newest first.

use rusqlite::named_params;

use super::{View, connections, models, pipelines, tags, visibility};
use crate::domain::connection::Connection;
use crate::domain::ids::{ConnectionId, ModelId, PipelineId, PipelineVersionId, TagId, WorkspaceId};
use crate::domain::model::Model;
use crate::domain::page::{Page, Slice};
use crate::domain::pipeline::{Pipeline, PipelineVersion};
use crate::domain::tag::Tag;
use crate::error::Result;

pub fn models(view: &View, workspace: WorkspaceId, page: Page) -> Result<Slice<Model>> {
    let sql = "SELECT id FROM models WHERE workspace_id = :in AND id < :before ORDER BY id DESC LIMIT :limit";
    let ids: Vec<_> = ids(view, sql, workspace.0, page)?.into_iter().map(ModelId).collect();
    let mut found = Vec::new();
    models::for_each_of(view, &ids, push(&mut found))?;
    Ok(newest_first(found, page, |model| model.id.0))
}

pub fn pipelines(view: &View, workspace: WorkspaceId, page: Page) -> Result<Slice<Pipeline>> {
    let sql = "SELECT id FROM pipelines WHERE workspace_id = :in AND id < :before ORDER BY id DESC LIMIT :limit";
    let ids: Vec<_> = ids(view, sql, workspace.0, page)?.into_iter().map(PipelineId).collect();
    let mut found = Vec::new();
    pipelines::for_each_of(view, &ids, push(&mut found))?;
    Ok(newest_first(found, page, |pipeline| pipeline.id.0))
}

pub fn pipeline_versions(view: &View, pipeline: PipelineId, page: Page) -> Result<Slice<PipelineVersion>> {
    let sql = "SELECT id FROM pipeline_versions WHERE pipeline_id = :in AND id < :before
               ORDER BY id DESC LIMIT :limit";
    let ids: Vec<_> = ids(view, sql, pipeline.0, page)?.into_iter().map(PipelineVersionId).collect();
    let mut found = Vec::new();
    pipelines::for_each_version_of(view, &ids, push(&mut found))?;
    Ok(newest_first(found, page, |version| version.id.0))
}

/// The tags of the workspace itself, without those of its organization.
pub fn tags(view: &View, workspace: WorkspaceId, page: Page) -> Result<Slice<Tag>> {
    let sql = "SELECT id FROM tags WHERE workspace_id = :in AND id < :before ORDER BY id DESC LIMIT :limit";
    let ids: Vec<_> = ids(view, sql, workspace.0, page)?.into_iter().map(TagId).collect();
    let mut found = Vec::new();
    tags::for_each_of(view, &ids, push(&mut found))?;
    Ok(newest_first(found, page, |tag| tag.id.0))
}

/// The next connections of a workspace, one more than the page has.
pub fn connections(view: &View, workspace: WorkspaceId, page: Page) -> Result<Vec<Connection>> {
    let sql = "SELECT connection_id FROM connection_workspaces WHERE workspace_id = :in AND connection_id < :before
               ORDER BY connection_id DESC LIMIT :limit";
    let ids: Vec<_> = ids(view, sql, workspace.0, page)?.into_iter().map(ConnectionId).collect();
    let mut found = connections::find_all(view, &ids)?;
    found.reverse();
    Ok(found)
}

fn ids(view: &View, sql: &str, place: i64, page: Page) -> Result<Vec<i64>> {
    let (before, limit) = (page.after.unwrap_or(i64::MAX), page.fetch_limit());
    visibility::numbers(view, sql, named_params! { ":in": place, ":before": before, ":limit": limit })
}

fn push<T>(into: &mut Vec<T>) -> impl FnMut(T) -> Result<()> {
    |item| {
        into.push(item);
        Ok(())
    }
}

fn newest_first<T>(mut found: Vec<T>, page: Page, number: impl Fn(&T) -> i64) -> Slice<T> {
    found.sort_unstable_by_key(|item| std::cmp::Reverse(number(item)));
    Slice::from_rows(found, page, number)
}
