//! `/v1/api/plateau/*`: the names under which Wallaroo stores the logs of a pipeline. There are no logs here.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::pipelines;
use crate::app::runtime::state::AppState;
use crate::domain::ids::{PipelineId, WorkspaceId};
use crate::http::wallaroo::body::Body;
use crate::http::wallaroo::failure::{AlwaysRefusals, Refusal};
use crate::http::wallaroo::{Caller, Failure};

/// The name of the topic of a pipeline. It is the same in every workspace, because a pipeline can be moved.
pub(super) fn name(pipeline: PipelineId) -> String {
    format!("pipeline-{pipeline}-inference")
}

/// A pipeline.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct TopicQuestion {
    /// The id of the pipeline.
    pipeline_pk_id: i64,
}

/// The topic of the logs of a pipeline.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct Topic {
    /// The name.
    #[schema(example = "pipeline-3-inference")]
    topic_name: String,
}

/// Returns the name of the topic of a pipeline's logs.
#[utoipa::path(post, path = "/v1/api/plateau/get_topic_name", tag = "pipelines", operation_id = "get_topic_name",
    request_body = TopicQuestion,
    responses(
        (status = 200, description = "The topic", body = Topic),
        (status = 400, description = "The request is malformed", body = Refusal),
        (status = 404, description = "The pipeline does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn by_id(
    state: Data<AppState>,
    caller: Caller,
    body: Body<TopicQuestion>,
) -> Result<Json<Topic>, Failure> {
    let id = PipelineId(body.0.pipeline_pk_id);
    let (pipeline, _) = state.read_as(&caller, move |view, caller| pipelines::visible(view, caller, id)).await?;
    Ok(Json(Topic { topic_name: name(pipeline.id) }))
}

/// A pipeline by name.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct NamedTopicQuestion {
    /// The name of the pipeline.
    pipeline_name: String,
    /// The id of its workspace.
    workspace_id: i64,
}

/// Returns the name of the topic of a pipeline's logs, by the name of the pipeline.
#[utoipa::path(post, path = "/v1/api/plateau/get_pipeline_topic_name", tag = "pipelines",
    operation_id = "get_pipeline_topic_name", request_body = NamedTopicQuestion,
    responses(
        (status = 200, description = "The topic", body = Topic),
        (status = 400, description = "The request is malformed", body = Refusal),
        (status = 404, description = "The pipeline does not exist", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn by_name(
    state: Data<AppState>,
    caller: Caller,
    body: Body<NamedTopicQuestion>,
) -> Result<Json<Topic>, Failure> {
    let NamedTopicQuestion { pipeline_name, workspace_id } = body.0;
    let read = state.read_as(&caller, move |view, caller| {
        pipelines::visible_by_name(view, caller, WorkspaceId(workspace_id), &pipeline_name)
    });
    let (pipeline, _) = read.await?;
    Ok(Json(Topic { topic_name: name(pipeline.id) }))
}
