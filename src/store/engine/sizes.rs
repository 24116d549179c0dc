//! The sizes of the store.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The number of read-only connections.
    pub readers: u32,
    /// The maximum number of queued writes.
    pub write_queue: usize,
    /// The page cache of each connection, in KiB.
    pub page_cache_kib: u32,
    /// The maximum number of bytes of names that searches keep in memory.
    pub search_memory: usize,
    /// How long a read may take, because its snapshot keeps the write-ahead log from being shortened; none for no limit.
    pub max_read: Option<Duration>,
    /// How long the answer to a write may take on PostgreSQL, which may wait for a standby; none for no limit.
    pub max_write: Option<Duration>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            readers: 2,
            write_queue: 64,
            page_cache_kib: 2048,
            search_memory: 1 << 20,
            max_read: None,
            max_write: None,
        }
    }
}
