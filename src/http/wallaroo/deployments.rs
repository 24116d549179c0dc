//! Deployments, of which there are none: atelier keeps pipelines and does not run them (contract of the contents,
//! section 5).

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Nothing};
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::app::pipelines::{self, NOT_RUN};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::PipelineVersionId;
use crate::error::Error;
use crate::store::View;

/// The beginning of the `User-Agent` of the SDK.
const SDK: &str = "WallarooSDK";

const NO_LOGS: &str = "atelier keeps models and pipelines; it does not run them, so there are no logs";

/// A version of a pipeline to deploy. Other fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Deploy {
    /// The id of the version.
    pipeline_version_pk_id: Option<i64>,
}

/// A deployment that is not there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deployment {
    /// The id. GraphQL answers a question about it with an error.
    id: i64,
}

/// Refuses to deploy a pipeline.
///
/// The SDK shows the text of no refusal of this request. It gets an id instead, asks GraphQL for the deployment with it,
/// and shows the text of that refusal.
#[utoipa::path(post, path = "/v1/api/pipelines/deploy", tag = "deployments", request_body = Deploy,
    responses(
        (status = 200, description = "For the SDK: an id of no deployment", body = Deployment),
        (status = 400, description = "For everybody else: atelier does not run pipelines", body = Refusal),
        (status = 404, description = "For the SDK: the version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn deploy(
    state: Data<AppState>,
    caller: Caller,
    body: Body<Deploy>,
) -> Result<Json<Deployment>, Failure> {
    let is_sdk = caller.origin.agent.as_deref().is_some_and(|agent| agent.starts_with(SDK));
    let Some(id) = body.0.pipeline_version_pk_id.filter(|_| is_sdk) else { return Err(not_run()) };
    let id = PipelineVersionId(id);
    let read = move |view: &View, caller: &Actor| pipelines::visible_version(view, caller, id);
    let (version, _) = state.read_as(&caller, read).await?;
    Ok(Json(Deployment { id: version.id.0 }))
}

fn not_run() -> Failure {
    Error::Refused { rule: NOT_RUN }.into()
}

/// Undeploys a pipeline, of which none is deployed.
#[utoipa::path(post, path = "/v1/api/pipelines/undeploy", tag = "deployments",
    responses(
        (status = 200, description = "The pipeline is not deployed: null", body = Option<Nothing>),
        AlwaysRefusals))]
pub(super) async fn undeploy(_: Caller) -> Json<Option<Nothing>> {
    Json(None)
}

/// Refuses to run a pipeline.
#[utoipa::path(post, path = "/v1/api/pipelines/infer/{deployment}/{pipeline}", tag = "deployments",
    params(
        ("deployment" = String, Path, description = "The name of a deployment"),
        ("pipeline" = String, Path, description = "The name of a pipeline")),
    responses(
        (status = 400, description = "atelier does not run pipelines", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn infer(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(not_run())
}

/// Returns the status of a deployment, of which there are none.
#[utoipa::path(post, path = "/v1/api/status/get_deployment", tag = "deployments",
    responses(
        (status = 404, description = "There is no such deployment", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn status(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(Failure::Never("the deployment does not exist: atelier keeps models and pipelines; it does not run them"))
}

/// Returns the URL of a deployed pipeline, of which there are none.
#[utoipa::path(post, path = "/v1/api/admin/get_pipeline_external_url", tag = "deployments",
    responses(
        (status = 400, description = "atelier does not run pipelines", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn external_url(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(not_run())
}

/// Returns the logs of a pipeline, of which there are none.
#[utoipa::path(post, path = "/v1/api/pipelines/get_logs", tag = "deployments", operation_id = "get_logs",
    responses(
        (status = 400, description = "atelier does not run pipelines", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn logs(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(Error::Refused { rule: NO_LOGS }.into())
}

/// Returns the partitions of a topic, of which there are none.
#[utoipa::path(get, path = "/v1/logs/topic/{topic}", tag = "deployments",
    params(("topic" = String, Path, description = "The name of a topic")),
    responses(
        (status = 404, description = "There are no logs", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn topic(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(Failure::Never(NO_LOGS))
}

/// Returns the records of a topic, of which there are none.
#[utoipa::path(post, path = "/v1/logs/topic/{topic}/records", tag = "deployments",
    params(("topic" = String, Path, description = "The name of a topic")),
    responses(
        (status = 404, description = "There are no logs", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn records(_: Caller) -> Result<Json<Nothing>, Failure> {
    Err(Failure::Never(NO_LOGS))
}
