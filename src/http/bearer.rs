//! How the descriptions of the dialects say that one signs in.

use utoipa::Modify;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// Adds the one way to sign in: a bearer token or API key.
pub(super) struct BearerSignIn;

impl Modify for BearerSignIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("An access token, or an API key (`atl_...`)".to_owned());
        document
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}
