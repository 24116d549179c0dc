//! The root fields about tags.

#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::app::{content_search, tags};
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelVersionId, PipelineId, TagId};
use crate::domain::tag::{self, TagName};
use crate::error::{Error, InField, Result};
use crate::http::wallaroo::graphql::content_filters::{Column, Conditions, ModelTagFilter, PipelineTagFilter};
use crate::http::wallaroo::graphql::context::{actor, affected, bounded, read, state};
use crate::http::wallaroo::graphql::loader::{Appearances, fields};
use crate::http::wallaroo::graphql::objects::{ModelTag, PipelineTag, Tag};
use crate::http::wallaroo::graphql::orders::{Ranking, SortKey, TagOrderBy};
use crate::http::wallaroo::graphql::scalars::BigInt;
use crate::store::Tx;

#[derive(Default)]
pub(super) struct TagQueries;

#[Object(rename_fields = "snake_case")]
impl TagQueries {
    /// The tags that the caller can see, ordered by id by default.
    #[graphql(complexity = "10 + child_complexity")]
    async fn tag(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "order_by")] order_by: Option<Vec<TagOrderBy>>,
    ) -> Result<Vec<Arc<Tag>>> {
        let mut ranking = Ranking::new(order_by, None)?;
        let place = ctx.look_ahead();
        let fields = fields(&place);
        read(ctx, |loader| {
            let mut rows = Vec::new();
            content_search::tags(loader.view, loader.actor, |tag| {
                loader.count(1, fields)?;
                ranking.add(SortKey { id: tag.id.0, ..SortKey::default() });
                rows.push(tag);
                Ok(())
            })?;
            let wanted = rows.iter().map(|tag| (tag.id, 1)).collect();
            let mut found = loader.tags_of(rows, &wanted, &place)?;
            Ok(ranking.finish().into_iter().filter_map(|id| found.remove(&TagId(id))).collect())
        })
    }

    /// The tag with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn tag_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<Tag>>> {
        let id = TagId(id.0);
        read(ctx, |loader| Ok(loader.tags(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }
}

/// A new tag.
#[derive(Debug, InputObject)]
#[graphql(name = "tag_insert_input")]
pub(super) struct TagInsert {
    /// The text: 1 to 255 characters.
    tag: Option<String>,
}

/// A new tag on a model version.
#[derive(Debug, InputObject)]
#[graphql(name = "model_tag_insert_input", rename_fields = "snake_case")]
pub(super) struct ModelTagInsert {
    /// The id of the model version.
    model_id: Option<BigInt>,
    /// The id of the tag.
    tag_id: Option<BigInt>,
}

/// A new tag on a pipeline.
#[derive(Debug, InputObject)]
#[graphql(name = "pipeline_tag_insert_input", rename_fields = "snake_case")]
pub(super) struct PipelineTagInsert {
    /// The id of the pipeline.
    pipeline_pk_id: Option<BigInt>,
    /// The id of the tag.
    tag_pk_id: Option<BigInt>,
}

#[derive(Default)]
pub(super) struct TagChanges;

#[Object(rename_fields = "snake_case")]
impl TagChanges {
    /// Creates tags.
    #[graphql(complexity = "10 + child_complexity")]
    async fn insert_tag(&self, ctx: &Context<'_>, objects: Vec<TagInsert>) -> Result<Option<ChangedTags>> {
        let name = |(n, object): (usize, TagInsert)| {
            let at = format!("objects[{n}].tag");
            let text = object.tag.ok_or_else(|| Error::invalid(at.clone(), "is required"))?;
            TagName::parse(&text).in_field(at)
        };
        let names = bounded(objects, "objects")?.into_iter().enumerate().map(name).collect::<Result<Vec<_>>>()?;
        let ids = tags::create_shared_within_limit(state(ctx)?, actor(ctx)?, names).await?;
        let wanted = ids.iter().map(|id| (*id, 1)).collect();
        let found = read(ctx, |loader| loader.tags(&wanted, &ctx.look_ahead().field("returning")))?;
        let returning: Vec<_> = ids.iter().filter_map(|id| found.get(id).cloned()).collect();
        Ok(Some(ChangedTags { affected_rows: affected(ids.len()), returning }))
    }

    /// Deletes a tag of the organization. Null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn delete_tag_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<Tag>>> {
        let id = TagId(id.0);
        let before = read(ctx, |loader| Ok(loader.tags(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))?;
        if before.is_some() {
            state(ctx)?.write_as(actor(ctx)?, move |tx, actor| tags::delete_shared(tx, actor, id)).await?;
        }
        Ok(before)
    }

    /// Attaches tags to model versions. A tag that is attached already stays attached.
    #[graphql(complexity = "10 + child_complexity")]
    async fn insert_model_tag(
        &self,
        ctx: &Context<'_>,
        objects: Vec<ModelTagInsert>,
    ) -> Result<Option<ChangedModelTags>> {
        let objects = bounded(objects, "objects")?.into_iter().map(|object| (object.model_id, object.tag_id));
        let mut pairs = pairs(objects, ["model_id", "tag_id"], ModelVersionId)?;
        pairs.sort_unstable();
        pairs.dedup();
        let attached = pairs.clone();
        let attach = move |tx: &Tx, actor: &Actor| {
            attached.iter().try_for_each(|(version, tag)| tags::attach_to_model_version(tx, actor, *version, *tag))
        };
        state(ctx)?.write_as(actor(ctx)?, attach).await?;
        ChangedModelTags::read(ctx, affected(pairs.len()), pairs).map(Some)
    }

    /// Detaches a tag from a model version. If it was not attached, no row is affected, and the row that the conditions
    /// name is returned.
    #[graphql(complexity = "10 + child_complexity")]
    async fn delete_model_tag(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: ModelTagFilter,
    ) -> Result<Option<ChangedModelTags>> {
        let named = named(filter, Column::VersionId, ["model_id", "tag_id"])?;
        let pairs: Vec<_> = named.into_iter().map(|(version, tag)| (ModelVersionId(version), tag)).collect();
        let asked = pairs.clone();
        let detach = move |tx: &Tx, actor: &Actor| {
            let mut detached = Vec::new();
            for (version, tag) in &asked {
                if tags::detach_from_model_version(tx, actor, *version, *tag)? {
                    detached.push((*version, *tag));
                }
            }
            Ok(detached)
        };
        let detached = state(ctx)?.write_as(actor(ctx)?, detach).await?;
        let rows = affected(detached.len());
        ChangedModelTags::read(ctx, rows, if detached.is_empty() { pairs } else { detached }).map(Some)
    }

    /// Attaches tags to pipelines. A tag that is attached already stays attached.
    #[graphql(complexity = "10 + child_complexity")]
    async fn insert_pipeline_tag(
        &self,
        ctx: &Context<'_>,
        objects: Vec<PipelineTagInsert>,
    ) -> Result<Option<ChangedPipelineTags>> {
        let objects = bounded(objects, "objects")?.into_iter().map(|object| (object.pipeline_pk_id, object.tag_pk_id));
        let mut pairs = pairs(objects, ["pipeline_pk_id", "tag_pk_id"], PipelineId)?;
        pairs.sort_unstable();
        pairs.dedup();
        let attach = move |tx: &Tx, actor: &Actor| {
            let attach = |pair: &(PipelineId, TagId)| tags::attach_to_pipeline(tx, actor, pair.0, pair.1);
            pairs.iter().map(attach).collect::<Result<Vec<_>>>()
        };
        let attached = state(ctx)?.write_as(actor(ctx)?, attach).await?;
        ChangedPipelineTags::read(ctx, affected(attached.len()), attached).map(Some)
    }

    /// Detaches a tag from a pipeline. If it was not attached, no row is affected, and the row that the conditions name is
    /// returned.
    #[graphql(complexity = "10 + child_complexity")]
    async fn delete_pipeline_tag(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: PipelineTagFilter,
    ) -> Result<Option<ChangedPipelineTags>> {
        let named = named(filter, Column::PipelineId, ["pipeline_pk_id", "tag_pk_id"])?;
        let pairs: Vec<_> = named.into_iter().map(|(pipeline, tag)| (PipelineId(pipeline), tag)).collect();
        let asked = pairs.clone();
        let detach = move |tx: &Tx, actor: &Actor| {
            let mut detached = Vec::new();
            for (pipeline, tag) in &asked {
                detached.extend(tags::detach_from_pipeline(tx, actor, *pipeline, *tag)?);
            }
            Ok(detached)
        };
        let detached = state(ctx)?.write_as(actor(ctx)?, detach).await?;
        let rows = affected(detached.len());
        let asked = pairs.into_iter().map(|(pipeline, tag)| tag::PipelineTag { id: NO_ID, pipeline, tag });
        ChangedPipelineTags::read(ctx, rows, if detached.is_empty() { asked.collect() } else { detached }).map(Some)
    }
}

/// Stands for the id of an attachment that does not exist.
const NO_ID: i64 = 0;

/// Reads the rows of an attachment: an object and a tag each.
fn pairs<K>(
    rows: impl Iterator<Item = (Option<BigInt>, Option<BigInt>)>,
    [object, tag]: [&str; 2],
    id: impl Fn(i64) -> K,
) -> Result<Vec<(K, TagId)>> {
    let required = |value: Option<BigInt>, n: usize, name: &str| {
        value.ok_or_else(|| Error::invalid(format!("objects[{n}].{name}"), "is required"))
    };
    let pair = |(n, row): (usize, (Option<BigInt>, Option<BigInt>))| {
        Ok((id(required(row.0, n, object)?.0), TagId(required(row.1, n, tag)?.0)))
    };
    rows.enumerate().map(pair).collect()
}

/// The attachments that conditions name: objects and tags by their ids.
fn named(
    filter: impl crate::http::wallaroo::graphql::content_filters::Filter,
    column: Column,
    [object, tag]: [&str; 2],
) -> Result<Vec<(i64, TagId)>> {
    use crate::http::wallaroo::graphql::content_filters::Cell;
    let conditions = Conditions::read(Some(filter))?;
    let (Some(objects), Some(tags)) = (conditions.numbers(column), conditions.numbers(Column::TagId)) else {
        return Err(Error::invalid("where", format!("must select {object} and {tag} with _eq or _in")));
    };
    let objects = objects.into_iter().filter(|id| conditions.allow(column, Cell::Number(*id)));
    let tags: Vec<_> = tags.into_iter().filter(|id| conditions.allow(Column::TagId, Cell::Number(*id))).collect();
    // The product can be huge: one pair more than is allowed is enough to refuse it.
    let all = objects.flat_map(|object| tags.iter().map(move |tag| (object, TagId(*tag))));
    bounded(all.take(MAX_NAMED + 1).collect(), "where")
}

/// More rows than [`bounded`] allows.
const MAX_NAMED: usize = 100;

/// Tags after a mutation.
#[derive(Debug, SimpleObject)]
#[graphql(name = "tag_mutation_response", rename_fields = "snake_case")]
pub(super) struct ChangedTags {
    /// The number of tags.
    affected_rows: i32,
    /// The tags.
    returning: Vec<Arc<Tag>>,
}

/// Attachments to model versions after a mutation.
#[derive(Debug, SimpleObject)]
#[graphql(name = "model_tag_mutation_response", rename_fields = "snake_case")]
pub(super) struct ChangedModelTags {
    /// The number of attachments.
    affected_rows: i32,
    /// The attachments.
    returning: Vec<ModelTag>,
}

impl ChangedModelTags {
    fn read(ctx: &Context<'_>, affected_rows: i32, pairs: Vec<(ModelVersionId, TagId)>) -> Result<Self> {
        let place = ctx.look_ahead().field("returning");
        let found = read(ctx, |loader| loader.model_tags(pairs, |_| 1, &place))?;
        Ok(Self { affected_rows, returning: found.into_iter().map(|(_, tag)| tag).collect() })
    }
}

/// Attachments to pipelines after a mutation.
#[derive(Debug, SimpleObject)]
#[graphql(name = "pipeline_tag_mutation_response", rename_fields = "snake_case")]
pub(super) struct ChangedPipelineTags {
    /// The number of attachments.
    affected_rows: i32,
    /// The attachments.
    returning: Vec<PipelineTag>,
}

impl ChangedPipelineTags {
    fn read(ctx: &Context<'_>, affected_rows: i32, attached: Vec<tag::PipelineTag>) -> Result<Self> {
        let place = ctx.look_ahead().field("returning");
        let returning = read(ctx, |loader| {
            loader.count(attached.len(), fields(&place))?;
            loader.pipeline_tags_of(attached, |_| 1, &place)
        })?;
        Ok(Self { affected_rows, returning })
    }
}
