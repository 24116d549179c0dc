//! Tells how far a backup is, and stops it.

use std::io::{self, Read};

/// Is told about a backup that is made, examined or restored.
pub trait Observer {
    /// A step begins. It has about so many bytes.
    fn begin(&self, what: &'static str, bytes: u64);

    /// So many more bytes of the step are done.
    fn add(&self, bytes: u64);

    /// Whether to stop.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Reads and tells the observer.
pub(super) struct Observed<'o, R> {
    pub(super) from: R,
    pub(super) observer: &'o dyn Observer,
}

impl<R: Read> Read for Observed<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.observer.is_stopped() {
            return Err(io::Error::other("stopped"));
        }
        let read = self.from.read(into)?;
        self.observer.add(read as u64);
        Ok(read)
    }
}
