//! What an actor sees of a long list: a coarse sight in SQL, sifted by judgement into full pages.

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::page::{Page, Slice};
use crate::error::Result;
use crate::store::sight::Sight;

/// The fewest rows that are looked at a time.
const STRIDE: u32 = 100;

/// How far the actor sees; none for somebody who has no account.
pub(super) fn of(actor: &Actor) -> Option<Sight> {
    if standing::sees_everything(actor) {
        return Some(Sight::Everything);
    }
    actor.user().map(Sight::Of)
}

/// A page of those that `keep` lets through. It is full unless it is the last, and tells nothing of the others.
pub(super) fn sifted<T>(
    page: Page,
    number: impl Fn(&T) -> i64,
    look: impl Fn(Page) -> Result<Vec<T>>,
    keep: impl Fn(&T) -> Result<bool>,
) -> Result<Slice<T>> {
    let mut kept = Vec::new();
    let mut next = Page { limit: page.limit.max(STRIDE), ..page };
    loop {
        let found = look(next)?;
        let last = found.len() < next.look_for() as usize;
        for item in found {
            next.after = Some(number(&item));
            if keep(&item)? {
                kept.push(item);
            }
            if kept.len() == page.look_for() as usize {
                return Ok(Slice::cut(kept, page, number));
            }
        }
        if last {
            return Ok(Slice::cut(kept, page, number));
        }
    }
}

/// A page on which there is nothing.
pub(super) const fn nothing<T>() -> Slice<T> {
    Slice { items: Vec::new(), next: None }
}
