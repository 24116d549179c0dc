//! How long a list takes to read. The query of each list tells it, beside the verb that reads the list.

use crate::domain::actor::Actor;
use crate::error::Result;
use crate::store::View;

/// How long a read takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadCost {
    /// Some ten microseconds: it runs on the calling thread.
    Inline,
    /// Longer: it runs on the read pool.
    Blocking,
}

impl ReadCost {
    /// A search by a part of a name may look at every name; a page without one is found by an index.
    pub(in crate::app) fn of_search(name: Option<&str>) -> Self {
        if name.is_some() { Self::Blocking } else { Self::Inline }
    }
}

pub trait ListQuery {
    /// How long the list takes to read for this user.
    fn cost(&self, view: &View, actor: &Actor) -> Result<ReadCost>;
}
