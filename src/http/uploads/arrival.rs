//! The bytes of an upload as they arrive, within limits of size and time.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::web::Bytes;
use futures_core::Stream;

use crate::error::Error;
use crate::http::body;

/// The bytes that a client must send in each `request_timeout`. A client that sends fewer holds its connection and its
/// memory for nothing.
const PROGRESS: usize = 64 << 10;

/// A body that is limited in what waiting for it may take, not in how long it takes.
pub(super) struct Arrival {
    payload: Payload,
    /// The maximum time of waiting for [`PROGRESS`] bytes.
    timeout: Duration,
    /// The maximum number of bytes that are left, and the rule that more of them break.
    left: u64,
    rule: &'static str,
    /// The bytes since the last progress, and how long they were waited for.
    bytes: usize,
    waited: Duration,
    /// Since when the next bytes are waited for, and the end of the time for them.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    refusal: Option<Error>,
}

impl Arrival {
    pub(super) const fn new(payload: Payload, timeout: Duration, max: u64, rule: &'static str) -> Self {
        let waited = Duration::ZERO;
        Self { payload, timeout, left: max, rule, bytes: 0, waited, waiting: None, refusal: None }
    }

    /// Why the server ended the body.
    pub(super) const fn take_refusal(&mut self) -> Option<Error> {
        self.refusal.take()
    }

    fn refuse(&mut self, error: Error) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.refusal = Some(error);
        // The parser of forms passes it on.
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::Other.into()))))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let Poll::Ready(next) = Pin::new(&mut self.payload).poll_next(context) else {
            let (timeout, waited) = (self.timeout, self.waited);
            let start = || (Instant::now(), Box::pin(sleep(timeout.saturating_sub(waited))));
            let (_, end) = self.waiting.get_or_insert_with(start);
            return match end.as_mut().poll(context) {
                Poll::Ready(()) => self.refuse(body::late()),
                Poll::Pending => Poll::Pending,
            };
        };
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        let Some(Ok(bytes)) = &next else { return Poll::Ready(next) };
        self.bytes += bytes.len();
        if self.bytes >= PROGRESS {
            (self.bytes, self.waited) = (0, Duration::ZERO);
        }
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(next)
            }
            None => self.refuse(Error::TooLarge { rule: self.rule }),
        }
    }
}

/// A handle to the bytes, for a parser that keeps it.
pub(super) struct SharedArrival(pub(super) Rc<RefCell<Arrival>>);

impl Stream for SharedArrival {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next(context)
    }
}
