//! Sends a long response in chunks, so that a connection never buffers all of it. A body that is written whole stays in
//! the connection's buffer, and the buffer keeps its size.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::ContentType;
use actix_web::web::Bytes;

use super::compression;
use crate::app::runtime::response_body::{Body, CHUNK, CachedBody, Chunks, ResponseBody, SharedMemory};

/// The bytes that are still to be sent.
struct Pieces<M> {
    bytes: Bytes,
    /// Holds the memory of the bytes until they are sent.
    _memory: M,
}

impl<M: Unpin> MessageBody for Pieces<M> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.bytes.len().min(CHUNK);
        Poll::Ready((length > 0).then(|| Ok(self.bytes.split_to(length))))
    }
}

/// A long response, whose memory is released as it is sent.
struct Unsent(Chunks);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.0.next().map(|chunk| Ok(chunk.into())))
    }
}

pub(super) fn body(bytes: Bytes) -> BoxBody {
    pieces(bytes, ())
}

fn pieces<M: Unpin + 'static>(bytes: Bytes, memory: M) -> BoxBody {
    if bytes.len() > CHUNK { BoxBody::new(Pieces { bytes, _memory: memory }) } else { BoxBody::new(bytes) }
}

/// The web server's body for this one.
pub(super) fn answer(answer: ResponseBody) -> BoxBody {
    match answer.into_body() {
        Body::Short(bytes) => BoxBody::new(Bytes::from(bytes)),
        Body::Long(chunks) => BoxBody::new(Unsent(chunks)),
        Body::Cached(body, memory) => cached(body, memory),
    }
}

fn cached(body: CachedBody, memory: SharedMemory) -> BoxBody {
    pieces(Bytes::from_owner(body), memory)
}

/// A response with this body, which is JSON.
pub(super) fn json(content: ResponseBody) -> HttpResponse {
    let coding = content.coding();
    let mut response = HttpResponse::Ok().content_type(ContentType::json()).body(answer(content));
    compression::tell(response.headers_mut(), coding);
    response
}
