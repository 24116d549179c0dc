//! `/v1/api/pipelines/*` (contract of the contents, section 3).

pub(super) mod lists;
pub(super) mod topics;

use std::collections::BTreeSet;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Body;
use super::failure::{AlwaysRefusals, Refusal};
use super::{Caller, Failure};
use crate::app::pipelines;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::{PipelineId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::pipeline::{PipelineName, PipelineVersion};
use crate::domain::pipeline_definition::Definition;
use crate::error::{Error, InField, Result};
use crate::store::{Tx, View};
use lists::{FoundPipeline, NamedPipeline};

/// A new version of a pipeline, which is created if there is none with this name.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CreatePipeline {
    /// The name: 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends; unique in the workspace.
    #[schema(example = "ccfraud", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    pipeline_id: String,
    /// The id of the workspace.
    workspace_id: i64,
    /// The steps: `{"steps": [..]}`, or `{}`. They are kept as they are sent.
    #[schema(value_type = Option<Object>)]
    definition: Option<JsonText>,
}

/// The new version.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "clients read these names")]
pub(super) struct PipelineCreated {
    /// The id of the pipeline.
    pipeline_pk_id: i64,
    /// The id of the version.
    pipeline_variant_pk_id: i64,
    /// The UUID of the version.
    pipeline_variant_version: Uuid,
}

/// Creates a version of a pipeline, and the pipeline if there is none with this name.
#[utoipa::path(post, path = "/v1/api/pipelines/create", tag = "pipelines", operation_id = "pipelines_create",
    request_body = CreatePipeline,
    responses(
        (status = 200, description = "The new version", body = PipelineCreated),
        (status = 400, description = "The request is malformed, a step is, the workspace or a model version does not exist, or the caller lacks a permission", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn create(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CreatePipeline>,
) -> Result<Json<PipelineCreated>, Failure> {
    let CreatePipeline { pipeline_id, workspace_id, definition } = body.0;
    let name = PipelineName::parse(&pipeline_id).in_field("pipeline_id")?;
    let definition = definition.map(parse_definition).transpose()?;
    let write = state.write_as(&caller, move |tx, caller| {
        let definition = (definition.as_ref(), "definition");
        pipelines::create(tx, caller, WorkspaceId(workspace_id), &name, definition)
    });
    let version = write.await.map_err(Failure::missing_as_400)?;
    Ok(Json(PipelineCreated {
        pipeline_pk_id: version.pipeline.0,
        pipeline_variant_pk_id: version.id.0,
        pipeline_variant_version: version.uuid,
    }))
}

fn parse_definition(text: JsonText) -> Result<Definition> {
    Definition::parse(text).map_err(|invalid| Error::invalid(format!("definition{}", invalid.path), invalid.rule))
}

/// A pipeline to copy.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CopyPipeline {
    /// The name of the copy.
    #[schema(example = "ccfraud-copy", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    name: String,
    /// The id of the workspace of the copy.
    workspace_id: i64,
    /// The id of the pipeline to copy.
    source_pipeline: i64,
}

/// The copy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PipelineCopied {
    /// The id of the new pipeline.
    pipeline_pk_id: i64,
    /// The id of its version.
    pipeline_variant_pk_id: i64,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pipeline_version: (),
    /// Always null.
    #[schema(value_type = Option<Object>)]
    deployment: (),
}

/// Creates a pipeline from the newest version of another one.
#[utoipa::path(post, path = "/v1/api/pipelines/copy", tag = "pipelines", request_body = CopyPipeline,
    responses(
        (status = 200, description = "The copy", body = PipelineCopied),
        (status = 400, description = "The request is malformed, the workspace does not exist, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The pipeline, or a model version that it names, does not exist", body = Refusal),
        (status = 409, description = "The name is in use", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn copy(
    state: Data<AppState>,
    caller: Caller,
    body: Body<CopyPipeline>,
) -> Result<Json<PipelineCopied>, Failure> {
    let CopyPipeline { name, workspace_id, source_pipeline } = body.0;
    let name = PipelineName::parse(&name).in_field("name")?;
    let (source, workspace) = (PipelineId(source_pipeline), WorkspaceId(workspace_id));
    let write = move |tx: &Tx, caller: &Actor| pipelines::copy(tx, caller, source, workspace, &name);
    let version = state.write_as(&caller, write).await?;
    Ok(Json(PipelineCopied {
        pipeline_pk_id: version.pipeline.0,
        pipeline_variant_pk_id: version.id.0,
        pipeline_version: (),
        deployment: (),
    }))
}

/// A pipeline and the workspace to move it to.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MovePipeline {
    /// The id of the pipeline.
    pipeline_id: i64,
    /// The id of the workspace.
    workspace_id: i64,
}

/// The pipeline and its workspace now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PipelineMoved {
    /// The id of the pipeline.
    pipeline_id: i64,
    /// The id of the workspace.
    workspace_id: i64,
}

