//! `/v1/api/features/list` (contract of the contents, section 7).

use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Caller;
use super::failure::AlwaysRefusals;

/// The features of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeatureList {
    features: Features,
    /// The name of the server.
    #[schema(example = "atelier")]
    name: &'static str,
    /// Whether clients have to sign in.
    is_auth_enabled: bool,
}

/// The features by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Features {
    /// Whether there are endpoints of logs, although they have none.
    #[schema(example = "true")]
    plateau: &'static str,
}

/// Lists the features of the server.
#[utoipa::path(post, path = "/v1/api/features/list", tag = "config", operation_id = "list_features",
    responses(
        (status = 200, description = "The features", body = FeatureList),
        AlwaysRefusals))]
pub(super) async fn list(_: Caller) -> Json<FeatureList> {
    Json(FeatureList { features: Features { plateau: "true" }, name: "atelier", is_auth_enabled: true })
}
