//! A snapshot from which lists without pages may be read.

use std::cell::Cell;
use std::ops::Deref;

use crate::error::{Error, Result};
use crate::store::View;

/// The rows of a first attempt. A list of so many takes a few milliseconds.
const ATTEMPT: usize = 1000;

/// A snapshot on a thread that may work for long. A verb that takes it returns a list of any length.
///
/// No thread that serves requests has one: `tests/architecture.rs` lists the places that make it.
pub struct LongView<'v> {
    view: &'v View<'v>,
    /// How many more rows may be read; none without a limit.
    left: Cell<Option<usize>>,
}

impl<'v> LongView<'v> {
    pub fn of(view: &'v View<'v>) -> Self {
        Self { view, left: Cell::new(None) }
    }

    /// A snapshot for an attempt that ends if the list is long.
    pub(in crate::app) fn attempt(view: &'v View<'v>) -> Self {
        Self { view, left: Cell::new(Some(ATTEMPT)) }
    }

    /// Counts a row of the list. Refused when an attempt has read too many.
    pub fn count_row(&self) -> Result<()> {
        let Some(left) = self.left.get() else { return Ok(()) };
        self.left.set(Some(left.saturating_sub(1)));
        if left == 0 { Err(Error::internal("the list is too long for a first attempt")) } else { Ok(()) }
    }

    /// Whether an attempt ended because the list is long.
    pub(in crate::app) fn is_too_long(&self) -> bool {
        self.left.get() == Some(0)
    }
}

impl<'v> Deref for LongView<'v> {
    type Target = View<'v>;

    fn deref(&self) -> &View<'v> {
        self.view
    }
}
