//! Serialized responses. A long one is kept in chunks, and each chunk is released when it has been sent.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Serialize;

use crate::app::runtime::unsent_memory::{Share, UnsentMemory};
use crate::domain::ids::UserId;
use crate::error::{Error, Result};

/// The size of a chunk, in bytes. A response of one chunk is short: it is copied to its connection at once, and does
/// not count as memory that waits.
pub const CHUNK: usize = 32 << 10;

/// The size of the buffer of a short response at first, in bytes. Most responses fit.
const FIRST: usize = 2 << 10;

/// Writes a response. A long one takes its memory from the memory of unsent responses as it grows.
pub struct BodyWriter {
    full: VecDeque<Vec<u8>>,
    last: Vec<u8>,
    share: Share,
    /// The memory for something else, which is released at the end.
    reserved: usize,
    /// Why the memory was refused. `io::Error` would lose it.
    refusal: Option<Error>,
}

impl BodyWriter {
    pub(in crate::app) fn new(memory: &UnsentMemory, user: Option<UserId>) -> Self {
        Self {
            full: VecDeque::new(),
            last: Vec::with_capacity(FIRST),
            share: memory.share(user),
            reserved: 0,
            refusal: None,
        }
    }

    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut *self, value).map_err(|error| self.failure(error))
    }

    pub fn text(&mut self, text: &str) -> Result<()> {
        io::Write::write_all(self, text.as_bytes()).map_err(|error| self.failure(error))
    }

    /// Writes a comma before every entry of a list but the first.
    pub fn separate(&mut self, is_first: &mut bool) -> Result<()> {
        if std::mem::take(is_first) { Ok(()) } else { self.text(",") }
    }

    /// The error of a failed write: the refusal of memory, if that is why it failed.
    pub fn failure(&mut self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.refusal.take().unwrap_or_else(|| Error::internal(error))
    }

    /// Takes memory for something else that is kept until the response is written.
    pub fn reserve(&mut self, bytes: usize) -> Result<()> {
        self.share.grow(bytes)?;
        self.reserved += bytes;
        Ok(())
    }

    pub fn finish(mut self) -> ResponseBody {
        self.share.shrink(self.reserved);
        if self.full.is_empty() {
            self.last.shrink_to_fit();
            return ResponseBody(Body::Short(self.last));
        }
        self.full.push_back(self.last);
        let length = self.full.iter().map(Vec::len).sum();
        ResponseBody(Body::Long(Chunks { left: self.full, share: self.share, length }))
    }
}

