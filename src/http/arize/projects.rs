//! `/v2/projects` (contract, section 6).

use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Query, name};
use super::generations::Shape;
use super::ids::Public;
use super::page::{self, Pagination};
use super::reply::{List, ListRequest, Listed, Nothing, Reply, Shaped};
use super::spelling::canonical;
use super::{Caller, Failure, HandlerResult};
use crate::app::projects;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::{ProjectId, WorkspaceId};
use crate::domain::project::{Project as Noun, ProjectKind, ProjectName, ProjectSearch};
use crate::store::View;
use crate::tokens::tags::TagKey;

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Project {
    /// The id.
    id: String,
    /// The name, unique in its space.
    name: String,
    /// The id of the space.
    space_id: String,
    /// The time of creation.
    created_at: String,
    /// `APPLICATION`, `HARNESS` or `EXPERIMENT`.
    #[serde(rename = "project_type")]
    #[schema(example = "APPLICATION")]
    kind: &'static str,
}

impl Shaped for Project {
    const SHAPE: Shape = Shape::Project;
}

impl Listed for Project {
    const PLURAL: &'static str = "projects";
}

impl Project {
    fn new(key: &TagKey, project: &Noun) -> Self {
        Self {
            id: project.id.encode(key),
            name: project.name.as_str().to_owned(),
            space_id: project.workspace.encode(key),
            created_at: project.created_at.zulu(),
            kind: kind_name(project.kind),
        }
    }
}

const fn kind_name(kind: ProjectKind) -> &'static str {
    match kind {
        ProjectKind::Application => "APPLICATION",
        ProjectKind::Harness => "HARNESS",
        ProjectKind::Experiment => "EXPERIMENT",
    }
}

/// A page of projects.
#[derive(Serialize, ToSchema)]
pub(super) struct ProjectList {
    projects: Vec<Project>,
    pagination: Pagination,
}

/// Lists the projects that the caller can see, oldest first.
#[utoipa::path(get, path = "/v2/projects", tag = "projects",
    params(
        ("space_id" = Option<String>, Query, description = "Only projects of this space"),
        ("space_name" = Option<String>, Query, description = "Only projects of spaces whose name contains this text, ignoring case"),
        ("name" = Option<String>, Query, description = "Only entries whose name contains this text, ignoring case"),
        ("project_type" = Option<String>, Query, description = "Only projects of this type: APPLICATION, HARNESS or EXPERIMENT"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The number of entries on a page, 1 to 100; 50 by default"),
        ("cursor" = Option<String>, Query, description = "The next_cursor of the previous page")),
    responses(
        (status = 200, description = "A page of projects", body = ProjectList),
        (status = 400, description = "A parameter is malformed"),
        (status = 404, description = "The space does not exist")))]
pub(super) async fn list(
    state: Data<AppState>,
    caller: Caller,
    query: Query,
    request: ListRequest,
) -> HandlerResult<List<Project>> {
    query.only(&["space_id", "space_name", "name", "project_type", "limit", "cursor"])?;
    let search = ProjectSearch {
        workspace: query.one("space_id")?.map(|id| WorkspaceId::read(&state.tags, "space_id", id)).transpose()?,
        workspace_name: query.text("space_name")?,
        name: query.text("name")?,
        kind: query.one("project_type")?.map(kind).transpose()?,
    };
    let page = page::requested::<Project>(&state.tags, &query)?;
    let read = move |view: &View, caller: &Actor, search: &ProjectSearch| projects::page(view, caller, search, page);
    request.respond(&state, &caller, search, read, |key, project| Project::new(key, &project)).await
}

fn kind(named: &str) -> Result<ProjectKind, Failure> {
    let named = canonical(named);
    let found = ProjectKind::ALL.into_iter().find(|kind| kind_name(*kind) == named);
    found.ok_or_else(|| Failure::malformed("project_type", "must be APPLICATION, HARNESS or EXPERIMENT"))
}

/// A new project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateProject {
    /// The name, 1 to 255 characters, unique in the space.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// The id of the space.
    space_id: String,
}

/// Creates a project of the type APPLICATION.
#[utoipa::path(post, path = "/v2/projects", tag = "projects", request_body = CreateProject,
    responses(
        (status = 201, description = "The new project", body = Project),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The space does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn create(state: Data<AppState>, caller: Caller, body: Body<CreateProject>) -> HandlerResult<Project> {
    let space = WorkspaceId::read(&state.tags, "space_id", &body.0.space_id)?;
    let name = name(&body.0.name, ProjectName::parse)?;
    let project = state.write_as(&caller, move |tx, caller| projects::create(tx, caller, space, &name)).await?;
    Ok(Reply::Created(Project::new(&state.tags, &project)))
}

/// Returns a project.
#[utoipa::path(get, path = "/v2/projects/{project_id}", tag = "projects",
    params(("project_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 200, description = "The project", body = Project),
        (status = 400, description = "The id is malformed"),
        (status = 404, description = "The project does not exist")))]
pub(super) async fn get(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Project> {
    let id = ProjectId::read(&state.tags, "project_id", &id)?;
    let (project, _) = state.read_inline(|view| projects::visible(view, &caller, id))?;
    Ok(Reply::Ok(Project::new(&state.tags, &project)))
}

/// The changes to a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateProject {
    /// The new name.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
}

/// Renames a project.
#[utoipa::path(patch, path = "/v2/projects/{project_id}", tag = "projects", request_body = UpdateProject,
    params(("project_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 200, description = "The updated project", body = Project),
        (status = 400, description = "Malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The project does not exist"),
        (status = 409, description = "The name is already in use"),
        (status = 422, description = "The body is invalid")))]
pub(super) async fn update(
    state: Data<AppState>,
    caller: Caller,
    id: Path<String>,
    body: Body<UpdateProject>,
) -> HandlerResult<Project> {
    let id = ProjectId::read(&state.tags, "project_id", &id)?;
    let name = name(&body.0.name, ProjectName::parse)?;
    let project = state.write_as(&caller, move |tx, caller| projects::rename(tx, caller, id, &name)).await?;
    Ok(Reply::Ok(Project::new(&state.tags, &project)))
}

/// Deletes a project.
#[utoipa::path(delete, path = "/v2/projects/{project_id}", tag = "projects",
    params(("project_id" = String, Path, description = "The id of the project")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "The id is malformed"),
        (status = 403, description = "The caller lacks a permission"),
        (status = 404, description = "The project does not exist")))]
pub(super) async fn delete(state: Data<AppState>, caller: Caller, id: Path<String>) -> HandlerResult<Nothing> {
    let id = ProjectId::read(&state.tags, "project_id", &id)?;
    state.write_as(&caller, move |tx, caller| projects::delete(tx, caller, id)).await?;
    Ok(Reply::Done)
}
