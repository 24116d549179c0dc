//! The style sheet, the scripts and the icon of the console. Their addresses contain a hash of their text, so browsers
//! keep them until they change.

use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, VARY};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Failure, brand, no_page, page};
use crate::http::compression;
use crate::http::headers::PUBLIC;
use crate::tokens::opaque::Fingerprint;

/// The number of bytes of the hash in an address.
const HASH_LENGTH: usize = 8;

/// How long a browser may keep an asset, in seconds. Its address changes with its text.
const KEEP: &str = "public, max-age=31536000, immutable";

pub(super) struct Asset {
    pub(super) path: String,
    name: String,
    media_type: &'static str,
    plain: String,
    /// The text with gzip (RFC 1952); empty if it could not be compressed.
    gzip: Vec<u8>,
}

impl Asset {
    fn new(stem: &str, end: &str, media_type: &'static str, plain: String) -> Self {
        let hash = Fingerprint::of(&plain);
        let hash = data_encoding::HEXLOWER.encode(hash.as_bytes().get(..HASH_LENGTH).unwrap_or_default());
        let name = format!("{stem}-{hash}.{end}");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(plain.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { path: format!("/assets/{name}"), name, media_type, plain, gzip }
    }
}

/// The common style of all pages and the one of the console.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text =
        concat!(include_str!("../../../templates/style.css"), include_str!("../../../templates/console/style.css"));
    Asset::new("style", "css", "text/css; charset=utf-8", text.to_owned())
});

pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../../templates/console/script.js");
    Asset::new("script", "js", "text/javascript; charset=utf-8", text.to_owned())
});

/// htmx 2, see `templates/vendor`.
pub(super) static HTMX: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../../templates/vendor/htmx-2.0.11.min.js");
    Asset::new("htmx", "js", "text/javascript; charset=utf-8", text.to_owned())
});

pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../../templates/console/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", text.to_owned())
});

/// `GET /assets/{file}`
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let name = request.match_info().get("file").unwrap_or_default();
    let assets = [&*STYLE, &*SCRIPT, &*HTMX, &*ICON];
    let asset = assets.into_iter().find(|asset| asset.name == name);
    if let Some(logo) = brand::get().logo.as_ref().filter(|logo| logo.path == request.path()) {
        return Ok(HttpResponse::Ok()
            .content_type(logo.media_type)
            .insert_header((CACHE_CONTROL, KEEP))
            .insert_header((CONTENT_SECURITY_POLICY, page::NOTHING))
            .body(logo.bytes.clone()));
    }
    let Some(asset) = asset else { return no_page::show(request).await };
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.media_type)
        .insert_header((CACHE_CONTROL, KEEP))
        .insert_header((CONTENT_SECURITY_POLICY, page::NOTHING))
        .insert_header((VARY, "accept-encoding"));
    if compression::accepts_gzip(request.headers()) && !asset.gzip.is_empty() {
        return Ok(response.insert_header((CONTENT_ENCODING, "gzip")).body(asset.gzip.as_slice()));
    }
    Ok(response.body(asset.plain.as_str()))
}

/// `GET /favicon.ico`: browsers ask for it at this address, whatever a page says.
pub(super) async fn icon() -> HttpResponse {
    HttpResponse::build(StatusCode::OK)
        .content_type(ICON.media_type)
        .insert_header((CACHE_CONTROL, PUBLIC))
        .insert_header((CONTENT_SECURITY_POLICY, page::NOTHING))
        .body(ICON.plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_or_script_loads_nothing_from_elsewhere() {
        for asset in [&*STYLE, &*SCRIPT] {
            assert!(!asset.plain.contains("http:") && !asset.plain.contains("https:"), "{}", asset.name);
            assert!(!asset.plain.contains("url(") && !asset.plain.contains("@import"), "{}", asset.name);
        }
    }
}
