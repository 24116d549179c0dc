//! Reads lists through the response cache.

use crate::app::identity::sign_in::Authenticated;
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::runtime::response_body::{BodyWriter, ResponseBody};
use crate::app::runtime::response_cache::CacheKey;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::Result;

/// Returns the cached body of a list, or reads it: on the calling thread when that is short, else on the read pool.
///
/// `request` is the part of the request that the body depends on; `parse` reads the query from it when the body is not
/// cached. Refused as `parse` and the read refuse, and when the credential has ended in the meantime.
pub async fn get_or_read<Q, F>(
    state: &AppState,
    caller: &Authenticated,
    coding: Coding,
    list: &'static str,
    request: Vec<u8>,
    parse: impl FnOnce() -> Result<Q>,
    read: F,
) -> Result<ResponseBody>
where
    Q: ListQuery + Send + 'static,
    F: Fn(&LongView, &Actor, &Q, &mut BodyWriter) -> Result<()> + Send + 'static,
{
    let version = state.store.renewed(caller.data_version())?;
    let key = CacheKey { list, coding, request, user: caller.actor.user() };
    let is_valid = caller.is_valid_at(version);
    if is_valid && let Some(body) = state.response_cache().find(&key, &version) {
        return body.answer(&state.unsent_memory, key.user);
    }
    let query = parse()?;
    if is_valid {
        let mut out = BodyWriter::new(&state.unsent_memory, key.user, coding);
        // A later commit may have ended the credential before it changed the data that was read.
        let read = state.store.read_at(version, |view| match query.cost(view, &caller.actor)? {
            // The query says that the list is short.
            ReadCost::Inline => read(&LongView::of(view), &caller.actor, &query, &mut out).map(|()| true),
            ReadCost::Blocking => Ok(false),
        });
        if read? == Some(true) {
            return Ok(state.response_cache().insert(key, version, out.finish()?));
        }
    }
    let answer = state.read_list(&caller.actor, coding, move |view, actor, out| read(view, actor, &query, out)).await?;
    Ok(state.response_cache().insert(key, version, answer))
}
