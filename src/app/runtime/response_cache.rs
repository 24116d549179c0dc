//! Caches the bodies of lists, each for the user who asked for it.
//!
//! An entry is valid only for the data version it was computed at, so it is as fresh as a read. A body may depend on the
//! data, the request and the user, never on the time.

use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::response_body::{CachedBody, ResponseBody};
use crate::domain::ids::UserId;
use crate::store::DataVersion;
use crate::store::measures::CacheState;
use crate::store::versioned_cache::VersionedCache;

/// The memory that an entry takes beside its key and body, in bytes, approximately.
const OVERHEAD: usize = 256;

/// The cache, bounded by the bytes that its entries take.
pub(in crate::app) struct ResponseCache(VersionedCache<CacheKey, DataVersion, CachedBody>);

impl ResponseCache {
    pub(in crate::app) fn new(bytes: usize) -> Self {
        Self(VersionedCache::new(bytes))
    }

    pub(in crate::app) fn find(&self, key: &CacheKey, version: &DataVersion) -> Option<CachedBody> {
        self.0.find(key, version)
    }

    pub(in crate::app) fn state(&self) -> CacheState {
        self.0.state()
    }

    /// Caches a response unless it is too long, and returns it.
    pub(in crate::app) fn insert(&self, key: CacheKey, version: DataVersion, answer: ResponseBody) -> ResponseBody {
        let weight = answer.len() + key.request.len() + OVERHEAD;
        if !self.0.accepts(weight) {
            return answer;
        }
        let (body, answer) = answer.into_cached();
        self.0.insert(key, version, body, weight);
        answer
    }
}

/// Everything that a body depends on beside the data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::app) struct CacheKey {
    pub(in crate::app) list: &'static str,
    pub(in crate::app) coding: Coding,
    pub(in crate::app) request: Vec<u8>,
    pub(in crate::app) user: Option<UserId>,
}
