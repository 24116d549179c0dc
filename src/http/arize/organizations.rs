//! `/v2/organizations` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query, name, present};
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, ListRequest, Listed, Nothing, Reply, Shaped};
use super::spelling::{RequestedRole, RoleGiven, RoleShown, organization_role, organization_role_name};
use super::{Caller, Failure, HandlerResult};
use crate::app::runtime::state::AppState;
use crate::app::{organizations, users};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::organization::{
    NewOrganization, Organization as Noun, OrganizationChange, OrganizationName, OrganizationRole, OrganizationSearch,
};
use crate::domain::text::Description;
use crate::error::{Error, InField};
use crate::store::View;
use crate::tokens::tags::TagKey;

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Organization {
    /// The id.
    id: String,
    /// The name, unique in the account.
    name: String,
    /// The description; may be empty.
    description: String,
    /// The time of creation.
    created_at: String,
}

impl Shaped for Organization {
    const SHAPE: Shape = Shape::Organization;
}

impl Listed for Organization {
    const PLURAL: &'static str = "organizations";
}

impl Organization {
    fn new(key: &TagKey, organization: &Noun) -> Self {
        Self {
            id: organization.id.encode(key),
            name: organization.name.as_str().to_owned(),
            description: organization.description.as_str().to_owned(),
            created_at: organization.created_at.zulu(),
        }
    }
}

/// A page of organizations.
#[derive(Serialize, ToSchema)]
pub(super) struct OrganizationList {
    organizations: Vec<Organization>,
    pagination: Pagination,
}

/// Lists the organizations of the caller, oldest first; administrators see all organizations.
#[utoipa::path(get, path = "/v2/organizations", tag = "organizations",
    params(
        ("name" = Option<String>, Query, description = "Only entries whose name contains this text, ignoring case"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of organizations", body = OrganizationList),
        (status = 400, description = "A parameter is malformed")))]
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    query: Query,
    request: ListRequest,
) -> HandlerResult<List<Organization>> {
    query.only(&["name", "limit", "cursor"])?;
    let search = OrganizationSearch { name: query.text("name")? };
    let page = page::requested::<Organization>(&state.tags, &query)?;
    let read =
        move |view: &View, caller: &Actor, search: &OrganizationSearch| organizations::page(view, caller, search, page);
    request.respond(&state, &caller, search, read, |key, organization| Organization::new(key, &organization)).await
}

/// A new organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateOrganization {
    /// The name, 1 to 255 characters, unique in the account.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// The description, at most 1000 characters.
    #[schema(max_length = 1000)]
    description: Option<String>,
}

/// Creates an organization. The caller becomes its admin.
#[utoipa::path(post, path = "/v2/organizations", tag = "organizations", request_body = CreateOrganization,
    responses(
        (status = 201, description = "The new organization", body = Organization),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateOrganization>,
) -> HandlerResult<Organization> {
    let new = NewOrganization {
        name: name(&body.0.name, OrganizationName::parse)?,
        description: Description::parse(body.0.description.as_deref().unwrap_or_default()).in_field("description")?,
    };
    let organization = state.write_as(&caller, move |tx, caller| organizations::create(tx, caller, &new)).await?;
    Ok(Reply::Created(Organization::new(&state.tags, &organization)))
}

/// Returns an organization.
#[utoipa::path(get, path = "/v2/organizations/{org_id}", tag = "organizations",
    params(("org_id" = String, Path, description = "The id of the organization")),
    responses(
        (status = 200, description = "The organization", body = Organization),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The organization does not exist")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Organization> {
    let id = OrganizationId::read(&state.tags, "org_id", &id)?;
    let organization = state.read_inline(|view| organizations::visible(view, &caller, id))?;
    Ok(Reply::Ok(Organization::new(&state.tags, &organization)))
}

/// The changes to an organization; at least one field is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null clears, absent leaves alone")]
pub(super) struct UpdateOrganization {
    /// The new name.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The new description; null or an empty string clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
}

impl TryFrom<UpdateOrganization> for OrganizationChange {
    type Error = Failure;

    fn try_from(update: UpdateOrganization) -> Result<Self, Failure> {
        if update.name.is_none() && update.description.is_none() {
            return Err(Failure::no_field());
        }
        let description = update.description.map(Option::unwrap_or_default);
        Ok(Self {
            name: update.name.as_deref().map(|raw| name(raw, OrganizationName::parse)).transpose()?,
            description: description.as_deref().map(Description::parse).transpose().in_field("description")?,
        })
    }
}

