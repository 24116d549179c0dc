//! `/v1/api/workspaces/*` (contract, sections 2.1 to 2.6).

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{Body, Nothing, RawBody};
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::app::cached_lists;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::app::{contents, members, users, workspaces};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Role;
use crate::domain::workspace::{Contents, Creator, NewWorkspace, Slug, WorkspaceEntry, WorkspaceFilter};
use crate::error::{Error, InField, Result};
use crate::http::pieces;

/// A filter of workspaces; all fields are optional.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ListQuestion {
    /// Only workspaces of at least one of these users.
    user_ids: Option<Vec<Uuid>>,
    /// Only workspaces of this user, in addition to those of `user_ids`.
    user_id: Option<Uuid>,
}

/// The workspaces, ordered by id.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkspaceList {
    workspaces: Vec<Workspace>,
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Workspace {
    /// The id.
    #[schema(example = 8)]
    id: i64,
    /// The name, unique among workspaces.
    #[schema(example = "ccfraudworkspace")]
    name: String,
    /// The time of creation: ISO 8601 with up to six fractional digits and an offset.
    #[schema(example = "2024-07-11T16:51:50.885751+00:00")]
    created_at: String,
    /// The creator: a UUID, or the email address for a user's default workspace; null if that account no longer exists.
    created_by: Option<String>,
    /// Whether it is archived.
    archived: bool,
    /// The ids of its model versions.
    models: Vec<i64>,
    /// The ids of its pipelines.
    pipelines: Vec<i64>,
}

/// Lists the workspaces of the caller; administrators see all workspaces.
#[utoipa::path(post, path = "/v1/api/workspaces/list", tag = "workspaces", request_body = ListQuestion,
    responses(
        (status = 200, description = "The workspaces", body = WorkspaceList),
        (status = 400, description = "The request is malformed", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn list(state: Data<AppState>, caller: Caller, body: RawBody) -> Result<HttpResponse, Failure> {
    let parse = || Ok(WorkspaceFilter::from(body.read::<ListQuestion>()?));
    let read = move |view: &LongView, caller: &Actor, filter: &WorkspaceFilter, out: &mut BodyWriter| {
        let mut is_first = true;
        out.text(r#"{"workspaces":["#)?;
        workspaces::list(view, caller, filter, |batch| {
            let contents = contents::of_visible(view, caller, batch)?;
            batch.iter().try_for_each(|entry| {
                out.separate(&mut is_first)?;
                out.json(&Workspace::new(entry, contents.get(&entry.id)))
            })
        })?;
        out.text("]}")
    };
    let list = cached_lists::get_or_read(
        &state,
        &caller.proved,
        caller.coding,
        "workspaces/list",
        body.to_bytes(),
        parse,
        read,
    );
    Ok(pieces::json(list.await?))
}

impl From<ListQuestion> for WorkspaceFilter {
    fn from(question: ListQuestion) -> Self {
        let joined_by = match (question.user_ids, question.user_id) {
            (None, None) => None,
            (ids, id) => Some(ids.into_iter().flatten().chain(id).collect()),
        };
        Self { joined_by }
    }
}

impl Workspace {
    fn new(workspace: &WorkspaceEntry, contents: Option<&Contents>) -> Self {
        Self {
            id: workspace.id.0,
            name: workspace.name.as_str().to_owned(),
            created_at: workspace.created_at.trimmed(),
            created_by: workspace.created_by.as_ref().map(creator),
            archived: workspace.archived,
            models: contents.iter().flat_map(|contents| &contents.model_versions).map(|id| id.0).collect(),
            pipelines: contents.iter().flat_map(|contents| &contents.pipelines).map(|id| id.0).collect(),
        }
    }
}

/// The creator of a workspace: the email address for a default workspace, the UUID for any other.
pub(super) fn creator(creator: &Creator) -> String {
    if creator.by_default { creator.email.to_string() } else { creator.uuid.to_string() }
}

/// A new workspace.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CreateWorkspace {
    /// The name: 1 to 63 of `a-z`, `0-9` and `-`, starting with a letter and not ending with a hyphen; unique.
    #[schema(example = "ccfraudworkspace", min_length = 1, max_length = 63, pattern = "^[a-z]([a-z0-9-]*[a-z0-9])?$")]
    workspace_name: String,
}

/// The new workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkspaceCreated {
    /// The id.
    workspace_id: i64,
}

/// Creates a workspace. The caller becomes its owner.
#[utoipa::path(post, path = "/v1/api/workspaces/create", tag = "workspaces", request_body = CreateWorkspace,
    responses(
        (status = 200, description = "The id of the new workspace", body = WorkspaceCreated),
        (status = 400, description = "The request is malformed, or the name is already in use or reserved", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateWorkspace>,
) -> Result<Json<WorkspaceCreated>, Failure> {
    let name = Slug::parse(&body.0.workspace_name).in_field("workspace_name")?;
    let new = NewWorkspace::private(name.into());
    let workspace = state.write_as(&caller, move |tx, caller| workspaces::create(tx, caller, &new)).await?;
    Ok(Json(WorkspaceCreated { workspace_id: workspace.id.0 }))
}

/// A user and the workspace to add the user to. Either `email` or `user_id` is required; both must name the same user.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AddUser {
    /// The id of the workspace.
    workspace_id: i64,
    /// The user's email address.
    email: Option<String>,
    /// The user's UUID.
    user_id: Option<Uuid>,
    /// The role: `owner` or `collaborator`, in any case.
    #[schema(example = "collaborator")]
    user_type: Option<String>,
    /// The URL in Wallaroo's invitation email; ignored, because atelier sends no email.
    #[expect(dead_code, reason = "read so that a wrong type is told; the SDK always sends it")]
    url: Option<String>,
}

/// Adds a user to a workspace, or changes a member's role.
#[utoipa::path(post, path = "/v1/api/workspaces/add_user", tag = "workspaces", request_body = AddUser,
    responses(
        (status = 200, description = "Done", body = Nothing),
        (status = 400, description = "The request is malformed, the workspace or the user does not exist, or the caller lacks a permission", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn add_user(
    state: Data<AppState>,
    caller: Caller,
    body: Body<AddUser>,
) -> Result<Json<Nothing>, Failure> {
    let AddUser { workspace_id, email, user_id, user_type, url: _ } = body.0;
    let who = named(email.as_deref(), user_id)?;
    let role = user_type.map_or(Ok(Role::Member), |name| role(&name))?;
    state
        .write_as(&caller, move |tx, caller| members::upsert(tx, caller, WorkspaceId(workspace_id), &who, role))
        .await?;
    Ok(Json(Nothing {}))
}

/// The user that a request names.
fn named(email: Option<&str>, user_id: Option<Uuid>) -> Result<users::Named> {
    let email = email.filter(|text| !text.is_empty()).map(Email::parse).transpose().in_field("email")?;
    match (user_id, email) {
        (Some(uuid), Some(email)) => Ok(users::Named::Both(uuid, email)),
        (Some(uuid), None) => Ok(users::Named::Uuid(uuid)),
        (None, Some(email)) => Ok(users::Named::Email(email)),
        (None, None) => Err(Error::invalid("email", "is required unless user_id is given")),
    }
}

pub(super) fn role(name: &str) -> Result<Role> {
    match name.to_ascii_lowercase().as_str() {
        "owner" => Ok(Role::Owner),
        "collaborator" => Ok(Role::Member),
        _ => Err(Error::invalid("user_type", "must be owner or collaborator")),
    }
}

pub(super) const fn user_type(role: Role) -> &'static str {
    match role {
        Role::Owner => "OWNER",
        Role::Member | Role::Reader | Role::Annotator | Role::Custom(_) => "COLLABORATOR",
    }
}

/// A workspace by id.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WorkspaceQuestion {
    /// The id of the workspace.
    workspace_id: i64,
}

/// The members of a workspace, in the order in which they joined.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberList {
    users: Vec<Member>,
}

