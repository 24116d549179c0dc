//! Loads tags and the objects that have them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Lookahead;

use super::loader::{Appearances, Loader, Objects, fields};
use super::objects::{ModelTag, PipelineTag, Tag};
use super::scalars::BigInt;
use crate::app::content_sets;
use crate::domain::ids::TagId;
use crate::domain::tag;
use crate::error::Result;

impl Loader<'_> {
    /// Those of these tags that the actor may see.
    pub(super) fn tags(&self, wanted: &Appearances<TagId>, place: &Lookahead) -> Result<Objects<TagId, Tag>> {
        let rows = content_sets::tags(self.view, self.actor, &wanted.ids())?;
        self.count(wanted.total(rows.iter().map(|tag| tag.id)), fields(place))?;
        self.tags_of(rows, wanted, place)
    }

    /// These tags, which the actor may see and whose fields are counted.
    pub(super) fn tags_of(
        &self,
        rows: Vec<tag::Tag>,
        wanted: &Appearances<TagId>,
        place: &Lookahead,
    ) -> Result<Objects<TagId, Tag>> {
        let ids: Vec<_> = rows.iter().map(|tag| tag.id).collect();
        let mut on_models = self.models_with_tags(&ids, wanted, &place.field("model_tags"))?;
        let mut on_pipelines = self.pipelines_with_tags(&ids, wanted, &place.field("pipeline_tags"))?;
        let object = |row: tag::Tag| {
            let object = Tag {
                id: BigInt(row.id.0),
                tag: row.name.as_str().to_owned(),
                model_tags: on_models.remove(&row.id).unwrap_or_default(),
                pipeline_tags: on_pipelines.remove(&row.id).unwrap_or_default(),
            };
            (row.id, Arc::new(object))
        };
        Ok(rows.into_iter().map(object).collect())
    }

    /// The model versions with these tags, by id.
    fn models_with_tags(
        &self,
        tags: &[TagId],
        wanted: &Appearances<TagId>,
        place: &Lookahead,
    ) -> Result<HashMap<TagId, Vec<ModelTag>>> {
        let mut of_tags: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(of_tags);
        }
        let (mut pairs, mut versions, mut inner) = (Vec::new(), Appearances::default(), Appearances::default());
        let (at_model, at_tag) = (place.field("model"), place.field("tag"));
        let fields = fields(place) + fields(&at_model);
        content_sets::model_versions_of_tags(self.view, self.actor, tags, |tag, version| {
            self.count(wanted.of(tag), fields)?;
            versions.add(version, wanted.of(tag));
            inner.add(tag, wanted.of(tag));
            pairs.push((version, tag));
            Ok(())
        })?;
        let versions =
            if at_model.exists() { self.visible_model_versions(&versions, &at_model)? } else { Objects::new() };
        let tags = if at_tag.exists() { self.tags(&inner, &at_tag)? } else { Objects::new() };
        pairs.sort_unstable();
        for (version, tag) in pairs {
            of_tags.entry(tag).or_default().push(ModelTag {
                model_id: BigInt(version.0),
                tag_id: BigInt(tag.0),
                model: versions.get(&version).cloned(),
                tag: tags.get(&tag).cloned(),
            });
        }
        Ok(of_tags)
    }

    /// The pipelines with these tags, in the order in which they were attached.
    fn pipelines_with_tags(
        &self,
        tags: &[TagId],
        wanted: &Appearances<TagId>,
        place: &Lookahead,
    ) -> Result<HashMap<TagId, Vec<PipelineTag>>> {
        let mut of_tags: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(of_tags);
        }
        let mut attached = Vec::new();
        let fields = fields(place);
        content_sets::pipelines_of_tags(self.view, self.actor, tags, |one| {
            self.count(wanted.of(one.tag), fields)?;
            attached.push(one);
            Ok(())
        })?;
        for object in self.pipeline_tags_of(attached, |one| wanted.of(one.tag), place)? {
            of_tags.entry(TagId(object.tag_pk_id.0)).or_default().push(object);
        }
        Ok(of_tags)
    }

    /// The attachments of tags to pipelines that the actor may see: those of visible tags. Their fields are counted.
    pub(super) fn pipeline_tags_of(
        &self,
        mut attached: Vec<tag::PipelineTag>,
        times: impl Fn(&tag::PipelineTag) -> usize,
        place: &Lookahead,
    ) -> Result<Vec<PipelineTag>> {
        let tags = attached.iter().map(|one| (one.tag, times(one))).collect();
        let tags = self.tags(&tags, &place.field("tag"))?;
        attached.retain(|one| tags.contains_key(&one.tag));
        attached.sort_unstable_by_key(|one| one.id);
        let pipelines = attached.iter().map(|one| (one.pipeline, times(one))).collect();
        let pipelines = self.pipelines(&pipelines, &place.field("pipeline"))?;
        let object = |one: tag::PipelineTag| PipelineTag {
            id: Some(BigInt(one.id)),
            pipeline_pk_id: BigInt(one.pipeline.0),
            tag_pk_id: BigInt(one.tag.0),
            pipeline: pipelines.get(&one.pipeline).cloned(),
            tag: tags.get(&one.tag).cloned(),
        };
        Ok(attached.into_iter().map(object).collect())
    }
}
