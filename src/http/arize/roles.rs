//! `/v2/roles` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query, name, present};
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, Listed, Nothing, Reply, Shaped};
use super::spelling::{permission, space_role_name};
use super::{Caller, Failure, HandlerResult};
use crate::app::roles::{self, NewRole, RoleChange};
use crate::app::runtime::state::AppState;
use crate::domain::ids::RoleId;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{NamedRole, RoleName};
use crate::domain::text::Description;
use crate::error::{Error, InField, Result as Outcome};
use crate::tokens::tags::TagKey;

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Role {
    /// The id.
    id: String,
    /// The name, unique among custom roles.
    name: String,
    /// The description; omitted if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    description: String,
    /// The permissions that it grants.
    permissions: Vec<&'static str>,
    /// Whether it is built in and cannot be changed.
    is_predefined: bool,
    /// The time of creation.
    created_at: String,
    /// The time of the last change.
    updated_at: String,
}

impl Shaped for Role {
    const SHAPE: Shape = Shape::Role;
}

impl Listed for Role {
    const PLURAL: &'static str = "roles";
}

impl Role {
    fn new(key: &TagKey, role: NamedRole) -> Self {
        Self {
            id: role.id.encode(key),
            name: role.predefined.map_or(role.name, |predefined| space_role_name(predefined).to_owned()),
            description: role.description,
            permissions: role.permissions.iter().map(Permission::name).collect(),
            is_predefined: role.predefined.is_some(),
            created_at: role.created_at.zulu(),
            updated_at: role.updated_at.zulu(),
        }
    }
}

/// A page of roles.
#[derive(Serialize, ToSchema)]
pub(super) struct RoleList {
    roles: Vec<Role>,
    pagination: Pagination,
}

/// Lists roles: the predefined ones, then custom ones, oldest first.
#[utoipa::path(get, path = "/v2/roles", tag = "roles",
    params(
        ("is_predefined" = Option<bool>, Query, description = "true: only predefined roles; false: only custom roles; both by default"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of roles", body = RoleList),
        (status = 400, description = "A parameter is malformed"),
        (status = 403, description = "The caller lacks a permission")))]
pub(super) async fn list(state: Data<AppState>, caller: Caller, query: Query) -> HandlerResult<List<Role>> {
    query.only(&["is_predefined", "limit", "cursor"])?;
    let predefined = query.boolean("is_predefined")?;
    let page = page::requested::<Role>(&state.tags, &query)?;
    let slice = state.read_blocking(move |view| roles::page(view, &caller, predefined, page)).await?;
    Ok(Reply::Ok(List::new(&state.tags, slice, |role| Role::new(&state.tags, role))))
}

/// A new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRole {
    /// The name, 1 to 255 characters, unique.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// The permissions that it grants; at least one.
    permissions: Vec<String>,
    /// The description, at most 1000 characters.
    #[schema(max_length = 1000)]
    description: Option<String>,
}

/// Creates a role.
#[utoipa::path(post, path = "/v2/roles", tag = "roles", request_body = CreateRole,
    responses(
        (status = 201, description = "The new role", body = Role),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn create(state: Data<AppState>, caller: Caller, body: Body<CreateRole>) -> HandlerResult<Role> {
    let new = NewRole {
        name: name(&body.0.name, RoleName::parse)?,
        description: Description::parse(body.0.description.as_deref().unwrap_or_default()).in_field("description")?,
        permissions: permissions(&body.0.permissions)?,
    };
    let role = state.write_as(&caller, move |tx, caller| roles::create(tx, caller, &new)).await?;
    Ok(Reply::Created(Role::new(&state.tags, role)))
}

/// Parses permissions in any order and spelling.
fn permissions(names: &[String]) -> Outcome<PermissionSet> {
    let read = |(place, name): (usize, &String)| {
        let unknown = || Error::invalid(format!("permissions[{place}]"), "must be the name of a permission");
        permission(name).ok_or_else(unknown)
    };
    names.iter().enumerate().map(read).collect()
}

/// Returns a role.
#[utoipa::path(get, path = "/v2/roles/{role_id}", tag = "roles",
    params(("role_id" = String, Path, description = "The id of the role")),
    responses(
        (status = 200, description = "The role", body = Role),
        (status = 400, description = "The id is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The role does not exist")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Role> {
    let id = RoleId::read(&state.tags, "role_id", &id)?;
    let role = state.read_inline(|view| roles::visible(view, &caller, id))?;
    Ok(Reply::Ok(Role::new(&state.tags, role)))
}

/// The changes to a role; at least one field is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null clears, absent leaves alone")]
pub(super) struct UpdateRole {
    /// The new name.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The new permissions, which replace the old ones.
    permissions: Option<Vec<String>>,
    /// The new description; null or an empty string clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
}

impl TryFrom<UpdateRole> for RoleChange {
    type Error = Failure;

    fn try_from(update: UpdateRole) -> Result<Self, Failure> {
        if update.name.is_none() && update.permissions.is_none() && update.description.is_none() {
            return Err(Failure::no_field());
        }
        let description = update.description.map(Option::unwrap_or_default);
        Ok(Self {
            name: update.name.as_deref().map(|raw| name(raw, RoleName::parse)).transpose()?,
            description: description.as_deref().map(Description::parse).transpose().in_field("description")?,
            permissions: update.permissions.as_deref().map(permissions).transpose()?,
        })
    }
}

/// Changes a role, and with it the permissions of all users who have it.
#[utoipa::path(patch, path = "/v2/roles/{role_id}", tag = "roles", request_body = UpdateRole,
    params(("role_id" = String, Path, description = "The id of the role")),
    responses(
        (status = 200, description = "The updated role", body = Role),
        (status = 400, description = "The request is malformed or changes nothing, or the role is predefined"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The role does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UpdateRole>,
) -> HandlerResult<Role> {
    let id = RoleId::read(&state.tags, "role_id", &id)?;
    let change = RoleChange::try_from(body.0)?;
    let role = state.write_as(&caller, move |tx, caller| roles::change(tx, caller, id, &change)).await?;
    Ok(Reply::Ok(Role::new(&state.tags, role)))
}

/// Deletes a role that is not assigned to any user.
#[utoipa::path(delete, path = "/v2/roles/{role_id}", tag = "roles",
    params(("role_id" = String, Path, description = "The id of the role")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed, or the role is predefined"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The role does not exist"),
        (status = 409, description = "The role is still assigned to users")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = RoleId::read(&state.tags, "role_id", &id)?;
    state.write_as(&caller, move |tx, caller| roles::delete(tx, caller, id)).await?;
    Ok(Reply::Done)
}