/// A member of a workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Member {
    /// The user's UUID.
    user_id: Uuid,
    /// The role: `OWNER` or `COLLABORATOR`.
    #[schema(example = "OWNER")]
    user_type: &'static str,
}

/// Lists the members of a workspace.
#[utoipa::path(post, path = "/v1/api/workspaces/list_users", tag = "workspaces", request_body = WorkspaceQuestion,
    responses(
        (status = 200, description = "The members", body = MemberList),
        (status = 400, description = "The request is malformed, or the workspace does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn list_users(
    state: Data<AppState>,
    caller: Caller,
    body: Body<WorkspaceQuestion>,
) -> Result<HttpResponse, Failure> {
    let workspace = WorkspaceId(body.0.workspace_id);
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let members = members::list(view, caller, workspace)?;
        let mut is_first = true;
        out.text(r#"{"users":["#)?;
        for member in members {
            out.separate(&mut is_first)?;
            out.json(&Member { user_id: member.uuid, user_type: user_type(member.role) })?;
        }
        out.text("]}")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// A user and the workspace to remove the user from. Either `email` or `user_id` is required; both must name the same
/// user.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RemoveUser {
    /// The id of the workspace.
    workspace_id: i64,
    /// The user's email address.
    email: Option<String>,
    /// The user's UUID.
    user_id: Option<Uuid>,
}

/// The number of memberships that ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Removed {
    /// 1, or 0 if the user was not a member of the workspace.
    affected_rows: u8,
}

/// Removes a user from a workspace.
#[utoipa::path(post, path = "/v1/api/workspaces/remove_user", tag = "workspaces", request_body = RemoveUser,
    responses(
        (status = 200, description = "The number of memberships that ended", body = Removed),
        (status = 400, description = "The request is malformed, the workspace or the user does not exist, the user is the last owner, or the caller lacks a permission", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn remove_user(
    state: Data<AppState>,
    caller: Caller,
    body: Body<RemoveUser>,
) -> Result<Json<Removed>, Failure> {
    let RemoveUser { workspace_id, email, user_id } = body.0;
    let who = named(email.as_deref(), user_id)?;
    let removed =
        state.write_as(&caller, move |tx, caller| members::remove(tx, caller, WorkspaceId(workspace_id), &who)).await?;
    Ok(Json(Removed { affected_rows: removed.into() }))
}

/// Validates the workspaces after an upgrade of Wallaroo; it does nothing here.
#[utoipa::path(post, path = "/v1/api/workspaces/validate", tag = "workspaces",
    responses(
        (status = 200, description = "The workspaces are valid", body = Nothing),
        AlwaysRefusals))]
pub(super) async fn validate(_: Caller) -> Json<Nothing> {
    Json(Nothing {})
}
