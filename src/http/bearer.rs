//! The bearer scheme of the API's dialects: the challenge of a 401 or 403, and the OpenAPI security scheme.

use utoipa::Modify;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use crate::error::AuthError;

/// The value of `WWW-Authenticate` for a refused bearer credential (RFC 6750, section 3.1).
pub(super) fn challenge(auth_error: AuthError) -> &'static str {
    if auth_error == AuthError::NoApi { "Bearer error=\"insufficient_scope\", scope=\"api\"" } else { "Bearer" }
}

/// Adds the bearer security scheme to an OpenAPI document. The credential is an access token or an API key.
pub(super) struct BearerSignIn;

impl Modify for BearerSignIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("An access token with the scope `api`, or an API key (`atl_...`)".to_owned());
        document
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}
