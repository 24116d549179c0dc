//! Adds the headers that every response has, and removes the body from responses to HEAD.

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

/// Browsers use https only for a year. Subdomains are not included, because they may have no https.
const HSTS: &str = "max-age=31536000";

/// The `Cache-Control` of public content: a cache may store it, but must revalidate it on each use.
pub(super) const PUBLIC: &str = "no-cache";

/// Adds the common headers to a response, and removes the body of a response to HEAD.
pub(super) fn complete(response: ServiceResponse<BoxBody>, is_strict: bool) -> ServiceResponse<BoxBody> {
    let is_head = response.request().method() == Method::HEAD;
    let mut response = if is_head { response.map_body(|head, body| remove_body(head, body.size())) } else { response };
    protect(response.headers_mut(), is_strict);
    response
}

/// Forbids guessing the content type, forbids storing unless the response allows it, and sets HSTS where browsers
/// must use https (RFC 6797).
fn protect(headers: &mut HeaderMap, is_strict: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_strict {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

/// Removes the body but keeps its length in the head (RFC 9110, section 9.3.2).
///
/// actix-web omits the body too, but it looks at the request that it read last. If a GET arrives together with
/// the HEAD, it sends the body, and the client reads it as the next response.
fn remove_body(head: &mut ResponseHead, size: BodySize) -> BoxBody {
    if let BodySize::Sized(length) = size {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    head.no_chunking(true);
    BoxBody::new(NoBody)
}

/// A body that is not sent. Its size is `Stream`, so that actix-web does not overwrite the `Content-Length` in the
/// head.
struct NoBody;

impl MessageBody for NoBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
