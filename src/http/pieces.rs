//! Sends a long response in chunks, so that a connection never buffers all of it. A body that is written whole stays in
//! the connection's buffer, and the buffer keeps its size.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// The size of a chunk, in bytes. A shorter response is one chunk.
const PIECE: usize = 32 * 1024;

/// The bytes that are still to be sent.
struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.0.len().min(PIECE);
        Poll::Ready((length > 0).then(|| Ok(self.0.split_to(length))))
    }
}

pub(super) fn body(bytes: Bytes) -> BoxBody {
    if bytes.len() > PIECE { BoxBody::new(Pieces(bytes)) } else { BoxBody::new(bytes) }
}
