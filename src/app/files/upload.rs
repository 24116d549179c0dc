//! Receives a file: collects chunks, which are hashed and written on other threads while the next one arrives.

use std::mem;

use crate::app::runtime::pool::{Begun, Lane};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::Result;
use crate::files::{Incoming, Spooled};

/// The bytes that are written at once. An upload holds at most two chunks in memory.
pub const CHUNK: usize = 256 << 10;

/// After so many bytes, what was written is brought to the disk while more arrives. It bounds the wait at the end, during
/// which clients time out.
const FLUSH: u64 = 32 << 20;

/// A file that is being received. Dropping it removes what was received.
pub struct Upload {
    state: AppState,
    lane: Lane,
    /// The bytes that were not handed over yet.
    chunk: Vec<u8>,
    /// The chunk that is being written.
    writing: Option<Begun<Result<Written>>>,
    flushing: Option<Begun<Result<()>>>,
    /// The bytes that are on the disk, or being brought there.
    flushed: u64,
}

/// A file after a chunk was written, and the memory of the chunk.
type Written = (Incoming, Vec<u8>);

impl Upload {
    /// Begins to receive a file. Nothing is created before the first chunk is full.
    pub fn begin(state: &AppState, actor: &Actor) -> Self {
        Self {
            state: state.clone(),
            lane: Lane::from(actor),
            chunk: Vec::new(),
            writing: None,
            flushing: None,
            flushed: 0,
        }
    }

    /// Adds bytes. Waits while the disk is slower than the client.
    ///
    /// Refused beyond the maximum size of a file, and when the disk is full or fails.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK {
                let handed_over = self.hand_over().await;
                self.state.files.watched(handed_over)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            if self.chunk.capacity() < CHUNK && self.chunk.len() + now.len() > self.chunk.capacity() {
                self.chunk.reserve_exact(CHUNK.min((self.chunk.len() + now.len()) * 2) - self.chunk.len());
            }
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends the file and brings it to the disk.
    pub async fn finish(self) -> Result<Spooled> {
        let files = self.state.files.clone();
        files.watched(self.complete().await)
    }

    async fn complete(mut self) -> Result<Spooled> {
        let written = self.written().await?;
        if let Some(flushing) = self.flushing.take() {
            flushing.await??;
        }
        let (chunk, state) = (mem::take(&mut self.chunk), self.state.clone());
        let finish = move || {
            let mut incoming = begun(&state, written)?.0;
            incoming.write(&chunk)?;
            incoming.finish()
        };
        self.state.place_pool.run(self.lane, finish).await?
    }

    /// The file once the last chunk is written; `None` if there was no chunk yet.
    async fn written(&mut self) -> Result<Option<Written>> {
        match self.writing.take() {
            Some(writing) => writing.await?.map(Some),
            None => Ok(None),
        }
    }

    /// Begins to write the chunk.
    async fn hand_over(&mut self) -> Result<()> {
        let written = self.written().await?;
        if let Some((incoming, _)) = &written
            && incoming.size() - self.flushed >= FLUSH
        {
            if let Some(flushing) = self.flushing.take() {
                flushing.await??;
            }
            self.flushed = incoming.size();
            self.flushing = Some(self.state.place_pool.begin(self.lane, incoming.flush())?);
        }
        let (full, state) = (mem::take(&mut self.chunk), self.state.clone());
        let spare = if let Some((incoming, spare)) = written {
            let write = move || write(incoming, full);
            self.writing = Some(self.state.file_pool.begin(self.lane, write)?);
            spare
        } else {
            let write = move || write(begun(&state, None)?.0, full);
            self.writing = Some(self.state.file_pool.begin(self.lane, write)?);
            Vec::with_capacity(CHUNK)
        };
        self.chunk = spare;
        Ok(())
    }
}

fn write(mut incoming: Incoming, mut chunk: Vec<u8>) -> Result<Written> {
    incoming.write(&chunk)?;
    chunk.clear();
    Ok((incoming, chunk))
}

/// The file, which is created now if it was not before.
fn begun(state: &AppState, written: Option<Written>) -> Result<Written> {
    written.map_or_else(|| Ok((state.files.spool.begin(state.files.limit())?, Vec::new())), Ok)
}
