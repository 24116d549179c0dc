//! The accent of Keycloak: `/auth/realms/master/*` for tokens and `/auth/admin/realms/master/*` for people.

mod discovery;
mod failure;
mod form;
mod token;
mod users;

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
        entry!(GET "/auth/realms/master/protocol/openid-connect/certs" => discovery::certs),
        entry!(POST "/auth/realms/master/protocol/openid-connect/token" => token::issue),
        entry!(GET "/auth/admin/realms/master/users" => users::list),
        entry!(GET "/auth/admin/realms/master/users/{id}" => users::get),
        entry!(PUT "/auth/admin/realms/master/users/{id}" => users::update),
    ]
}

/// Mounts the dialect.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(failure::wrong_method));
    config.service(web::scope("/auth").default_service(web::route().to(failure::no_endpoint)));
}