impl io::Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.len() == CHUNK {
            if let Err(error) = self.share.grow(CHUNK) {
                self.refusal = Some(error);
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            self.full.push_back(std::mem::replace(&mut self.last, Vec::with_capacity(CHUNK)));
        }
        let length = bytes.len().min(CHUNK - self.last.len());
        self.last.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write(bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A serialized response.
pub struct ResponseBody(Body);

/// The parts of a response as they are sent.
pub enum Body {
    /// At most one chunk.
    Short(Vec<u8>),
    Long(Chunks),
    Cached(CachedBody, SharedMemory),
}

/// The memory of a cached body, held by the responses that send it.
pub struct SharedMemory(#[expect(dead_code, reason = "only held")] Option<Arc<Share>>);

impl ResponseBody {
    pub fn into_body(self) -> Body {
        self.0
    }

    /// All bytes of the response, in one piece.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            Body::Short(bytes) => bytes,
            Body::Long(chunks) => chunks.flatten().collect(),
            Body::Cached(body, _) => body.as_ref().to_vec(),
        }
    }

    pub(in crate::app) fn len(&self) -> usize {
        match &self.0 {
            Body::Short(bytes) => bytes.len(),
            Body::Long(chunks) => chunks.length,
            Body::Cached(body, _) => body.as_ref().len(),
        }
    }

    /// The response as a body that can be cached, and a response that sends it.
    pub(in crate::app) fn into_cached(self) -> (CachedBody, Self) {
        let (bytes, share) = match self.0 {
            Body::Short(bytes) => (bytes, None),
            Body::Long(chunks) => {
                let bytes = chunks.left.iter().flatten().copied().collect::<Vec<u8>>();
                (bytes, Some(Arc::new(chunks.share)))
            }
            Body::Cached(body, memory) => return (body.clone(), Self(Body::Cached(body, memory))),
        };
        let sent = Mutex::new(share.as_ref().map(Arc::downgrade).unwrap_or_default());
        let body = CachedBody(Arc::new(Cached { bytes, sent }));
        (body.clone(), Self(Body::Cached(body, SharedMemory(share))))
    }
}

/// The chunks of a long response that are still to be sent. Each takes its memory with it.
pub struct Chunks {
    left: VecDeque<Vec<u8>>,
    share: Share,
    /// The bytes of all chunks that are left.
    length: usize,
}

impl Chunks {
    pub const fn len(&self) -> usize {
        self.length
    }

    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Iterator for Chunks {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let chunk = self.left.pop_front()?;
        self.length -= chunk.len();
        self.share.shrink(CHUNK);
        Some(chunk)
    }
}

/// A body as it is sent, shared by the responses that contain it.
#[derive(Clone)]
pub struct CachedBody(Arc<Cached>);

struct Cached {
    bytes: Vec<u8>,
    /// The memory that the body takes while it is sent, once for all that send it.
    sent: Mutex<Weak<Share>>,
}

impl AsRef<[u8]> for CachedBody {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl CachedBody {
    /// A response that sends the body. Refused when the body is long and too much memory waits to be sent.
    pub(in crate::app) fn answer(self, memory: &UnsentMemory, user: Option<UserId>) -> Result<ResponseBody> {
        let length = self.0.bytes.len();
        if length <= CHUNK {
            return Ok(ResponseBody(Body::Cached(self, SharedMemory(None))));
        }
        let mut sent = self.0.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let share = if let Some(share) = sent.upgrade() {
            share
        } else {
            let mut share = memory.share(user);
            share.grow(length)?;
            let share = Arc::new(share);
            *sent = Arc::downgrade(&share);
            share
        };
        drop(sent);
        Ok(ResponseBody(Body::Cached(self, SharedMemory(Some(share)))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const MEMORY: usize = 8 << 20;

    fn written(memory: &UnsentMemory, length: usize) -> Result<ResponseBody> {
        let mut out = BodyWriter::new(memory, Some(UserId(1)));
        let bytes: Vec<u8> = (0..length).map(|n| b'a' + u8::try_from(n % 26).unwrap_or_default()).collect();
        for part in bytes.chunks(1009) {
            out.write_all(part).map_err(|error| out.failure(error))?;
        }
        Ok(out.finish())
    }

    fn collected(answer: ResponseBody) -> Vec<u8> {
        match answer.into_body() {
            Body::Short(bytes) => bytes,
            Body::Long(chunks) => {
                let length = chunks.len();
                let all: Vec<u8> = chunks.flatten().collect();
                assert_eq!(all.len(), length);
                all
            }
            Body::Cached(body, _) => body.as_ref().to_vec(),
        }
    }

    #[test]
    fn an_answer_of_any_length_is_what_was_written() {
        let memory = UnsentMemory::new(MEMORY);
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 100_001] {
            let whole = collected(written(&memory, length).unwrap());
            assert_eq!(whole.len(), length);
            assert!(whole.iter().enumerate().all(|(n, byte)| usize::from(byte - b'a') == n % 26), "{length}");
            let (body, answer) = written(&memory, length).unwrap().into_cached();
            assert_eq!((body.as_ref(), collected(answer)), (&*whole, whole.clone()));
        }
        memory.share(None).grow(MEMORY / 8 * 7).expect("all of it is free again");
    }

    #[test]
    fn memory_is_released_as_an_answer_is_sent() {
        let memory = UnsentMemory::new(MEMORY);
        let Body::Long(mut chunks) = written(&memory, MEMORY / 2).unwrap().into_body() else { unreachable!() };
        let mut other = memory.share(None);
        assert!(other.grow(MEMORY / 2).is_err());
        assert_eq!(chunks.by_ref().take(64).map(|chunk| chunk.len()).sum::<usize>(), 64 * CHUNK);
        other.grow(MEMORY / 2).expect("half of the answer has been sent");
    }

    #[test]
    fn an_answer_that_finds_no_memory_is_refused_as_busy() {
        let memory = UnsentMemory::new(MEMORY);
        let mut other = memory.share(None);
        other.grow(MEMORY / 8 * 7).unwrap();
        assert!(matches!(written(&memory, 2 << 20), Err(Error::Busy { .. })));
        assert!(written(&memory, CHUNK).is_ok(), "a short answer needs none");
        drop(other);
        assert!(written(&memory, 2 << 20).is_ok());
    }

    #[test]
    fn a_cached_body_counts_once_while_it_is_sent() {
        let memory = UnsentMemory::new(MEMORY);
        let (body, first) = written(&memory, 512 << 10).unwrap().into_cached();
        let sent: Vec<_> = (0..100).map(|n| body.clone().answer(&memory, Some(UserId(n))).unwrap()).collect();
        memory.share(None).grow(MEMORY / 8 * 7 - (512 << 10)).expect("only one of the hundred counts");
        drop((first, sent));
        memory.share(None).grow(MEMORY / 8 * 7).expect("a body in the cache does not wait to be sent");
        let mut other = memory.share(None);
        other.grow(MEMORY / 8 * 7).unwrap();
        other.grow(0).unwrap();
        let mut small = memory.share(None);
        small.grow(MEMORY / 8 - (256 << 10)).unwrap();
        assert!(matches!(body.answer(&memory, None), Err(Error::Busy { .. })));
    }
}
