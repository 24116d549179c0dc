//! The objects of a document, which refer to one another. The loader fills in the fields that the document selects; other
//! fields are empty.

#![expect(clippy::struct_field_names, reason = "the contract names the fields")]
#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use std::sync::Arc;

use async_graphql::{ComplexObject, SimpleObject};

use super::deployments::{
    DeploymentModelConfigColumn, DeploymentPipelineVersionOrderBy, PipelinePublish, without_objects,
};
use super::json::StoredJson;
use super::lists::MemberList;
use super::orders::{ModelsOrderBy, PipelineVersionOrderBy, SortKey, limited, sorted};
use super::scalars::{BigInt, Bpchar, Float8, Timestamptz, UuidText};
use crate::domain::json_text::JsonText;
use crate::error::Result;

/// A workspace, which contains models and pipelines.
#[derive(Debug, SimpleObject)]
#[graphql(name = "workspace", rename_fields = "snake_case", complex)]
pub(super) struct Workspace {
    /// The id.
    pub(super) id: BigInt,
    /// The name, unique among workspaces.
    pub(super) name: String,
    /// Whether it is archived.
    pub(super) archived: bool,
    /// The time of creation.
    pub(super) created_at: Timestamptz,
    /// The creator: a UUID, or the email address for a user's default workspace; null if that account no longer exists.
    pub(super) created_by: Option<String>,
    /// The UUID of the creator; null if that account no longer exists.
    pub(super) owner_id: Option<String>,
    /// The members, in the order in which they joined.
    pub(super) users: MemberList,
    /// The pipelines, ordered by id.
    pub(super) pipelines: Vec<Arc<Pipeline>>,
    #[graphql(skip)]
    pub(super) all_models: Vec<Arc<Models>>,
}

#[ComplexObject(rename_fields = "snake_case", rename_args = "snake_case")]
impl Workspace {
    /// The models, ordered by id by default.
    async fn models(&self, order_by: Option<Vec<ModelsOrderBy>>) -> Vec<Arc<Models>> {
        sorted(&self.all_models, |model| &model.key, order_by.as_deref())
    }
}

/// A model: a named series of versions, which the field `models` contains.
#[derive(Debug, Default, SimpleObject)]
#[graphql(name = "models", rename_fields = "snake_case")]
pub(super) struct Models {
    /// The id.
    pub(super) id: BigInt,
    /// The name, unique in the workspace.
    pub(super) name: String,
    /// The UUID of the creator; empty if that account no longer exists.
    pub(super) owner_id: String,
    /// The id of the workspace.
    pub(super) workspace_id: Option<BigInt>,
    /// The time of creation.
    pub(super) created_at: Option<Timestamptz>,
    /// The time of the last change.
    pub(super) updated_at: Option<Timestamptz>,
    /// The workspace.
    pub(super) workspace: Option<Arc<Workspace>>,
    /// The versions of the model, oldest first.
    pub(super) models: Vec<Arc<ModelVersion>>,
    #[graphql(skip)]
    pub(super) key: SortKey,
}

/// A version of a model.
#[derive(Debug, Default, SimpleObject)]
#[graphql(name = "model", rename_fields = "snake_case", complex)]
pub(super) struct ModelVersion {
    /// The id.
    pub(super) id: BigInt,
    /// The name of the model.
    pub(super) model_id: String,
    /// The UUID of the version.
    pub(super) model_version: String,
    /// The id of the model.
    pub(super) models_pk_id: Option<BigInt>,
    /// The SHA-256 of the file in hexadecimal digits; empty for an image.
    pub(super) sha: Option<Bpchar>,
    /// Always `ready`.
    pub(super) status: Option<&'static str>,
    /// Always null.
    pub(super) error_summary: Option<String>,
    /// The name of the uploaded file; empty for an image.
    pub(super) file_name: Option<String>,
    /// The image of a container registry.
    pub(super) image_path: Option<String>,
    /// The time of the last change.
    pub(super) updated_at: Option<Timestamptz>,
    /// The time of creation.
    pub(super) created_at: Option<Timestamptz>,
    /// `private` or `public`.
    pub(super) visibility: Option<&'static str>,
    /// The UUID of the creator; empty if that account no longer exists.
    pub(super) owner_id: Option<String>,
    /// Always null.
    pub(super) created_on_version: Option<String>,
    /// Always null.
    pub(super) task_id: Option<String>,
    /// The tags, ordered by id.
    pub(super) model_tags: Vec<ModelTag>,
    /// The model.
    pub(super) model: Option<Arc<Models>>,
    #[graphql(skip)]
    pub(super) stored_conversion: Option<JsonText>,
}

