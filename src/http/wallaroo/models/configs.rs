//! Configurations of versions of models.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::Body;
use super::super::failure::{AlwaysRefusals, Refusal};
use super::super::{Caller, Failure};
use super::objects::Configuration;
use crate::app::models;
use crate::app::runtime::state::AppState;
use crate::domain::arrow_schema::ArrowSchema;
use crate::domain::ids::ModelVersionId;
use crate::domain::json_text::JsonText;
use crate::domain::model::ModelConfig;
use crate::domain::model_settings::{
    BatchConfig, ContinuousBatching, DynamicBatching, NewModelSettings, OpenAi, TensorFields,
};
use crate::error::{InField, Result};

/// A version of a model by id.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelConfigQuestion {
    /// The id of the version.
    model_id: i64,
}

/// The configuration that is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ShortModelConfigAnswer {
    model_config: Option<ShortModelConfig>,
}

/// A configuration, in short.
#[derive(Debug, Serialize, ToSchema)]
struct ShortModelConfig {
    /// The id of the configuration.
    id: i64,
    /// `onnx`, `tensorflow`, `flight` or `mlflow`.
    runtime: &'static str,
    /// The names of the input tensors.
    tensor_fields: Option<Vec<String>>,
    /// The threshold of a filter.
    filter_threshold: Option<f64>,
}

impl From<ModelConfig> for ShortModelConfig {
    fn from(config: ModelConfig) -> Self {
        Self {
            id: config.id.0,
            runtime: config.settings.runtime.as_str(),
            tensor_fields: config.settings.tensor_fields,
            filter_threshold: config.settings.filter_threshold,
        }
    }
}

/// Shows the configuration of a version of a model.
#[utoipa::path(post, path = "/v1/api/models/get_config_by_id", tag = "models", operation_id = "models_get_config_by_id", request_body = ModelConfigQuestion,
    responses(
        (status = 200, description = "The configuration", body = ShortModelConfigAnswer),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn get_config_by_id(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelConfigQuestion>,
) -> Result<Json<ShortModelConfigAnswer>, Failure> {
    let id = ModelVersionId(body.0.model_id);
    let (_, config) = state.read_as(&caller, move |view, caller| models::configured_version(view, caller, id)).await?;
    Ok(Json(ShortModelConfigAnswer { model_config: config.map(ShortModelConfig::from) }))
}

/// A new configuration. The schemas of the former one are kept unless others are given; nothing else of it is.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct InsertConfig {
    /// The id of the version.
    model_version_id: i64,
    /// The names of the input tensors: at most 1000.
    tensor_fields: Option<Vec<String>>,
    /// The threshold of a filter.
    filter_threshold: Option<f64>,
    /// The schema of the input: base64 of Arrow's IPC format.
    input_schema: Option<String>,
    /// The schema of the output.
    output_schema: Option<String>,
    /// `single` or `dynamic`.
    batch_config: Option<String>,
    /// The dynamic batching: `max_batch_delay_ms`, `batch_size_target` and perhaps `batch_size_limit`.
    #[schema(value_type = Option<Object>)]
    dynamic_batching_config: Option<JsonText>,
    /// The continuous batching: `max_concurrent_batch_size`.
    #[schema(value_type = Option<Object>)]
    continuous_batching_config: Option<JsonText>,
    /// The settings of the interface that `OpenAI` clients use.
    #[schema(value_type = Option<Object>)]
    openai_config: Option<JsonText>,
}

impl InsertConfig {
    fn settings(self) -> Result<NewModelSettings> {
        let schema = |text: Option<String>| text.map(|text| ArrowSchema::parse(&text)).transpose();
        let dynamic = self.dynamic_batching_config.map(DynamicBatching::parse).transpose();
        let continuous = self.continuous_batching_config.map(ContinuousBatching::parse).transpose();
        Ok(NewModelSettings {
            tensor_fields: self.tensor_fields.map(TensorFields::parse).transpose().in_field("tensor_fields")?,
            filter_threshold: self.filter_threshold,
            input_schema: schema(self.input_schema).in_field("input_schema")?,
            output_schema: schema(self.output_schema).in_field("output_schema")?,
            batch_config: self
                .batch_config
                .map(|word| BatchConfig::parse(&word))
                .transpose()
                .in_field("batch_config")?,
            dynamic_batching_config: dynamic.in_field("dynamic_batching_config")?,
            continuous_batching_config: continuous.in_field("continuous_batching_config")?,
            openai: self.openai_config.map(OpenAi::parse).transpose().in_field("openai_config")?,
        })
    }
}

/// A configuration of a version of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelConfigAnswer {
    model_config: Configuration,
}

/// Configures a version of a model.
#[utoipa::path(post, path = "/v1/api/models/insert_model_config", tag = "models", operation_id = "models_insert_model_config", request_body = InsertConfig,
    responses(
        (status = 200, description = "The new configuration", body = ModelConfigAnswer),
        (status = 400, description = "The request is malformed, the workspace is archived, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn insert_model_config(
    state: Data<AppState>,
    caller: Caller,
    body: Body<InsertConfig>,
) -> Result<Json<ModelConfigAnswer>, Failure> {
    let id = ModelVersionId(body.0.model_version_id);
    let new = body.0.settings()?;
    let config = state.write_as(&caller, move |tx, caller| models::configure(tx, caller, id, &new)).await?;
    Ok(Json(ModelConfigAnswer { model_config: Configuration::new(&config) }))
}
