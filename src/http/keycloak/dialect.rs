//! How requests of this dialect carry their credential.

use super::Failure;
use crate::http::dialect::Dialect;

pub struct Keycloak;

impl Dialect for Keycloak {
    const NAME: &'static str = "keycloak";
    type Failure = Failure;
}

/// Who calls, in this dialect.
pub type Caller = crate::http::dialect::Caller<Keycloak>;

/// Who comes without a credential, in this dialect.
pub type Visitor = crate::http::dialect::Visitor<Keycloak>;