#[ComplexObject(rename_fields = "snake_case", rename_args = "snake_case")]
impl ModelVersion {
    /// The conversion that the client asked for, or its value at a path such as `accel` or `$.requirements[0]`.
    async fn conversion(&self, path: Option<String>) -> Result<Option<StoredJson>> {
        StoredJson::at(self.stored_conversion.as_ref(), path.as_deref())
    }
}

/// A configuration of a model version.
#[derive(Debug, SimpleObject)]
#[graphql(name = "model_config", rename_fields = "snake_case")]
pub(super) struct ModelConfig {
    /// The id.
    pub(super) id: BigInt,
    /// The threshold of the filter.
    pub(super) filter_threshold: Option<Float8>,
    /// The model version.
    pub(super) model: Option<Arc<ModelVersion>>,
    /// `onnx`, `tensorflow`, `flight` or `mlflow`.
    pub(super) runtime: &'static str,
    /// The names of the tensors.
    pub(super) tensor_fields: Option<StoredJson>,
    /// The settings of dynamic batching.
    pub(super) dynamic_batching_config: Option<StoredJson>,
    /// The settings of continuous batching.
    pub(super) continuous_batching_config: Option<StoredJson>,
    /// The settings of the `OpenAI` interface.
    pub(super) openai: Option<StoredJson>,
    /// The schema of the input: base64 of Arrow's IPC format.
    pub(super) input_schema: Option<String>,
    /// The schema of the output: base64 of Arrow's IPC format.
    pub(super) output_schema: Option<String>,
}

/// A pipeline: a named series of versions.
#[derive(Debug, Default, SimpleObject)]
#[graphql(name = "pipeline", rename_fields = "snake_case", complex)]
pub(super) struct Pipeline {
    /// The id.
    pub(super) id: BigInt,
    /// The name.
    pub(super) pipeline_id: String,
    /// The time of creation.
    pub(super) created_at: Option<Timestamptz>,
    /// The time of the last change.
    pub(super) updated_at: Option<Timestamptz>,
    /// `private` or `public`.
    pub(super) visibility: Option<&'static str>,
    /// The UUID of the creator; empty if that account no longer exists.
    pub(super) owner_id: Option<String>,
    /// The id of the workspace.
    pub(super) workspace_id: Option<BigInt>,
    /// The workspace.
    pub(super) workspace: Option<Arc<Workspace>>,
    /// The tags, in the order in which they were attached.
    pub(super) pipeline_tags: Vec<PipelineTag>,
    /// Always null: pipelines are not deployed.
    pub(super) deployment: Option<Deployment>,
    #[graphql(skip)]
    pub(super) versions: Vec<Arc<PipelineVersion>>,
}

#[ComplexObject(rename_fields = "snake_case", rename_args = "snake_case")]
impl Pipeline {
    /// The versions, ordered by id by default.
    async fn pipeline_versions(
        &self,
        order_by: Option<Vec<PipelineVersionOrderBy>>,
        limit: Option<i32>,
    ) -> Result<Vec<Arc<PipelineVersion>>> {
        limited(sorted(&self.versions, |version| &version.key, order_by.as_deref()), limit)
    }
}

/// A version of a pipeline.
#[derive(Debug, Default, SimpleObject)]
#[graphql(name = "pipeline_version", rename_fields = "snake_case", complex)]
pub(super) struct PipelineVersion {
    /// The id.
    pub(super) id: BigInt,
    /// The UUID of the version.
    pub(super) version: Option<UuidText>,
    /// Always null.
    pub(super) created_on_version: Option<String>,
    /// The time of creation.
    pub(super) created_at: Option<Timestamptz>,
    /// The time of creation: a version does not change.
    pub(super) updated_at: Option<Timestamptz>,
    /// The id of the pipeline.
    pub(super) pipeline_pk_id: Option<BigInt>,
    /// The pipeline.
    pub(super) pipeline: Option<Arc<Pipeline>>,
    /// Always empty.
    pub(super) deployment_pipeline_versions: Vec<DeploymentPipelineVersion>,
    /// Always empty.
    pub(super) deployment_model_configs: Vec<DeploymentModelConfig>,
    /// Always empty: pipelines are not published.
    pub(super) pipeline_publishes: Vec<PipelinePublish>,
    #[graphql(skip)]
    pub(super) stored_definition: Option<JsonText>,
    #[graphql(skip)]
    pub(super) key: SortKey,
}

