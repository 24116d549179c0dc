//! Orchestrations and their tasks, of which there are none (contract of the contents, section 7).

use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Nothing;
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::error::Error;

/// No orchestrations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrchestrationList {
    /// Always empty.
    orchestrations: [Nothing; 0],
}

/// Lists orchestrations; there are none.
#[utoipa::path(post, path = "/v1/api/orchestration/list_all", tag = "orchestrations",
    operation_id = "list_orchestrations",
    responses(
        (status = 200, description = "An empty list", body = OrchestrationList),
        AlwaysRefusals))]
pub(super) async fn list(_: Caller) -> Json<OrchestrationList> {
    Json(OrchestrationList { orchestrations: [] })
}

/// Refuses an orchestration.
#[utoipa::path(post, path = "/v1/api/orchestration/upload", tag = "orchestrations",
    operation_id = "upload_orchestration",
    responses(
        (status = 400, description = "atelier does not run orchestrations", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn upload(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(Error::Refused { rule: "atelier keeps models and pipelines; it does not run orchestrations" }.into())
}

/// Lists tasks; there are none.
#[utoipa::path(post, path = "/v1/api/task/list", tag = "orchestrations",
    responses(
        (status = 200, description = "An empty list", body = Vec<Nothing>),
        AlwaysRefusals))]
pub(super) async fn tasks(_: Caller) -> Json<[Nothing; 0]> {
    Json([])
}

/// Returns a task, of which there are none.
#[utoipa::path(post, path = "/v1/api/task/get_by_id", tag = "orchestrations",
    responses(
        (status = 404, description = "There is no such task", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn task(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(Failure::Never("the task does not exist: atelier keeps models and pipelines; it does not run orchestrations"))
}
