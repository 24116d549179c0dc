//! The descriptions of the dialects (OpenAPI 3.1) and the pages that show them.

use actix_web::{HttpResponse, web};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::{arize, wallaroo};

/// Adds the one way to sign in: a bearer token or API key.
pub(in crate::http) struct BearerSignIn;

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

/// Mounts the pages that show the documents.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    let page = |document| Config::from(document).persist_authorization(false);
    config
        .service(web::redirect("/v1/api/docs", "/v1/api/docs/"))
        .service(SwaggerUi::new("/v1/api/docs/{_:.*}").config(page("/v1/api/openapi.json")))
        .service(web::redirect("/v2/docs", "/v2/docs/"))
        .service(SwaggerUi::new("/v2/docs/{_:.*}").config(page("/v2/openapi.json")));
}

/// `GET /v1/api/openapi.json`
pub(super) async fn describe_wallaroo() -> HttpResponse {
    HttpResponse::Ok().json(wallaroo::Description::openapi())
}

/// `GET /v2/openapi.json`
pub(super) async fn describe_arize() -> HttpResponse {
    HttpResponse::Ok().json(arize::Description::openapi())
}
