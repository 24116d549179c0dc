//! `/v2/resource-restrictions` (contract, section 6). Only projects can be restricted here.

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query};
use super::generations::Shape;
use super::ids::{Public, read_of_kind};
use super::page::{self, Pagination};
use super::reply::{List, Listed, Nothing, Reply, Shaped};
use super::spelling::canonical;
use super::{Caller, Failure, HandlerResult};
use crate::app::projects;
use crate::app::runtime::state::AppState;
use crate::domain::ids::ProjectId;
use crate::domain::page::Slice;
use crate::domain::project::Restriction;
use crate::tokens::tags::TagKey;

/// A project that only users with a role binding on it, and users who can restrict it, can see.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResourceRestriction {
    /// `PROJECT`.
    #[schema(example = "PROJECT")]
    resource_type: &'static str,
    /// The id of the project.
    resource_id: String,
    /// The time of the restriction.
    created_at: String,
}

impl Shaped for ResourceRestriction {
    const SHAPE: Shape = Shape::Restriction;
}

impl Listed for ResourceRestriction {
    const PLURAL: &'static str = "resource_restrictions";
}

impl ResourceRestriction {
    fn new(key: &TagKey, restriction: &Restriction) -> Self {
        Self {
            resource_type: "PROJECT",
            resource_id: restriction.project.encode(key),
            created_at: restriction.created_at.zulu(),
        }
    }
}

/// The response to creating a restriction, which has another shape in older generations.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct CreatedRestriction(ResourceRestriction);

impl Shaped for CreatedRestriction {
    const SHAPE: Shape = Shape::CreatedRestriction;
}

/// A page of restrictions.
#[derive(Serialize, ToSchema)]
pub(super) struct ResourceRestrictionList {
    resource_restrictions: Vec<ResourceRestriction>,
    pagination: Pagination,
}

/// Lists the restrictions of the projects that the caller can restrict, oldest project first.
#[utoipa::path(get, path = "/v2/resource-restrictions", tag = "resource restrictions",
    params(
        ("resource_type" = Option<String>, Query, description = "PROJECT; no restrictions of DASHBOARD and PROMPT exist"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of restrictions", body = ResourceRestrictionList),
        (status = 400, description = "A parameter is malformed")))]
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    query: Query,
) -> HandlerResult<List<ResourceRestriction>> {
    query.only(&["resource_type", "limit", "cursor"])?;
    let page = page::requested::<ResourceRestriction>(&state.tags, &query)?;
    let slice = match query.one("resource_type")?.map(canonical).as_deref() {
        None | Some("PROJECT") => {
            state.read_blocking(move |view| projects::page_of_restrictions(view, &caller, page)).await?
        }
        Some("DASHBOARD" | "PROMPT") => Slice { items: Vec::new(), next: None },
        Some(_) => return Err(Failure::malformed("resource_type", "must be PROJECT, DASHBOARD or PROMPT")),
    };
    Ok(Reply::Ok(List::new(&state.tags, slice, |restriction| ResourceRestriction::new(&state.tags, &restriction))))
}

/// The project to restrict.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateResourceRestriction {
    /// The id of the project.
    resource_id: String,
}

/// Restricts a project. Restricting it again changes nothing.
#[utoipa::path(post, path = "/v2/resource-restrictions", tag = "resource restrictions", request_body = CreateResourceRestriction,
    responses(
        (status = 200, description = "The restriction", body = ResourceRestriction),
        (status = 400, description = "The id is malformed, or it is not the id of a project"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The project does not exist"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateResourceRestriction>,
) -> HandlerResult<CreatedRestriction> {
    let id: ProjectId = read_of_kind(&state.tags, "resource_id", &body.0.resource_id)?;
    let restriction = state.write_as(&caller, move |tx, caller| projects::restrict(tx, caller, id)).await?;
    Ok(Reply::Ok(CreatedRestriction(ResourceRestriction::new(&state.tags, &restriction))))
}

/// Removes the restriction of a project.
#[utoipa::path(delete, path = "/v2/resource-restrictions/{resource_id}", tag = "resource restrictions",
    params(("resource_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed, or it is not the id of a project"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The project does not exist or is not restricted")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id: ProjectId = read_of_kind(&state.tags, "resource_id", &id)?;
    state.write_as(&caller, move |tx, caller| projects::lift_restriction(tx, caller, id)).await?;
    Ok(Reply::Done)
}
