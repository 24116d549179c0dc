//! `/v2/spaces/{space_id}/users` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::generations::Shape;
use super::ids::Public;
use super::reply::{Nothing, Reply, Shaped};
use super::spelling::{RoleGiven, RoleShown, space_role_name};
use super::{Caller, HandlerResult};
use crate::app::runtime::state::AppState;
use crate::app::{members, roles, users};
use crate::domain::ids::{UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::error::Error;

/// The user to add to a space, and the role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddSpaceUser {
    /// The id of the user.
    user_id: String,
    /// The role.
    role: RoleGiven,
}

/// A membership of a space.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SpaceMembership {
    /// The id.
    id: String,
    /// The id of the user.
    user_id: String,
    /// The space.
    space_id: String,
    /// The role.
    role: RoleShown,
}

impl Shaped for SpaceMembership {
    const SHAPE: Shape = Shape::SpaceMembership;
}

/// Adds a user to a space, or changes a member's role.
#[utoipa::path(post, path = "/v2/spaces/{space_id}/users", tag = "spaces", request_body = AddSpaceUser,
    params(("space_id" = String, Path, description = "The id of the space")),
    responses(
        (status = 200, description = "The membership", body = SpaceMembership),
        (status = 400, description = "The request is malformed, or a rule does not allow it"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space, the user or the role does not exist"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn add_user(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<AddSpaceUser>,
) -> HandlerResult<SpaceMembership> {
    let id = WorkspaceId::read(&state.tags, "space_id", &id)?;
    let user = UserId::read(&state.tags, "user_id", &body.0.user_id)?;
    let role = body.0.role.in_space(&state.tags, "role")?;
    let (member, named) = state
        .write_as(&caller, move |tx, caller| {
            let member = members::upsert(tx, caller, id, &users::Named::Number(user), role)?;
            let named = role.custom().map(|id| roles::visible(tx, caller, id)).transpose()?;
            Ok((member, named))
        })
        .await?;
    let role = match (member.role, named) {
        (Role::Custom(id), Some(named)) => RoleShown::Custom { id: id.encode(&state.tags), name: named.name },
        (role, _) => RoleShown::Predefined { name: space_role_name(role) },
    };
    Ok(Reply::Ok(SpaceMembership {
        id: member.id.encode(&state.tags),
        user_id: member.user.encode(&state.tags),
        space_id: member.workspace.encode(&state.tags),
        role,
    }))
}

/// Removes a user from a space, with the user's role bindings on it.
#[utoipa::path(delete, path = "/v2/spaces/{space_id}/users/{user_id}", tag = "spaces",
    params(
        ("space_id" = String, Path, description = "The id of the space"),
        ("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "An id is malformed, or the user is the last admin"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space does not exist, or the user is not a member")))]
pub(super) async fn remove_user(
    state: Data<AppState>,
    caller: Caller,
    ids: Path<(String, String)>,
) -> HandlerResult<Nothing> {
    let space = WorkspaceId::read(&state.tags, "space_id", &ids.0)?;
    let user = UserId::read(&state.tags, "user_id", &ids.1)?;
    let removed = state
        .write_as(&caller, move |tx, caller| members::remove(tx, caller, space, &users::Named::Number(user)))
        .await?;
    if removed { Ok(Reply::Done) } else { Err(Error::not_found(Noun::Member, &ids.1).into()) }
}
