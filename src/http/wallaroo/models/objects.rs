//! The objects of models, versions and configurations, as lists and single answers contain them.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::workspaces::creator;
use crate::domain::creator::CreatedBy;
use crate::domain::json_text::JsonText;
use crate::domain::{model, workspace};

/// The UUID of a creator; empty if that account no longer exists.
fn owner_id(creator: Option<&CreatedBy>) -> String {
    creator.map(|creator| creator.uuid.to_string()).unwrap_or_default()
}

/// A model: a named series of versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct Model {
    /// The id.
    id: i64,
    /// The name, unique in the workspace.
    #[schema(example = "ccfraud")]
    name: String,
    /// The UUID of the creator; empty if that account no longer exists.
    owner_id: String,
    /// The time of creation.
    #[schema(example = "2024-07-11T16:51:50.885751+00:00")]
    created_at: String,
    /// The time of the last change.
    updated_at: String,
    /// The id of the workspace.
    workspace_id: i64,
}

impl Model {
    pub(super) fn new(model: &model::Model) -> Self {
        Self {
            id: model.id.0,
            name: model.name.as_str().to_owned(),
            owner_id: owner_id(model.created_by.as_ref()),
            created_at: model.created_at.trimmed(),
            updated_at: model.updated_at.trimmed(),
            workspace_id: model.workspace.0,
        }
    }
}

/// The workspace of a model in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelWorkspace {
    /// The id.
    id: i64,
    /// The name.
    name: String,
    /// Whether it is archived.
    archived: bool,
    /// The time of creation.
    created_at: String,
    /// The creator, as in the list of workspaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

impl ModelWorkspace {
    pub(super) fn new(workspace: &workspace::Workspace) -> Self {
        Self {
            id: workspace.id.0,
            name: workspace.name.as_str().to_owned(),
            archived: workspace.archived,
            created_at: workspace.created_at.trimmed(),
            created_by: workspace.created_by.as_ref().map(creator),
        }
    }
}

/// A version of a model and its configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfiguredVersion {
    model_version: Version,
    config: Option<Configuration>,
}

impl ConfiguredVersion {
    pub(super) fn new(version: &model::ModelVersion, config: Option<&model::ModelConfig>) -> Self {
        Self { model_version: Version::new(version), config: config.map(Configuration::new) }
    }
}

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelVersion)]
struct Version {
    /// The name of the model.
    name: String,
    /// `private` or `public`; it changes no rights.
    visibility: &'static str,
    /// The id of the workspace.
    workspace_id: i64,
    /// The conversion, as it was sent.
    #[schema(value_type = Option<Object>)]
    conversion: Option<JsonText>,
    /// The id of the version.
    id: i64,
    /// The image of a container registry, if the version has no file.
    image_path: Option<String>,
    /// Always `ready`: atelier keeps models, and does not convert them.
    #[schema(example = "ready")]
    status: &'static str,
    /// Always null.
    #[schema(value_type = Option<Uuid>)]
    task_id: (),
    file_info: FileInfo,
    /// The email address of the creator; empty if that account no longer exists.
    created_by: String,
    /// The time of creation.
    created_at: String,
    /// Always false: atelier does not run models.
    deployed: bool,
    /// Always null.
    #[schema(value_type = Option<String>)]
    error_summary: (),
}

/// The file of a version. For an image, it has no name and no bytes.
#[derive(Debug, Serialize, ToSchema)]
struct FileInfo {
    /// The UUID of the version.
    version: Uuid,
    /// The SHA-256 of the file.
    sha: String,
    /// The base name of the file.
    file_name: String,
    /// The size in bytes.
    size: u64,
}

/// The status of every version.
pub(super) const READY: &str = "ready";

impl Version {
    fn new(version: &model::ModelVersion) -> Self {
        Self {
            name: version.name.as_str().to_owned(),
            visibility: version.visibility.as_str(),
            workspace_id: version.workspace.0,
            conversion: version.conversion.clone(),
            id: version.id.0,
            image_path: version.image_path.clone(),
            status: READY,
            task_id: (),
            file_info: FileInfo {
                version: version.uuid,
                sha: sha(version),
                file_name: version.file_name.clone(),
                size: version.file.map_or(0, |file| file.size),
            },
            created_by: version.created_by.as_ref().map(|creator| creator.email.to_string()).unwrap_or_default(),
            created_at: version.created_at.trimmed(),
            deployed: false,
            error_summary: (),
        }
    }
}

fn sha(version: &model::ModelVersion) -> String {
    version.file.map(|file| file.sha256.to_string()).unwrap_or_default()
}

/// A configuration of a version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelConfig)]
pub(super) struct Configuration {
    /// The id of the configuration.
    id: i64,
    /// The id of the version.
    model_version_id: i64,
    /// `onnx`, `tensorflow`, `flight` or `mlflow`.
    runtime: &'static str,
    /// The threshold of a filter.
    filter_threshold: Option<f64>,
    /// The names of the input tensors.
    tensor_fields: Option<Vec<String>>,
    /// The schema of the input: base64 of Arrow's IPC format.
    input_schema: Option<String>,
    /// The schema of the output.
    output_schema: Option<String>,
    /// `single` or `dynamic`.
    batch_config: Option<String>,
    /// The dynamic batching, as it was sent.
    #[schema(value_type = Option<Object>)]
    dynamic_batching_config: Option<JsonText>,
    /// The continuous batching, as it was sent.
    #[schema(value_type = Option<Object>)]
    continuous_batching_config: Option<JsonText>,
    /// Always null.
    #[schema(value_type = Option<i64>)]
    queue_depth: (),
    /// Always null.
    #[schema(value_type = Option<String>)]
    sidekick_uri: (),
    /// The settings of the interface that `OpenAI` clients use, as they were sent.
    #[schema(value_type = Option<Object>)]
    openai: Option<JsonText>,
}

impl Configuration {
    pub(super) fn new(config: &model::ModelConfig) -> Self {
        let settings = config.settings.clone();
        Self {
            id: config.id.0,
            model_version_id: config.version.0,
            runtime: settings.runtime.as_str(),
            filter_threshold: settings.filter_threshold,
            tensor_fields: settings.tensor_fields,
            input_schema: settings.input_schema,
            output_schema: settings.output_schema,
            batch_config: settings.batch_config,
            dynamic_batching_config: settings.dynamic_batching_config,
            continuous_batching_config: settings.continuous_batching_config,
            queue_depth: (),
            sidekick_uri: (),
            openai: settings.openai,
        }
    }
}

/// A version of a model in the list of its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedModelVersion {
    /// The SHA-256 of the file; empty for an image.
    sha: String,
    /// The id of the model.
    models_pk_id: i64,
    /// The UUID of the version.
    model_version: Uuid,
    /// The UUID of the creator; empty if that account no longer exists.
    owner_id: String,
    /// The name of the model.
    model_id: String,
    /// The id of the version.
    id: i64,
    /// The base name of the file; empty for an image.
    file_name: String,
    /// The image of a container registry, if the version has no file.
    image_path: Option<String>,
}

impl ListedModelVersion {
    pub(super) fn new(version: &model::ModelVersion) -> Self {
        Self {
            sha: sha(version),
            models_pk_id: version.model.0,
            model_version: version.uuid,
            owner_id: owner_id(version.created_by.as_ref()),
            model_id: version.name.as_str().to_owned(),
            id: version.id.0,
            file_name: version.file_name.clone(),
            image_path: version.image_path.clone(),
        }
    }
}
