//! A long answer in pieces, so that a connection never holds all of it at once: what is written whole stays in the buffer
//! of its connection, and so does the room for it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// How long a piece is, in bytes; a shorter answer is one.
const PIECE: usize = 32 * 1024;

/// What is still to be sent.
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
