//! The descriptions of the dialects (OpenAPI 3.1) and the pages that show them.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ContentEncoding, LOCATION, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use actix_web::{HttpResponse, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

use crate::http::{arize, wallaroo};

/// What Swagger UI needs: its own scripts and styles, icons that are written out in its stylesheet, styles on its
/// elements, and requests to this server. Nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// Everybody may keep it, and asks whether it is still so.
const KEPT: &str = "no-cache";

static WALLAROO: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| shown("/v1/api/openapi.json"));
static ARIZE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| shown("/v2/openapi.json"));

fn shown(document: &'static str) -> Arc<Config<'static>> {
    Arc::new(Config::from(document).persist_authorization(false))
}

/// `GET /v1/api/docs`
pub(super) async fn to_wallaroo_page() -> HttpResponse {
    to_page("/v1/api/docs/")
}

/// `GET /v1/api/docs/{file}`
pub(super) async fn wallaroo_page(file: web::Path<String>) -> HttpResponse {
    page(&WALLAROO, &file)
}

/// `GET /v2/docs`
pub(super) async fn to_arize_page() -> HttpResponse {
    to_page("/v2/docs/")
}

/// `GET /v2/docs/{file}`
pub(super) async fn arize_page(file: web::Path<String>) -> HttpResponse {
    page(&ARIZE, &file)
}

fn to_page(page: &'static str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, page)).finish()
}

fn page(config: &Arc<Config<'static>>, file: &str) -> HttpResponse {
    match utoipa_swagger_ui::serve(file, config.clone()) {
        Ok(Some(file)) => {
            let mut answer = HttpResponse::Ok();
            if file.gzpipped {
                answer.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
            }
            answer
                .content_type(file.content_type)
                .insert_header((CACHE_CONTROL, KEPT))
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((REFERRER_POLICY, "same-origin"))
                .insert_header((X_FRAME_OPTIONS, "DENY"))
                .body(file.bytes.into_owned())
        }
        Ok(None) => super::not_found(),
        Err(error) => {
            log::error!("a page of the API documents cannot be made: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// `GET /v1/api/openapi.json`
pub(super) async fn describe_wallaroo() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, KEPT)).json(wallaroo::Description::openapi())
}

/// `GET /v2/openapi.json`
pub(super) async fn describe_arize() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, KEPT)).json(arize::Description::openapi())
}
