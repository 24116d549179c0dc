//! The dialect of the Arize SDK and its `ax` command line: `/v2/*`.
//!
//! Statuses are exact (201, 200, 204); an error is problem+json of exactly five fields. A response has the shape that
//! the caller's `sdk-version` expects (`generations.rs`); a request is accepted in the spelling of every version
//! (contract, section 7).

mod api_keys;
mod audit_logs;
mod body;
mod description;
mod dialect;
mod explain;
mod failure;
mod generations;
mod ids;
mod listed;
mod organizations;
mod page;
mod projects;
mod reply;
mod resource_restrictions;
mod role_bindings;
mod roles;
mod space_members;
mod spaces;
mod spelling;
mod tags;
mod users;

use actix_web::{HttpRequest, HttpResponse, web};

use super::bearer::BearerSignIn;
use super::routes::{self, mount, routes};

use description::{NamedByTag, Problems};
pub use dialect::{Arize, Caller};
pub use failure::Failure;
use failure::Problem;
use reply::HandlerResult;

routes! {
    /// The description of the dialect (OpenAPI 3.1).
    #[openapi(
        info(
            title = "atelier: the Arize API",
            description = "Spaces and users as the Arize SDK expects them. Errors are problem+json (RFC 9457)."
        ),
        components(schemas(Problem)),
        security(("bearer" = [])),
        modifiers(&BearerSignIn, &Problems, &NamedByTag)
    )]
    pub struct Description;

    GET "/v2/spaces" => spaces::list,
    POST "/v2/spaces" => spaces::create,
    GET "/v2/spaces/{space_id}" => spaces::get,
    PATCH "/v2/spaces/{space_id}" => spaces::update,
    DELETE "/v2/spaces/{space_id}" => spaces::delete,
    POST "/v2/spaces/{space_id}/users" => space_members::add_user,
    DELETE "/v2/spaces/{space_id}/users/{user_id}" => space_members::remove_user,
    GET "/v2/organizations" => organizations::list,
    POST "/v2/organizations" => organizations::create,
    GET "/v2/organizations/{org_id}" => organizations::get,
    PATCH "/v2/organizations/{org_id}" => organizations::update,
    DELETE "/v2/organizations/{org_id}" => organizations::delete,
    POST "/v2/organizations/{org_id}/users" => organizations::add_user,
    DELETE "/v2/organizations/{org_id}/users/{user_id}" => organizations::remove_user,
    GET "/v2/roles" => roles::list,
    POST "/v2/roles" => roles::create,
    GET "/v2/roles/{role_id}" => roles::get,
    PATCH "/v2/roles/{role_id}" => roles::update,
    DELETE "/v2/roles/{role_id}" => roles::delete,
    GET "/v2/role-bindings" => role_bindings::list,
    POST "/v2/role-bindings" => role_bindings::create,
    GET "/v2/role-bindings/{binding_id}" => role_bindings::get,
    PATCH "/v2/role-bindings/{binding_id}" => role_bindings::update,
    DELETE "/v2/role-bindings/{binding_id}" => role_bindings::delete,
    GET "/v2/projects" => projects::list,
    POST "/v2/projects" => projects::create,
    GET "/v2/projects/{project_id}" => projects::get,
    PATCH "/v2/projects/{project_id}" => projects::update,
    DELETE "/v2/projects/{project_id}" => projects::delete,
    GET "/v2/projects/{project_id}/tags" => tags::of_project,
    POST "/v2/projects/{project_id}/tags" => tags::attach_to_project,
    DELETE "/v2/projects/{project_id}/tags" => tags::detach_from_project,
    POST "/v2/tags" => tags::create,
    PATCH "/v2/tags/{tag_id}" => tags::update,
    DELETE "/v2/tags/{tag_id}" => tags::delete,
    GET "/v2/resource-restrictions" => resource_restrictions::list,
    POST "/v2/resource-restrictions" => resource_restrictions::create,
    DELETE "/v2/resource-restrictions/{resource_id}" => resource_restrictions::delete,
    GET "/v2/audit-logs" => audit_logs::list,
    GET "/v2/explain" => explain::get,
    GET "/v2/users" => users::list,
    POST "/v2/users" => users::create,
    GET "/v2/users/{user_id}" => users::get,
    PATCH "/v2/users/{user_id}" => users::update,
    DELETE "/v2/users/{user_id}" => users::delete,
    POST "/v2/users/{user_id}/resend-invitation" => users::resend_invitation,
    POST "/v2/users/{user_id}/reset-password" => users::reset_password,
    GET "/v2/api-keys" => api_keys::list,
    POST "/v2/api-keys" => api_keys::create,
    DELETE "/v2/api-keys/{api_key_id}" => api_keys::delete,
    POST "/v2/api-keys/{api_key_id}/refresh" => api_keys::refresh,
    PUT "/v2/api-keys/{api_key_id}/revoke" => api_keys::revoke,
}

pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(wrong_method));
}

/// Handles all other paths under the dialect's prefix. It must be mounted after all other routes there.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    config.service(web::scope("/v2").default_service(web::route().to(failure::no_endpoint)));
}

async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::WrongMethod { allowed: routes::allowed(&routes(), &request) })
}
