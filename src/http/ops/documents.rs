//! The descriptions of the dialects (OpenAPI 3.1) and the pages that show them.

use actix_web::{HttpResponse, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::{arize, wallaroo};

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
