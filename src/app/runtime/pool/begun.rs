//! The result of a job that was queued.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// There is no place for a job in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The result of a job, unless it was displaced.
pub(super) type Outcome<T> = std::result::Result<T, Full>;

/// The result of a job, once it ran. Busy if the job was displaced; fails when the job panicked.
pub struct Begun<T> {
    answer: oneshot::Receiver<Outcome<T>>,
    retry_after: Duration,
}

impl<T> Begun<T> {
    pub(super) const fn new(answer: oneshot::Receiver<Outcome<T>>, retry_after: Duration) -> Self {
        Self { answer, retry_after }
    }
}

impl<T> Future for Begun<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context)).map_err(Error::internal)?;
        Poll::Ready(answer.map_err(|Full| Error::Busy { retry_after: self.retry_after }))
    }
}
