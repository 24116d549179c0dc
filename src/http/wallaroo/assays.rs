//! Assays, of which there are none (contract of the contents, section 7). The SDK asks for them under `/v2`.

use actix_web::web::Json;

use super::Caller;
use super::body::Nothing;
use super::failure::AlwaysRefusals;

/// Lists assays; there are none.
#[utoipa::path(post, path = "/v2/api/assays/get", tag = "assays", operation_id = "list_assays",
    responses(
        (status = 200, description = "An empty list", body = Vec<Nothing>),
        AlwaysRefusals))]
pub(super) async fn list(_: Caller) -> Json<[Nothing; 0]> {
    Json([])
}
