//! What the root fields work with: the caller, the thread that they run on, and the response.

use async_graphql::Context;

use super::lists::Lists;
use super::loader::Loader;
use crate::app::long_reads::OnPool;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::{Error, Result};

/// The maximum number of rows of a mutation.
const MAX_ROWS: usize = 100;

pub(super) fn actor<'c>(ctx: &Context<'c>) -> Result<&'c Actor> {
    ctx.data::<Actor>().map_err(|error| Error::internal(error.message))
}

pub(super) fn lists<'c>(ctx: &Context<'c>) -> Result<&'c Lists> {
    ctx.data::<Lists>().map_err(|error| Error::internal(error.message))
}

pub(super) fn state<'c>(ctx: &Context<'c>) -> Result<&'c AppState> {
    ctx.data::<AppState>().map_err(|error| Error::internal(error.message))
}

/// Reads objects on behalf of the caller.
pub(super) fn read<T>(ctx: &Context<'_>, work: impl FnOnce(&Loader) -> Result<T>) -> Result<T> {
    let pool = ctx.data::<OnPool>().map_err(|error| Error::internal(error.message))?;
    let lists = lists(ctx)?;
    pool.read_as(actor(ctx)?, |view, actor| work(&Loader { view, actor, lists }))
}

/// Refuses too many rows of a mutation, each of which is judged while all other writes wait.
pub(super) fn bounded<T>(rows: Vec<T>, argument: &'static str) -> Result<Vec<T>> {
    if rows.len() > MAX_ROWS {
        return Err(Error::invalid(argument, format!("must not contain more than {MAX_ROWS} rows")));
    }
    Ok(rows)
}

/// The number of rows that a mutation affected.
pub(super) fn affected(rows: usize) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX)
}
