//! Serialized responses. A long one is kept in chunks, and each chunk is released when it has been sent. It is encoded
//! while it is written, so that only the encoded chunks are kept.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Serialize;

use crate::app::runtime::content_coding::{Coding, Encoder, MIN_CODED};
use crate::app::runtime::unsent_memory::{Share, UnsentMemory};
use crate::domain::ids::UserId;
use crate::error::{Error, Result};

/// The size of a chunk, in bytes. A response of one chunk is short: it is copied to its connection at once, and does
/// not count as memory that waits.
pub const CHUNK: usize = 32 << 10;

/// The size of the buffer of a short response at first, in bytes. Most responses fit.
const FIRST: usize = 2 << 10;

/// Writes a response in a coding. A long one takes its memory from the memory of unsent responses as it grows.
pub struct BodyWriter {
    coding: Coding,
    /// Of a response that is longer than a chunk.
    encoder: Option<Encoder>,
    /// What was written last, before it is encoded.
    last: Vec<u8>,
    /// What is ready to be sent. All chunks but `ending` are full.
    full: VecDeque<Vec<u8>>,
    ending: Vec<u8>,
    share: Share,
    /// The memory for something else, which is released at the end.
    reserved: usize,
    /// Why the memory was refused. `io::Error` would lose it.
    refusal: Option<Error>,
}

impl BodyWriter {
    pub(in crate::app) fn new(memory: &UnsentMemory, user: Option<UserId>, coding: Coding) -> Self {
        Self {
            coding,
            encoder: None,
            last: Vec::with_capacity(FIRST),
            full: VecDeque::new(),
            ending: Vec::new(),
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

    /// The whole response. A short one is sent as it is, whatever the coding.
    pub fn finish(mut self) -> Result<ResponseBody> {
        self.share.shrink(self.reserved);
        let (coding, body) = match self.encoder.take() {
            None if self.full.is_empty() => self.short()?,
            None => {
                self.ending = std::mem::take(&mut self.last);
                (Coding::Identity, self.long())
            }
            Some(mut encoder) => {
                let coded = encoder.encode(&self.last).and_then(|coded| self.keep(&coded));
                let ended = coded.and_then(|()| self.keep(&encoder.finish()?));
                ended.map_err(|error| self.failure(error))?;
                (self.coding, self.long())
            }
        };
        Ok(ResponseBody { coding, body })
    }

    /// The response of at most one chunk.
    fn short(&mut self) -> Result<(Coding, Body)> {
        let mut bytes = std::mem::take(&mut self.last);
        if bytes.len() < MIN_CODED || self.coding == Coding::Identity {
            bytes.shrink_to_fit();
            return Ok((Coding::Identity, Body::Short(bytes)));
        }
        Ok((self.coding, Body::Short(self.coding.encode(&bytes).map_err(Error::internal)?)))
    }

    fn long(mut self) -> Body {
        if self.full.is_empty() {
            return Body::Short(self.ending);
        }
        self.full.push_back(self.ending);
        let length = self.full.iter().map(Vec::len).sum();
        Body::Long(Chunks { left: self.full, share: self.share, length })
    }

    /// Passes on the chunk that is full.
    fn pass_on(&mut self) -> io::Result<()> {
        if self.encoder.is_none() {
            self.encoder = Encoder::new(self.coding)?;
        }
        let Some(encoder) = &mut self.encoder else {
            self.grow()?;
            self.full.push_back(std::mem::replace(&mut self.last, Vec::with_capacity(CHUNK)));
            return Ok(());
        };
        let coded = encoder.encode(&self.last)?;
        self.last.clear();
        self.keep(&coded)
    }

    /// Adds encoded bytes to what is ready to be sent.
    fn keep(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.ending.len() == CHUNK {
                self.grow()?;
                self.full.push_back(std::mem::take(&mut self.ending));
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.ending.len()));
            self.ending.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn grow(&mut self) -> io::Result<()> {
        self.share.grow(CHUNK).map_err(|error| {
            self.refusal = Some(error);
            io::ErrorKind::OutOfMemory.into()
        })
    }
}

impl io::Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.len() == CHUNK {
            self.pass_on()?;
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
pub struct ResponseBody {
    coding: Coding,
    body: Body,
}

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
    pub const fn coding(&self) -> Coding {
        self.coding
    }

    pub fn into_body(self) -> Body {
        self.body
    }

    /// All bytes of the response as they are sent, in one piece.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.body {
            Body::Short(bytes) => bytes,
            Body::Long(chunks) => chunks.flatten().collect(),
            Body::Cached(body, _) => body.as_ref().to_vec(),
        }
    }

    pub(in crate::app) fn len(&self) -> usize {
        match &self.body {
            Body::Short(bytes) => bytes.len(),
            Body::Long(chunks) => chunks.length,
            Body::Cached(body, _) => body.as_ref().len(),
        }
    }

    /// The response as a body that can be cached, and a response that sends it.
    pub(in crate::app) fn into_cached(self) -> (CachedBody, Self) {
        let coding = self.coding;
        let (bytes, share) = match self.body {
            Body::Short(mut bytes) => {
                bytes.shrink_to_fit();
                (bytes, None)
            }
            Body::Long(chunks) => {
                let bytes = chunks.left.iter().flatten().copied().collect::<Vec<u8>>();
                (bytes, Some(Arc::new(chunks.share)))
            }
            Body::Cached(body, memory) => return (body.clone(), Self { coding, body: Body::Cached(body, memory) }),
        };
        let sent = Mutex::new(share.as_ref().map(Arc::downgrade).unwrap_or_default());
        let body = CachedBody(Arc::new(Cached { coding, bytes, sent }));
        (body.clone(), Self { coding, body: Body::Cached(body, SharedMemory(share)) })
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
    coding: Coding,
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
        let (coding, length) = (self.0.coding, self.0.bytes.len());
        if length <= CHUNK {
            return Ok(ResponseBody { coding, body: Body::Cached(self, SharedMemory(None)) });
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
        Ok(ResponseBody { coding, body: Body::Cached(self, SharedMemory(Some(share))) })
    }
}

#[cfg(test)]
mod tests;
