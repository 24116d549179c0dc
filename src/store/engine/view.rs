//! What a read and a write work on.

use std::cell::Cell;
use std::ops::Deref;

use super::Conn;
use super::name_cache::NameCache;
use crate::domain::timestamp::Timestamp;
use crate::store::audit::end::End;

/// A snapshot of the data, to read from.
pub struct View<'a> {
    pub(in crate::store) conn: Conn<'a>,
    /// The moment of the snapshot, read from the clock once.
    pub now: Timestamp,
    /// The names of tables that were searched; none in a write, which has rows that are not committed.
    pub(in crate::store) names: Option<&'a NameCache>,
}

/// A write under way. It reads what it has written, and is on the disk before anybody is told.
pub struct Tx<'a> {
    pub(super) view: View<'a>,
    /// The end of the chain of audit rows, once this write or one before it in the batch has asked for it.
    pub(in crate::store) audit: Cell<Option<End>>,
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}
