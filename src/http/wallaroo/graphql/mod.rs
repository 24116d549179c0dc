//! `/v1/graphql`: the small Hasura-shaped schema that the SDK works with (contract, section 4).

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::{Caller, Failure};
use crate::app::desk::Desk;

/// The bounds of a query.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The deepest nesting.
    pub depth: usize,
    /// The most fields.
    pub complexity: usize,
}

/// The schema.
pub(in crate::http) struct Schema;

pub(in crate::http) fn schema(_: &Desk, _: Bounds) -> Schema {
    Schema
}

/// Answers a query or a mutation.
#[utoipa::path(post, path = "/v1/graphql", tag = "graphql", responses((status = 200, description = "The answer")))]
pub(super) async fn answer(_: Data<Schema>, _: Caller) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().finish())
}
