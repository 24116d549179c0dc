//! Lists of pipelines and of their versions, and the shape of an entry.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::topics;
use crate::app::pipelines::{self, PipelineFilter};
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::json_text::JsonText;
use crate::domain::pipeline;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace;
use crate::error::Result;
use crate::http::pieces;
use crate::http::wallaroo::body::Body;
use crate::http::wallaroo::failure::{AlwaysRefusals, Refusal};
use crate::http::wallaroo::{Caller, Failure, workspaces};

/// The workspace whose pipelines are listed; by default all workspaces that the caller may see.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct ListPipelines {
    /// The id of the workspace.
    workspace_id: Option<i64>,
    /// The name of the workspace, in the home organization.
    workspace_name: Option<String>,
}

/// The pipelines, by workspace and id.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct PipelineList {
    pipelines: Vec<ListedPipeline>,
}

/// A pipeline, its workspace and maybe one of its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct ListedPipeline {
    #[serde(flatten)]
    found: FoundPipeline,
    /// Always null: atelier does not run pipelines.
    #[schema(value_type = Option<Object>)]
    deployment: (),
    /// The version, in a list of versions.
    pipeline_version: Option<ListedPipelineVersion>,
}

/// A pipeline and its workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct FoundPipeline {
    pipeline: Pipeline,
    workspace: PipelineWorkspace,
    /// The name of the topic of its logs. It never changes.
    #[schema(example = "pipeline-3-inference")]
    plateau_topic: String,
}

/// A pipeline.
#[derive(Debug, Serialize, ToSchema)]
struct Pipeline {
    /// The id.
    id: i64,
    /// The name, unique in the workspace.
    name: String,
    /// The time of creation: ISO 8601 with up to six fractional digits and an offset.
    created_at: String,
    /// The time of the last change, also by a new version.
    updated_at: String,
}

/// The workspace of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
struct PipelineWorkspace {
    /// The id.
    id: i64,
    /// The name.
    name: String,
    /// Whether it is archived.
    archived: bool,
    /// The time of creation.
    created_at: String,
    /// The creator, as lists of workspaces have it.
    created_by: Option<String>,
    /// Always null.
    #[schema(value_type = Option<i64>)]
    group_id: (),
}

/// A version of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
struct ListedPipelineVersion {
    /// The name of the pipeline.
    id: String,
    /// The id of its workspace.
    workspace_id: i64,
    /// The UUID of the version.
    version: Uuid,
    /// The time of creation.
    created_at: String,
    /// The email address of the creator; null if that account no longer exists.
    created_by: Option<String>,
    /// The definition as it was sent; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    steps: Option<JsonText>,
}

impl FoundPipeline {
    pub(super) fn new(pipeline: &pipeline::Pipeline, workspace: &workspace::Workspace) -> Self {
        let created_by = workspace.created_by.as_ref();
        Self::of(pipeline, (workspace.id, &workspace.name, workspace.archived, workspace.created_at, created_by))
    }

    fn of(
        pipeline: &pipeline::Pipeline,
        (id, name, archived, created_at, created_by): (
            WorkspaceId,
            &workspace::WorkspaceName,
            bool,
            Timestamp,
            Option<&workspace::Creator>,
        ),
    ) -> Self {
        Self {
            pipeline: Pipeline {
                id: pipeline.id.0,
                name: pipeline.name.as_str().to_owned(),
                created_at: pipeline.created_at.trimmed(),
                updated_at: pipeline.updated_at.trimmed(),
            },
            workspace: PipelineWorkspace {
                id: id.0,
                name: name.as_str().to_owned(),
                archived,
                created_at: created_at.trimmed(),
                created_by: created_by.map(workspaces::creator),
                group_id: (),
            },
            plateau_topic: topics::name(pipeline.id),
        }
    }
}

impl ListedPipeline {
    fn new(pipeline: &pipeline::Pipeline, entry: &workspace::WorkspaceEntry) -> Self {
        let workspace = (entry.id, &entry.name, entry.archived, entry.created_at, entry.created_by.as_ref());
        Self { found: FoundPipeline::of(pipeline, workspace), deployment: (), pipeline_version: None }
    }
}

impl ListedPipelineVersion {
    fn new(version: &pipeline::PipelineVersion) -> Self {
        Self {
            id: version.name.as_str().to_owned(),
            workspace_id: version.workspace.0,
            version: version.uuid,
            created_at: version.created_at.trimmed(),
            created_by: version.created_by.as_ref().map(|by| by.email.to_string()),
            steps: version.definition.clone(),
        }
    }
}

/// Lists the pipelines of a workspace, or of all workspaces that the caller may see.
#[utoipa::path(post, path = "/v1/api/pipelines/list_pipelines", tag = "pipelines", operation_id = "list_pipelines",
    request_body = ListPipelines,
    responses(
        (status = 200, description = "The pipelines; none of a workspace that does not exist", body = PipelineList),
        (status = 400, description = "The request is malformed", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn pipelines(
    state: Data<AppState>,
    caller: Caller,
    body: Body<ListPipelines>,
) -> Result<HttpResponse, Failure> {
    let ListPipelines { workspace_id, workspace_name } = body.0;
    let filter = PipelineFilter { workspace: workspace_id.map(WorkspaceId), workspace_name };
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let mut is_first = true;
        out.text(r#"{"pipelines":["#)?;
        pipelines::list(view, caller, &filter, |pipeline, workspace| {
            out.separate(&mut is_first)?;
            out.json(&ListedPipeline::new(pipeline, workspace))
        })?;
        out.text("]}")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}

/// A pipeline by name.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct NamedPipeline {
    /// The name of the pipeline.
    pub(super) pipeline_id: String,
    /// The id of its workspace.
    pub(super) workspace_id: i64,
}

/// The versions of a pipeline, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct PipelineVersionList {
    pipeline_versions: Vec<ListedPipeline>,
}

/// Lists the versions of a pipeline.
#[utoipa::path(post, path = "/v1/api/pipelines/list_pipeline_versions", tag = "pipelines",
    operation_id = "list_pipeline_versions", request_body = NamedPipeline,
    responses(
        (status = 200, description = "The versions; none of a pipeline that does not exist", body = PipelineVersionList),
        (status = 400, description = "The request is malformed", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn versions(
    state: Data<AppState>,
    caller: Caller,
    body: Body<NamedPipeline>,
) -> Result<HttpResponse, Failure> {
    let NamedPipeline { pipeline_id, workspace_id } = body.0;
    let write = move |view: &LongView, caller: &Actor, out: &mut BodyWriter| {
        let mut is_first = true;
        out.text(r#"{"pipeline_versions":["#)?;
        let of = (WorkspaceId(workspace_id), pipeline_id.as_str());
        pipelines::versions(view, caller, of, |version, (pipeline, workspace)| {
            out.separate(&mut is_first)?;
            out.json(&ListedPipeline {
                found: FoundPipeline::new(pipeline, workspace),
                deployment: (),
                pipeline_version: Some(ListedPipelineVersion::new(version)),
            })
        })?;
        out.text("]}")
    };
    Ok(pieces::json(state.read_list(&caller, caller.coding, write).await?))
}
