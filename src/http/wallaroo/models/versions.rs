//! Single versions of models, and moves of models.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::{Body, Nothing};
use super::super::failure::{AlwaysRefusals, Refusal};
use super::super::{Caller, Failure};
use super::objects::ConfiguredVersion;
use crate::app::models;
use crate::app::runtime::state::AppState;
use crate::domain::ids::{ModelId, ModelVersionId, WorkspaceId};
use crate::domain::model::ModelVersion;

/// A version of a model by id.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelVersionQuestion {
    /// The id of the version.
    model_version_id: i64,
}

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ModelVersionAnswer {
    model_version: ConfiguredVersion,
}

/// Shows a version of a model with its configuration.
#[utoipa::path(post, path = "/v1/api/models/get_version_by_id", tag = "models", operation_id = "models_get_version_by_id", request_body = ModelVersionQuestion,
    responses(
        (status = 200, description = "The version", body = ModelVersionAnswer),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn get_version_by_id(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelVersionQuestion>,
) -> Result<HttpResponse, Failure> {
    shown(&state, &caller, body.0.model_version_id).await
}

/// Shows a version of a model with its configuration.
#[utoipa::path(post, path = "/v1/api/models/get_model_version_by_id", tag = "models", operation_id = "models_get_model_version_by_id",
    request_body = ModelVersionQuestion,
    responses(
        (status = 200, description = "The version", body = ModelVersionAnswer),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn get_model_version_by_id(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ModelVersionQuestion>,
) -> Result<HttpResponse, Failure> {
    shown(&state, &caller, body.0.model_version_id).await
}

async fn shown(state: &AppState, caller: &Caller, id: i64) -> Result<HttpResponse, Failure> {
    let id = ModelVersionId(id);
    let (version, config) =
        state.read_as(caller, move |view, caller| models::configured_version(view, caller, id)).await?;
    let model_version = ConfiguredVersion::new(&version, config.as_ref());
    Ok(HttpResponse::Ok().json(ModelVersionAnswer { model_version }))
}

/// A version of a model, and how much of its log is asked for.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct UploadLogsQuestion {
    /// The id of the version.
    model_version_id: i64,
    /// The maximum number of lines, the newest ones.
    lines: Option<u32>,
}

/// The lines of a log: a time and a text in each.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct UploadLogs {
    logs: Vec<String>,
}

/// Shows the log of an upload. atelier converts nothing, so it says what was uploaded.
#[utoipa::path(post, path = "/v1/api/models/get_upload_logs", tag = "models", operation_id = "models_get_upload_logs", request_body = UploadLogsQuestion,
    responses(
        (status = 200, description = "The log", body = UploadLogs),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn get_upload_logs(
    state: Data<AppState>,
    caller: Caller,
    body: Body<UploadLogsQuestion>,
) -> Result<Json<UploadLogs>, Failure> {
    let UploadLogsQuestion { model_version_id, lines } = body.0;
    let id = ModelVersionId(model_version_id);
    let (version, _) = state.read_as(&caller, move |view, caller| models::visible_version(view, caller, id)).await?;
    let mut logs = log_lines(&version);
    let most = lines.map_or(logs.len(), |lines| lines as usize);
    logs.drain(..logs.len().saturating_sub(most));
    Ok(Json(UploadLogs { logs }))
}

fn log_lines(version: &ModelVersion) -> Vec<String> {
    let at = version.created_at.trimmed();
    let stored = match (&version.file, &version.image_path) {
        (Some(file), _) => {
            format!("{at} INFO stored {}, {} bytes, SHA-256 {}", version.file_name, file.size, file.sha256)
        }
        (None, image) => format!("{at} INFO registered the image {}", image.as_deref().unwrap_or_default()),
    };
    vec![stored, format!("{at} INFO ready: atelier keeps models; it does not convert or run them")]
}

/// A model and the workspace to move it to.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct MoveModel {
    /// The id of the model.
    model_id: i64,
    /// The id of the other workspace.
    workspace_id: i64,
}

/// Moves a model with all its versions to another workspace of the same organization.
#[utoipa::path(post, path = "/v1/api/models/move", tag = "models", operation_id = "models_move", request_body = MoveModel,
    responses(
        (status = 200, description = "Done", body = Nothing),
        (status = 400, description = "The request is malformed, the workspace does not exist, is archived or belongs to another organization, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The model does not exist", body = Refusal),
        (status = 409, description = "The name is already in use in the other workspace", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn move_to(
    state: Data<AppState>,
    caller: Caller,
    body: Body<MoveModel>,
) -> Result<Json<Nothing>, Failure> {
    let (id, to) = (ModelId(body.0.model_id), WorkspaceId(body.0.workspace_id));
    state.write_as(&caller, move |tx, caller| models::move_to(tx, caller, id, to)).await?;
    Ok(Json(Nothing {}))
}
