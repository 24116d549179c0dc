//! The dialect of Keycloak: `/auth/realms/master/*` and `/oauth2/*` for tokens, and `/auth/admin/realms/master/*` for
//! users. It only translates; the rules are in `app`.

mod client_authentication;
mod clients;
mod device;
mod dialect;
mod discovery;
mod failure;
mod form;
mod introspection;
mod logout;
mod realm;
mod sessions;
mod token;
mod user_request;
mod userinfo;
mod users;

use actix_web::{HttpRequest, HttpResponse, web};

use super::routes::{self, mount, routes};

pub use dialect::{Caller, Keycloak, Visitor};
pub use failure::Failure;

routes! {
    GET "/auth/realms/master/.well-known/openid-configuration" => discovery::show,
    GET "/.well-known/openid-configuration" => discovery::show,
    GET "/.well-known/oauth-authorization-server/auth/realms/master" => discovery::show,
    GET "/.well-known/oauth-authorization-server" => discovery::show,
    GET "/auth/realms/master/protocol/openid-connect/certs" => discovery::certs,
    POST "/auth/realms/master/protocol/openid-connect/token" => token::issue,
    POST "/oauth2/token" => token::issue,
    POST "/auth/realms/master/protocol/openid-connect/auth/device" => device::begin,
    POST "/oauth2/device_authorization" => device::begin,
    POST "/auth/realms/master/protocol/openid-connect/token/introspect" => introspection::introspect,
    POST "/oauth2/introspect" => introspection::introspect,
    POST "/auth/realms/master/protocol/openid-connect/revoke" => introspection::revoke,
    POST "/oauth2/revoke" => introspection::revoke,
    GET "/auth/realms/master/protocol/openid-connect/userinfo" => userinfo::show,
    POST "/auth/realms/master/protocol/openid-connect/userinfo" => userinfo::show,
    GET "/oauth2/userinfo" => userinfo::show,
    POST "/oauth2/userinfo" => userinfo::show,
    GET "/auth/realms/master/protocol/openid-connect/logout" => logout::begin,
    POST "/auth/realms/master/protocol/openid-connect/logout" => logout::end,
    GET "/auth/realms/master" => realm::about,
    GET "/auth/admin/serverinfo" => realm::server,
    GET "/auth/admin/realms" => realm::list,
    GET "/auth/admin/realms/master" => realm::get,
    GET "/auth/admin/realms/master/clients" => clients::list,
    GET "/auth/admin/realms/master/clients/{id}" => clients::get,
    GET "/auth/admin/realms/master/clients/{id}/service-account-user" => clients::service_account,
    GET "/auth/admin/realms/master/clients/{id}/user-sessions" => sessions::list_through,
    DELETE "/auth/admin/realms/master/sessions/{id}" => sessions::end,
    GET "/auth/admin/realms/master/users" => users::list,
    POST "/auth/admin/realms/master/users" => users::create,
    GET "/auth/admin/realms/master/users/count" => users::count,
    GET "/auth/admin/realms/master/users/{id}" => users::get,
    PUT "/auth/admin/realms/master/users/{id}" => users::update,
    DELETE "/auth/admin/realms/master/users/{id}" => users::delete,
    GET "/auth/admin/realms/master/users/{id}/credentials" => realm::credentials,
    DELETE "/auth/admin/realms/master/users/{id}/credentials/{credential}" => realm::delete_credential,
    PUT "/auth/admin/realms/master/users/{id}/execute-actions-email" => users::send_mail,
    GET "/auth/admin/realms/master/users/{id}/groups" => realm::groups,
    POST "/auth/admin/realms/master/users/{id}/logout" => sessions::end_all,
    PUT "/auth/admin/realms/master/users/{id}/reset-password" => users::reset_password,
    GET "/auth/admin/realms/master/users/{id}/role-mappings/realm" => realm::roles,
    PUT "/auth/admin/realms/master/users/{id}/send-verify-email" => users::send_mail,
    GET "/auth/admin/realms/master/users/{id}/sessions" => sessions::list,
}

pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(wrong_method));
}

/// Answers every other path of the dialect. It must be mounted after all other routes.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    for scope in ["/auth", "/oauth2", "/.well-known"] {
        config.service(web::scope(scope).default_service(web::route().to(failure::no_endpoint)));
    }
    for scope in ["/realms", "/admin"] {
        config.service(web::scope(scope).default_service(web::route().to(failure::no_prefix)));
    }
}

/// Answers an unsupported method.
async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::WrongMethod { allowed: routes::allowed(&routes(), &request) })
}
