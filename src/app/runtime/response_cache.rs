//! Caches the bodies of lists, each for the user who asked for it.
//!
//! An entry is valid only for the data version it was computed at, so it is as fresh as a read. A body may depend on the
//! data, the request and the user, never on the time.

use std::sync::Arc;

use crate::app::identity::caller;
use crate::app::identity::sign_in::Proved;
use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::UserId;
use crate::error::Result;
use crate::store::versioned_cache::VersionedCache;
use crate::store::{DataVersion, View};

/// The memory that an entry takes beside its key and body, in bytes, approximately.
const OVERHEAD: usize = 256;

/// A body as it is sent, shared by the responses that contain it.
#[derive(Clone)]
pub struct CachedBody(Arc<Vec<u8>>);

impl AsRef<[u8]> for CachedBody {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The cache, bounded by the bytes that its entries take.
pub(in crate::app) struct ResponseCache(VersionedCache<CacheKey, DataVersion, CachedBody>);

impl ResponseCache {
    pub(in crate::app) fn new(bytes: usize) -> Self {
        Self(VersionedCache::new(bytes))
    }
}

/// Everything that a body depends on beside the data.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CacheKey {
    list: &'static str,
    request: Vec<u8>,
    user: Option<UserId>,
}

/// Returns the cached body of a list, or reads it: on the calling thread when that is short, else on the read pool.
///
/// `request` is the part of the request that the body depends on. Refused as the read refuses, and when the credential
/// has ended in the meantime.
pub async fn get_or_read<Q, F>(
    desk: &AppState,
    caller: &Proved,
    list: &'static str,
    request: Vec<u8>,
    query: Q,
    read: F,
) -> Result<CachedBody>
where
    Q: ListQuery + Send + 'static,
    F: Fn(&View, &Actor, &Q) -> Result<Vec<u8>> + Send + 'static,
{
    let pulse = desk.store.data_version()?;
    let key = CacheKey { list, request, user: caller.actor.user() };
    if caller.stands(pulse) {
        if let Some(body) = desk.answers().0.find(&key, &pulse) {
            return Ok(body);
        }
        let body = desk.read_inline(|view| match query.cost(view, &caller.actor)? {
            ReadCost::Inline => read(view, &caller.actor, &query).map(Some),
            ReadCost::Blocking => Ok(None),
        });
        // A later commit may have ended the credential before it changed the data that was read.
        if desk.store.is_still(pulse)?
            && let Some(body) = body?
        {
            return Ok(insert(desk, key, pulse, body));
        }
    }
    let actor = caller.actor.clone();
    let body = desk.read_blocking(move |view| read(view, &caller::still(view, &actor)?, &query)).await?;
    Ok(insert(desk, key, pulse, body))
}

fn insert(desk: &AppState, key: CacheKey, pulse: DataVersion, mut body: Vec<u8>) -> CachedBody {
    body.shrink_to_fit();
    let weight = body.len() + key.request.len() + OVERHEAD;
    let body = CachedBody(Arc::new(body));
    desk.answers().0.keep(key, pulse, body.clone(), weight);
    body
}
