//! Published pipelines, of which there are none (contract of the contents, section 7).

use actix_web::http::StatusCode;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Nothing;
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::error::Error;

/// The beginning of the `User-Agent` of the SDKs that take an empty list only with a 202.
const OLD_SDK: &str = "WallarooSDK/2024.";

/// No publishes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublishList {
    /// Always empty.
    publishes: [Nothing; 0],
    /// Always empty.
    edges: [Nothing; 0],
}

/// Lists the publishes of a pipeline or of a workspace; there are none.
#[utoipa::path(post, path = "/v1/api/pipelines/list_publishes_for_pipeline", tag = "publishes",
    operation_id = "list_publishes",
    responses(
        (status = 200, description = "An empty list", body = PublishList),
        (status = 202, description = "An empty list, for the SDK of 2024", body = PublishList),
        AlwaysRefusals))]
pub(super) async fn list(caller: Caller) -> (Json<PublishList>, StatusCode) {
    let is_old = caller.origin.agent.as_deref().is_some_and(|agent| agent.starts_with(OLD_SDK));
    let status = if is_old { StatusCode::ACCEPTED } else { StatusCode::OK };
    (Json(PublishList { publishes: [], edges: [] }), status)
}

/// Refuses to publish a pipeline.
#[utoipa::path(post, path = "/v1/api/pipelines/publish", tag = "publishes",
    responses(
        (status = 400, description = "atelier does not publish pipelines", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn publish(_: Caller) -> Result<Json<Nothing>, Failure> {
    let rule = "atelier keeps models and pipelines; it does not run them or publish them to a registry";
    Err(Error::Refused { rule }.into())
}
