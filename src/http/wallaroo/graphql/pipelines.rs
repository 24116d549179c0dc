//! Loads pipelines and their versions.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Lookahead;

use super::loader::{Appearances, Loader, Objects, fields, selects_more_than};
use super::models::owner_id;
use super::objects::{Pipeline, PipelineTag, PipelineVersion};
use super::orders::SortKey;
use super::scalars::{BigInt, UuidText};
use crate::app::content_sets;
use crate::domain::ids::{PipelineId, PipelineVersionId, WorkspaceId};
use crate::domain::pipeline;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// The fields of a version that are known without reading its row.
const KNOWN: [&str; 4] = ["id", "pipeline_publishes", "deployment_pipeline_versions", "deployment_model_configs"];

impl Loader<'_> {
    /// Those of these pipelines that the actor may see.
    pub(super) fn pipelines(
        &self,
        wanted: &Appearances<PipelineId>,
        place: &Lookahead,
    ) -> Result<Objects<PipelineId, Pipeline>> {
        if !place.exists() {
            return Ok(Objects::new());
        }
        let rows = content_sets::pipelines(self.view, self.actor, &wanted.ids())?;
        self.count(wanted.total(rows.iter().map(|pipeline| pipeline.id)), fields(place))?;
        self.pipelines_of(rows, wanted, place)
    }

    /// These pipelines, which the actor may see and whose fields are counted.
    pub(super) fn visible_pipelines(
        &self,
        wanted: &Appearances<PipelineId>,
        place: &Lookahead,
    ) -> Result<Objects<PipelineId, Pipeline>> {
        let rows = content_sets::pipelines(self.view, self.actor, &wanted.ids())?;
        self.pipelines_of(rows, wanted, place)
    }

    /// The pipelines of these workspaces that the actor may see.
    pub(super) fn pipelines_in(
        &self,
        workspaces: &Appearances<WorkspaceId>,
        place: &Lookahead,
    ) -> Result<HashMap<WorkspaceId, Vec<Arc<Pipeline>>>> {
        let mut inside: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(inside);
        }
        let (mut rows, mut wanted) = (Vec::new(), Appearances::default());
        let fields = fields(place);
        content_sets::pipelines_in(self.view, self.actor, &workspaces.ids(), |pipeline| {
            let times = workspaces.of(pipeline.workspace);
            self.count(times, fields)?;
            wanted.add(pipeline.id, times);
            rows.push(pipeline);
            Ok(())
        })?;
        rows.sort_unstable_by_key(|pipeline| pipeline.id);
        let order: Vec<_> = rows.iter().map(|pipeline| (pipeline.workspace, pipeline.id)).collect();
        let pipelines = self.pipelines_of(rows, &wanted, place)?;
        for (workspace, pipeline) in order {
            inside.entry(workspace).or_default().extend(pipelines.get(&pipeline).cloned());
        }
        Ok(inside)
    }

    fn pipelines_of(
        &self,
        rows: Vec<pipeline::Pipeline>,
        wanted: &Appearances<PipelineId>,
        place: &Lookahead,
    ) -> Result<Objects<PipelineId, Pipeline>> {
        let workspaces = rows.iter().map(|pipeline| (pipeline.workspace, wanted.of(pipeline.id))).collect();
        let workspaces = self.workspaces(&workspaces, &place.field("workspace"))?;
        let ids: Vec<_> = rows.iter().map(|pipeline| pipeline.id).collect();
        let mut versions = self.versions_of_pipelines(&ids, wanted, &place.field("pipeline_versions"))?;
        let mut tags = self.tags_of_pipelines(&ids, wanted, &place.field("pipeline_tags"))?;
        let object = |row: pipeline::Pipeline| {
            let object = Pipeline {
                id: BigInt(row.id.0),
                pipeline_id: row.name.as_str().to_owned(),
                created_at: Some(row.created_at.into()),
                updated_at: Some(row.updated_at.into()),
                visibility: Some(row.visibility.as_str()),
                owner_id: Some(owner_id(row.created_by.as_ref())),
                workspace_id: Some(BigInt(row.workspace.0)),
                workspace: workspaces.get(&row.workspace).cloned(),
                pipeline_tags: tags.remove(&row.id).unwrap_or_default(),
                deployment: None,
                versions: versions.remove(&row.id).unwrap_or_default(),
            };
            (row.id, Arc::new(object))
        };
        Ok(rows.into_iter().map(object).collect())
    }

    /// The versions of pipelines that the actor may see.
    fn versions_of_pipelines(
        &self,
        pipelines: &[PipelineId],
        wanted: &Appearances<PipelineId>,
        place: &Lookahead,
    ) -> Result<HashMap<PipelineId, Vec<Arc<PipelineVersion>>>> {
        let mut of_pipelines: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(of_pipelines);
        }
        let (mut found, mut versions) = (Vec::new(), Appearances::default());
        let fields = fields(place);
        content_sets::versions_of_pipelines(self.view, pipelines, |pipeline, version, created_at| {
            self.count(wanted.of(pipeline), fields)?;
            versions.add(version, wanted.of(pipeline));
            found.push((version, pipeline, created_at));
            Ok(())
        })?;
        let objects = if selects_more_than(place, &KNOWN) {
            let rows = content_sets::pipeline_versions(
                self.view,
                self.actor,
                &versions.ids(),
                place.field("definition").exists(),
            )?;
            self.pipeline_versions_of(rows, &versions, place)?
        } else {
            found.iter().map(|(version, _, created_at)| (*version, Arc::new(unread(*version, *created_at)))).collect()
        };
        found.sort_unstable();
        for (version, pipeline, _) in found {
            of_pipelines.entry(pipeline).or_default().extend(objects.get(&version).cloned());
        }
        Ok(of_pipelines)
    }

    /// These versions, which the actor may see and whose fields are counted. Reads nothing if only their ids are selected.
    pub(super) fn visible_pipeline_versions(
        &self,
        wanted: &Appearances<PipelineVersionId>,
        place: &Lookahead,
    ) -> Result<Objects<PipelineVersionId, PipelineVersion>> {
        if selects_more_than(place, &KNOWN) {
            let rows = content_sets::pipeline_versions(
                self.view,
                self.actor,
                &wanted.ids(),
                place.field("definition").exists(),
            )?;
            return self.pipeline_versions_of(rows, wanted, place);
        }
        let object = |id| (id, Arc::new(unread(id, Timestamp::EARLIEST)));
        Ok(wanted.ids().into_iter().map(object).collect())
    }

    /// Those of these versions that the actor may see.
    pub(super) fn pipeline_versions(
        &self,
        wanted: &Appearances<PipelineVersionId>,
        place: &Lookahead,
    ) -> Result<Objects<PipelineVersionId, PipelineVersion>> {
        let rows =
            content_sets::pipeline_versions(self.view, self.actor, &wanted.ids(), place.field("definition").exists())?;
        self.count(wanted.total(rows.iter().map(|version| version.id)), fields(place))?;
        self.pipeline_versions_of(rows, wanted, place)
    }

    fn pipeline_versions_of(
        &self,
        rows: Vec<pipeline::PipelineVersion>,
        wanted: &Appearances<PipelineVersionId>,
        place: &Lookahead,
    ) -> Result<Objects<PipelineVersionId, PipelineVersion>> {
        let pipelines = rows.iter().map(|version| (version.pipeline, wanted.of(version.id))).collect();
        let pipelines = self.pipelines(&pipelines, &place.field("pipeline"))?;
        let object = |row: pipeline::PipelineVersion| {
            let object = PipelineVersion {
                id: BigInt(row.id.0),
                version: Some(UuidText(row.uuid)),
                created_at: Some(row.created_at.into()),
                updated_at: Some(row.created_at.into()),
                pipeline_pk_id: Some(BigInt(row.pipeline.0)),
                pipeline: pipelines.get(&row.pipeline).cloned(),
                stored_definition: row.definition,
                key: SortKey {
                    id: row.id.0,
                    name: String::new(),
                    created_at: row.created_at,
                    updated_at: row.created_at,
                },
                ..PipelineVersion::default()
            };
            (row.id, Arc::new(object))
        };
        Ok(rows.into_iter().map(object).collect())
    }

    /// The tags of pipelines, in the order in which they were attached.
    fn tags_of_pipelines(
        &self,
        pipelines: &[PipelineId],
        wanted: &Appearances<PipelineId>,
        place: &Lookahead,
    ) -> Result<HashMap<PipelineId, Vec<PipelineTag>>> {
        let mut of_pipelines: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(of_pipelines);
        }
        let mut attached = Vec::new();
        let fields = fields(place);
        content_sets::tags_of_pipelines(self.view, pipelines, |one| {
            self.count(wanted.of(one.pipeline), fields)?;
            attached.push(one);
            Ok(())
        })?;
        for object in self.pipeline_tags_of(attached, |one| wanted.of(one.pipeline), place)? {
            of_pipelines.entry(PipelineId(object.pipeline_pk_id.0)).or_default().push(object);
        }
        Ok(of_pipelines)
    }
}

/// A version whose row is not read.
fn unread(id: PipelineVersionId, created_at: Timestamp) -> PipelineVersion {
    let key = SortKey { id: id.0, created_at, ..SortKey::default() };
    PipelineVersion { id: BigInt(id.0), key, ..PipelineVersion::default() }
}
