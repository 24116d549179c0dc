//! Sends files: whole, or a range of them, with what a client needs to resume (RFC 9110, sections 8.8.3, 13 and 14).

mod conditions;

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::files::Download;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::model::StoredFile;
use crate::error::Result;
use conditions::{Wanted, wanted};

/// The bytes that are given to a connection at once. The connection keeps a buffer of this size.
const PIECE: usize = 64 << 10;

/// The bytes of a name that stand for themselves in `filename*` (RFC 8187, section 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The response with a file, or with the range of it that the request asks for.
pub async fn send(
    request: &HttpRequest,
    state: &AppState,
    actor: &Actor,
    file: StoredFile,
    name: &str,
) -> Result<HttpResponse> {
    let tag = format!("\"{}\"", file.sha256);
    let (status, range) = match wanted(request.headers(), request.method(), &tag, file.size) {
        Wanted::Whole => (StatusCode::OK, 0..file.size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Unchanged => {
            return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).insert_header(revalidated()).finish());
        }
        Wanted::Nothing => {
            let mut response = HttpResponse::RangeNotSatisfiable();
            return Ok(response.insert_header((CONTENT_RANGE, format!("bytes */{}", file.size))).finish());
        }
    };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((ETAG, tag))
        .insert_header(revalidated())
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .insert_header((CONTENT_DISPOSITION, disposition(name)));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end.saturating_sub(1);
        response.insert_header((CONTENT_RANGE, format!("bytes {}-{last}/{}", range.start, file.size)));
    }
    let body = FileBody { left: range.end - range.start, piece: Bytes::new(), download: None };
    if request.method() == Method::HEAD || body.left == 0 {
        return Ok(response.body(BoxBody::new(body)));
    }
    let download = Some(Download::open(state, actor, file, range).await?);
    Ok(response.body(BoxBody::new(FileBody { download, ..body })))
}

/// The response with a file of this size that a browser stores.
pub fn attachment(method: &Method, name: &str, size: u64, download: Download) -> HttpResponse {
    let download = Some(download).filter(|_| method != Method::HEAD && size > 0);
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .insert_header((CONTENT_DISPOSITION, disposition(name)))
        .body(BoxBody::new(FileBody { left: size, piece: Bytes::new(), download }))
}

/// A client may store the file, but must ask whether it is still there and visible.
const fn revalidated() -> (actix_web::http::header::HeaderName, &'static str) {
    (CACHE_CONTROL, "private, no-cache")
}

/// `attachment`, with the name in two forms: for old clients, and in UTF-8 (RFC 6266, appendix D).
fn disposition(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._ ()+@".contains(c) { c } else { '_' };
    let name = if name.is_empty() { "model" } else { name };
    let fallback: String = name.chars().map(plain).collect();
    if fallback == name {
        return format!("attachment; filename=\"{name}\"");
    }
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ENCODED))
}

/// The rest of a file that is being sent.
struct FileBody {
    /// The bytes that the head of the response promised and that were not sent yet.
    left: u64,
    /// The rest of the chunk that is being sent.
    piece: Bytes,
    download: Option<Download>,
}

impl MessageBody for FileBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.piece.is_empty() {
            let Some(download) = &mut this.download else { return Poll::Ready(None) };
            match ready!(download.poll_next(context)) {
                Some(Ok(chunk)) => this.piece = chunk.into(),
                Some(Err(error)) => {
                    log::error!("a download was broken off: {}", error.chain());
                    return Poll::Ready(Some(Err(Box::new(error))));
                }
                None => return Poll::Ready(None),
            }
        }
        let length = this.piece.len().min(PIECE);
        this.left = this.left.saturating_sub(length as u64);
        Poll::Ready(Some(Ok(this.piece.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header() {
        for (name, header) in [
            ("model.onnx", "attachment; filename=\"model.onnx\""),
            ("", "attachment; filename=\"model\""),
            ("my model (1).zip", "attachment; filename=\"my model (1).zip\""),
            ("a\"b\\c;d", "attachment; filename=\"a_b_c_d\"; filename*=UTF-8''a%22b%5Cc%3Bd"),
            ("é\r\nx", "attachment; filename=\"___x\"; filename*=UTF-8''%C3%A9%0D%0Ax"),
            ("100%", "attachment; filename=\"100_\"; filename*=UTF-8''100%25"),
        ] {
            assert_eq!(disposition(name), header);
        }
    }
}
