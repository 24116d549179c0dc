//! Deletes models and versions of models. Without a confirmation, the answer only tells the bytes.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::body::Body;
use super::super::failure::{AlwaysRefusals, Refusal};
use super::super::{Caller, Failure};
use crate::app::models;
use crate::app::runtime::state::AppState;
use crate::domain::ids::WorkspaceId;

/// A model to delete.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct DeleteModel {
    /// The name of the model.
    model_id: String,
    /// The id of the workspace.
    workspace_id: i64,
    /// Whether to delete it. By default, the answer tells the bytes, and nothing is deleted.
    confirm_delete: Option<bool>,
}

/// The bytes that are no longer used.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct FreedBytes {
    /// The size of the files that no other version of a model has.
    bytes: u64,
}

/// Deletes a model with all its versions, or tells how many bytes that would free.
#[utoipa::path(post, path = "/v1/api/models/delete_model", tag = "models", operation_id = "models_delete_model", request_body = DeleteModel,
    responses(
        (status = 200, description = "The bytes that are, or would be, no longer used", body = FreedBytes),
        (status = 400, description = "The request is malformed, the workspace does not exist or is archived, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The model does not exist", body = Refusal),
        (status = 409, description = "A pipeline of the workspace names a version of the model", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn delete_model(
    state: Data<AppState>,
    caller: Caller,
    body: Body<DeleteModel>,
) -> Result<Json<FreedBytes>, Failure> {
    let DeleteModel { model_id: name, workspace_id, confirm_delete } = body.0;
    let workspace = WorkspaceId(workspace_id);
    let bytes = if confirm_delete == Some(true) {
        state.write_as(&caller, move |tx, caller| models::delete(tx, caller, workspace, &name)).await?
    } else {
        state.read_as(&caller, move |view, caller| models::size(view, caller, workspace, &name)).await?
    };
    Ok(Json(FreedBytes { bytes }))
}

/// Versions of models to delete.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct DeleteModelVersions {
    /// The UUIDs of the versions: at most 1000.
    model_versions: Vec<Uuid>,
    /// Whether to delete them. By default, the answer tells the bytes, and nothing is deleted.
    confirm_delete: Option<bool>,
}

/// Deletes versions of models, and a model with its last version, or tells how many bytes that would free.
#[utoipa::path(post, path = "/v1/api/models/delete_model_versions", tag = "models", operation_id = "models_delete_model_versions",
    request_body = DeleteModelVersions,
    responses(
        (status = 200, description = "The bytes that are, or would be, no longer used", body = FreedBytes),
        (status = 400, description = "The request is malformed, the workspace is archived, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "One of the versions does not exist", body = Refusal),
        (status = 409, description = "A pipeline of the workspace names one of the versions", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn delete_model_versions(
    state: Data<AppState>,
    caller: Caller,
    body: Body<DeleteModelVersions>,
) -> Result<Json<FreedBytes>, Failure> {
    let DeleteModelVersions { model_versions: versions, confirm_delete } = body.0;
    let bytes = if confirm_delete == Some(true) {
        state.write_as(&caller, move |tx, caller| models::delete_versions(tx, caller, &versions)).await?
    } else {
        state.read_as(&caller, move |view, caller| models::size_of_versions(view, caller, &versions)).await?
    };
    Ok(Json(FreedBytes { bytes }))
}