#[ComplexObject(rename_fields = "snake_case", rename_args = "snake_case")]
impl PipelineVersion {
    /// The definition as the client sent it, or its value at a path such as `steps` or `$.steps[0]`.
    async fn definition(&self, path: Option<String>) -> Result<Option<StoredJson>> {
        StoredJson::at(self.stored_definition.as_ref(), path.as_deref())
    }
}

/// A tag of model versions and pipelines.
#[derive(Debug, SimpleObject)]
#[graphql(name = "tag", rename_fields = "snake_case")]
pub(super) struct Tag {
    /// The id.
    pub(super) id: BigInt,
    /// The text.
    pub(super) tag: String,
    /// The model versions with the tag, ordered by id.
    pub(super) model_tags: Vec<ModelTag>,
    /// The pipelines with the tag, in the order in which it was attached.
    pub(super) pipeline_tags: Vec<PipelineTag>,
}

/// A tag on a model version.
#[derive(Debug, SimpleObject)]
#[graphql(name = "model_tag", rename_fields = "snake_case")]
pub(super) struct ModelTag {
    /// The id of the model version.
    pub(super) model_id: BigInt,
    /// The id of the tag.
    pub(super) tag_id: BigInt,
    /// The model version.
    pub(super) model: Option<Arc<ModelVersion>>,
    /// The tag.
    pub(super) tag: Option<Arc<Tag>>,
}

/// A tag on a pipeline.
#[derive(Debug, SimpleObject)]
#[graphql(name = "pipeline_tag", rename_fields = "snake_case")]
pub(super) struct PipelineTag {
    /// The id of the attachment.
    pub(super) id: Option<BigInt>,
    /// The id of the pipeline.
    pub(super) pipeline_pk_id: BigInt,
    /// The id of the tag.
    pub(super) tag_pk_id: BigInt,
    /// The pipeline.
    pub(super) pipeline: Option<Arc<Pipeline>>,
    /// The tag.
    pub(super) tag: Option<Arc<Tag>>,
}

without_objects! {
    /// A deployed pipeline.
    Deployment "deployment" {
        /// The id.
        id: BigInt,
        /// The name.
        deploy_id: Option<String>,
        /// Whether it runs.
        deployed: Option<bool>,
        /// The configuration of the engine.
        engine_config: Option<StoredJson>,
        /// The status of limits.
        limit_status: Option<String>,
        /// The pipeline.
        pipeline: Option<Pipeline>,
        /// The configurations of its models.
        deployment_model_configs: Vec<DeploymentModelConfig>,
        /// The same.
        deployment_model_configs_aggregate(distinct_on: Vec<DeploymentModelConfigColumn>): DeploymentModelConfigs,
        /// The versions of the pipeline.
        deployment_pipeline_versions(order_by: Vec<DeploymentPipelineVersionOrderBy>): Vec<DeploymentPipelineVersion>,
    }
}

without_objects! {
    /// A configuration of a model in a deployment.
    DeploymentModelConfig "deployment_model_configs" {
        /// The id.
        id: BigInt,
        /// The id of the deployment.
        deployment_id: Option<BigInt>,
        /// The id of the configuration.
        model_config_id: Option<BigInt>,
        /// The configuration.
        model_config: Option<ModelConfig>,
    }
}

without_objects! {
    /// The configurations of a deployment.
    DeploymentModelConfigs "deployment_model_configs_aggregate" {
        /// The configurations.
        nodes: Vec<DeploymentModelConfig>,
    }
}

without_objects! {
    /// A version of a pipeline in a deployment.
    DeploymentPipelineVersion "deployment_pipeline_version" {
        /// The time of creation.
        created_at: Option<Timestamptz>,
        /// The time of the last change.
        updated_at: Option<Timestamptz>,
        /// The deployment.
        deployment: Option<Deployment>,
        /// The version of the pipeline.
        pipeline_version: Option<PipelineVersion>,
    }
}
