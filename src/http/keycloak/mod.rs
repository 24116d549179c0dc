//! The accent of Keycloak: `/auth/realms/master/*` and `/oauth2/*` for tokens and `/auth/admin/realms/master/*` for people.

mod client_authentication;
mod clients;
mod device;
mod discovery;
mod failure;
mod form;
mod introspection;
mod logout;
mod realm;
mod sessions;
mod token;
mod userinfo;
mod users;
mod written;

use actix_web::web;

use super::dialect::Dialect;
use super::routes::{Entry, entry, mount};

pub use failure::Failure;

/// The dialect.
pub struct Keycloak;

impl Dialect for Keycloak {
    const NAME: &'static str = "keycloak";
    type Failure = Failure;
}

/// Who calls, in this dialect.
pub type Caller = super::dialect::Caller<Keycloak>;

/// Who comes without a credential, in this dialect.
pub type Visitor = super::dialect::Visitor<Keycloak>;

/// Each way in.
pub fn routes() -> Vec<Entry> {
    vec![
        entry!(GET "/auth/realms/master/.well-known/openid-configuration" => discovery::show),
        entry!(GET "/.well-known/openid-configuration" => discovery::show),
        entry!(GET "/.well-known/oauth-authorization-server/auth/realms/master" => discovery::show),
        entry!(GET "/.well-known/oauth-authorization-server" => discovery::show),
        entry!(GET "/auth/realms/master/protocol/openid-connect/certs" => discovery::certs),
        entry!(POST "/auth/realms/master/protocol/openid-connect/token" => token::issue),
        entry!(POST "/oauth2/token" => token::issue),
        entry!(POST "/auth/realms/master/protocol/openid-connect/auth/device" => device::begin),
        entry!(POST "/oauth2/device_authorization" => device::begin),
        entry!(POST "/auth/realms/master/protocol/openid-connect/token/introspect" => introspection::introspect),
        entry!(POST "/oauth2/introspect" => introspection::introspect),
        entry!(POST "/auth/realms/master/protocol/openid-connect/revoke" => introspection::revoke),
        entry!(POST "/oauth2/revoke" => introspection::revoke),
        entry!(GET "/auth/realms/master/protocol/openid-connect/userinfo" => userinfo::show),
        entry!(POST "/auth/realms/master/protocol/openid-connect/userinfo" => userinfo::show),
        entry!(GET "/oauth2/userinfo" => userinfo::show),
        entry!(POST "/oauth2/userinfo" => userinfo::show),
        entry!(GET "/auth/realms/master/protocol/openid-connect/logout" => logout::begin),
        entry!(POST "/auth/realms/master/protocol/openid-connect/logout" => logout::end),
        entry!(GET "/auth/realms/master" => realm::about),
        entry!(GET "/auth/admin/serverinfo" => realm::server),
        entry!(GET "/auth/admin/realms" => realm::list),
        entry!(GET "/auth/admin/realms/master" => realm::get),
        entry!(GET "/auth/admin/realms/master/clients" => clients::list),
        entry!(GET "/auth/admin/realms/master/clients/{id}" => clients::get),
        entry!(GET "/auth/admin/realms/master/clients/{id}/service-account-user" => clients::service_account),
        entry!(GET "/auth/admin/realms/master/clients/{id}/user-sessions" => sessions::list_through),
        entry!(DELETE "/auth/admin/realms/master/sessions/{id}" => sessions::end),
        entry!(GET "/auth/admin/realms/master/users" => users::list),
        entry!(POST "/auth/admin/realms/master/users" => users::create),
        entry!(GET "/auth/admin/realms/master/users/count" => users::count),
        entry!(GET "/auth/admin/realms/master/users/{id}" => users::get),
        entry!(PUT "/auth/admin/realms/master/users/{id}" => users::update),
        entry!(DELETE "/auth/admin/realms/master/users/{id}" => users::delete),
        entry!(GET "/auth/admin/realms/master/users/{id}/credentials" => realm::credentials),
        entry!(DELETE "/auth/admin/realms/master/users/{id}/credentials/{credential}" => realm::delete_credential),
        entry!(PUT "/auth/admin/realms/master/users/{id}/execute-actions-email" => users::send_mail),
        entry!(GET "/auth/admin/realms/master/users/{id}/groups" => realm::groups),
        entry!(POST "/auth/admin/realms/master/users/{id}/logout" => sessions::end_all),
        entry!(PUT "/auth/admin/realms/master/users/{id}/reset-password" => users::reset_password),
        entry!(GET "/auth/admin/realms/master/users/{id}/role-mappings/realm" => realm::roles),
        entry!(PUT "/auth/admin/realms/master/users/{id}/send-verify-email" => users::send_mail),
        entry!(GET "/auth/admin/realms/master/users/{id}/sessions" => sessions::list),
    ]
}

/// Mounts the dialect.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(failure::wrong_method));
}

/// Answers what else is asked for under the dialect's paths; to be mounted behind all that is there.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    for scope in ["/auth", "/oauth2", "/.well-known"] {
        config.service(web::scope(scope).default_service(web::route().to(failure::no_endpoint)));
    }
    for scope in ["/realms", "/admin"] {
        config.service(web::scope(scope).default_service(web::route().to(failure::no_prefix)));
    }
}
