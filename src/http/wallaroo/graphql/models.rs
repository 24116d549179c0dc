//! Loads models, their versions and configurations.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Lookahead;

use super::json::StoredJson;
use super::loader::{Appearances, Loader, Objects, fields, selects_more_than};
use super::objects::{ModelConfig, ModelTag, ModelVersion, Models};
use super::orders::SortKey;
use super::scalars::{BigInt, Bpchar, Float8};
use crate::app::content_sets;
use crate::domain::creator::CreatedBy;
use crate::domain::ids::{ModelId, ModelVersionId, TagId, WorkspaceId};
use crate::domain::model;
use crate::error::Result;

/// The UUID of a creator, or an empty string, which clients take for unknown.
pub(super) fn owner_id(creator: Option<&CreatedBy>) -> String {
    creator.map(|creator| creator.uuid.to_string()).unwrap_or_default()
}

impl Loader<'_> {
    /// Those of these models that the actor may see.
    pub(super) fn models(&self, wanted: &Appearances<ModelId>, place: &Lookahead) -> Result<Objects<ModelId, Models>> {
        if !place.exists() {
            return Ok(Objects::new());
        }
        let rows = content_sets::models(self.view, self.actor, &wanted.ids())?;
        self.count(wanted.total(rows.iter().map(|model| model.id)), fields(place))?;
        self.models_of(rows, wanted, place)
    }

    /// The models of these workspaces that the actor may see.
    pub(super) fn models_in(
        &self,
        workspaces: &Appearances<WorkspaceId>,
        place: &Lookahead,
    ) -> Result<HashMap<WorkspaceId, Vec<Arc<Models>>>> {
        let mut inside: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(inside);
        }
        let (mut rows, mut wanted) = (Vec::new(), Appearances::default());
        let fields = fields(place);
        content_sets::models_in(self.view, self.actor, &workspaces.ids(), |model| {
            let times = workspaces.of(model.workspace);
            self.count(times, fields)?;
            wanted.add(model.id, times);
            rows.push(model);
            Ok(())
        })?;
        rows.sort_unstable_by_key(|model| model.id);
        let order: Vec<_> = rows.iter().map(|model| (model.workspace, model.id)).collect();
        let models = self.models_of(rows, &wanted, place)?;
        for (workspace, model) in order {
            inside.entry(workspace).or_default().extend(models.get(&model).cloned());
        }
        Ok(inside)
    }

    fn models_of(
        &self,
        rows: Vec<model::Model>,
        wanted: &Appearances<ModelId>,
        place: &Lookahead,
    ) -> Result<Objects<ModelId, Models>> {
        let workspaces = rows.iter().map(|model| (model.workspace, wanted.of(model.id))).collect();
        let workspaces = self.workspaces(&workspaces, &place.field("workspace"))?;
        let ids: Vec<_> = rows.iter().map(|model| model.id).collect();
        let mut versions = self.versions_of_models(&ids, wanted, &place.field("models"))?;
        let object = |row: model::Model| {
            let object = Models {
                id: BigInt(row.id.0),
                name: row.name.as_str().to_owned(),
                owner_id: owner_id(row.created_by.as_ref()),
                workspace_id: Some(BigInt(row.workspace.0)),
                created_at: Some(row.created_at.into()),
                updated_at: Some(row.updated_at.into()),
                workspace: workspaces.get(&row.workspace).cloned(),
                models: versions.remove(&row.id).unwrap_or_default(),
                key: SortKey {
                    id: row.id.0,
                    name: row.name.as_str().to_owned(),
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                },
            };
            (row.id, Arc::new(object))
        };
        Ok(rows.into_iter().map(object).collect())
    }

    /// The versions of models that the actor may see, oldest first.
    fn versions_of_models(
        &self,
        models: &[ModelId],
        wanted: &Appearances<ModelId>,
        place: &Lookahead,
    ) -> Result<HashMap<ModelId, Vec<Arc<ModelVersion>>>> {
        let mut of_models: HashMap<_, Vec<_>> = HashMap::new();
        if !place.exists() {
            return Ok(of_models);
        }
        let (mut pairs, mut versions) = (Vec::new(), Appearances::default());
        let fields = fields(place);
        content_sets::versions_of_models(self.view, models, |model, version| {
            self.count(wanted.of(model), fields)?;
            versions.add(version, wanted.of(model));
            pairs.push((version, model));
            Ok(())
        })?;
        let objects = self.visible_model_versions(&versions, place)?;
        pairs.sort_unstable();
        for (version, model) in pairs {
            of_models.entry(model).or_default().extend(objects.get(&version).cloned());
        }
        Ok(of_models)
    }

    /// Those of these versions that the actor may see.
    pub(super) fn model_versions(
        &self,
        wanted: &Appearances<ModelVersionId>,
        place: &Lookahead,
    ) -> Result<Objects<ModelVersionId, ModelVersion>> {
        if !place.exists() {
            return Ok(Objects::new());
        }
        let rows =
            content_sets::model_versions(self.view, self.actor, &wanted.ids(), place.field("conversion").exists())?;
        self.count(wanted.total(rows.iter().map(|version| version.id)), fields(place))?;
        self.model_versions_of(rows, wanted, place)
    }

    /// These versions, which the actor may see and whose fields are counted. Reads nothing if only their ids are selected.
    pub(super) fn visible_model_versions(
        &self,
        wanted: &Appearances<ModelVersionId>,
        place: &Lookahead,
    ) -> Result<Objects<ModelVersionId, ModelVersion>> {
        if selects_more_than(place, &["id"]) {
            let rows =
                content_sets::model_versions(self.view, self.actor, &wanted.ids(), place.field("conversion").exists())?;
            return self.model_versions_of(rows, wanted, place);
        }
        let object = |id: ModelVersionId| ModelVersion { id: BigInt(id.0), ..ModelVersion::default() };
        Ok(wanted.ids().into_iter().map(|id| (id, Arc::new(object(id)))).collect())
    }

    fn model_versions_of(
        &self,
        rows: Vec<model::ModelVersion>,
        wanted: &Appearances<ModelVersionId>,
        place: &Lookahead,
    ) -> Result<Objects<ModelVersionId, ModelVersion>> {
        let models = rows.iter().map(|version| (version.model, wanted.of(version.id))).collect();
        let models = self.models(&models, &place.field("model"))?;
        let ids: Vec<_> = rows.iter().map(|version| version.id).collect();
        let mut tags = self.tags_of_versions(&ids, wanted, &place.field("model_tags"))?;
        let object = |row: model::ModelVersion| {
            let object = ModelVersion {
                id: BigInt(row.id.0),
                model_id: row.name.as_str().to_owned(),
                model_version: row.uuid.to_string(),
                models_pk_id: Some(BigInt(row.model.0)),
                sha: Some(Bpchar(row.file.map(|file| file.sha256.to_string()).unwrap_or_default())),
                status: Some("ready"),
                error_summary: None,
                file_name: Some(row.file_name),
                image_path: row.image_path,
                updated_at: Some(row.updated_at.into()),
                created_at: Some(row.created_at.into()),
                visibility: Some(row.visibility.as_str()),
                owner_id: Some(owner_id(row.created_by.as_ref())),
                created_on_version: None,
                task_id: None,
                model_tags: tags.remove(&row.id).unwrap_or_default(),
                model: models.get(&row.model).cloned(),
                stored_conversion: row.conversion,
            };
            (row.id, Arc::new(object))
        };
        Ok(rows.into_iter().map(object).collect())
    }

    /// The tags of versions, by id.
    fn tags_of_versions(
        &self,
        versions: &[ModelVersionId],
        wanted: &Appearances<ModelVersionId>,
        place: &Lookahead,
    ) -> Result<HashMap<ModelVersionId, Vec<ModelTag>>> {
        if !place.exists() {
            return Ok(HashMap::new());
        }
        let mut pairs = Vec::new();
        content_sets::tags_of_model_versions(self.view, versions, |version, tag| {
            pairs.push((version, tag));
            Ok(())
        })?;
        let mut of_versions: HashMap<_, Vec<_>> = HashMap::new();
        for (version, tag) in self.model_tags(pairs, |(version, _)| wanted.of(version), place)? {
            of_versions.entry(version).or_default().push(tag);
        }
        Ok(of_versions)
    }

    /// The attachments of tags to versions that the actor may see: those of visible tags, by version and tag.
    pub(super) fn model_tags(
        &self,
        mut pairs: Vec<(ModelVersionId, TagId)>,
        times: impl Fn((ModelVersionId, TagId)) -> usize,
        place: &Lookahead,
    ) -> Result<Vec<(ModelVersionId, ModelTag)>> {
        let tags = pairs.iter().map(|pair| (pair.1, times(*pair))).collect();
        let tags = self.tags(&tags, &place.field("tag"))?;
        pairs.retain(|(_, tag)| tags.contains_key(tag));
        pairs.sort_unstable();
        self.count(pairs.iter().map(|pair| times(*pair)).fold(0, usize::saturating_add), fields(place))?;
        let versions = pairs.iter().map(|pair| (pair.0, times(*pair))).collect();
        let versions = self.model_versions(&versions, &place.field("model"))?;
        let object = |(version, tag): (ModelVersionId, TagId)| ModelTag {
            model_id: BigInt(version.0),
            tag_id: BigInt(tag.0),
            model: versions.get(&version).cloned(),
            tag: tags.get(&tag).cloned(),
        };
        Ok(pairs.into_iter().map(|pair| (pair.0, object(pair))).collect())
    }

    /// A configuration of a version that the actor may see.
    pub(super) fn model_config(&self, config: model::ModelConfig, place: &Lookahead) -> Result<ModelConfig> {
        let version = config.version;
        let versions = self.model_versions(&Appearances::once(version), &place.field("model"))?;
        let settings = config.settings;
        Ok(ModelConfig {
            id: BigInt(config.id.0),
            filter_threshold: settings.filter_threshold.map(Float8),
            model: versions.get(&version).cloned(),
            runtime: settings.runtime.as_str(),
            tensor_fields: settings.tensor_fields.as_deref().map(StoredJson::strings),
            dynamic_batching_config: settings.dynamic_batching_config.as_ref().map(StoredJson::from),
            continuous_batching_config: settings.continuous_batching_config.as_ref().map(StoredJson::from),
            openai: settings.openai.as_ref().map(StoredJson::from),
            input_schema: settings.input_schema,
            output_schema: settings.output_schema,
        })
    }
}
