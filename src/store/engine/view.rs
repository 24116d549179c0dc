//! The arguments of reads and writes.

use std::cell::Cell;
use std::ops::Deref;

use super::Conn;
use super::name_cache::NameCache;
use crate::domain::timestamp::Timestamp;
use crate::store::audit::end::End;

/// A snapshot of the data for reading.
pub struct View<'a> {
    pub(in crate::store) conn: Conn<'a>,
    /// The time of the snapshot. The clock is read once.
    pub now: Timestamp,
    /// The names of the searched tables; none in a write, because it has uncommitted rows.
    pub(in crate::store) names: Option<&'a NameCache>,
}

/// A write in progress. It reads its own changes. Its result is returned only after the commit is on the disk.
pub struct Tx<'a> {
    pub(in crate::store) view: View<'a>,
    /// The end of the chain of audit rows, once this write or an earlier one of the batch has read it.
    pub(in crate::store) audit: Cell<Option<End>>,
    /// The verb of the last audit row that this write has recorded, for the log.
    pub(in crate::store) verb: Cell<Option<&'static str>>,
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}
