//! The OpenAPI 3.1 documents of the dialects and the pages that show them.

use std::io::{self, Read as _};
use std::sync::LazyLock;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ContentEncoding, ContentType, LOCATION, REFERRER_POLICY,
    VARY, X_FRAME_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use flate2::read::GzDecoder;
use utoipa::OpenApi;
use utoipa::openapi::Server;

use crate::app::runtime::content_coding::Coding;
use crate::http::headers::PUBLIC;
use crate::http::{arize, base_path, compression, pieces, wallaroo};

/// The content security policy that Swagger UI needs: its own scripts and style sheets, the one inline style that it
/// sets on an element (by its hash), the icons inside its style sheet, and requests to this server. The page cannot be
/// framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'unsafe-hashes' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
                      img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

const WALLAROO: &str = "/v1/api/openapi.json";
const ARIZE: &str = "/v2/openapi.json";

/// A file of Swagger UI, which is embedded as gzip.
struct Packed {
    content_type: &'static str,
    gzip: &'static [u8],
    /// For clients that do not accept gzip.
    plain: LazyLock<io::Result<Bytes>>,
}

static BUNDLE: Packed = Packed {
    content_type: "text/javascript",
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")),
    plain: LazyLock::new(|| unpacked(BUNDLE.gzip)),
};

static STYLE: Packed = Packed {
    content_type: "text/css",
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")),
    plain: LazyLock::new(|| unpacked(STYLE.gzip)),
};

fn unpacked(gzip: &[u8]) -> io::Result<Bytes> {
    let mut plain = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut plain)?;
    Ok(plain.into())
}

/// `GET /v1/api/docs`
pub(super) async fn to_wallaroo_page() -> HttpResponse {
    to_page("/v1/api/docs/")
}

/// `GET /v1/api/docs/{file}`
pub(super) async fn wallaroo_page(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    page(&request, WALLAROO, &file)
}

/// `GET /v2/docs`
pub(super) async fn to_arize_page() -> HttpResponse {
    to_page("/v2/docs/")
}

/// `GET /v2/docs/{file}`
pub(super) async fn arize_page(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    page(&request, ARIZE, &file)
}

fn to_page(page: &'static str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, page)).finish()
}

/// A file of the page that shows a document.
fn page(request: &HttpRequest, document: &str, file: &str) -> HttpResponse {
    let (content_type, text) = match file {
        "" | "index.html" => ("text/html", Bytes::from_static(include_bytes!("../../../templates/swagger_ui.html"))),
        "index.css" => ("text/css", Bytes::from_static(include_bytes!("../../../templates/swagger_ui.css"))),
        "index.js" => ("text/javascript", Bytes::from_static(include_bytes!("../../../templates/swagger_ui.js"))),
        "swagger-initializer.js" => ("text/javascript", initializer(document).into()),
        "swagger-ui-bundle.js" => return packed(request, &BUNDLE),
        "swagger-ui.css" => return packed(request, &STYLE),
        _ => return not_found(),
    };
    file_of_page(content_type).body(pieces::body(text))
}

/// The script that starts Swagger UI. Links to the operations would be within buttons, where assistive technology does not
/// find them, so there are none.
fn initializer(document: &str) -> String {
    let base = base_path::get();
    format!(
        "window.onload = () => {{\n  \
           window.ui = SwaggerUIBundle({{ dom_id: \"#swagger-ui\", url: \"{base}{document}\", deepLinking: false }});\n\
         }};\n"
    )
}

fn packed(request: &HttpRequest, file: &Packed) -> HttpResponse {
    let mut response = file_of_page(file.content_type);
    response.insert_header((VARY, "Accept-Encoding"));
    if compression::accepts_gzip(request.headers()) {
        response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
        return response.body(pieces::body(Bytes::from_static(file.gzip)));
    }
    match &*file.plain {
        Ok(bytes) => response.body(pieces::body(bytes.clone())),
        Err(error) => {
            log::error!("cannot unpack a file of the API documentation: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn file_of_page(content_type: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type)
        .insert_header((CACHE_CONTROL, PUBLIC))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((X_FRAME_OPTIONS, "DENY"));
    response
}

/// A description of an API in each coding.
struct Document {
    plain: LazyLock<Bytes>,
    gzip: LazyLock<io::Result<Bytes>>,
    zstd: LazyLock<io::Result<Bytes>>,
}

static OF_WALLAROO: Document = Document {
    plain: LazyLock::new(|| written(wallaroo::Description::openapi())),
    gzip: LazyLock::new(|| encoded(Coding::Gzip, &OF_WALLAROO)),
    zstd: LazyLock::new(|| encoded(Coding::Zstd, &OF_WALLAROO)),
};

static OF_ARIZE: Document = Document {
    plain: LazyLock::new(|| written(arize::Description::openapi())),
    gzip: LazyLock::new(|| encoded(Coding::Gzip, &OF_ARIZE)),
    zstd: LazyLock::new(|| encoded(Coding::Zstd, &OF_ARIZE)),
};

fn encoded(coding: Coding, document: &Document) -> io::Result<Bytes> {
    coding.encode(&document.plain).map(Bytes::from)
}

/// `GET /v1/api/openapi.json`
pub(super) async fn describe_wallaroo(request: HttpRequest) -> HttpResponse {
    described(&request, &OF_WALLAROO)
}

/// `GET /v2/openapi.json`
pub(super) async fn describe_arize(request: HttpRequest) -> HttpResponse {
    described(&request, &OF_ARIZE)
}

/// A description never changes, so it is written only once. Without a server, its paths are those of the host.
fn written(mut description: utoipa::openapi::OpenApi) -> Bytes {
    let base = base_path::get();
    if !base.is_empty() {
        description.servers = Some(vec![Server::new(base)]);
    }
    serde_json::to_vec(&description).unwrap_or_default().into()
}

fn described(request: &HttpRequest, document: &Document) -> HttpResponse {
    let (coding, bytes) = match compression::accepted(request.headers()) {
        Coding::Gzip => (Coding::Gzip, document.gzip.as_ref()),
        Coding::Zstd => (Coding::Zstd, document.zstd.as_ref()),
        Coding::Identity => (Coding::Identity, Ok(&*document.plain)),
    };
    let (coding, bytes) = bytes.map_or((Coding::Identity, &*document.plain), |bytes| (coding, bytes));
    let mut response = HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CACHE_CONTROL, PUBLIC))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .body(pieces::body(bytes.clone()));
    compression::tell(response.headers_mut(), coding);
    response
}

pub(super) fn not_found() -> HttpResponse {
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("not found\n")
}
