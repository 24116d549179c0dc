//! Sends a file: reads chunks on other threads, one ahead of what is being sent.

use std::io::Read;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::CHUNK;
use crate::app::runtime::pool::{Begun, Lane};
use crate::app::runtime::state::AppState;
use crate::app::runtime::unsent_memory::Share;
use crate::domain::actor::Actor;
use crate::domain::model::StoredFile;
use crate::domain::noun::Noun;
use crate::error::{Error, Result};
use crate::store::stored_files;

/// The chunks of a range of a file.
pub struct Download {
    state: AppState,
    lane: Lane,
    /// What is read, for the log: `the file SHA256`.
    what: String,
    /// The bytes that were not read yet.
    unread: u64,
    reading: Option<Begun<Result<Chunk>>>,
    /// The memory of a chunk that is sent and of one that is read.
    _memory: Share,
}

/// Why a file is not there: its version was deleted at this moment, or the store has lost it.
fn missing(state: &AppState, file: StoredFile) -> Result<Error> {
    Ok(if state.read_inline(|view| stored_files::is_referenced(view, file.sha256))? {
        Error::internal(format!("the file {} is missing; run `atelier check`", file.sha256))
    } else {
        Error::not_found(Noun::ModelVersion, file.sha256)
    })
}

/// The memory of two chunks of a file of this size.
fn memory(state: &AppState, actor: &Actor, size: u64) -> Result<Share> {
    let mut memory = state.unsent_memory.share(actor.user());
    memory.grow(usize::try_from(size).unwrap_or(usize::MAX).min(2 * CHUNK))?;
    Ok(memory)
}

/// The rest of a file, and the bytes before it.
type Chunk = (Box<dyn Read + Send>, Vec<u8>);

impl Download {
    /// Opens a file, and reads the first chunk of this range of it. Busy while too much waits to be sent to this user.
    pub async fn open(state: &AppState, actor: &Actor, file: StoredFile, range: Range<u64>) -> Result<Self> {
        let unread = range.end.saturating_sub(range.start);
        let memory = memory(state, actor, unread)?;
        let files = state.files.clone();
        let open = move || files.store.open(&file.sha256, range);
        let reader = state.files.watched(state.file_pool.run(Lane::from(actor), open).await?)?;
        let Some(reader) = reader else { return Err(missing(state, file)?) };
        Self::begin(state, actor, format!("the file {}", file.sha256), (reader, unread), memory)
    }

    /// Sends so many bytes of an open file that is not one of a model.
    pub fn of(state: &AppState, actor: &Actor, what: String, reader: Box<dyn Read + Send>, size: u64) -> Result<Self> {
        let memory = memory(state, actor, size)?;
        Self::begin(state, actor, what, (reader, size), memory)
    }

    fn begin(
        state: &AppState,
        actor: &Actor,
        what: String,
        (reader, unread): (Box<dyn Read + Send>, u64),
        memory: Share,
    ) -> Result<Self> {
        let (state, lane) = (state.clone(), Lane::from(actor));
        let mut download = Self { state, lane, what, unread, reading: None, _memory: memory };
        download.read_ahead(reader)?;
        Ok(download)
    }

    /// The next chunk; `None` after the last one.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        Poll::Ready(Some(read.flatten().and_then(|(reader, chunk)| {
            self.read_ahead(reader)?;
            Ok(chunk)
        })))
    }

    fn read_ahead(&mut self, mut reader: Box<dyn Read + Send>) -> Result<()> {
        let length = usize::try_from(self.unread).unwrap_or(usize::MAX).min(CHUNK);
        if length == 0 {
            return Ok(());
        }
        self.unread -= length as u64;
        let what = self.what.clone();
        let read = move || {
            let mut chunk = Vec::with_capacity(length);
            let read = reader.by_ref().take(length as u64).read_to_end(&mut chunk);
            match read {
                Ok(read) if read == length => Ok((reader, chunk)),
                Ok(_) => Err(Error::internal(format!("{what} is cut off; run `atelier check`"))),
                Err(error) => Err(Error::internal(format!("cannot read {what}: {error}"))),
            }
        };
        self.reading = Some(self.state.file_pool.begin(self.lane, read)?);
        Ok(())
    }
}
