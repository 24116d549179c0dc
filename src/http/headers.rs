//! The headers that every answer has, and the answers to HEAD, which have nothing else.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, HeaderMap, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Bytes;

/// For how long browsers come by https alone: a year. Other names below this one may have no https.
const HSTS: &str = "max-age=31536000";

/// The `Cache-Control` of what everybody may know: a cache may keep it, but asks each time whether it is still so.
pub(super) const PUBLIC: &str = "no-cache";

/// Adds to an answer what every answer has, and withholds the body where only the head was asked for.
pub(super) fn complete(answer: ServiceResponse<BoxBody>, is_https: bool) -> ServiceResponse<BoxBody> {
    let is_head = answer.request().method() == Method::HEAD;
    let mut answer = if is_head { answer.map_body(|head, body| withhold(head, body.size())) } else { answer };
    protect(answer.headers_mut(), is_https);
    answer
}

/// Nobody guesses the type of an answer, nobody keeps it unless it allows that, and browsers come back by https where
/// that is the server's address (RFC 6797).
fn protect(headers: &mut HeaderMap, is_https: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

/// Takes the body away, but says how long it is (RFC 9110, section 9.3.2).
///
/// The web server leaves the body out too, but goes by the request that it has read last: where a GET comes along
/// with the HEAD in one piece, it sends the body, and the client takes it for the next answer.
fn withhold(head: &mut ResponseHead, size: BodySize) -> BoxBody {
    if let BodySize::Sized(length) = size {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    head.no_chunking(true);
    BoxBody::new(Withheld)
}

/// A body that is not sent. Its length stands in the head, so it is none that the web server writes there.
struct Withheld;

impl MessageBody for Withheld {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