/// Changes an organization.
#[utoipa::path(patch, path = "/v2/organizations/{org_id}", tag = "organizations", request_body = UpdateOrganization,
    params(("org_id" = String, Path, description = "The id of the organization")),
    responses(
        (status = 200, description = "The updated organization", body = Organization),
        (status = 400, description = "The request is malformed or changes nothing"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The organization does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UpdateOrganization>,
) -> HandlerResult<Organization> {
    let id = OrganizationId::read(&state.tags, "org_id", &id)?;
    let change = OrganizationChange::try_from(body.0)?;
    let organization =
        state.write_as(&caller, move |tx, caller| organizations::change(tx, caller, id, &change)).await?;
    Ok(Reply::Ok(Organization::new(&state.tags, &organization)))
}

/// Deletes an organization with its spaces and everything in them.
#[utoipa::path(delete, path = "/v2/organizations/{org_id}", tag = "organizations",
    params(("org_id" = String, Path, description = "The id of the organization")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed, or it is the home organization"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The organization does not exist")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = OrganizationId::read(&state.tags, "org_id", &id)?;
    state.write_as(&caller, move |tx, caller| organizations::delete(tx, caller, id)).await?;
    Ok(Reply::Done)
}

/// The user to add to an organization, and the role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddOrganizationUser {
    /// The id of the user.
    user_id: String,
    /// The role, which must be predefined.
    role: RoleGiven,
}

/// A membership of an organization.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrganizationMembership {
    /// The id.
    id: String,
    /// The id of the user.
    user_id: String,
    /// The organization.
    organization_id: String,
    /// The role.
    role: RoleShown,
}

impl Shaped for OrganizationMembership {
    const SHAPE: Shape = Shape::OrganizationMembership;
}

/// Adds a user to an organization, or changes a member's role.
#[utoipa::path(post, path = "/v2/organizations/{org_id}/users", tag = "organizations", request_body = AddOrganizationUser,
    params(("org_id" = String, Path, description = "The id of the organization")),
    responses(
        (status = 200, description = "The membership", body = OrganizationMembership),
        (status = 400, description = "The request is malformed, or a rule does not allow it"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The organization or the user does not exist"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn add_user(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<AddOrganizationUser>,
) -> HandlerResult<OrganizationMembership> {
    let id = OrganizationId::read(&state.tags, "org_id", &id)?;
    let user = users::Named::Number(UserId::read(&state.tags, "user_id", &body.0.user_id)?);
    let role = role(&state.tags, body.0.role)?;
    let member =
        state.write_as(&caller, move |tx, caller| organizations::upsert_member(tx, caller, id, &user, role)).await?;
    Ok(Reply::Ok(OrganizationMembership {
        id: member.id.encode(&state.tags),
        user_id: member.user.encode(&state.tags),
        organization_id: member.organization.encode(&state.tags),
        role: RoleShown::Predefined { name: organization_role_name(member.role) },
    }))
}

fn role(key: &TagKey, requested: RoleGiven) -> Result<OrganizationRole, Failure> {
    match requested.read(key, "role")? {
        RequestedRole::Custom(_) => {
            Err(Error::invalid("role", "must not be of type CUSTOM: custom roles are not supported in organizations")
                .into())
        }
        RequestedRole::Predefined(named) => {
            let found = organization_role(&named);
            let rule = "must be ADMIN, MEMBER, READ_ONLY or ANNOTATOR";
            found.ok_or_else(|| Error::invalid("role.name", rule).into())
        }
    }
}

/// Removes a user from an organization and from its spaces.
#[utoipa::path(delete, path = "/v2/organizations/{org_id}/users/{user_id}", tag = "organizations",
    params(
        ("org_id" = String, Path, description = "The id of the organization"),
        ("user_id" = String, Path, description = "The id of the user")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "An id is malformed, or the user is the last admin of the organization or of a space"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The organization does not exist, or the user is not a member")))]
pub(super) async fn remove_user(
    state: Data<AppState>,
    caller: Caller,
    ids: Path<(String, String)>,
) -> HandlerResult<Nothing> {
    let id = OrganizationId::read(&state.tags, "org_id", &ids.0)?;
    let user = users::Named::Number(UserId::read(&state.tags, "user_id", &ids.1)?);
    state.write_as(&caller, move |tx, caller| organizations::remove_member(tx, caller, id, &user)).await?;
    Ok(Reply::Done)
}