/// Moves a pipeline with its versions to another workspace of the same organization.
#[utoipa::path(post, path = "/v1/api/pipelines/move", tag = "pipelines", request_body = MovePipeline,
    responses(
        (status = 200, description = "The pipeline is in the workspace", body = PipelineMoved),
        (status = 400, description = "The request is malformed, the workspace does not exist, is archived or of another organization, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The pipeline does not exist", body = Refusal),
        (status = 409, description = "The workspace has a pipeline with this name", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn move_to(
    state: Data<AppState>,
    caller: Caller,
    body: Body<MovePipeline>,
) -> Result<Json<PipelineMoved>, Failure> {
    let (pipeline, workspace) = (PipelineId(body.0.pipeline_id), WorkspaceId(body.0.workspace_id));
    let write = move |tx: &Tx, caller: &Actor| pipelines::move_to(tx, caller, pipeline, workspace);
    let pipeline = state.write_as(&caller, write).await?;
    Ok(Json(PipelineMoved { pipeline_id: pipeline.id.0, workspace_id: pipeline.workspace.0 }))
}

/// A pipeline by name.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PipelineByName {
    /// The name of the pipeline.
    pipeline_name: String,
    /// The id of its workspace.
    workspace_id: i64,
}

/// Returns the pipeline with this name in a workspace.
#[utoipa::path(post, path = "/v1/api/pipelines/get_pipeline_by_name", tag = "pipelines", request_body = PipelineByName,
    responses(
        (status = 200, description = "The pipeline", body = FoundPipeline),
        (status = 400, description = "The request is malformed", body = Refusal),
        (status = 404, description = "There is no such pipeline", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn by_name(
    state: Data<AppState>,
    caller: Caller,
    body: Body<PipelineByName>,
) -> Result<Json<FoundPipeline>, Failure> {
    let PipelineByName { pipeline_name, workspace_id } = body.0;
    let read = state.read_as(&caller, move |view, caller| {
        pipelines::visible_by_name(view, caller, WorkspaceId(workspace_id), &pipeline_name)
    });
    let (pipeline, workspace) = read.await?;
    Ok(Json(FoundPipeline::new(&pipeline, &workspace)))
}

/// A version of a pipeline.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PipelineVersionQuestion {
    /// The UUID of the version.
    version: Uuid,
}

/// A version of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundPipelineVersion {
    /// The name of the pipeline.
    pipeline_id: String,
    /// The UUID of the version.
    version: Uuid,
    /// The definition as it was sent.
    #[schema(value_type = Option<Object>)]
    definition: Option<JsonText>,
}

/// Returns a version of a pipeline with its definition.
#[utoipa::path(post, path = "/v1/api/pipelines/get_version", tag = "pipelines", request_body = PipelineVersionQuestion,
    responses(
        (status = 200, description = "The version", body = FoundPipelineVersion),
        (status = 400, description = "The request is malformed, or the version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn version(
    state: Data<AppState>,
    caller: Caller,
    body: Body<PipelineVersionQuestion>,
) -> Result<Json<FoundPipelineVersion>, Failure> {
    let uuid = body.0.version;
    let read = move |view: &View, caller: &Actor| pipelines::visible_version_by_uuid(view, caller, uuid);
    let (version, _) = state.read_as(&caller, read).await.map_err(Failure::missing_as_400)?;
    let PipelineVersion { name, uuid, definition, .. } = version;
    Ok(Json(FoundPipelineVersion { pipeline_id: name.as_str().to_owned(), version: uuid, definition }))
}

/// Deletes a pipeline with its versions.
#[utoipa::path(post, path = "/v1/api/pipelines/delete_pipeline", tag = "pipelines", request_body = NamedPipeline,
    responses(
        (status = 200, description = "The pipeline is deleted", body = NamedPipeline),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The pipeline does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn delete(
    state: Data<AppState>,
    caller: Caller,
    body: Body<NamedPipeline>,
) -> Result<Json<NamedPipeline>, Failure> {
    let named = body.0.clone();
    let write = state.write_as(&caller, move |tx, caller| {
        pipelines::delete(tx, caller, WorkspaceId(named.workspace_id), &named.pipeline_id)
    });
    write.await?;
    Ok(Json(body.0))
}

/// Versions of pipelines.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(super) struct PipelineVersions {
    /// The UUIDs of the versions, at most 100.
    pipeline_versions: BTreeSet<Uuid>,
}

/// Deletes versions of pipelines, all or none. A pipeline stays, even without versions.
#[utoipa::path(post, path = "/v1/api/pipelines/delete_pipeline_versions", tag = "pipelines", request_body = PipelineVersions,
    responses(
        (status = 200, description = "The versions are deleted", body = PipelineVersions),
        (status = 400, description = "The request is malformed, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "A version does not exist", body = Refusal),
        AlwaysRefusals))]
pub(super) async fn delete_versions(
    state: Data<AppState>,
    caller: Caller,
    body: Body<PipelineVersions>,
) -> Result<Json<PipelineVersions>, Failure> {
    let uuids = body.0.pipeline_versions.clone();
    state.write_as(&caller, move |tx, caller| pipelines::delete_versions(tx, caller, &uuids)).await?;
    Ok(Json(body.0))
}
