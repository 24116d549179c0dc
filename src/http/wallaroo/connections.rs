//! `/v1/api/connections/*` (contract of the contents, section 6).

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Body;
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::app::connections::{self, Named};
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::connection::{ConnectionDetails, ConnectionEntry, ConnectionKind, ConnectionName, NewConnection};
use crate::domain::ids::WorkspaceId;
use crate::domain::json_text::JsonText;
use crate::error::InField;
use crate::http::pieces;

/// A new connection. Its `Debug` would print the details.
#[derive(Deserialize, ToSchema)]
pub(super) struct CreateConnection {
    /// The name, 1 to 255 characters, unique among all connections.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// The type, 1 to 255 characters of your choice.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 255, example = "HTTP")]
    kind: String,
    /// The details: an object of at most 64 KiB, or null. They are encrypted at rest.
    #[schema(value_type = Option<Object>)]
    details: Option<JsonText>,
}

/// The new connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectionCreated {
    /// The UUID.
    id: Uuid,
}

/// Creates a connection. It is in no workspace yet, and only its creator and administrators can see it.
#[utoipa::path(post, path = "/v1/api/connections/create", tag = "connections", operation_id = "create_connection", request_body = CreateConnection,
    responses(
        (status = 200, description = "The id of the new connection", body = ConnectionCreated),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 409, description = "The name is already in use", body = Refusal),
        (status = 429, description = "You created too many within a minute; `Retry-After` says when to retry", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreateConnection>,
) -> Result<Json<ConnectionCreated>, Failure> {
    let body = body.0;
    let details = body.details.as_ref().map_or("null", JsonText::as_str);
    let new = NewConnection {
        name: ConnectionName::parse(&body.name).in_field("name")?,
        kind: ConnectionKind::parse(&body.kind).in_field("type")?,
        details: ConnectionDetails::parse(details).in_field("details")?,
    };
    let connection = connections::create(&state, &caller, new).await?;
    Ok(Json(ConnectionCreated { id: connection.uuid }))
}

/// A filter of connections.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ConnectionsQuestion {
    /// Only connections of this workspace.
    workspace_id: Option<i64>,
}

/// The connections, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct ConnectionList {
    connections: Vec<Connection>,
}

/// A connection. Its `Debug` would print the details.
#[derive(Serialize, ToSchema)]
pub(super) struct Connection {
    /// The UUID.
    id: Uuid,
    /// The name.
    name: String,
    /// The type.
    #[serde(rename = "type")]
    kind: String,
    /// The details as they were sent.
    #[schema(value_type = Option<Object>)]
    details: JsonText,
    /// The time of creation: ISO 8601 with up to six fractional digits and an offset.
    #[schema(example = "2024-07-11T16:51:50.885751+00:00")]
    created_at: String,
    /// The names of its workspaces that the caller can see.
    workspace_names: Vec<String>,
}

