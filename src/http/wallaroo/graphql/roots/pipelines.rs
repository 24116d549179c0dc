//! The queries of pipelines and their versions.

#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject, Object};

use crate::app::content_search::{self, Scope};
use crate::domain::ids::{PipelineId, PipelineVersionId};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::http::wallaroo::graphql::content_filters::{
    Cell, Column, Conditions, PipelineFilter, PipelineVersionFilter,
};
use crate::http::wallaroo::graphql::context::read;
use crate::http::wallaroo::graphql::loader::{Appearances, fields};
use crate::http::wallaroo::graphql::objects::{Pipeline, PipelineVersion};
use crate::http::wallaroo::graphql::orders::{PipelineOrderBy, PipelineVersionOrderBy, Ranking, SortKey};
use crate::http::wallaroo::graphql::scalars::BigInt;

/// The text of a search.
#[derive(Debug, InputObject)]
#[graphql(name = "search_pipelines_args")]
pub(super) struct SearchPipelines {
    /// A part of the name of a pipeline, of a tag of it or of a model in its steps, in any case. Everything matches an
    /// empty text.
    search: Option<String>,
}

/// A column of versions of pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "pipeline_version_select_column", rename_items = "snake_case")]
pub(super) enum PipelineVersionColumn {
    /// The id, which is always distinct.
    Id,
}

#[derive(Default)]
pub(super) struct PipelineQueries;

#[Object(rename_fields = "snake_case")]
impl PipelineQueries {
    /// The pipelines that meet the conditions, ordered by id by default.
    #[graphql(complexity = "10 + child_complexity")]
    async fn pipeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: Option<PipelineFilter>,
        #[graphql(name = "order_by")] order_by: Option<Vec<PipelineOrderBy>>,
        limit: Option<i32>,
    ) -> Result<Vec<Arc<Pipeline>>> {
        let (conditions, mut ranking) = (Conditions::read(filter)?, Ranking::new(order_by, limit)?);
        if conditions.has(Column::Deployment) {
            return Ok(Vec::new());
        }
        let place = ctx.look_ahead();
        let fields = fields(&place);
        read(ctx, |loader| {
            let is_named = |name: &str| conditions.allow(Column::WorkspaceName, Cell::Text(name));
            let scope = Scope {
                ids: conditions.numbers(Column::PipelineId),
                names: conditions.texts(Column::PipelineName),
                workspaces: conditions.numbers(Column::WorkspaceId),
                workspace_named: if conditions.has(Column::WorkspaceName) { Some(&is_named) } else { None },
                uuids: None,
            };
            content_search::pipelines(loader.view, loader.actor, &scope, |found| {
                if conditions.allow(Column::PipelineId, Cell::Number(found.id.0))
                    && conditions.allow(Column::PipelineName, Cell::Text(&found.name))
                    && conditions.allow(Column::WorkspaceId, Cell::Number(found.workspace.0))
                {
                    if !ranking.is_limited() {
                        loader.count(1, fields)?;
                    }
                    ranking.add(key(found.id.0, found.created_at));
                }
                Ok(())
            })?;
            let is_limited = ranking.is_limited();
            let ids: Vec<_> = ranking.finish().into_iter().map(PipelineId).collect();
            if is_limited {
                loader.count(ids.len(), fields)?;
            }
            let found = loader.visible_pipelines(&ids.iter().map(|id| (*id, 1)).collect(), &place)?;
            Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
        })
    }

    /// The pipeline with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn pipeline_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<Pipeline>>> {
        let id = PipelineId(id.0);
        read(ctx, |loader| Ok(loader.pipelines(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// The version of a pipeline with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn pipeline_version_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<PipelineVersion>>> {
        let id = PipelineVersionId(id.0);
        read(ctx, |loader| Ok(loader.pipeline_versions(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// Searches the versions of pipelines that the caller can see. A pipeline that has the text in its name or in a tag is
    /// found with all of its versions.
    #[graphql(complexity = "10 + child_complexity")]
    async fn search_pipelines(
        &self,
        ctx: &Context<'_>,
        args: SearchPipelines,
        #[graphql(name = "distinct_on")] distinct_on: Option<Vec<PipelineVersionColumn>>,
        #[graphql(name = "where")] filter: Option<PipelineVersionFilter>,
        #[graphql(name = "order_by")] order_by: Option<Vec<PipelineVersionOrderBy>>,
    ) -> Result<Vec<Arc<PipelineVersion>>> {
        // Ids are distinct.
        let _ = distinct_on;
        let (conditions, mut ranking) = (Conditions::read(filter)?, Ranking::new(order_by, None)?);
        if conditions.has(Column::Deployment) {
            return Ok(Vec::new());
        }
        let text = args.search.unwrap_or_default();
        let place = ctx.look_ahead();
        let fields = fields(&place);
        read(ctx, |loader| {
            let is_named = |name: &str| conditions.allow(Column::WorkspaceName, Cell::Text(name));
            let scope = Scope {
                workspaces: conditions.numbers(Column::WorkspaceId),
                workspace_named: if conditions.has(Column::WorkspaceName) { Some(&is_named) } else { None },
                ..Scope::default()
            };
            content_search::pipeline_versions(loader.view, loader.actor, &text, &scope, |found| {
                let owner = found.owner.as_deref().unwrap_or_default();
                if conditions.allow(Column::PipelineId, Cell::Number(found.pipeline.0))
                    && conditions.allow(Column::PipelineName, Cell::Text(&found.name))
                    && conditions.allow(Column::WorkspaceId, Cell::Number(found.workspace.0))
                    && conditions.allow(Column::Owner, Cell::Text(owner))
                    && conditions.allow(Column::CreatedAt, Cell::Time(found.created_at))
                    && conditions.allow(Column::UpdatedAt, Cell::Time(found.created_at))
                {
                    loader.count(1, fields)?;
                    ranking.add(key(found.id.0, found.created_at));
                }
                Ok(())
            })?;
            let ids: Vec<_> = ranking.finish().into_iter().map(PipelineVersionId).collect();
            let found = loader.visible_pipeline_versions(&ids.iter().map(|id| (*id, 1)).collect(), &place)?;
            Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
        })
    }
}

fn key(id: i64, created_at: Timestamp) -> SortKey {
    SortKey { id, name: String::new(), created_at, updated_at: created_at }
}
