//! The queries of models, their versions and configurations.

#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object};

use crate::app::content_search::{self, Scope};
use crate::app::models;
use crate::domain::ids::{ModelConfigId, ModelId, ModelVersionId};
use crate::error::{Error, Result};
use crate::http::wallaroo::graphql::content_filters::{Cell, Column, Conditions, ModelVersionFilter};
use crate::http::wallaroo::graphql::context::read;
use crate::http::wallaroo::graphql::loader::{Appearances, Loader, fields};
use crate::http::wallaroo::graphql::objects::{ModelConfig, ModelVersion, Models};
use crate::http::wallaroo::graphql::orders::{ModelVersionOrderBy, Ranking, SortKey};
use crate::http::wallaroo::graphql::scalars::BigInt;
use crate::store::content_search::FoundModelVersion;

/// The text of a search.
#[derive(Debug, InputObject)]
#[graphql(name = "search_models_args")]
pub(super) struct SearchModels {
    /// A part of a name, a UUID, a SHA-256, a file name or a tag, in any case. Everything matches an empty text.
    search: Option<String>,
}

#[derive(Default)]
pub(super) struct ModelQueries;

#[Object(rename_fields = "snake_case")]
impl ModelQueries {
    /// The model versions that meet the conditions, ordered by id by default.
    #[graphql(complexity = "10 + child_complexity")]
    async fn model(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: Option<ModelVersionFilter>,
        #[graphql(name = "order_by")] order_by: Option<Vec<ModelVersionOrderBy>>,
        limit: Option<i32>,
    ) -> Result<Vec<Arc<ModelVersion>>> {
        let (conditions, ranking) = (Conditions::read(filter)?, Ranking::new(order_by, limit)?);
        read(ctx, |loader| find(ctx, loader, "", &conditions, ranking))
    }

    /// The model version with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn model_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<ModelVersion>>> {
        let id = ModelVersionId(id.0);
        read(ctx, |loader| Ok(loader.model_versions(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// The configuration with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn model_config_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<ModelConfig>> {
        read(ctx, |loader| match models::visible_config(loader.view, loader.actor, ModelConfigId(id.0)) {
            Ok(config) => loader.model_config(config, &ctx.look_ahead()).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// The model with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn models_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<Models>>> {
        let id = ModelId(id.0);
        read(ctx, |loader| Ok(loader.models(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// Searches the model versions that the caller can see.
    #[graphql(complexity = "10 + child_complexity")]
    async fn search_models(
        &self,
        ctx: &Context<'_>,
        args: SearchModels,
        #[graphql(name = "where")] filter: Option<ModelVersionFilter>,
        #[graphql(name = "order_by")] order_by: Option<Vec<ModelVersionOrderBy>>,
    ) -> Result<Vec<Arc<ModelVersion>>> {
        let (conditions, ranking) = (Conditions::read(filter)?, Ranking::new(order_by, None)?);
        let text = args.search.unwrap_or_default();
        read(ctx, |loader| find(ctx, loader, &text, &conditions, ranking))
    }
}

/// The model versions that have a text and meet the conditions.
fn find(
    ctx: &Context<'_>,
    loader: &Loader,
    text: &str,
    conditions: &Conditions,
    mut ranking: Ranking<ModelVersionOrderBy>,
) -> Result<Vec<Arc<ModelVersion>>> {
    let place = ctx.look_ahead();
    let fields = fields(&place);
    let is_named = |name: &str| conditions.allow(Column::WorkspaceName, Cell::Text(name));
    let scope = Scope {
        ids: conditions.numbers(Column::VersionId),
        uuids: conditions.texts(Column::VersionUuid),
        names: conditions.texts(Column::ModelName),
        workspaces: conditions.numbers(Column::WorkspaceId),
        workspace_named: if conditions.has(Column::WorkspaceName) { Some(&is_named) } else { None },
    };
    content_search::model_versions(loader.view, loader.actor, text, &scope, |found| {
        if meets(conditions, &found) {
            if !ranking.is_limited() {
                loader.count(1, fields)?;
            }
            let (created_at, updated_at) = (found.created_at, found.updated_at);
            ranking.add(SortKey { id: found.id.0, name: String::new(), created_at, updated_at });
        }
        Ok(())
    })?;
    let is_limited = ranking.is_limited();
    let ids: Vec<_> = ranking.finish().into_iter().map(ModelVersionId).collect();
    if is_limited {
        loader.count(ids.len(), fields)?;
    }
    let wanted = ids.iter().map(|id| (*id, 1)).collect();
    let found = loader.visible_model_versions(&wanted, &place)?;
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

fn meets(conditions: &Conditions, found: &FoundModelVersion) -> bool {
    conditions.allow(Column::VersionId, Cell::Number(found.id.0))
        && conditions.allow(Column::ModelName, Cell::Text(&found.name))
        && conditions.allow(Column::VersionUuid, Cell::Text(&found.uuid))
        && conditions.allow(Column::Owner, Cell::Text(found.owner.as_deref().unwrap_or_default()))
        && conditions.allow(Column::CreatedAt, Cell::Time(found.created_at))
        && conditions.allow(Column::UpdatedAt, Cell::Time(found.updated_at))
        && conditions.allow(Column::WorkspaceId, Cell::Number(found.workspace.0))
}
