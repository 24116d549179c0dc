//! Reads lists through the response cache.

use crate::app::identity::caller;
use crate::app::identity::sign_in::Authenticated;
use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::runtime::response_cache::{CacheKey, CachedBody};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::Result;
use crate::store::View;

/// Returns the cached body of a list, or reads it: on the calling thread when that is short, else on the read pool.
///
/// `request` is the part of the request that the body depends on; `parse` reads the query from it when the body is not
/// cached. Refused as `parse` and the read refuse, and when the credential has ended in the meantime.
pub async fn get_or_read<Q, F>(
    state: &AppState,
    caller: &Authenticated,
    list: &'static str,
    request: Vec<u8>,
    parse: impl FnOnce() -> Result<Q>,
    read: F,
) -> Result<CachedBody>
where
    Q: ListQuery + Send + 'static,
    F: Fn(&View, &Actor, &Q) -> Result<Vec<u8>> + Send + 'static,
{
    let version = state.store.data_version()?;
    let key = CacheKey { list, request, user: caller.actor.user() };
    let is_valid = caller.is_valid_at(version);
    if is_valid && let Some(body) = state.response_cache().find(&key, &version) {
        return Ok(body);
    }
    let query = parse()?;
    if is_valid {
        let body = state.read_inline(|view| match query.cost(view, &caller.actor)? {
            ReadCost::Inline => read(view, &caller.actor, &query).map(Some),
            ReadCost::Blocking => Ok(None),
        });
        // A later commit may have ended the credential before it changed the data that was read.
        if state.store.is_still(version)?
            && let Some(body) = body?
        {
            return Ok(state.response_cache().insert(key, version, body));
        }
    }
    let actor = caller.actor.clone();
    let body = state.read_blocking(move |view| read(view, &caller::recheck(view, &actor)?, &query)).await?;
    Ok(state.response_cache().insert(key, version, body))
}
