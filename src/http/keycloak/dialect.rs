//! The dialect of Keycloak: its name, its failures, and its kinds of callers.

use super::Failure;
use crate::http::dialect::Dialect;

pub struct Keycloak;

impl Dialect for Keycloak {
    const NAME: &'static str = "keycloak";
    type Failure = Failure;
}

/// A signed-in caller in this dialect.
pub type Caller = crate::http::dialect::Caller<Keycloak>;

/// A caller without a credential in this dialect.
pub type Visitor = crate::http::dialect::Visitor<Keycloak>;
