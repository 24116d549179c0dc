//! The OpenAPI 3.1 documents of the dialects and the pages that show them.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ContentEncoding, ContentType, LOCATION, REFERRER_POLICY,
    X_FRAME_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

use crate::http::headers::PUBLIC;
use crate::http::{arize, pieces, wallaroo};

/// The content security policy that Swagger UI needs: its own scripts and style sheets, the one inline style that it
/// sets on an element (by its hash), the icons inside its style sheet, and requests to this server. The page cannot be
/// framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'unsafe-hashes' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
                      img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

static WALLAROO: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| swagger_ui("/v1/api/openapi.json"));
static ARIZE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| swagger_ui("/v2/openapi.json"));

fn swagger_ui(document: &'static str) -> Arc<Config<'static>> {
    // Links in the headings of operations would be buttons within buttons.
    Arc::new(Config::from(document).persist_authorization(false).deep_linking(false))
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

/// Our own parts of the page: Swagger UI's lacks a main part, and its colors and headings need help.
fn own(file: &str) -> Option<(&'static str, &'static str)> {
    match file {
        "" | "index.html" => {
            Some(("text/html; charset=utf-8", include_str!("../../../templates/documents/index.html")))
        }
        "documents.css" => {
            Some(("text/css; charset=utf-8", include_str!("../../../templates/documents/documents.css")))
        }
        "documents.js" => {
            Some(("text/javascript; charset=utf-8", include_str!("../../../templates/documents/documents.js")))
        }
        _ => None,
    }
}

fn page(config: &Arc<Config<'static>>, file: &str) -> HttpResponse {
    if let Some((media_type, text)) = own(file) {
        return with_headers(HttpResponse::Ok().content_type(media_type), Bytes::from_static(text.as_bytes()));
    }
    match utoipa_swagger_ui::serve(file, config.clone()) {
        Ok(Some(file)) => {
            let bytes = match file.bytes {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            };
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
            }
            with_headers(response.content_type(file.content_type), bytes)
        }
        Ok(None) => not_found(),
        Err(error) => {
            log::error!("cannot render a page of the API documentation: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn with_headers(response: &mut HttpResponseBuilder, bytes: Bytes) -> HttpResponse {
    response
        .insert_header((CACHE_CONTROL, PUBLIC))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .body(pieces::body(bytes))
}

/// `GET /v1/api/openapi.json`
pub(super) async fn describe_wallaroo() -> HttpResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| written(&wallaroo::Description::openapi()));
    document(&DOCUMENT)
}

/// `GET /v2/openapi.json`
pub(super) async fn describe_arize() -> HttpResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| written(&arize::Description::openapi()));
    document(&DOCUMENT)
}

/// A description never changes, so it is written only once.
fn written(description: &utoipa::openapi::OpenApi) -> Bytes {
    serde_json::to_vec(description).unwrap_or_default().into()
}

fn document(description: &Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CACHE_CONTROL, PUBLIC))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .body(pieces::body(description.clone()))
}

pub(super) fn not_found() -> HttpResponse {
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("not found\n")
}
