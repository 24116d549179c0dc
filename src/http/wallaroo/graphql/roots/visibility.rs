//! The mutations that change whether model versions and pipelines are shown as private or public.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::app::{models, pipelines};
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelVersionId, PipelineId};
use crate::domain::model::Visibility;
use crate::error::{Error, Result};
use crate::http::wallaroo::graphql::content_filters::{
    Cell, Column, Conditions, Filter, ModelVersionFilter, PipelineFilter,
};
use crate::http::wallaroo::graphql::context::{actor, affected, bounded, read, state};
use crate::http::wallaroo::graphql::objects::{ModelVersion, Pipeline};
use crate::store::Tx;

/// The new values of a model version.
#[derive(Debug, InputObject)]
#[graphql(name = "model_set_input")]
pub(super) struct ModelVersionChange {
    /// `private` or `public`.
    visibility: Option<String>,
}

/// The new values of a pipeline.
#[derive(Debug, InputObject)]
#[graphql(name = "pipeline_set_input")]
pub(super) struct PipelineChange {
    /// `private` or `public`.
    visibility: Option<String>,
}

#[derive(Default)]
pub(super) struct VisibilityChanges;

#[Object(rename_fields = "snake_case")]
impl VisibilityChanges {
    /// Changes the model versions that the conditions name by id; all of them or none.
    #[graphql(complexity = "10 + child_complexity")]
    async fn update_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: ModelVersionFilter,
        #[graphql(name = "_set")] set: Option<ModelVersionChange>,
    ) -> Result<Option<ChangedModelVersions>> {
        let ids: Vec<_> = named(filter, Column::VersionId)?.into_iter().map(ModelVersionId).collect();
        let visibility = visibility(set.and_then(|set| set.visibility).as_deref())?;
        let changed = ids.clone();
        let change = move |tx: &Tx, actor: &Actor| {
            changed.iter().try_for_each(|id| models::set_visibility(tx, actor, *id, visibility).map(drop))
        };
        state(ctx)?.write_as(actor(ctx)?, change).await?;
        let wanted = ids.iter().map(|id| (*id, 1)).collect();
        let found = read(ctx, |loader| loader.model_versions(&wanted, &ctx.look_ahead().field("returning")))?;
        let returning = ids.iter().filter_map(|id| found.get(id).cloned()).collect();
        Ok(Some(ChangedModelVersions { affected_rows: affected(ids.len()), returning }))
    }

    /// Changes the pipelines that the conditions name by id; all of them or none.
    #[graphql(complexity = "10 + child_complexity")]
    async fn update_pipeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: PipelineFilter,
        #[graphql(name = "_set")] set: Option<PipelineChange>,
    ) -> Result<Option<ChangedPipelines>> {
        let ids: Vec<_> = named(filter, Column::PipelineId)?.into_iter().map(PipelineId).collect();
        let visibility = visibility(set.and_then(|set| set.visibility).as_deref())?;
        let changed = ids.clone();
        let change = move |tx: &Tx, actor: &Actor| {
            changed.iter().try_for_each(|id| pipelines::set_visibility(tx, actor, *id, visibility).map(drop))
        };
        state(ctx)?.write_as(actor(ctx)?, change).await?;
        let wanted = ids.iter().map(|id| (*id, 1)).collect();
        let found = read(ctx, |loader| loader.pipelines(&wanted, &ctx.look_ahead().field("returning")))?;
        let returning = ids.iter().filter_map(|id| found.get(id).cloned()).collect();
        Ok(Some(ChangedPipelines { affected_rows: affected(ids.len()), returning }))
    }
}

/// The ids that conditions name. Refuses other conditions, which would have to be judged while all other writes wait.
fn named(filter: impl Filter, column: Column) -> Result<Vec<i64>> {
    let conditions = Conditions::read(Some(filter))?;
    let ids = conditions.numbers(column).filter(|_| !conditions.has_others_than(&[column]));
    let ids: BTreeSet<i64> = ids.ok_or_else(|| Error::invalid("where", "must select by id with _eq or _in only"))?;
    bounded(ids.into_iter().filter(|id| conditions.allow(column, Cell::Number(*id))).collect(), "where")
}

fn visibility(text: Option<&str>) -> Result<Visibility> {
    let text = text.ok_or_else(|| Error::invalid("_set.visibility", "is required"))?;
    text.parse().map_err(|_| Error::invalid("_set.visibility", "must be private or public"))
}

/// Model versions after a mutation.
#[derive(Debug, SimpleObject)]
#[graphql(name = "model_mutation_response", rename_fields = "snake_case")]
pub(super) struct ChangedModelVersions {
    /// The number of model versions.
    affected_rows: i32,
    /// The model versions.
    returning: Vec<Arc<ModelVersion>>,
}

/// Pipelines after a mutation.
#[derive(Debug, SimpleObject)]
#[graphql(name = "pipeline_mutation_response", rename_fields = "snake_case")]
pub(super) struct ChangedPipelines {
    /// The number of pipelines.
    affected_rows: i32,
    /// The pipelines.
    returning: Vec<Arc<Pipeline>>,
}