impl From<ConnectionEntry> for Connection {
    fn from(entry: ConnectionEntry) -> Self {
        let connection = entry.connection;
        Self {
            id: connection.uuid,
            name: connection.name.as_str().to_owned(),
            kind: connection.kind.as_str().to_owned(),
            details: entry.details.expose().clone(),
            created_at: connection.created_at.trimmed(),
            workspace_names: entry.workspaces.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }
}

/// Lists the connections of the caller and of the caller's workspaces; administrators see all connections.
#[utoipa::path(post, path = "/v1/api/connections/list", tag = "connections", operation_id = "list_connections", request_body = ConnectionsQuestion,
    responses(
        (status = 200, description = "The connections", body = ConnectionList),
        (status = 400, description = "The request is malformed, or the workspace does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ConnectionsQuestion>,
) -> Result<HttpResponse, Failure> {
    let workspace = body.0.workspace_id.map(WorkspaceId);
    let master_key = state.master_key.clone();
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let mut is_first = true;
        out.text(r#"{"connections":["#)?;
        connections::list(view, caller, &master_key, workspace, |entry| {
            out.separate(&mut is_first)?;
            out.json(&Connection::from(entry))
        })?;
        out.text("]}")
    };
    // The list has secrets, so it is neither cached nor compressed.
    Ok(pieces::json(state.read_list(&caller, Coding::Identity, write).await?))
}

/// A connection by name.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ConnectionByName {
    /// The name.
    name: String,
}

/// Returns a connection with its details.
#[utoipa::path(post, path = "/v1/api/connections/get", tag = "connections", operation_id = "get_connection", request_body = ConnectionByName,
    responses(
        (status = 200, description = "The connection", body = Connection),
        (status = 400, description = "The request is malformed", body = Refusal),
        (status = 404, description = "The connection does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn get(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ConnectionByName>,
) -> Result<Json<Connection>, Failure> {
    found(&state, &caller, &Named::Name(body.0.name))
}

/// A connection by id.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ConnectionById {
    /// The UUID.
    id: Uuid,
}

/// Returns a connection with its details.
#[utoipa::path(post, path = "/v1/api/connections/get_by_id", tag = "connections", operation_id = "get_connection_by_id", request_body = ConnectionById,
    responses(
        (status = 200, description = "The connection", body = Connection),
        (status = 400, description = "The request is malformed", body = Refusal),
        (status = 404, description = "The connection does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn get_by_id(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ConnectionById>,
) -> Result<Json<Connection>, Failure> {
    found(&state, &caller, &Named::Uuid(body.0.id))
}

fn found(state: &AppState, caller: &Caller, which: &Named) -> Result<Json<Connection>, Failure> {
    let entry = state.read_inline(|view| connections::get(view, caller, &state.master_key, which))?;
    Ok(Json(entry.into()))
}

/// A connection and a workspace.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ConnectionLink {
    /// The id of the workspace.
    workspace_id: i64,
    /// The UUID of the connection.
    connection_id: Uuid,
}

/// The link between a connection and a workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectionLinked {
    /// The UUID of the link, which is not that of the connection.
    id: Uuid,
}

/// Adds a connection to a workspace, whose members can then see its details.
#[utoipa::path(post, path = "/v1/api/connections/add_to_workspace", tag = "connections", operation_id = "add_connection_to_workspace", request_body = ConnectionLink,
    responses(
        (status = 200, description = "The id of the link, which is not that of the connection", body = ConnectionLinked),
        (status = 400, description = "The request is malformed", body = Refusal),
        (status = 403, description = "The caller lacks a permission", body = Refusal),
        (status = 404, description = "The workspace or the connection does not exist", body = Refusal),
        (status = 409, description = "The workspace is archived, or too many workspaces have the connection", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn add_to_workspace(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ConnectionLink>,
) -> Result<Json<ConnectionLinked>, Failure> {
    let (workspace, which, link) =
        (WorkspaceId(body.0.workspace_id), Named::Uuid(body.0.connection_id), Uuid::new_v4());
    let add =
        state.write_as(&caller, move |tx, caller| connections::add_to_workspace(tx, caller, workspace, &which, link));
    Ok(Json(ConnectionLinked { id: add.await.map_err(Failure::never_400)? }))
}

/// Removes a connection from a workspace. Removing it twice is no error.
#[utoipa::path(post, path = "/v1/api/connections/remove_from_workspace", tag = "connections", operation_id = "remove_connection_from_workspace", request_body = ConnectionLink,
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The request is malformed, the workspace does not exist, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The connection does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn remove_from_workspace(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ConnectionLink>,
) -> Result<HttpResponse, Failure> {
    let (workspace, which) = (WorkspaceId(body.0.workspace_id), Named::Uuid(body.0.connection_id));
    let remove =
        state.write_as(&caller, move |tx, caller| connections::remove_from_workspace(tx, caller, workspace, &which));
    remove.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a connection, which removes it from its workspaces.
#[utoipa::path(post, path = "/v1/api/connections/delete", tag = "connections", operation_id = "delete_connection", request_body = ConnectionByName,
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The connection does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn delete(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ConnectionByName>,
) -> Result<HttpResponse, Failure> {
    let which = Named::Name(body.0.name);
    state.write_as(&caller, move |tx, caller| connections::delete(tx, caller, &which)).await?;
    Ok(HttpResponse::NoContent().finish())
}
