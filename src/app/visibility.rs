//! The visible part of a long list: SQL selects coarsely, and the policy filters the rows into full pages.

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::page::{Page, Slice};
use crate::error::Result;
use crate::store::visibility::Visibility;

/// The minimum number of rows in one read.
const STRIDE: u32 = 100;

/// The actor's coarse visibility. `None` for an actor without an account.
pub(super) fn of(actor: &Actor) -> Option<Visibility> {
    if standing::sees_everything(actor) {
        return Some(Visibility::Everything);
    }
    actor.user().map(Visibility::Of)
}

/// A page of the rows that `keep` accepts. It is full unless it is the last one, and reveals nothing about other rows.
pub(super) fn sifted<T>(
    page: Page,
    number: impl Fn(&T) -> i64,
    look: impl Fn(Page) -> Result<Vec<T>>,
    keep: impl Fn(&T) -> Result<bool>,
) -> Result<Slice<T>> {
    let mut items = Vec::new();
    let mut next = Page { limit: page.limit.max(STRIDE), ..page };
    loop {
        let found = look(next)?;
        let last = found.len() < next.fetch_limit() as usize;
        for item in found {
            next.after = Some(number(&item));
            if keep(&item)? {
                items.push(item);
            }
            if items.len() == page.fetch_limit() as usize {
                return Ok(Slice::from_rows(items, page, number));
            }
        }
        if last {
            return Ok(Slice::from_rows(items, page, number));
        }
    }
}

pub(super) const fn nothing<T>() -> Slice<T> {
    Slice { items: Vec::new(), next: None }
}
