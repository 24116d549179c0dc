//! How the dialects of the API say that one signs in with a bearer credential.

use utoipa::Modify;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use crate::error::AuthError;

/// What a bearer is told who is refused (RFC 6750, section 3.1).
pub(super) fn challenge(unproved: AuthError) -> &'static str {
    if unproved == AuthError::NoApi { "Bearer error=\"insufficient_scope\", scope=\"api\"" } else { "Bearer" }
}

/// Adds the one way to sign in: a bearer token or API key.
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
