//! The dialect of the Wallaroo SDK and its REST API: `/v1/api/*` and `/v1/graphql`.
//!
//! Success is 200, but for conversions and removals. An error is `{"msg", "code"}` with 400, 401, 429 or 500 (contract,
//! section 2), 404 or 409 for the contents of workspaces, 503 with `Retry-After` if the server is too busy, and 404 or 405
//! for an unknown endpoint or method.

mod assays;
mod body;
mod config;
mod connections;
mod deployments;
mod dialect;
mod failure;
mod features;
pub mod graphql;
mod models;
mod orchestrations;
mod pipelines;
mod publishes;
mod users;
mod workspaces;

use actix_web::{HttpRequest, HttpResponse, web};

use super::bearer::BearerSignIn;
use super::routes::{self, mount, routes};

pub use dialect::{Caller, Wallaroo};
pub use failure::Failure;

routes! {
    /// The description of the dialect's REST endpoints (OpenAPI 3.1).
    #[openapi(
        info(
            title = "atelier: the Wallaroo API",
            description = "Workspaces and users as the Wallaroo SDK expects them. Success is 200; errors are `{msg, code}`."
        ),
        security(("bearer" = [])),
        modifiers(&BearerSignIn)
    )]
    pub struct Description;

    GET "/v1/api/config" => config::show,
    POST "/v1/api/workspaces/list" => workspaces::list,
    POST "/v1/api/workspaces/create" => workspaces::create,
    POST "/v1/api/workspaces/add_user" => workspaces::add_user,
    POST "/v1/api/workspaces/list_users" => workspaces::list_users,
    POST "/v1/api/workspaces/remove_user" => workspaces::remove_user,
    POST "/v1/api/workspaces/validate" => workspaces::validate,
    POST "/v1/api/users/query" => users::query,
    POST "/v1/api/users/invite" => users::invite,
    POST "/v1/api/users/activate" => users::activate,
    POST "/v1/api/users/deactivate" => users::deactivate,
    POST "/v1/api/user" => users::edit,
    POST "/v1/api/connections/create" => connections::create,
    POST "/v1/api/connections/list" => connections::list,
    POST "/v1/api/connections/get" => connections::get,
    POST "/v1/api/connections/get_by_id" => connections::get_by_id,
    POST "/v1/api/connections/add_to_workspace" => connections::add_to_workspace,
    POST "/v1/api/connections/remove_from_workspace" => connections::remove_from_workspace,
    POST "/v1/api/connections/delete" => connections::delete,
    POST "/v1/api/pipelines/create" => pipelines::create,
    POST "/v1/api/pipelines/copy" => pipelines::copy,
    POST "/v1/api/pipelines/move" => pipelines::move_to,
    POST "/v1/api/pipelines/list_pipelines" => pipelines::lists::pipelines,
    POST "/v1/api/pipelines/list_pipeline_versions" => pipelines::lists::versions,
    POST "/v1/api/pipelines/get_pipeline_by_name" => pipelines::by_name,
    POST "/v1/api/pipelines/get_version" => pipelines::version,
    POST "/v1/api/pipelines/delete_pipeline" => pipelines::delete,
    POST "/v1/api/pipelines/delete_pipeline_versions" => pipelines::delete_versions,
    POST "/v1/api/pipelines/list_publishes_for_pipeline" => publishes::list,
    POST "/v1/api/pipelines/publish" => publishes::publish,
    POST "/v1/api/plateau/get_topic_name" => pipelines::topics::by_id,
    POST "/v1/api/plateau/get_pipeline_topic_name" => pipelines::topics::by_name,
    POST "/v1/api/pipelines/deploy" => deployments::deploy,
    POST "/v1/api/pipelines/undeploy" => deployments::undeploy,
    POST "/v1/api/pipelines/infer/{deployment}/{pipeline}" => deployments::infer,
    POST "/v1/api/pipelines/get_logs" => deployments::logs,
    GET "/v1/logs/topic/{topic}" => deployments::topic,
    POST "/v1/logs/topic/{topic}/records" => deployments::records,
    POST "/v1/api/status/get_deployment" => deployments::status,
    POST "/v1/api/admin/get_pipeline_external_url" => deployments::external_url,
    POST "/v1/api/features/list" => features::list,
    POST "/v1/api/orchestration/list_all" => orchestrations::list,
    POST "/v1/api/orchestration/upload" => orchestrations::upload,
    POST "/v1/api/task/list" => orchestrations::tasks,
    POST "/v1/api/task/get_by_id" => orchestrations::task,
    POST "/v2/api/assays/get" => assays::list,
    POST "/v1/api/models/upload" => models::uploads::upload,
    POST "/v1/api/models/upload_and_convert" => models::uploads::upload_and_convert,
    POST "/v1/api/models/upload_stream" => models::uploads::upload_stream,
    GET "/v1/api/models/{version}/file" => models::uploads::download,
    POST "/v1/api/models/list" => models::lists::list,
    POST "/v1/api/models/list_versions_for_model" => models::lists::list_versions_for_model,
    POST "/v1/api/models/list_versions" => models::lists::list_versions,
    POST "/v1/api/models/get" => models::lists::get,
    POST "/v1/api/models/get_by_id" => models::lists::get_by_id,
    POST "/v1/api/models/get_version_by_id" => models::versions::get_version_by_id,
    POST "/v1/api/models/get_model_version_by_id" => models::versions::get_model_version_by_id,
    POST "/v1/api/models/get_upload_logs" => models::versions::get_upload_logs,
    POST "/v1/api/models/move" => models::versions::move_to,
    POST "/v1/api/models/get_config_by_id" => models::configs::get_config_by_id,
    POST "/v1/api/models/insert_model_config" => models::configs::insert_model_config,
    POST "/v1/api/models/delete_model" => models::deletion::delete_model,
    POST "/v1/api/models/delete_model_versions" => models::deletion::delete_model_versions,
    POST "/v1/api/models/list_registries" => models::lists::list_registries,
    POST "/v1/graphql" => graphql::answer,
}

pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(wrong_method));
}

/// Handles all other paths under the dialect's prefix. It must be mounted after all other routes there.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    config.service(web::scope("/v1").default_service(web::route().to(failure::no_endpoint)));
}

async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::WrongMethod { allowed: routes::allowed(&routes(), &request) })
}
