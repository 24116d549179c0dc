//! `/v2/role-bindings` (contract, section 6).

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
use crate::app::runtime::state::AppState;
use crate::app::{bindings, users};
use crate::domain::ids::{BindingId, RoleId, UserId};
use crate::domain::role::{Binding, Resource};
use crate::error::Error;
use crate::tokens::tags::TagKey;

/// A role that a user or a service key's bot has on a space or a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoleBinding {
    /// The id.
    id: String,
    /// The role.
    role_id: String,
    /// The id of the user or the bot.
    user_id: String,
    /// `SPACE` or `PROJECT`.
    #[schema(example = "SPACE")]
    resource_type: &'static str,
    /// The id of the space or the project.
    resource_id: String,
    /// The time of creation.
    created_at: String,
    /// The time of the last change.
    updated_at: String,
}

impl Shaped for RoleBinding {
    const SHAPE: Shape = Shape::Binding;
}

impl Listed for RoleBinding {
    const PLURAL: &'static str = "role_bindings";
}

impl RoleBinding {
    fn new(key: &TagKey, binding: &Binding) -> Self {
        let (resource_type, resource_id) = match binding.resource {
            Resource::Workspace(id) => (SPACE, id.encode(key)),
            Resource::Project(id) => (PROJECT, id.encode(key)),
        };
        Self {
            id: binding.id.encode(key),
            role_id: binding.role.encode(key),
            user_id: binding.user.encode(key),
            resource_type,
            resource_id,
            created_at: binding.created_at.zulu(),
            updated_at: binding.updated_at.zulu(),
        }
    }
}

const SPACE: &str = "SPACE";
const PROJECT: &str = "PROJECT";
const KINDS: &str = "must be SPACE or PROJECT";

/// A page of role bindings.
#[derive(Serialize, ToSchema)]
pub(super) struct RoleBindingList {
    role_bindings: Vec<RoleBinding>,
    pagination: Pagination,
}

/// Lists the role bindings on spaces or on projects that the caller can see, oldest first.
#[utoipa::path(get, path = "/v2/role-bindings", tag = "role bindings",
    params(
        ("resource_type" = String, Query, description = "SPACE or PROJECT"),
        ("user_id" = Option<String>, Query, description = "Only role bindings of this user"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of role bindings", body = RoleBindingList),
        (status = 400, description = "A parameter is malformed"),
        (status = 404, description = "The user does not exist")))]
pub(super) async fn list(state: Data<AppState>, caller: Caller, query: Query) -> HandlerResult<List<RoleBinding>> {
    query.only(&["resource_type", "user_id", "limit", "cursor"])?;
    let on_projects = match query.one("resource_type")?.map(canonical).as_deref() {
        Some(SPACE) => false,
        Some(PROJECT) => true,
        Some(_) | None => return Err(Failure::malformed("resource_type", KINDS)),
    };
    let user = query.one("user_id")?.map(|id| UserId::read(&state.tags, "user_id", id)).transpose()?;
    let page = page::requested::<RoleBinding>(&state.tags, &query)?;
    let slice = state.read_blocking(move |view| bindings::page(view, &caller, on_projects, user, page)).await?;
    Ok(Reply::Ok(List::new(&state.tags, slice, |binding| RoleBinding::new(&state.tags, &binding))))
}

/// A new role binding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRoleBinding {
    /// The role.
    role_id: String,
    /// The id of a user or of a service key's bot.
    user_id: String,
    /// `SPACE` or `PROJECT`.
    #[schema(example = "SPACE")]
    resource_type: String,
    /// The id of the space or the project.
    resource_id: String,
}

impl CreateRoleBinding {
    fn resource(&self, key: &TagKey) -> Result<Resource, Failure> {
        match canonical(&self.resource_type).as_str() {
            SPACE => read_of_kind(key, "resource_id", &self.resource_id).map(Resource::Workspace),
            PROJECT => read_of_kind(key, "resource_id", &self.resource_id).map(Resource::Project),
            _ => Err(Error::invalid("resource_type", KINDS).into()),
        }
    }
}

/// Creates a role binding: grants a role on a space or a project.
#[utoipa::path(post, path = "/v2/role-bindings", tag = "role bindings", request_body = CreateRoleBinding,
    responses(
        (status = 201, description = "The new role binding", body = RoleBinding),
        (status = 400, description = "The request is malformed, or a rule does not allow it"),
        (status = 403, description = "The caller lacks a permission, or the resource does not exist"),
        (status = 404, description = "The role or the user does not exist"),
        (status = 409, description = "The user already has a role on the resource"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateRoleBinding>,
) -> HandlerResult<RoleBinding> {
    let resource = body.0.resource(&state.tags)?;
    let role = RoleId::read(&state.tags, "role_id", &body.0.role_id)?;
    let user = users::Named::Number(UserId::read(&state.tags, "user_id", &body.0.user_id)?);
    let binding =
        state.write_as(&caller, move |tx, caller| bindings::create(tx, caller, role, &user, resource)).await?;
    Ok(Reply::Created(RoleBinding::new(&state.tags, &binding)))
}

/// Returns a role binding.
#[utoipa::path(get, path = "/v2/role-bindings/{binding_id}", tag = "role bindings",
    params(("binding_id" = String, Path, description = "The id of the role binding")),
    responses(
        (status = 200, description = "The role binding", body = RoleBinding),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The role binding does not exist, or the caller lacks a permission")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<RoleBinding> {
    let id = BindingId::read(&state.tags, "binding_id", &id)?;
    let binding = state.read_inline(|view| bindings::visible(view, &caller, id))?;
    Ok(Reply::Ok(RoleBinding::new(&state.tags, &binding)))
}

/// The new role of a role binding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateRoleBinding {
    /// The role.
    role_id: String,
}

/// Changes the role of a role binding.
#[utoipa::path(patch, path = "/v2/role-bindings/{binding_id}", tag = "role bindings", request_body = UpdateRoleBinding,
    params(("binding_id" = String, Path, description = "The id of the role binding")),
    responses(
        (status = 200, description = "The updated role binding", body = RoleBinding),
        (status = 400, description = "The request is malformed, or a rule does not allow it"),
        (status = 404, description = "The role binding or the role does not exist, or the caller lacks a permission"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UpdateRoleBinding>,
) -> HandlerResult<RoleBinding> {
    let id = BindingId::read(&state.tags, "binding_id", &id)?;
    let role = RoleId::read(&state.tags, "role_id", &body.0.role_id)?;
    let binding = state.write_as(&caller, move |tx, caller| bindings::change(tx, caller, id, role)).await?;
    Ok(Reply::Ok(RoleBinding::new(&state.tags, &binding)))
}

/// Deletes a role binding.
#[utoipa::path(delete, path = "/v2/role-bindings/{binding_id}", tag = "role bindings",
    params(("binding_id" = String, Path, description = "The id of the role binding")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The role binding does not exist, or the caller lacks a permission")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = BindingId::read(&state.tags, "binding_id", &id)?;
    state.write_as(&caller, move |tx, caller| bindings::delete(tx, caller, id)).await?;
    Ok(Reply::Done)
}
