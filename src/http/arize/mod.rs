//! The accent of the Arize SDK and its `ax` command line: `/v2/*`.
//!
//! Statuses are exact (201, 200, 204); a refusal is problem+json of exactly five fields. Answers are shaped for the
//! caller's `sdk-version` (`generations.rs`); input is read in every spelling (contract, section 7).

mod api_keys;
mod audit_logs;
mod body;
mod failure;
mod generations;
mod ids;
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
mod users;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, web};

use super::bearer::BearerSignIn;
use super::dialect::Dialect;
use super::request;
use super::routes::{Entry, entry, mount};

pub use failure::Failure;

/// The dialect.
pub struct Arize;

impl Dialect for Arize {
    const NAME: &'static str = "arize";
    type Failure = Failure;

    /// `Authorization: Bearer ...`, or the bare key, as some of the SDK's transports send it.
    fn credential(request: &HttpRequest) -> Option<&str> {
        let text = request::text(request.headers().get(AUTHORIZATION)?)?.trim();
        match text.split_once(' ') {
            Some((scheme, credential)) => scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim()),
            None => Some(text),
        }
    }
}

/// Who calls, in this dialect.
pub type Caller = super::dialect::Caller<Arize>;

/// What a handler answers.
type Answer<T> = Result<reply::Reply<T>, Failure>;

/// Each way in.
pub fn routes() -> Vec<Entry> {
    vec![
        entry!(GET "/v2/spaces" => spaces::list),
        entry!(POST "/v2/spaces" => spaces::create),
        entry!(GET "/v2/spaces/{space_id}" => spaces::get),
        entry!(PATCH "/v2/spaces/{space_id}" => spaces::update),
        entry!(DELETE "/v2/spaces/{space_id}" => spaces::delete),
        entry!(POST "/v2/spaces/{space_id}/users" => space_members::add_user),
        entry!(DELETE "/v2/spaces/{space_id}/users/{user_id}" => space_members::remove_user),
        entry!(GET "/v2/organizations" => organizations::list),
        entry!(POST "/v2/organizations" => organizations::create),
        entry!(GET "/v2/organizations/{org_id}" => organizations::get),
        entry!(PATCH "/v2/organizations/{org_id}" => organizations::update),
        entry!(DELETE "/v2/organizations/{org_id}" => organizations::delete),
        entry!(POST "/v2/organizations/{org_id}/users" => organizations::add_user),
        entry!(DELETE "/v2/organizations/{org_id}/users/{user_id}" => organizations::remove_user),
        entry!(GET "/v2/roles" => roles::list),
        entry!(POST "/v2/roles" => roles::create),
        entry!(GET "/v2/roles/{role_id}" => roles::get),
        entry!(PATCH "/v2/roles/{role_id}" => roles::update),
        entry!(DELETE "/v2/roles/{role_id}" => roles::delete),
        entry!(GET "/v2/role-bindings" => role_bindings::list),
        entry!(POST "/v2/role-bindings" => role_bindings::create),
        entry!(GET "/v2/role-bindings/{binding_id}" => role_bindings::get),
        entry!(PATCH "/v2/role-bindings/{binding_id}" => role_bindings::update),
        entry!(DELETE "/v2/role-bindings/{binding_id}" => role_bindings::delete),
        entry!(GET "/v2/projects" => projects::list),
        entry!(POST "/v2/projects" => projects::create),
        entry!(GET "/v2/projects/{project_id}" => projects::get),
        entry!(PATCH "/v2/projects/{project_id}" => projects::update),
        entry!(DELETE "/v2/projects/{project_id}" => projects::delete),
        entry!(GET "/v2/resource-restrictions" => resource_restrictions::list),
        entry!(POST "/v2/resource-restrictions" => resource_restrictions::create),
        entry!(DELETE "/v2/resource-restrictions/{resource_id}" => resource_restrictions::delete),
        entry!(GET "/v2/audit-logs" => audit_logs::list),
        entry!(GET "/v2/users" => users::list),
        entry!(POST "/v2/users" => users::create),
        entry!(GET "/v2/users/{user_id}" => users::get),
        entry!(PATCH "/v2/users/{user_id}" => users::update),
        entry!(DELETE "/v2/users/{user_id}" => users::delete),
        entry!(POST "/v2/users/{user_id}/resend-invitation" => users::resend_invitation),
        entry!(POST "/v2/users/{user_id}/reset-password" => users::reset_password),
        entry!(GET "/v2/api-keys" => api_keys::list),
        entry!(POST "/v2/api-keys" => api_keys::create),
        entry!(DELETE "/v2/api-keys/{api_key_id}" => api_keys::delete),
        entry!(POST "/v2/api-keys/{api_key_id}/refresh" => api_keys::refresh),
        entry!(PUT "/v2/api-keys/{api_key_id}/revoke" => api_keys::revoke),
    ]
}

/// Mounts the dialect.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(failure::wrong_method));
}

/// Answers what else is asked for under the dialect's path; to be mounted behind all that is there.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    config.service(web::scope("/v2").default_service(web::route().to(failure::no_endpoint)));
}

/// The description of the dialect (OpenAPI 3.1).
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "atelier: the Arize API",
        description = "Spaces and users as the Arize SDK expects them. Errors are problem+json (RFC 9457)."
    ),
    paths(
        spaces::list,
        spaces::create,
        spaces::get,
        spaces::update,
        spaces::delete,
        space_members::add_user,
        space_members::remove_user,
        organizations::list,
        organizations::create,
        organizations::get,
        organizations::update,
        organizations::delete,
        organizations::add_user,
        organizations::remove_user,
        roles::list,
        roles::create,
        roles::get,
        roles::update,
        roles::delete,
        role_bindings::list,
        role_bindings::create,
        role_bindings::get,
        role_bindings::update,
        role_bindings::delete,
        projects::list,
        projects::create,
        projects::get,
        projects::update,
        projects::delete,
        resource_restrictions::list,
        resource_restrictions::create,
        resource_restrictions::delete,
        audit_logs::list,
        users::list,
        users::create,
        users::get,
        users::update,
        users::delete,
        users::resend_invitation,
        users::reset_password,
        api_keys::list,
        api_keys::create,
        api_keys::delete,
        api_keys::refresh,
        api_keys::revoke,
    ),
    security(("bearer" = [])),
    modifiers(&BearerSignIn, &NamedByTag)
)]
pub struct Description;

/// Names each operation by its tag too, as the SDK does: `spaces_list`.
struct NamedByTag;

impl utoipa::Modify for NamedByTag {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                let tag = operation.tags.iter().flatten().next().map(|tag| tag.replace(' ', "_"));
                if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
                    operation.operation_id = Some(format!("{tag}_{id}"));
                }
            }
        }
    }
}
